import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Easing, Keyframe } from '../signal/signal.ts';
import type { Value } from '../signal/value.ts';
import { checkTimeline, ease, interpolate, MAX_KEYFRAMES, nextMoment, ticksAround } from './timeline.ts';

const SECOND = 1_000_000;
const NAMED: readonly Easing[] = ['linear', 'ease-in', 'ease-out', 'ease-in-out', 'step'];
const fade = (from: Value, to: Value, rest: Partial<Keyframe> = {}): { keyframes: Keyframe[] } => ({
  keyframes: [
    { time: 0, value: from, ...rest },
    { time: SECOND, value: to },
  ],
});

/** Easings that stay between their ends: the named ones, and curves whose control points do. */
const monotone: fc.Arbitrary<Pick<Keyframe, 'easing' | 'bezier'>> = fc.oneof(
  fc.constantFrom(...NAMED).map((easing) => ({ easing })),
  fc
    .tuple(...Array.from({ length: 4 }, () => fc.double({ min: 0, max: 1, noNaN: true })))
    .map((bezier) => ({ easing: 'cubic-bezier' as const, bezier: bezier as [number, number, number, number] })),
);
const finite = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer({ min: -5, max: 5 }));
const curves = (value: fc.Arbitrary<Value>, easing = monotone) =>
  fc
    .array(fc.tuple(fc.integer({ min: 0, max: SECOND }), value, easing), { minLength: 1, maxLength: 8 })
    .map((list) =>
      list.sort(([a], [b]) => a - b).map(([time, given, how]): Keyframe => ({ time, value: given, ...how })),
    );

describe('a curve', () => {
  it('is exact at every keyframe, the last one for ever', () => {
    fc.assert(
      fc.property(curves(finite), fc.nat(), (keyframes, later) => {
        for (const [index, { time, value }] of keyframes.entries()) {
          if (keyframes[index + 1]?.time !== time) expect(interpolate({ keyframes }, time)).toBe(value);
        }
        const last = keyframes.at(-1) as Keyframe;
        expect(interpolate({ keyframes }, last.time + later)).toBe(last.value);
      }),
    );
  });

  it('stays between the neighbouring keyframes, and moves only toward the next, for easings that do', () => {
    const moments = fc.array(fc.double({ min: 0, max: 1.1 * SECOND, noNaN: true }), { minLength: 2, maxLength: 20 });
    fc.assert(
      fc.property(curves(finite), moments, (keyframes, times) => {
        let before: { index: number; value: number } | undefined;
        for (const time of times.sort((a, b) => a - b)) {
          const index = keyframes.filter((keyframe) => keyframe.time <= time).length - 1;
          const from = keyframes[Math.max(0, index)]?.value as number;
          const to = (keyframes[index + 1]?.value ?? from) as number;
          const value = interpolate({ keyframes }, time) as number;
          expect(value).toBeGreaterThanOrEqual(Math.min(from, to));
          expect(value).toBeLessThanOrEqual(Math.max(from, to));
          if (before && before.index === index && from <= to) expect(value).toBeGreaterThanOrEqual(before.value);
          if (before && before.index === index && from >= to) expect(value).toBeLessThanOrEqual(before.value);
          before = { index, value };
        }
      }),
    );
  });

  it('of arrays and maps is the curve of each of their numbers', () => {
    const pair = fc.tuple(finite, finite);
    fc.assert(
      fc.property(curves(pair), fc.integer({ min: 0, max: SECOND }), (keyframes, time) => {
        const part = (index: number) =>
          interpolate(
            {
              keyframes: keyframes.map((keyframe) => ({
                ...keyframe,
                value: (keyframe.value as number[])[index] as number,
              })),
            },
            time,
          );
        const mapped = keyframes.map((keyframe) => {
          const [x, y] = keyframe.value as [number, number];
          return { ...keyframe, value: { x, deep: { y: [y] }, name: 'same' } };
        });
        expect(interpolate({ keyframes }, time)).toEqual([part(0), part(1)]);
        expect(interpolate({ keyframes: mapped }, time)).toEqual({ x: part(0), deep: { y: [part(1)] }, name: 'same' });
      }),
    );
  });

  it('that loops is the same in every round, and holds the last value until its first keyframe', () => {
    fc.assert(
      fc.property(curves(finite), fc.nat(SECOND), fc.integer({ min: 1, max: 1000 }), (keyframes, time, round) => {
        const duration = keyframes.at(-1)?.time ?? 0;
        fc.pre(duration > 0 && time < duration);
        const first = keyframes[0]?.time ?? 0;
        const again = interpolate({ keyframes, loop: true }, time + round * duration);
        const last = keyframes.at(-1)?.value;
        expect(again).toBe(time < first ? last : interpolate({ keyframes, loop: true }, time));
      }),
    );
  });

  it('steps where values cannot move: other types, other lengths, keys that only one of them has', () => {
    const pairs: [Value, Value, Value][] = [
      ['a', 'b', 'a'],
      [0, 'b', 0],
      [null, 1, null],
      [true, false, true],
      [2n ** 60n, 2n ** 61n, 2n ** 60n],
      [[0, 0], [1], [0, 0]],
      [
        [0, 'x'],
        [1, 'y'],
        [0, 'x'],
      ],
      [
        { a: 0, b: 7, c: 'x' },
        { a: 1, c: 'y', d: 5 },
        { a: 0.5, b: 7, c: 'x' },
      ],
      [{ a: 0 }, [1], { a: 0 }],
    ];
    for (const [from, to, middle] of pairs) {
      expect(interpolate(fade(from, to), SECOND / 2)).toEqual(middle);
      expect(interpolate(fade(from, to), SECOND)).toEqual(to);
    }
  });

  it('jumps where two keyframes are at one time', () => {
    const keyframes = [
      { time: 0, value: 0 },
      { time: 10, value: 10 },
      { time: 10, value: 100 },
      { time: 20, value: 110 },
    ];
    expect([9, 10, 11].map((time) => interpolate({ keyframes }, time))).toEqual([9, 100, 101]);
  });

  it('keeps a key that is called __proto__', () => {
    const map = (value: number) => JSON.parse(`{"__proto__":${value}}`) as Value;
    expect(Object.entries(interpolate(fade(map(0), map(1)), SECOND / 2) as object)).toEqual([['__proto__', 0.5]]);
  });
});

describe('the moments of a timeline', () => {
  const interval = SECOND / 60;
  const tickAt = (count: number) => Math.round(count * interval);
  const isTick = (at: number) => at === tickAt(Math.round(at / interval));
  /** How many ticks there were. */
  const cellOf = (at: number) => [1, 0, -1].map((n) => Math.floor(at / interval) + n).find((n) => tickAt(n) <= at) ?? 0;
  const momentsOf = (keyframes: readonly Keyframe[], startTime: number, { loop = false, until = SECOND } = {}) => {
    const moments: number[] = [];
    let at: number | undefined = startTime - 1;
    for (;;) {
      at = nextMoment({ keyframes, loop }, startTime, at, ticksAround(at, interval));
      if (at === undefined || at > startTime + until) return moments;
      moments.push(at);
    }
  };
  /** Of which a few may be close together; in this century, for the clock has to count microseconds there too. */
  const show = fc.record({
    keyframes: curves(finite).chain((keyframes) =>
      fc.constantFrom(1, 100).map((part) => keyframes.map((one) => ({ ...one, time: Math.floor(one.time / part) }))),
    ),
    startTime: fc.nat().map((rest) => 1.7e15 + rest),
    loop: fc.boolean(),
  });

  it('are its first and last keyframe, and in between keyframes and the ticks that all timelines share', () => {
    fc.assert(
      fc.property(show, ({ keyframes, startTime }) => {
        const moments = momentsOf(keyframes, startTime);
        const exact = new Set(keyframes.map(({ time }) => startTime + time));
        expect(moments[0]).toBe(startTime + (keyframes[0] as Keyframe).time);
        expect(moments.at(-1)).toBe(startTime + (keyframes.at(-1) as Keyframe).time);
        for (const at of moments) expect(exact.has(at) || isTick(at)).toBe(true);
      }),
    );
  });

  it('rise, and there are no more than two between two ticks', () => {
    fc.assert(
      fc.property(show, ({ keyframes, startTime, loop }) => {
        const loops = loop && (keyframes.at(-1) as Keyframe).time > 0;
        const moments = momentsOf(keyframes, startTime, { loop: loops });
        for (const [index, at] of moments.entries()) expect(at).toBeGreaterThan(moments[index - 1] ?? 0);
        // Its end is exact whatever there was before.
        const counted = loops ? moments : moments.slice(1, -1);
        const cells = new Map<number, number>();
        for (const at of counted) {
          cells.set(cellOf(at), (cells.get(cellOf(at)) ?? 0) + 1);
        }
        expect(Math.max(0, ...cells.values())).toBeLessThanOrEqual(2);
      }),
    );
  });

  it('leave out no tick while it moves, and no keyframe that is the first since a tick', () => {
    fc.assert(
      fc.property(curves(finite), fc.nat(), (keyframes, rest) => {
        const startTime = 1.7e15 + rest;
        const moments = new Set(momentsOf(keyframes, startTime));
        for (const [index, { time, value, easing }] of keyframes.entries()) {
          const to = keyframes[index + 1];
          const before = keyframes[index - 1];
          const cell = (at: number) => cellOf(startTime + at);
          if (!before || cell(before.time) < cell(time)) expect(moments.has(startTime + time)).toBe(true);
          if (!to || easing === 'step' || value === to.value) continue;
          for (let tick = cell(time) + 1; tick <= cell(to.time); tick++) {
            expect(moments.has(tickAt(tick))).toBe(true);
          }
        }
      }),
    );
  });

  it('are its keyframes alone where it steps', () => {
    const startTime = 1.7e15 + 1234;
    const stepping: [Easing, ...Value[]][] = [
      ['step', 0, 1, 2, 3],
      ['linear', 'a', 'b', 'c', 'd'],
      ['linear', 1, 1, 1, 1],
      ['linear', 0, 'a', [0], null],
    ];
    for (const [easing, ...values] of stepping) {
      const keyframes = values.map((value, index): Keyframe => ({ time: index * 123_456, value, easing }));
      expect(momentsOf(keyframes, startTime)).toEqual(keyframes.map(({ time }) => startTime + time));
    }
  });
});

describe('an easing', () => {
  it('is that of CSS', () => {
    expect(ease({ easing: 'linear' }, 0.25)).toBe(0.25);
    expect(ease({ easing: 'ease-in' }, 0.25)).toBeCloseTo(0.0935, 4);
    expect(ease({ easing: 'ease-in' }, 0.5)).toBeCloseTo(0.3154, 4);
    expect(ease({ easing: 'ease-out' }, 0.5)).toBeCloseTo(0.6846, 4);
    expect(ease({ easing: 'ease-in-out' }, 0.25)).toBeCloseTo(0.1292, 4);
    expect(ease({ easing: 'ease-in-out' }, 0.5)).toBeCloseTo(0.5, 6);
    expect(ease({ easing: 'cubic-bezier', bezier: [0.25, 0.1, 0.25, 1] }, 0.5)).toBeCloseTo(0.8024, 4);
    expect(ease({ easing: 'step' }, 0.999)).toBe(0);
  });

  it('may leave its ends only as a cubic-bezier whose y coordinates do', () => {
    const back = { easing: 'cubic-bezier' as const, bezier: [0.5, -1, 0.5, 2] as const };
    expect(ease(back, 0.2)).toBeLessThan(0);
    expect(ease(back, 0.8)).toBeGreaterThan(1);
    expect(interpolate(fade(0, 10, { ...back, bezier: [0.5, -1, 0.5, 2] }), SECOND * 0.8)).toBeGreaterThan(10);
  });
});

describe('the check of a timeline', () => {
  const check = (value: Value) => checkTimeline(value, '/fade');
  const keyframe = (time: Value, rest: Record<string, Value> = {}): Value => ({ time, value: 0, ...rest });
  const of = (...keyframes: Value[]): Value => ({ keyframes });

  it('accepts everything that can be played, an empty list, and absent options as null', () => {
    fc.assert(
      fc.property(curves(finite), (keyframes) => {
        expect(check({ keyframes: keyframes as unknown as Value })).toBeUndefined();
      }),
    );
    expect(check({ keyframes: [] })).toBeUndefined();
    expect(check({ keyframes: [], loop: true })).toBeUndefined();
    expect(
      check({ keyframes: [keyframe(5, { easing: null, bezier: null })], loop: null, startTime: null }),
    ).toBeUndefined();
  });

  it('names the keyframe and what is wrong with it, as a 400', () => {
    const wrong: [Value, string][] = [
      [of(keyframe(0), keyframe(5), keyframe(4)), 'keyframe 2: time 4 is before 5 of the one before'],
      [of(keyframe(0), keyframe(Number.NaN)), 'keyframe 1: time NaN is not a number of microseconds from 0'],
      [of(keyframe(-1)), 'keyframe 0: time -1 is not a number of microseconds from 0'],
      [of(keyframe(Number.POSITIVE_INFINITY)), 'keyframe 0: time Infinity is not a number of microseconds from 0'],
      [of(keyframe('1')), 'keyframe 0: time "1" is not a number of microseconds from 0'],
      [of({ value: 0 }), 'keyframe 0: time undefined is not a number of microseconds from 0'],
      [of({ time: 0 }), 'keyframe 0: has no value'],
      [of(7), 'keyframe 0: time undefined is not a number of microseconds from 0'],
      [of(keyframe(0, { value: Number.NaN })), 'keyframe 0: its value holds a number that is not finite'],
      [of(keyframe(0, { value: [{ a: Number.NaN }] })), 'keyframe 0: its value holds a number that is not finite'],
      [of(keyframe(0, { easing: 'bounce' })), 'keyframe 0: unknown easing "bounce"'],
      [of(keyframe(0, { easing: 'cubic-bezier' })), 'keyframe 0: bezier is x1, y1, x2, y2 with x1 and x2 within 0 … 1'],
      [
        of(keyframe(0, { easing: 'cubic-bezier', bezier: [1.1, 0, 0, 0] })),
        'keyframe 0: bezier is x1, y1, x2, y2 with x1 and x2 within 0 … 1',
      ],
      [{ keyframes: [keyframe(0)], loop: true }, 'a loop of zero length'],
      [{ keyframes: [keyframe(1)], loop: 1 }, 'loop is true or false'],
      [{ keyframes: [keyframe(1)], startTime: Number.NaN }, 'startTime NaN is no time'],
      [of(...Array.from({ length: 10_000 }, (_, time) => keyframe(time))), `10000 keyframes, at most ${MAX_KEYFRAMES}`],
      [{}, 'a timeline has a list of keyframes'],
      [{ keyframes: 'x' }, 'a timeline has a list of keyframes'],
      [7, 'a timeline has a list of keyframes'],
    ];
    for (const [value, reason] of wrong) {
      expect(check(value)).toMatchObject({ code: 400, reason: `/fade: ${reason}`, address: '/fade' });
    }
  });
});
