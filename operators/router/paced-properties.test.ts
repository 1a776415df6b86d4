import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compilePattern } from '../../core/address/pattern.ts';
import type { Value } from '../../core/signal/value.ts';
import type { Message, SubscribeOptions } from '../../core/wire/message.ts';
import { virtualRelay } from '../../testing/virtual-relay.ts';

/** Something that a writer does after waiting some milliseconds. */
interface Write {
  readonly wait: number;
  readonly address: string;
  readonly value: Value;
}
/** What a peer heard, in order. */
interface Heard {
  readonly at: number;
  readonly address: string;
  readonly value: Value;
}

const ADDRESSES = ['/a', '/a/b', '/c'];
const wait = () => fc.oneof(fc.constant(0), fc.nat(40), fc.nat(900));
const number = () => fc.oneof(fc.integer({ min: -20, max: 20 }), fc.double({ min: -9, max: 9, noNaN: true }));
const value = (): fc.Arbitrary<Value> =>
  fc.oneof(
    { weight: 8, arbitrary: number() },
    { weight: 2, arbitrary: fc.array(number(), { maxLength: 2 }) },
    { weight: 1, arbitrary: fc.constantFrom<Value>(null, 'x') },
  );
const writes = () =>
  fc.array(fc.record({ wait: wait(), address: fc.constantFrom(...ADDRESSES), value: value() }), { maxLength: 60 });
/** So many in a short time that a rate of a few a second is always exceeded. */
const flood = () =>
  fc.array(fc.record({ wait: fc.nat(60), address: fc.constantFrom('/a', '/a', '/a', '/c'), value: value() }), {
    minLength: 40,
    maxLength: 80,
    size: 'max',
  });
const options = () =>
  fc.record(
    {
      maxRate: fc.constantFrom(1, 3, 10, 60),
      epsilon: fc.constantFrom(0, 1, 5),
    },
    { requiredKeys: [] },
  );

/** Lets a relay run with these writes, by SET or as stream samples, and gives what the subscriber heard. */
function run(
  sent: readonly Write[],
  subscriptions: readonly { readonly pattern: string; readonly options?: SubscribeOptions }[],
  kind: 'param' | 'stream',
): readonly Heard[] {
  const rig = virtualRelay();
  const writer = rig.join();
  const peer = rig.join();
  subscriptions.forEach(({ pattern, options }, id) => {
    peer.send({ type: 'SUBSCRIBE', id, pattern, options });
  });
  const heard: Heard[] = [];
  const note = () => {
    for (const message of peer.take() as Extract<Message, { type: 'SET' | 'PUBLISH' }>[]) {
      if (message.type !== 'SET' && message.type !== 'PUBLISH') continue;
      heard.push({ at: rig.time.now(), address: message.address, value: message.value ?? null });
    }
  };
  const pass = (milliseconds: number) => {
    for (let i = 0; i < milliseconds; i++) {
      rig.pass(1);
      note();
    }
  };
  for (const { wait, address, value } of sent) {
    pass(wait);
    writer.send(
      kind === 'param' ? { type: 'SET', address, value } : { type: 'PUBLISH', signal: 'stream', address, value },
    );
    note();
  }
  pass(1100);
  rig.stop();
  return heard;
}

const of = (heard: readonly Heard[], address: string) => heard.filter((one) => one.address === address);
/** Whether both are numbers, or lists of as many, that are nowhere further apart than this. */
const isNear = (a: Value | undefined, b: Value | undefined, distance: number): boolean => {
  if (typeof a === 'number' && typeof b === 'number') return a === b || Math.abs(a - b) <= distance;
  if (!Array.isArray(a) || !Array.isArray(b)) return false;
  return a.length === b.length && a.every((item, i) => isNear(item, b[i], distance));
};
const kind = () => fc.constantFrom('param' as const, 'stream' as const);

describe('a paced subscription', () => {
  it('with maxRate n delivers no more than n + 1 in any second, and always the last value', () => {
    fc.assert(
      fc.property(fc.oneof(writes(), flood()), fc.integer({ min: 1, max: 20 }), kind(), (sent, maxRate, as) => {
        const heard = run(sent, [{ pattern: '/**', options: { maxRate } }], as);
        for (const address of ADDRESSES) {
          const here = of(heard, address);
          for (const { at: from } of here) {
            expect(here.filter(({ at }) => at >= from && at <= from + 1000).length).toBeLessThanOrEqual(maxRate + 1);
          }
          expect(here.at(-1)?.value).toEqual(sent.filter((one) => one.address === address).at(-1)?.value);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('with epsilon delivers no two neighbours within it, and after silence is no further than that from the truth', () => {
    fc.assert(
      fc.property(writes(), options(), fc.nat(6), kind(), (sent, others, epsilon, as) => {
        const heard = run(sent, [{ pattern: '/**', options: { ...others, epsilon } }], as);
        for (const address of ADDRESSES) {
          const here = of(heard, address);
          for (let i = 1; i < here.length; i++) {
            expect(isNear(here[i - 1]?.value, here[i]?.value, epsilon)).toBe(false);
          }
          const truth = sent.filter((one) => one.address === address).at(-1);
          const last = here.at(-1);
          if (!isNear(truth?.value, last?.value, epsilon)) expect(last?.value).toEqual(truth?.value);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('under several options delivers exactly what one subscription with the loosest would', () => {
    const pattern = fc.constantFrom('/**', '/a/**', '/a', '/c');
    const subscription = fc.record({ pattern, options: fc.option(options(), { nil: undefined }) });
    fc.assert(
      fc.property(writes(), fc.array(subscription, { minLength: 1, maxLength: 4 }), kind(), (sent, several, as) => {
        const given = several.map(({ pattern, options }) => ({ pattern, ...(options && { options }) }));
        const heard = run(sent, given, as);
        for (const address of ADDRESSES) {
          const matching = given.filter((one) => compilePattern(one.pattern).matches(address));
          if (matching.length === 0) {
            expect(of(heard, address)).toEqual([]);
            continue;
          }
          const rates = matching.map(({ options }) => options?.maxRate ?? Number.POSITIVE_INFINITY);
          const epsilons = matching.map(({ options }) => options?.epsilon ?? -1);
          const maxRate = Math.max(...rates);
          const epsilon = Math.min(...epsilons);
          const single = { ...(maxRate < 1000 && { maxRate }), ...(epsilon >= 0 && { epsilon }) };
          expect(of(heard, address)).toEqual(of(run(sent, [{ pattern: address, options: single }], as), address));
          const written = sent.filter((one) => one.address === address);
          if (maxRate > 1000 && epsilon < 0) expect(of(heard, address)).toHaveLength(written.length);
        }
      }),
      { numRuns: 15 },
    );
  });

  it('delivers in the order of writing, while subscriptions come and go', () => {
    const change = fc.record({ wait: wait(), id: fc.nat(2), options: fc.option(options(), { nil: undefined }) });
    const step = fc.oneof(fc.record({ wait: wait(), write: fc.constantFrom(...ADDRESSES) }), change);
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), kind(), (steps, as) => {
        const rig = virtualRelay();
        const writer = rig.join();
        const peer = rig.join();
        const live = new Set<number>();
        const last = new Map<string, number>();
        const note = () => {
          for (const message of peer.take()) {
            const told =
              message.type === 'SNAPSHOT'
                ? message.params
                : message.type === 'SET' || message.type === 'PUBLISH'
                  ? [message]
                  : [];
            for (const { address, value } of told) {
              expect(Number(value)).toBeGreaterThanOrEqual(last.get(address) ?? 0);
              last.set(address, Number(value));
            }
          }
        };
        steps.forEach((one, i) => {
          rig.pass(one.wait);
          note();
          if ('write' in one) {
            const address = one.write;
            writer.send(
              as === 'param'
                ? { type: 'SET', address, value: i }
                : { type: 'PUBLISH', signal: 'stream', address, value: i },
            );
          } else if (live.delete(one.id)) {
            peer.send({ type: 'UNSUBSCRIBE', id: one.id });
            if (live.size === 0) {
              note();
              rig.pass(2000);
              expect(peer.take()).toEqual([]);
            }
          } else {
            live.add(one.id);
            peer.send({ type: 'SUBSCRIBE', id: one.id, pattern: '/**', options: one.options });
          }
          note();
        });
        rig.stop();
      }),
    );
  });
});
