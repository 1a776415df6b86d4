import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AddressTable } from '../address/address-table.ts';
import type { OnFull, StoredParam, WrittenValue } from './param.ts';
import { type ParamEntry, ParamStore, type SavedState } from './param-store.ts';

const NOTHING: WrittenValue = { bytes: new Uint8Array(0), valueCode: 0, valueStart: 0, valueEnd: 0, value: null };
const number = (value: number): WrittenValue => ({ ...NOTHING, valueCode: 7, value });

type Step =
  | { readonly do: 'write' | 'delete' | 'read' | 'lock' | 'unlock'; readonly who: number }
  | { readonly do: 'lease'; readonly who: number; readonly seconds: number };

const who = fc.nat(7);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('write' as const), who }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('delete', 'read', 'lock', 'unlock'), who }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lease' as const), who, seconds: fc.nat(3) }) },
) as fc.Arbitrary<Step>;

const open = (onFull: OnFull, maxParams: number, most = 8) => {
  const table = new AddressTable<StoredParam>();
  const store = new ParamStore(table, { maxParams, onFull });
  const entries = Array.from({ length: most }, (_, i) => table.internString(i === 0 ? '/clasp/own' : `/a/${i}`));
  const entry = (index: number) => entries[index] as ParamEntry;
  const existing = () => entries.filter(({ state }) => state?.exists).map(({ address }) => address);
  return { store, entries, entry, existing, create: (address: string) => table.internString(address) };
};

/** Does a step as a relay would, and gives what had to go for it. */
const perform = (store: ParamStore, entry: ParamEntry, step: Step, at: number): string[] => {
  const { state } = entry;
  if (step.do === 'write' && store.hasRoom(entry, false)) store.write(entry, number(at), 'me', at);
  if (step.do === 'delete') store.write(entry, NOTHING, 'me', at);
  if (step.do === 'read') store.use(entry, at);
  if (step.do === 'lock' && (!state?.exists || store.hasRoom(entry, true))) store.hold(entry, 'me');
  if (step.do === 'unlock' && state) store.hold(entry, undefined);
  if (step.do === 'lease' && state?.exists) store.lease(entry, { seconds: step.seconds, mode: 'sliding' }, at);
  const evicted: string[] = [];
  for (let surplus = store.surplus; surplus; surplus = store.surplus) {
    evicted.push(surplus.address);
    store.write(surplus, NOTHING, '', at);
  }
  return evicted;
};

describe('a store with a limit', () => {
  const steps = fc.array(step, { maxLength: 60 });
  const policy = fc.constantFrom<OnFull[]>('lru', 'oldest', 'reject');

  it('never has more params than its limit, and evicts neither what is locked nor what is the relay’s own', () => {
    fc.assert(
      fc.property(policy, fc.integer({ min: 1, max: 5 }), steps, (onFull, maxParams, all) => {
        const { store, entry, entries, existing } = open(onFull, maxParams);
        for (const [at, next] of all.entries()) {
          const unlocked = next.do === 'unlock' ? entry(next.who) : undefined;
          const pinned = entries.filter((one) => one.state?.holder && one !== unlocked).map(({ address }) => address);
          const evicted = perform(store, entry(next.who), next, at);
          expect(store.size).toBe(existing().length);
          expect(store.ownSize).toBe(existing().filter((address) => address.startsWith('/clasp/')).length);
          expect(store.size).toBeLessThanOrEqual(maxParams);
          expect(evicted.filter((address) => address === '/clasp/own' || pinned.includes(address))).toEqual([]);
          if (onFull === 'reject') expect(evicted).toEqual([]);
        }
      }),
    );
  });

  it('evicts what a list of uses, or of creations, has first', () => {
    const unlocked = fc.array(
      step.filter((one) => one.do !== 'lock' && one.who > 0),
      { maxLength: 80 },
    );
    fc.assert(
      fc.property(fc.constantFrom<OnFull[]>('lru', 'oldest'), unlocked, (onFull, all) => {
        const { store, entry, existing } = open(onFull, 3);
        let order: string[] = [];
        for (const [at, next] of all.entries()) {
          const { address } = entry(next.who);
          const isNew = !order.includes(address);
          const last = () => [...order.filter((other) => other !== address), address];
          if (next.do === 'delete') order = order.filter((other) => other !== address);
          else if (next.do === 'write' && (isNew || onFull === 'lru')) order = last();
          else if (next.do === 'read' && !isNew && onFull === 'lru') order = last();
          const expected = order.length > 3 ? order.slice(0, 1) : [];
          expect(perform(store, entry(next.who), next, at)).toEqual(expected);
          order = order.slice(expected.length);
          expect(existing().sort()).toEqual([...order].sort());
        }
      }),
    );
  });

  it('has no room for a new param when all are locked, and evicts one again once it is unlocked', () => {
    const { store, entry } = open('lru', 2);
    for (const who of [1, 2]) {
      perform(store, entry(who), { do: 'write', who }, 0);
      perform(store, entry(who), { do: 'lock', who }, 0);
    }
    expect(store.hasRoom(entry(3), false)).toBe(false);
    expect(store.hasRoom(entry(1), true)).toBe(true);
    store.hold(entry(2), undefined);
    expect(store.hasRoom(entry(3), false)).toBe(true);
    expect(perform(store, entry(3), { do: 'write', who: 3 }, 1)).toEqual(['/a/2']);
    store.hold(entry(1), undefined);
    expect(perform(store, entry(4), { do: 'write', who: 4 }, 2)).toEqual(['/a/1']);
  });

  it('refuses a way of making room that there is not', () => {
    expect(() => open('newest' as OnFull, 1)).toThrow(
      expect.objectContaining({ code: 402, reason: 'onFull must be lru, oldest, reject, not "newest"' }),
    );
  });
});

/**
 * How often the first member of a set is looked for while something is done. In a set from whose beginning much was
 * deleted that takes an engine the longer, so that it must not happen for each deletion.
 */
function countingWalks(work: () => void): number {
  const original = Set.prototype[Symbol.iterator];
  let walks = 0;
  Set.prototype[Symbol.iterator] = function (this: Set<unknown>) {
    walks++;
    return original.call(this);
  };
  try {
    work();
  } finally {
    Set.prototype[Symbol.iterator] = original;
  }
  return walks;
}

describe('deleted params', () => {
  const MANY = 50_000;

  it.each([
    ['with a lock', true],
    ['without a lock', false],
  ])('%s take no longer the more there are of them', (_, locked) => {
    const table = new AddressTable<StoredParam>();
    const store = new ParamStore(table, { maxDeleted: MANY / 2 });
    let first: ParamEntry | undefined;
    const walks = countingWalks(() => {
      for (let i = 0; i < MANY * 4; i++) {
        const entry = table.internString(`/a/${i}`);
        first ??= entry;
        store.write(entry, NOTHING, 'me', i);
        if (locked) store.hold(entry, 'me');
      }
    });
    expect(walks).toBeLessThan(MANY / 100);
    expect(first?.state?.revision).toBe(locked ? 1 : undefined);
  });

  it('are remembered for their revision once their lock is gone, and then forgotten like others', () => {
    const table = new AddressTable<StoredParam>();
    const store = new ParamStore(table, { maxDeleted: 2 });
    const [held, ...others] = ['/held', '/1', '/2', '/3'].map((address) => table.internString(address));
    store.write(held as ParamEntry, number(1), 'me', 0);
    store.write(held as ParamEntry, NOTHING, 'me', 0);
    store.hold(held as ParamEntry, 'me');
    const bury = () => {
      for (const other of others) store.write(other, NOTHING, 'me', 0);
    };
    bury();
    expect(held?.state).toMatchObject({ holder: 'me', revision: 2 });
    store.hold(held as ParamEntry, undefined);
    expect(held?.state?.revision).toBe(2);
    bury();
    expect(held?.state).toBeUndefined();
    // And yet its revision does not go back.
    expect(store.write(held as ParamEntry, number(1), 'me', 0)).toBe(3);
  });
});

describe('saving and restoring', () => {
  const view = ({ address, state }: ParamEntry) => ({
    address,
    exists: state?.exists === true,
    content: state?.content,
    revision: state?.revision,
    holder: state?.holder,
    at: state?.at,
    lease: state?.lease?.end ?? Number.POSITIVE_INFINITY,
  });

  it('brings back what was there, and the order of eviction, when the last saved is restored first', () => {
    const few = fc.array(step, { maxLength: 30 });
    const policy = fc.constantFrom<OnFull[]>('lru', 'oldest', 'reject');
    fc.assert(
      fc.property(policy, few, few, (onFull, before, tried) => {
        /** What there is after all, and in which order the rest goes when others come. */
        const run = (withTry: boolean) => {
          const { store, entries, entry, create } = open(onFull, 8);
          for (const [at, next] of before.entries()) perform(store, entry(next.who), next, at);
          const undo: [ParamEntry, SavedState][] = [];
          for (const [at, next] of withTry ? tried.entries() : []) {
            if (next.do === 'read') continue;
            undo.push([entry(next.who), store.save(entry(next.who))]);
            perform(store, entry(next.who), next, 100 + at);
          }
          for (const [of, saved] of undo.reverse()) store.restore(of, saved);
          const size = [store.size, store.ownSize];
          const state = entries.map(view);
          for (const held of entries) if (held.state?.holder) store.hold(held, undefined);
          const others = Array.from({ length: onFull === 'reject' ? 0 : 16 }, (_, i) => create(`/b/${i}`));
          return { size, state, gone: others.flatMap((of) => perform(store, of, { do: 'write', who: 0 }, 1000)) };
        };
        expect(run(true)).toEqual(run(false));
      }),
    );
  });
});
