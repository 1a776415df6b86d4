import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DmxFrame, DmxInput } from './dmx-input.ts';

const CHANNELS = 6;
const packets = fc.array(
  fc.record({
    source: fc.constantFrom('a', 'b', 'c'),
    levels: fc.uint8Array({ minLength: 1, maxLength: CHANNELS, max: 4 }),
    gap: fc.nat(400),
  }),
  { maxLength: 40 },
);

/** What someone who only hears of changes sees. */
class Listener {
  readonly levels = new Uint8Array(CHANNELS);
  hear(frame: DmxFrame | undefined): void {
    for (const channel of frame?.changed ?? []) this.levels[channel - 1] = frame?.levels[channel - 1] ?? 0;
  }
}
const padded = (levels: Uint8Array | undefined) => Uint8Array.from({ length: CHANNELS }, (_, i) => levels?.[i] ?? 0);
/** What a source says after a packet: channels beyond its end keep their level. */
const after = (before: Uint8Array | undefined, levels: Uint8Array) =>
  Uint8Array.from({ length: CHANNELS }, (_, i) => levels[i] ?? before?.[i] ?? 0);
const bytes = (...levels: number[]) => Uint8Array.from(levels);

describe('DmxInput', () => {
  it('shows of each channel the highest level of all sources, by changes alone (HTP)', () => {
    fc.assert(
      fc.property(packets, (list) => {
        const input = new DmxInput({ merge: 'htp', timeout: 1e9 });
        const listener = new Listener();
        const newest = new Map<string, Uint8Array>();
        for (const { source, levels } of list) {
          newest.set(source, after(newest.get(source), levels));
          listener.hear(input.receive({ source, universe: 1, levels }, 0));
          const highest = (_: unknown, i: number) => Math.max(...[...newest.values()].map((each) => each[i] as number));
          expect(listener.levels).toEqual(Uint8Array.from({ length: CHANNELS }, highest));
        }
      }),
    );
  });

  it('shows the sources that are left when one falls silent or leaves (HTP)', () => {
    fc.assert(
      fc.property(packets, (list) => {
        const input = new DmxInput({ merge: 'htp', timeout: 1_000 });
        const listener = new Listener();
        const newest = new Map<string, { levels: Uint8Array; at: number }>();
        let now = 0;
        let shown = padded(undefined);
        for (const { source, levels, gap } of list) {
          now += gap;
          for (const frame of input.expire(now)) listener.hear(frame);
          for (const [name, { at }] of newest) if (now - at >= 1_000) newest.delete(name);
          newest.set(source, { levels: after(newest.get(source)?.levels, levels), at: now });
          listener.hear(input.receive({ source, universe: 1, levels }, now));
          shown = Uint8Array.from(shown, (_, i) =>
            Math.max(...[...newest.values()].map((each) => each.levels[i] as number)),
          );
          expect(listener.levels).toEqual(shown);
        }
        expect(input.nextExpiry).toBe(
          list.length > 0 ? Math.min(...[...newest.values()].map(({ at }) => at)) + 1_000 : Infinity,
        );
      }),
    );
  });

  it('shows of each channel what was changed last, whoever repeats what else (LTP)', () => {
    fc.assert(
      fc.property(packets, (list) => {
        const input = new DmxInput({ merge: 'ltp', timeout: 1e9 });
        const listener = new Listener();
        const newest = new Map<string, Uint8Array>();
        const shown = new Uint8Array(CHANNELS);
        for (const { source, levels } of list) {
          const own = newest.get(source) ?? new Uint8Array(CHANNELS);
          const now = after(own, levels);
          for (let i = 0; i < CHANNELS; i++) if (own[i] !== now[i]) shown[i] = now[i] as number;
          newest.set(source, now);
          listener.hear(input.receive({ source, universe: 1, levels }, 0));
          expect(listener.levels).toEqual(shown);
        }
      }),
    );
  });

  it('lets only the highest priority count, and the next when it leaves, falls silent or lowers itself', () => {
    const input = new DmxInput({ merge: 'htp', timeout: 2_500 });
    const send = (source: string, priority: number, level: number, now: number) =>
      input.receive({ source, universe: 1, levels: bytes(level), priority }, now)?.levels[0];
    expect(send('a', 100, 10, 0)).toBe(10);
    expect(send('b', 120, 5, 1)).toBe(5);
    expect(send('a', 100, 200, 2)).toBeUndefined();
    expect(input.leave('b', 1, 3)?.levels[0]).toBe(200);
    expect(send('b', 120, 7, 4)).toBe(7);
    expect(send('a', 100, 200, 2_000)).toBeUndefined();
    expect(input.expire(2_503)).toEqual([]);
    expect(input.expire(2_504).map(({ levels }) => levels[0])).toEqual([200]);
    expect(send('c', 150, 1, 2_600)).toBe(1);
    expect(send('c', 50, 1, 2_601)).toBe(200);
    expect(send('c', 100, 255, 2_602)).toBe(255);
    expect(send('c', 100, 3, 2_603)).toBe(200);
  });

  it('keeps the levels when the last source has gone', () => {
    const input = new DmxInput({ timeout: 1_000 });
    input.receive({ source: 'a', universe: 1, levels: bytes(9) }, 0);
    expect(input.expire(5_000)).toEqual([]);
    expect(input.nextExpiry).toBe(Infinity);
    expect(input.receive({ source: 'b', universe: 1, levels: bytes(0) }, 6_000)?.changed).toEqual([1]);
  });

  it('follows a sender after a second whose sequence was begun again close behind, or stands still', () => {
    const input = new DmxInput();
    const send = (sequence: number, level: number, now: number) =>
      input.receive({ source: 'a', universe: 1, levels: bytes(level), sequence }, now)?.levels[0];
    expect(send(7, 1, 0)).toBe(1);
    expect(send(1, 2, 500)).toBeUndefined();
    expect(send(2, 3, 999)).toBeUndefined();
    expect(send(2, 4, 1_000)).toBe(4);
    expect(send(2, 5, 1_999)).toBeUndefined();
    expect(send(2, 6, 2_000)).toBe(6);
    expect(send(3, 7, 2_001)).toBe(7);
  });

  it('drops packets that come late, but not a sender that begins anew', () => {
    const input = new DmxInput();
    const send = (sequence: number, level: number) =>
      input.receive({ source: 'a', universe: 1, levels: bytes(level), sequence }, 0)?.levels[0];
    expect([send(254, 1), send(255, 2), send(0, 3), send(255, 99), send(0, 98), send(2, 4)]).toEqual([
      1,
      2,
      3,
      undefined,
      undefined,
      4,
    ]);
    expect(send(100, 5)).toBe(5);
    expect(send(1, 6)).toBe(6);
  });

  it('compares the first frame with what is known, so that a channel that is off now is told of', () => {
    const input = new DmxInput({ known: (universe) => (universe === 7 ? bytes(0, 100, 50) : undefined) });
    const first = input.receive({ source: 'a', universe: 7, levels: bytes(0, 0, 50, 9) }, 0);
    expect(first?.changed).toEqual([2, 4]);
    expect(input.receive({ source: 'a', universe: 8, levels: bytes(0, 0, 50) }, 0)?.changed).toEqual([3]);
  });

  it('tells of a frame that is only repeated once a second', () => {
    const input = new DmxInput();
    const told: number[] = [];
    for (let now = 0; now <= 5_000; now += 25) {
      if (input.receive({ source: 'a', universe: 1, levels: bytes(5) }, now)) told.push(now);
    }
    expect(told).toEqual([0, 900, 1_800, 2_700, 3_600, 4_500]);
  });

  it('believes no more than 64 sources of a universe', () => {
    const input = new DmxInput({ merge: 'htp', timeout: 1e9 });
    for (let i = 0; i < 200; i++) {
      input.receive({ source: `${i}`, universe: 1, levels: bytes(200 - i) }, i);
    }
    expect(input.receive({ source: '199', universe: 1, levels: bytes(1, 1) }, 200)?.levels[0]).toBe(64);
  });
});

describe('DmxInput and packets that carry fewer channels than the universe has', () => {
  it('changes only what they carry, for a source alone, beside others, and after all had gone', () => {
    const input = new DmxInput({ merge: 'htp', timeout: 1_000 });
    const send = (source: string, now: number, ...levels: number[]) => {
      const frame = input.receive({ source, universe: 1, levels: bytes(...levels) }, now);
      return frame && { shown: [...frame.levels], changed: frame.changed };
    };
    expect(send('a', 0, 1, 2, 3, 4)?.shown).toEqual([1, 2, 3, 4]);
    expect(send('a', 1, 9, 0)).toEqual({ shown: [9, 0, 3, 4], changed: [1, 2] });
    expect(send('b', 2, 5, 5, 5)).toEqual({ shown: [9, 5, 5, 4], changed: [2, 3] });
    expect(send('b', 3, 5, 6)).toEqual({ shown: [9, 6, 5, 4], changed: [2] });
    expect(input.leave('b', 1, 4)?.changed).toEqual([2, 3]);
    input.expire(5_000);
    expect(send('c', 6_000, 7)).toEqual({ shown: [7, 0, 3, 4], changed: [1] });
    // Who joins and goes takes nothing away that it did not carry.
    send('d', 6_001, 8, 8);
    expect(input.leave('d', 1, 6_002)?.changed).toEqual([1, 2]);
  });
});

describe('DmxInput and the inputs of a device', () => {
  const rig = (merge: 'htp' | 'ltp' = 'htp') => {
    const input = new DmxInput({ merge, timeout: 10_000 });
    return (from: string, physical: number, now: number, levels: number[], sequence?: number) => [
      ...(input.receive(
        { source: `${from}#${physical}`, from, input: physical, universe: 1, levels: bytes(...levels), sequence },
        now,
      )?.levels ?? []),
    ];
  };

  it('merges two inputs of one port', () => {
    const send = rig();
    expect(send('10.0.0.5:6454', 0, 0, [100, 0])).toEqual([100, 0]);
    expect(send('10.0.0.5:6454', 1, 10, [0, 50])).toEqual([100, 50]);
    expect(send('10.0.0.5:6454', 0, 20, [100, 0])).toEqual([]);
    expect(send('10.0.0.5:6454', 0, 30, [90, 0])).toEqual([90, 50]);
  });

  it('lets a program that was started again take its own place, whatever its port and sequence', () => {
    const send = rig();
    expect(send('10.0.0.5:4000', 0, 0, [200, 9], 10)).toEqual([200, 9]);
    expect(send('10.0.0.6:4000', 0, 1, [0, 3], 1)).toEqual([]);
    expect(send('10.0.0.5:4001', 0, 2, [10, 1], 1)).toEqual([10, 3]);
    expect(send('10.0.0.5:4002', 0, 3, [11, 0], 1)).toEqual([11, 3]);
  });

  it.each(['htp', 'ltp'] as const)(
    'lets two programs of one address run side by side, once both are heard (%s)',
    (merge) => {
      const send = rig(merge);
      send('127.0.0.1:4000', 0, 0, [200, 0]);
      send('127.0.0.1:4001', 0, 10, [0, 50]);
      expect(send('127.0.0.1:4000', 0, 20, [200, 0])).toEqual([200, 50]);
      expect(send('127.0.0.1:4001', 0, 30, [0, 50])).toEqual([]);
      expect(send('127.0.0.1:4000', 0, 40, [200, 0])).toEqual([]);
      expect(send('127.0.0.1:4001', 0, 50, [0, 60])).toEqual([200, 60]);
    },
  );
});

describe('DmxInput and priorities of channels', () => {
  interface Packet {
    readonly source: string;
    readonly universe: number;
    readonly priority: number;
    readonly levels: Uint8Array;
    readonly priorities?: Uint8Array;
  }
  const packet = fc.record({
    source: fc.constantFrom('a', 'b', 'c'),
    priority: fc.constantFrom(50, 100),
    bytes: fc.uint8Array({ minLength: 1, maxLength: CHANNELS, max: 4 }),
    isPriorities: fc.boolean(),
  });

  it('shows of each channel the highest level of the sources of its highest priority, by changes alone', () => {
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 40 }), (list) => {
        const input = new DmxInput({ merge: 'htp', timeout: 1e9 });
        const listener = new Listener();
        const sources = new Map<string, { levels: Uint8Array; priority: number; priorities?: Uint8Array }>();
        const shown = new Uint8Array(CHANNELS);
        const all: Packet[] = list.map(({ source, priority, bytes: some, isPriorities }) =>
          isPriorities
            ? { source, universe: 1, priority, levels: bytes(), priorities: some.map((each) => each * 50) }
            : { source, universe: 1, priority, levels: some },
        );
        // Everybody speaks for all channels, and has priorities, before it is compared.
        for (const source of ['a', 'b', 'c']) {
          all.unshift({ source, universe: 1, priority: 100, levels: new Uint8Array(CHANNELS) });
          all.unshift({
            source,
            universe: 1,
            priority: 100,
            levels: bytes(),
            priorities: new Uint8Array(CHANNELS).fill(1),
          });
        }
        for (const each of all) {
          listener.hear(input.receive(each, 0));
          const { source, priority, levels, priorities } = each;
          const known = sources.get(source);
          sources.set(source, {
            levels: after(known?.levels, levels),
            priority,
            ...((priorities ?? known?.priorities) && {
              priorities: priorities ? padded(priorities) : (known?.priorities as Uint8Array),
            }),
          });
          for (let i = 0; i < CHANNELS; i++) {
            const of = ({ priorities: own }: { priorities?: Uint8Array }) => own?.[i] ?? 0;
            const best = Math.max(...[...sources.values()].map(of));
            if (best === 0) continue;
            shown[i] = Math.max(
              ...[...sources.values()].filter((s) => of(s) === best).map((s) => s.levels[i] as number),
            );
          }
          expect(listener.levels).toEqual(shown);
        }
      }),
    );
  });

  it('leave of each channel what was changed last among the sources of its highest priority (LTP)', () => {
    fc.assert(
      fc.property(packets, (list) => {
        const input = new DmxInput({ merge: 'ltp', timeout: 1e9 });
        const worth: Record<string, number[]> = { a: [2, 2, 2, 0, 1, 9], b: [2, 2, 2, 5, 1, 1], c: [2, 2, 2, 5, 1, 1] };
        const levels = new Map<string, Uint8Array>();
        // Everybody speaks for all channels before it is compared.
        for (const [source, priorities] of Object.entries(worth)) {
          levels.set(source, new Uint8Array(CHANNELS));
          for (const each of [
            { levels: new Uint8Array(CHANNELS) },
            { levels: bytes(), priorities: bytes(...priorities) },
          ]) {
            input.receive({ source, universe: 1, priority: 100, ...each }, 0);
          }
        }
        const shown = new Uint8Array(CHANNELS);
        const listener = new Listener();
        let now = 0;
        for (const { source, levels: said, gap } of list) {
          now += gap / 1_000;
          const own = levels.get(source) as Uint8Array;
          const next = after(own, said);
          for (let i = 0; i < CHANNELS; i++) {
            const highest = Math.max(...Object.values(worth).map((each) => each[i] as number));
            if (worth[source]?.[i] === highest && own[i] !== next[i]) shown[i] = next[i] as number;
          }
          levels.set(source, next);
          listener.hear(input.receive({ source, universe: 1, priority: 100, levels: said }, now));
          expect(listener.levels).toEqual(shown);
        }
      }),
    );
  });

  it('hold beside the priority of a source that has none of its own, and for 10 s', () => {
    const input = new DmxInput({ merge: 'htp', timeout: 1e9 });
    const send = (source: string, now: number, levels: number[], priorities?: number[]) => {
      const given = priorities && { priorities: bytes(...priorities) };
      const frame = input.receive({ source, universe: 1, priority: 100, levels: bytes(...levels), ...given }, now);
      return frame && [...frame.levels];
    };
    expect(send('plain', 0, [10, 10, 10])).toEqual([10, 10, 10]);
    expect(send('desk', 1, [], [150, 0, 100])).toBeUndefined();
    expect(send('desk', 2, [1, 99, 99])).toEqual([1, 10, 99]);
    expect(send('plain', 3, [20, 30, 20])).toEqual([1, 30, 99]);
    expect(send('desk', 10_000, [2, 99, 99])).toEqual([2, 30, 99]);
    // Silent about them: its own priority, equal to the other's, holds again.
    expect(send('desk', 10_001, [2, 99, 99])).toEqual([20, 99, 99]);
  });
});

describe('DmxInput.answer', () => {
  const is = (peer: string) => (source: string) => source === peer;

  it('is nothing for a peer that says the same, and the frame for one that says something else, or nothing', () => {
    const input = new DmxInput();
    input.receive({ source: 'a', universe: 1, levels: bytes(5) }, 0);
    input.settle(1, 1, 5);
    const levels = new Uint8Array(512);
    levels[0] = 5;
    expect(input.answer(1, levels, is('a'), 10)).toBeUndefined();
    expect(input.answer(1, levels, undefined, 10)).toBeUndefined();
    expect(input.answer(1, levels, is('b'), 10)).toBe(levels);
    expect(input.answer(2, levels, is('a'), 10)).toBe(levels);
    levels[0] = 6;
    expect(input.answer(1, levels, is('a'), 10)).toBe(levels);
    expect(input.answer(1, levels, undefined, 10)).toBe(levels);
  });

  it('never pulls a moving fader back to where it was, however late the relay is', () => {
    const input = new DmxInput();
    for (let level = 1; level <= 100; level++) {
      input.receive({ source: 'a', universe: 1, levels: bytes(level) }, level * 20);
      // The relay is ten steps behind.
      const old = Math.max(0, level - 10);
      input.settle(1, 1, old);
      const levels = new Uint8Array(512);
      levels[0] = old;
      expect(input.answer(1, levels, is('a'), level * 20)).toBeUndefined();
      // Somebody changes another channel: the fader's own newest level stays.
      levels[1] = 77;
      expect([...(input.answer(1, levels, is('a'), level * 20) ?? []).slice(0, 2)]).toEqual([level, 77]);
    }
  });

  it('is the relay’s again when what was said has not come back within a second', () => {
    const input = new DmxInput();
    input.receive({ source: 'a', universe: 1, levels: bytes(5) }, 0);
    const refused = new Uint8Array(512);
    expect(input.answer(1, refused, is('a'), 999)).toBeUndefined();
    expect(input.answer(1, refused, is('a'), 1_000)).toBe(refused);
  });
});
