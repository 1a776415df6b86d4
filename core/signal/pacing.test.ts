import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  areWithin,
  freeAfter,
  intervalOf,
  isFree,
  isWithin,
  loosest,
  numbersOf,
  type Pacing,
  pacingOf,
  sampleRate,
  UNPACED,
  windowOf,
  withoutWindow,
} from './pacing.ts';

const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const anyOptions = () =>
  fc.record({
    maxRate: maybe(fc.oneof(fc.integer({ min: 0, max: 2000 }), fc.double())),
    epsilon: maybe(fc.oneof(fc.integer({ min: -1, max: 10 }), fc.double())),
    window: maybe(fc.oneof(fc.integer({ min: 0, max: 2000 }), fc.double())),
  });
const anyPacing = () => anyOptions().map(pacingOf);
const notStricter = (a: Pacing, b: Pacing) =>
  a.interval <= b.interval && a.epsilon <= b.epsilon && a.window <= b.window;

describe('pacingOf', () => {
  it('of any options is finite in time, and never negative but for no epsilon', () => {
    fc.assert(
      fc.property(anyPacing(), ({ interval, epsilon, window }) => {
        expect(interval >= 0 && window >= 0 && window <= 60_000_000 && (epsilon >= 0 || epsilon === -1)).toBe(true);
      }),
    );
  });

  it('of no option, a rate of 0, a negative epsilon or NaN is no pacing', () => {
    for (const options of [undefined, {}, { maxRate: 0, window: 0, epsilon: -2 }, { maxRate: Number.NaN }]) {
      expect(pacingOf(options)).toBe(UNPACED);
    }
    expect(pacingOf({ epsilon: 0 })).toEqual({ interval: 0, epsilon: 0, window: 0 });
  });

  it('has microseconds', () => {
    expect(pacingOf({ maxRate: 50, epsilon: 0.5, window: 20 })).toEqual({
      interval: 20_000,
      epsilon: 0.5,
      window: 20_000,
    });
    expect(intervalOf(50)).toBe(20_000);
    expect(windowOf(1e9)).toBe(60_000_000);
  });
});

describe('loosest', () => {
  it('is as loose as each in every option, and no looser than it must be', () => {
    fc.assert(
      fc.property(anyPacing(), anyPacing(), anyPacing(), (a, b, c) => {
        const both = loosest(a, b);
        expect(notStricter(both, a) && notStricter(both, b)).toBe(true);
        if (notStricter(c, a) && notStricter(c, b)) expect(notStricter(c, both)).toBe(true);
      }),
    );
  });

  it('does not depend on order or repetition; no pacing wins', () => {
    fc.assert(
      fc.property(anyPacing(), anyPacing(), anyPacing(), (a, b, c) => {
        expect(loosest(a, b)).toEqual(loosest(b, a));
        expect(loosest(loosest(a, b), c)).toEqual(loosest(a, loosest(b, c)));
        expect(loosest(a, a)).toEqual(a);
        expect(loosest(a, UNPACED)).toBe(UNPACED);
      }),
    );
  });

  it('of options that have nothing in common is no pacing', () => {
    expect(loosest(pacingOf({ maxRate: 1 }), pacingOf({ epsilon: 1 }))).toBe(UNPACED);
    expect(withoutWindow(pacingOf({ window: 1 }))).toBe(UNPACED);
  });
});

describe('isWithin', () => {
  it('is symmetric, and without epsilon never true', () => {
    const numbers = fc.oneof(fc.double(), fc.array(fc.double(), { maxLength: 3 }));
    fc.assert(
      fc.property(numbers, numbers, fc.double({ min: 0, noNaN: true }), (a, b, epsilon) => {
        expect(isWithin(a, b, epsilon)).toBe(isWithin(b, a, epsilon));
        expect(isWithin(a, a, -1)).toBe(false);
      }),
    );
  });

  it('measures numbers and arrays of them by element', () => {
    expect(isWithin(1, 2, 1)).toBe(true);
    expect(isWithin(1, 2.1, 1)).toBe(false);
    expect(isWithin([1, 1], [2, 0], 1)).toBe(true);
    expect(isWithin([1, 1], [2, 3], 1)).toBe(false);
    expect(isWithin([1], 1, 1)).toBe(false);
    expect(isWithin([1], [1, 1], 1)).toBe(false);
    expect(isWithin(undefined, 1, 1)).toBe(false);
    expect(isWithin(Number.NaN, Number.NaN, Number.POSITIVE_INFINITY)).toBe(false);
    expect(isWithin(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 0)).toBe(true);
    expect(areWithin(0, [1, -1], 1)).toBe(true);
    expect(areWithin(0, [1, 2], 1)).toBe(false);
    expect(areWithin(0, [], 1)).toBe(false);
  });

  it('takes numbers for numbers only', () => {
    expect([1, [1, 2], [], null, '1', 1n, [1n], [1, 'a'], {}].map(numbersOf)).toEqual([
      1,
      [1, 2],
      [],
      ...new Array(6).fill(undefined),
    ]);
  });
});

describe('freeAfter', () => {
  it('lets at most n + 1 through in any second, however late timers are, at almost the whole rate when they are not', () => {
    const delay = fc.double({ min: 0, max: 3, noNaN: true });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1000 }),
        fc.array(delay, { minLength: 50, maxLength: 300 }),
        (n, delays) => {
          const interval = intervalOf(n);
          const times: number[] = [];
          let due = 0;
          for (const late of delays) {
            const now = due + late * interval;
            times.push(now);
            due = freeAfter(due, now, interval);
            expect(isFree(due, due, interval)).toBe(true);
          }
          for (let i = 0; i + n + 1 < times.length; i++) {
            expect((times[i + n + 1] as number) - (times[i] as number)).toBeGreaterThan(1_000_000);
          }
        },
      ),
    );
    let due = 0;
    for (let i = 0; i < 600; i++) due = freeAfter(due, Math.ceil(due / 1000) * 1000, intervalOf(60));
    expect(due).toBeCloseTo(10_000_000, 3);
  });

  it('holds until it is free, and not what is from before the clock was put back', () => {
    expect([99, 100, 101].map((now) => isFree(100, now, 50))).toEqual([false, true, true]);
    expect(isFree(1000, 0, 50)).toBe(true);
  });
});

describe('sampleRate', () => {
  it('is samples a second, a whole number that fits the wire', () => {
    expect(sampleRate(5, 50_000)).toBe(100);
    expect(sampleRate(1, 60_000_000)).toBe(1);
    expect(sampleRate(1e9, 0)).toBe(0xffff_ffff);
  });
});
