import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EchoMemory } from './echo-memory.ts';

const heard = (memory: EchoMemory, ...values: number[]) => {
  for (const value of values) memory.heard('desk', '/a', value, 0);
};

describe('EchoMemory', () => {
  it('knows a value for an echo to its sender only, at its address only', () => {
    const memory = new EchoMemory();
    heard(memory, 0.5);
    expect(memory.isEcho('desk', '/a', 0.5, 10)).toBe(true);
    expect(memory.isEcho('tablet', '/a', 0.5, 20)).toBe(false);
    expect(memory.isEcho('desk', '/b', 0.5, 20)).toBe(false);
    expect(memory.isEcho('desk', '/a', 0.6, 20)).toBe(false);
  });

  it('knows it until the window has passed', () => {
    const memory = new EchoMemory({ window: 1000 });
    heard(memory, 0.5);
    expect(memory.isEcho('desk', '/a', 0.5, 1000)).toBe(true);
    expect(memory.isEcho('desk', '/a', 0.5, 1001)).toBe(false);
  });

  it('does not pull a fast fader back by its own past', () => {
    const memory = new EchoMemory();
    heard(memory, 0.1, 0.2, 0.3, 0.2);
    for (const late of [0.1, 0.2, 0.3, 0.2]) expect(memory.isEcho('desk', '/a', late, 50)).toBe(true);
  });

  it('does not take for an echo what came back already, once the peer has said something else', () => {
    const memory = new EchoMemory();
    heard(memory, 0);
    expect(memory.isEcho('desk', '/a', 0, 10)).toBe(true);
    heard(memory, 1);
    // The 1 is left out by a congested relay, because somebody else wrote a 0 after it.
    expect(memory.isEcho('desk', '/a', 0, 20)).toBe(false);
  });

  it('bears a relay that lags by a thousand values', () => {
    const memory = new EchoMemory();
    for (let i = 0; i < 1_000; i++) memory.heard('desk', '/a', i, i / 10);
    for (let i = 0; i < 1_000; i++) expect(memory.isEcho('desk', '/a', i, 500)).toBe(true);
  });

  it('does not take for an echo what the peer said before its last echo', () => {
    const memory = new EchoMemory();
    heard(memory, 0.1, 0.2);
    expect(memory.isEcho('desk', '/a', 0.2, 10)).toBe(true);
    expect(memory.isEcho('desk', '/a', 0.1, 20)).toBe(false);
  });

  it.each([
    ['nothing is left out', fc.nat(3), fc.constant(false)],
    [
      'values are left out, and no two are the same',
      fc.double({ noNaN: true }).filter((some) => !Number.isInteger(some)),
      fc.boolean(),
    ],
  ])('ends with the state of the relay at the peer, whatever others write, where %s', (_where, value, lost) => {
    const write = fc.record({ by: fc.constantFrom('desk', 'other'), value, lost });
    const writes = fc.uniqueArray(write, {
      minLength: 1,
      maxLength: 30,
      selector: (some) => (Number.isInteger(some.value) ? {} : some.value),
    });
    fc.assert(
      fc.property(writes, fc.nat(10), fc.constantFrom(100, 500, 1e6), (some, lag, turns) => {
        const memory = new EchoMemory({ maxBytes: turns });
        const onTheWay: number[] = [];
        let shown: number | undefined;
        const deliver = () => {
          const next = onTheWay.shift();
          if (next !== undefined && !memory.isEcho('desk', '/a', next, 0)) shown = next;
        };
        for (const [i, each] of some.entries()) {
          if (each.by === 'desk') {
            shown = each.value;
            memory.heard('desk', '/a', each.value, 0);
          }
          // The newest is never left out.
          if (!each.lost || i === some.length - 1) onTheWay.push(each.value);
          if (onTheWay.length > lag) deliver();
        }
        while (onTheWay.length > 0) deliver();
        expect(shown).toBe(some.at(-1)?.value);
      }),
      { numRuns: 2_000 },
    );
  });

  it('counts what was sent for later from its moment on, and nothing that is sent before then ends it', () => {
    const memory = new EchoMemory({ window: 1_000 });
    memory.heard('desk', '/a', 3, 0, 5_000);
    memory.heard('desk', '/a', 2, 0, 3_000);
    expect(memory.isEcho('desk', '/a', 2, 10)).toBe(false);
    expect(memory.isEcho('desk', '/a', 1, 2_900)).toBe(false);
    expect(memory.isEcho('desk', '/a', 2, 3_001)).toBe(true);
    expect(memory.isEcho('desk', '/a', 3, 3_002)).toBe(false);
    expect(memory.isEcho('desk', '/a', 3, 5_001)).toBe(true);
  });

  it('stays within its bytes, however much is sent for later; the next moments are remembered', () => {
    const memory = new EchoMemory({ maxBytes: 1_000_000 });
    for (let i = 10_000; i > 0; i--) memory.heard('desk', `/a/${i}`, i, 0, 1_000 * i);
    const known = Array.from({ length: 10_000 }, (_, i) =>
      memory.isEcho('desk', `/a/${i + 1}`, i + 1, 1_000 * (i + 1)),
    );
    expect(known.indexOf(false)).toBeGreaterThan(2_000);
    expect(known.lastIndexOf(true)).toBeLessThan(5_000);
  });

  it('knows each event once, whatever else is sent in between', () => {
    const event = fc.record({ ours: fc.boolean(), value: fc.nat(2) });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), fc.constantFrom(100, 500, 1e6), (events, maxBytes) => {
        const memory = new EchoMemory({ maxBytes });
        const left = [0, 0, 0];
        for (const { ours, value } of events) {
          if (ours) memory.heard('desk', '/a', value, 0);
          else if (memory.isEventEcho('desk', '/a', value, 0)) left[value] = (left[value] ?? 0) - 1;
          else if (maxBytes === 1e6) expect(left[value]).toBe(0);
          if (ours) left[value] = (left[value] ?? 0) + 1;
          expect(left[value]).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });

  it('stays within its bytes, however many addresses and however large the values', () => {
    const memory = new EchoMemory({ maxBytes: 1_000_000 });
    for (let i = 0; i < 3_000; i++) memory.heard(`peer${i % 7}`, `/a/${i}`, new Uint8Array(60_000).fill(i), 0);
    const known = Array.from({ length: 3_000 }, (_, i) =>
      memory.isEcho(`peer${i % 7}`, `/a/${i}`, new Uint8Array(60_000).fill(i), 0),
    );
    expect(known.filter(Boolean).length).toBeLessThanOrEqual(18);
    expect(known.at(-1)).toBe(true);
  });

  it('stays within its bytes at a single address too', () => {
    const memory = new EchoMemory({ maxBytes: 1_000_000 });
    const large = (i: number) => new Uint8Array(60_000).fill(i);
    for (let i = 0; i < 200; i++) memory.heard('desk', '/a', large(i), 0);
    const known = Array.from({ length: 200 }, (_, i) => memory.isEcho('desk', '/a', large(i), 0));
    // The first one that is not known makes the memory forget the others, as it should.
    expect(known.filter(Boolean)).toEqual([]);
    for (let i = 0; i < 200; i++) memory.heard('desk', '/a', large(i), 0);
    expect(memory.isEcho('desk', '/a', large(199), 0)).toBe(true);
  });

  it('knows echoes across the moment at which it forgets the older half', () => {
    const memory = new EchoMemory({ window: 1_000 });
    memory.heard('desk', '/other', 0, 0);
    for (const [value, at] of [
      [1, 900],
      [2, 990],
      [3, 1_010],
      [4, 1_020],
    ] as const)
      memory.heard('desk', '/a', value, at);
    expect([1, 2, 3, 4].map((value) => memory.isEcho('desk', '/a', value, 1_100))).toEqual([true, true, true, true]);
    memory.heard('desk', '/b', 1, 1_500);
    expect(memory.isEcho('desk', '/b', 1, 1_990)).toBe(true);
    memory.heard('desk', '/b', 2, 2_100);
    expect(memory.isEcho('desk', '/b', 1, 2_110)).toBe(false);
  });
});
