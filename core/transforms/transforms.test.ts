import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { values as anyValue } from '../../testing/arbitraries.ts';
import type { Value } from '../signal/value.ts';
import { sameValue } from '../signal/value.ts';
import { CURVES } from './curve.ts';
import { type TransformConfig, transformOf } from './transform-config.ts';

/** What a series of values becomes; undefined stands for one that is held back. */
const series = (config: TransformConfig, ...values: Value[]): (Value | undefined)[] => {
  const step = transformOf(config).open();
  return values.map((value) => step(value));
};
const one = (config: TransformConfig, value: number): number => series(config, value)[0] as number;

const finite = fc.double({ min: -1e6, max: 1e6, noNaN: true });
const part = fc.double({ min: 0, max: 1, noNaN: true });
const span = fc.tuple(finite, finite).filter(([a, b]) => Math.abs(a - b) > 1e-3);
const other = anyValue().filter(
  (value) =>
    typeof value !== 'number' && typeof value !== 'bigint' && typeof value !== 'boolean' && !Array.isArray(value),
);
const near = (a: number, b: number, scale = 1): boolean => Math.abs(a - b) <= 1e-9 * Math.max(1, scale, Math.abs(a));

const EXAMPLES: readonly TransformConfig[] = [
  { type: 'scale', from: [0, 1], to: [0, 255] },
  { type: 'clamp' },
  { type: 'invert' },
  { type: 'negate' },
  { type: 'modulo', divisor: 12 },
  { type: 'power', exponent: 2 },
  { type: 'deadzone', threshold: 0.1 },
  { type: 'threshold' },
  { type: 'gate', min: 0.5 },
  { type: 'toggle' },
  { type: 'trigger' },
  { type: 'smooth' },
  { type: 'quantize', steps: 4 },
  { type: 'round' },
  { type: 'curve', curve: 'ease-in' },
  { type: 'expression', expression: 'sqrt(x)' },
];

describe.each(EXAMPLES.map((config) => [config.type, config] as const))('%s', (_, config) => {
  it('lets text, bytes, maps and null pass as they are', () => {
    fc.assert(
      fc.property(other, (value) => {
        expect(series(config, value)).toEqual([value]);
      }),
    );
  });

  it('never throws, and makes a number of a number or holds it back', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.double(), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }))), (values) => {
        for (const result of series(config, ...values)) {
          expect(['number', 'bigint', 'undefined']).toContain(typeof result);
        }
      }),
    );
  });

  it('takes whatever values come, one after the other', () => {
    fc.assert(fc.property(fc.array(anyValue()), (values) => void series(config, ...values)));
  });
});

describe('steps that map numbers', () => {
  const mapping = EXAMPLES.filter(({ type }) => !['gate', 'toggle', 'trigger', 'smooth'].includes(type));

  it('map an array of numbers item by item, and leave a mixed one alone', () => {
    fc.assert(
      fc.property(fc.constantFrom(...mapping), fc.array(finite), (config, numbers) => {
        const [mapped] = series(config, numbers);
        expect(mapped).toEqual(numbers.map((number) => one(config, number)));
        expect(series(config, [...numbers, 'x'])).toEqual([[...numbers, 'x']]);
      }),
    );
  });
});

describe('scale', () => {
  it('meets both ends exactly, keeps parts, and undoes itself', () => {
    fc.assert(
      fc.property(span, span, part, (from, to, at) => {
        const there: TransformConfig = { type: 'scale', from, to };
        expect(one(there, from[0]) + 0).toBe(to[0] + 0);
        expect(one(there, from[1]) + 0).toBe(to[1] + 0);
        const value = from[0] + at * (from[1] - from[0]);
        const size = Math.max(...[...from, ...to].map(Math.abs)) * 1e4;
        expect(near(one({ type: 'scale', from: to, to: from }, one(there, value)), value, size)).toBe(true);
      }),
    );
  });

  it('goes on outside, unless it is told to clamp', () => {
    expect(one({ type: 'scale', from: [0, 1], to: [0, 255] }, 2)).toBe(510);
    expect(one({ type: 'scale', from: [0, 1], to: [255, 0], clamp: true }, 2)).toBe(0);
    expect(one({ type: 'scale', from: [0, 1], to: [255, 0], clamp: true }, -1)).toBe(255);
  });
});

describe('clamp, invert, negate', () => {
  it('clamp stays within and is done after once', () => {
    fc.assert(
      fc.property(finite, finite, finite, (a, b, value) => {
        const config: TransformConfig = { type: 'clamp', min: Math.min(a, b), max: Math.max(a, b) };
        const clamped = one(config, value);
        expect(clamped >= Math.min(a, b) && clamped <= Math.max(a, b)).toBe(true);
        expect(one(config, clamped)).toBe(clamped);
        if (value >= Math.min(a, b) && value <= Math.max(a, b)) expect(clamped).toBe(value);
      }),
    );
  });

  it('invert and negate undo themselves', () => {
    fc.assert(
      fc.property(finite, (value) => {
        expect(
          near(one({ type: 'invert', range: [-1, 3] }, one({ type: 'invert', range: [-1, 3] }, value)), value),
        ).toBe(true);
        expect(sameValue(one({ type: 'negate' }, one({ type: 'negate' }, value)), value)).toBe(true);
      }),
    );
    expect(series({ type: 'invert' }, 0.25, true, [0, 1])).toEqual([0.75, false, [1, 0]]);
    expect(series({ type: 'negate' }, 0, 2)).toEqual([0, -2]);
  });
});

describe('modulo and power', () => {
  it('modulo stays from 0 up to the divisor, and repeats itself', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e6, max: 1e6 }), fc.integer({ min: 1, max: 1000 }), (value, divisor) => {
        const rest = one({ type: 'modulo', divisor }, value);
        expect(rest >= 0 && rest < divisor).toBe(true);
        expect(one({ type: 'modulo', divisor }, value + divisor)).toBe(rest);
      }),
    );
    expect(one({ type: 'modulo', divisor: 12 }, -1)).toBe(11);
    expect(one({ type: 'modulo', divisor: 1 }, -1e-20)).toBe(0);
  });

  it('power is a power', () => {
    expect(series({ type: 'power', exponent: 2 }, -3, 0.5)).toEqual([9, 0.25]);
    expect(series({ type: 'power', exponent: 0.5 }, -1)).toEqual([Number.NaN]);
  });
});

describe('deadzone, threshold, gate', () => {
  it('deadzone rests at its centre, and nothing else changes', () => {
    fc.assert(
      fc.property(finite, fc.double({ min: 0, max: 10, noNaN: true }), finite, (center, threshold, value) => {
        const result = one({ type: 'deadzone', threshold, center }, value);
        expect(result).toBe(Math.abs(value - center) < threshold ? center : value);
      }),
    );
  });

  it('threshold gives one of two values', () => {
    expect(series({ type: 'threshold' }, 0.49, 0.5, true, false, [0, 1])).toEqual([0, 1, 1, 0, [0, 1]]);
    expect(series({ type: 'threshold', at: 64, above: 'on', below: false }, 63, 64)).toEqual([false, 'on']);
  });

  it('gate lets pass as it is what lies between its ends', () => {
    expect(series({ type: 'gate', min: 0.2, max: 0.8 }, 0.1, 0.2, 0.8, 0.9, true, 'x')).toEqual([
      undefined,
      0.2,
      0.8,
      undefined,
      undefined,
      'x',
    ]);
  });
});

describe('toggle and trigger', () => {
  it('toggle changes over at each press, and not before the release', () => {
    expect(series({ type: 'toggle' }, 1, 1, 0, 0.7, 0.2, true)).toEqual([1, undefined, undefined, 0, undefined, 1]);
    expect(series({ type: 'toggle', on: 'a', off: 'b', at: 64 }, 100, 0, 100)).toEqual(['a', undefined, 'b']);
  });

  it('trigger fires when the number rises', () => {
    expect(series({ type: 'trigger', at: 0.5, value: 'go' }, 0.6, 0.7, 0.1, 0.5)).toEqual([
      'go',
      undefined,
      undefined,
      'go',
    ]);
  });

  it('what was there before is no press, and no rise', () => {
    for (const type of ['toggle', 'trigger'] as const) {
      const step = transformOf({ type }).open();
      expect([step(1, true), step(1), step(0), step(1)]).toEqual([undefined, undefined, undefined, 1]);
    }
  });

  it('series do not disturb each other', () => {
    const toggle = transformOf({ type: 'toggle' });
    const [a, b] = [toggle.open(), toggle.open()];
    expect([a(1), b(1), a(0), a(1), b(0)]).toEqual([1, 1, undefined, 0, undefined]);
  });
});

describe('smooth', () => {
  it('lies between the last and the new, and arrives', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        fc.array(finite, { minLength: 1 }),
        (factor, values) => {
          const results = series({ type: 'smooth', factor }, ...values) as number[];
          expect(results[0]).toBe(values[0]);
          for (let i = 1; i < results.length; i++) {
            const [last, value, result] = [results[i - 1] as number, values[i] as number, results[i] as number];
            expect(result).toBeGreaterThanOrEqual(Math.min(last, value) - 1e-6);
            expect(result).toBeLessThanOrEqual(Math.max(last, value) + 1e-6);
          }
        },
      ),
    );
    expect(series({ type: 'smooth', factor: 0.5 }, 0, 1, 1, 1)).toEqual([0, 0.5, 0.75, 0.875]);
  });

  it('smooths arrays by item, begins anew when their length changes, and survives NaN', () => {
    expect(series({ type: 'smooth', factor: 0.5 }, [0, 4], [1, 0], [8], [Number.NaN], [0])).toEqual([
      [0, 4],
      [0.5, 2],
      [8],
      [Number.NaN],
      [4],
    ]);
    expect(series({ type: 'smooth', factor: 0.5 }, 2, Number.POSITIVE_INFINITY, 0)).toEqual([
      2,
      Number.POSITIVE_INFINITY,
      1,
    ]);
  });
});

describe('quantize and round', () => {
  it('quantize gives a line of the grid, the nearest, and is done after once', () => {
    fc.assert(
      fc.property(part, fc.integer({ min: 1, max: 127 }), (value, steps) => {
        const config: TransformConfig = { type: 'quantize', steps };
        const line = one(config, value);
        expect(near(line * steps, Math.round(line * steps))).toBe(true);
        expect(Math.abs(line - value)).toBeLessThanOrEqual(0.5 / steps + 1e-12);
        expect(near(one(config, line), line)).toBe(true);
      }),
    );
    expect(series({ type: 'quantize', steps: 2, range: [10, 20] }, 12, 13, 19, 30)).toEqual([10, 15, 20, 30]);
  });

  it('round keeps the digits that it is told to', () => {
    expect(series({ type: 'round' }, 2.5, -0.2, 1e300)).toEqual([3, 0, 1e300]);
    expect(series({ type: 'round', decimals: 2 }, 1.234, 1e307)).toEqual([1.23, 1e307]);
    expect(series({ type: 'round', mode: 'floor' }, 2.9)).toEqual([2]);
    expect(series({ type: 'round', mode: 'ceil' }, 2.1)).toEqual([3]);
  });
});

describe('curve', () => {
  it('keeps its ends and the order of what is between, whichever it is', () => {
    fc.assert(
      fc.property(fc.constantFrom(...CURVES), span, part, part, (curve, range, a, b) => {
        const config: TransformConfig = { type: 'curve', curve, range };
        expect(one(config, range[0]) + 0).toBe(range[0] + 0);
        expect(one(config, range[1]) + 0).toBe(range[1] + 0);
        const at = (place: number) => one(config, range[0] + place * (range[1] - range[0]));
        const up = range[1] > range[0] ? 1 : -1;
        const size = Math.max(Math.abs(range[0]), Math.abs(range[1]));
        expect((at(Math.max(a, b)) - at(Math.min(a, b))) * up).toBeGreaterThanOrEqual(-1e-9 * Math.max(1, size));
      }),
    );
  });

  it('exponential and logarithmic undo each other, and bend the way they say', () => {
    fc.assert(
      fc.property(part, (value) => {
        const there = one({ type: 'curve', curve: 'exponential' }, value);
        expect(near(one({ type: 'curve', curve: 'logarithmic' }, there), value)).toBe(true);
      }),
    );
    expect(one({ type: 'curve', curve: 'exponential' }, 0.5)).toBeCloseTo(0.1192, 4);
    expect(one({ type: 'curve', curve: 'logarithmic' }, 0.5)).toBeCloseTo(0.8313, 4);
    expect(one({ type: 'curve', curve: 'ease-in' }, 0.5)).toBeLessThan(0.5);
    expect(one({ type: 'curve', curve: 'ease-out' }, 0.5)).toBeGreaterThan(0.5);
  });

  it('cuts what is outside', () => {
    expect(series({ type: 'curve', curve: 'linear', range: [0, 10] }, -5, 15)).toEqual([0, 10]);
  });
});
