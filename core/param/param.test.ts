import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AddressTable } from '../address/address-table.ts';
import {
  judgeWrite,
  type OnFull,
  ParamLease,
  ParamPlace,
  ParamPlaces,
  StoredParam,
  type WriteRequest,
} from './param.ts';

const who = fc.constantFrom('a', 'b');
const requests: fc.Arbitrary<WriteRequest> = fc.record({
  by: who,
  admin: fc.boolean(),
  lock: fc.boolean(),
  unlock: fc.boolean(),
  expected: fc.option(fc.nat(3), { nil: undefined }),
});
const param = (revision: number, exists: boolean, holder?: string) =>
  Object.assign(new StoredParam(), { revision, code: exists ? 1 : -1, holder });
const params = fc.option(
  fc
    .record({ revision: fc.nat(3), exists: fc.boolean(), holder: fc.option(who, { nil: undefined }) })
    .map(({ revision, exists, holder }) => param(revision, exists, holder)),
  { nil: undefined },
);

describe('judgeWrite', () => {
  it('lets nobody write what another holds, whatever they expect', () => {
    fc.assert(
      fc.property(params, requests, (at, request) => {
        const isForeign = at?.holder !== undefined && at.holder !== request.by;
        if (request.unlock) return;
        expect(judgeWrite(at, request) === 'locked').toBe(isForeign);
      }),
    );
  });

  it('lets the holder unlock, and an admin what anybody holds, and nobody else', () => {
    fc.assert(
      fc.property(params, requests, (at, request) => {
        const mayUnlock = at?.holder !== undefined && (at.holder === request.by || request.admin);
        expect(judgeWrite(at, { ...request, unlock: true }) === 'not-holder').toBe(!mayUnlock);
      }),
    );
  });

  it('accepts from who may write what expects nothing or the revision there is, 0 for what does not exist', () => {
    fc.assert(
      fc.property(params, requests, (at, request) => {
        const verdict = judgeWrite(at, request);
        if (verdict === 'locked' || verdict === 'not-holder') return;
        const { expected } = request;
        const fits = expected === undefined || expected === (at?.revision ?? 0) || (expected === 0 && !at?.exists);
        expect(verdict).toBe(fits ? 'accept' : 'stale');
      }),
    );
  });

  it('takes a deleted param for one that is new, and for one with its last revision', () => {
    const write = { by: 'a', admin: false, lock: false, unlock: false };
    const verdicts = [0, 1, 2].map((expected) => judgeWrite(param(2, false), { ...write, expected }));
    expect(verdicts).toEqual(['accept', 'stale', 'accept']);
    expect(judgeWrite(param(2, true), { ...write, expected: 0 })).toBe('stale');
    expect(judgeWrite(undefined, { ...write, expected: 0 })).toBe('accept');
  });
});

describe('a lease', () => {
  it('ends its seconds after it began, or after the last use where it slides; without seconds never', () => {
    const entry = new AddressTable<StoredParam>().internString('/a');
    fc.assert(
      fc.property(fc.nat(100), fc.boolean(), fc.nat(1e9), fc.nat(1e9), (seconds, slides, from, use) => {
        const lease = new ParamLease(entry);
        expect(lease.end).toBe(Number.POSITIVE_INFINITY);
        lease.begin({ seconds, mode: slides ? 'sliding' : 'absolute' }, from);
        lease.renew(use);
        expect(lease.end).toBe(seconds === 0 ? Number.POSITIVE_INFINITY : (slides ? use : from) + seconds * 1_000_000);
        const again = new ParamLease(entry);
        again.resume(lease.times());
        expect(again.times()).toEqual(lease.times());
        again.resume(undefined);
        expect(again.end).toBe(Number.POSITIVE_INFINITY);
      }),
    );
  });
});

describe('the places of params', () => {
  type Step = { readonly do: 'add' | 'remove' | 'use' | 'lock' | 'unlock' | 'evict'; readonly which: number };
  const steps = fc.array(
    fc.record<Step>({
      do: fc.constantFrom('add', 'add', 'remove', 'use', 'lock', 'unlock', 'evict'),
      which: fc.nat(5),
    }),
    { maxLength: 60 },
  );

  it.each<OnFull>(['lru', 'oldest', 'reject'])(
    'with %s evict whom a plain list evicts, and never what is pinned',
    (onFull) => {
      fc.assert(
        fc.property(steps, (list) => {
          const table = new AddressTable<StoredParam>();
          const places = new ParamPlaces(3, onFull);
          // Number 5 belongs to the relay itself.
          const all = Array.from({ length: 6 }, (_, n) => {
            const entry = table.internString(n === 5 ? '/clasp/own' : `/a/${n}`);
            entry.state = param(1, true);
            return new ParamPlace(entry);
          });
          let order: ParamPlace[] = [];
          const remove = (place: ParamPlace) => {
            places.remove(place);
            order = order.filter((other) => other !== place);
          };
          for (const { do: what, which } of list) {
            const place = all[which] as ParamPlace;
            const there = order.includes(place);
            const state = place.entry.state as StoredParam;
            if (what === 'add' && !there) {
              places.add(place);
              order.push(place);
            } else if (what === 'remove' && there) {
              remove(place);
            } else if (what === 'use' && there) {
              places.use(place);
              if (onFull === 'lru') order = [...order.filter((other) => other !== place), place];
            } else if ((what === 'lock' || what === 'unlock') && there) {
              const wasPinned = place.pinned;
              state.holder = what === 'lock' ? 'a' : undefined;
              places.repin(place, wasPinned);
            } else if (what === 'evict') {
              const next = places.next();
              if (onFull === 'reject') expect(next).toBeUndefined();
              else expect(next === undefined).toBe(order.every(({ pinned }) => pinned));
              if (next) {
                const evicted = all.find(({ entry }) => entry === next) as ParamPlace;
                expect(order).toContain(evicted);
                expect(evicted.pinned).toBe(false);
                // What was passed over while it was locked comes first when it is unlocked, so that only without locks
                // the order is a plain list's.
                if (list.every((step) => step.do !== 'lock')) expect(evicted).toBe(order.find(({ pinned }) => !pinned));
                remove(evicted);
              }
            }
            const pinned = order.filter((one) => one.pinned).length;
            expect(places.hasRoom(order.length, true)).toBe(onFull === 'reject' ? order.length < 3 : pinned < 3);
            expect(places.hasRoom(order.length, false)).toBe(onFull === 'reject' || pinned < 3);
          }
        }),
      );
    },
  );

  it('are where they were when they are put back', () => {
    const table = new AddressTable<StoredParam>();
    const places = new ParamPlaces(3, 'lru');
    const [a, b, c] = ['/a', '/b', '/c'].map((address) => new ParamPlace(table.internString(address))) as [
      ParamPlace,
      ParamPlace,
      ParamPlace,
    ];
    for (const place of [a, b, c]) places.add(place);
    places.use(b);
    places.putBack(b, a);
    const evicted = [0, 1, 2].map(() => {
      const entry = places.next();
      places.remove([a, b, c].find((place) => place.entry === entry) as ParamPlace);
      return entry?.address;
    });
    expect(evicted).toEqual(['/a', '/b', '/c']);
    expect(places.next()).toBeUndefined();
  });

  it('know no other way to be full', () => {
    expect(() => new ParamPlaces(3, 'newest' as OnFull)).toThrow('onFull must be lru, oldest, reject, not "newest"');
  });
});
