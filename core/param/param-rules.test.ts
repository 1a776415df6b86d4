import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AddressTable } from '../address/address-table.ts';
import type { Value } from '../signal/value.ts';
import { mergeMaps, type ParamRule, ParamRules, type ParamStrategy } from './param-rules.ts';

const ruleOf = (rule: Omit<ParamRule, 'pattern'>) =>
  new ParamRules([{ pattern: '/**', ...rule }]).of(new AddressTable().internString('/a'));

const scalar: fc.Arbitrary<Value> = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.double(),
  fc.bigInt(-5n, 5n),
  fc.string(),
);
const key = fc.constantFrom('a', 'b', 'c', '__proto__', 'toString');
const value: fc.Arbitrary<Value> = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    scalar,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(key, tie('value'), { maxKeys: 4 }),
  ),
})).value;

describe('the strategies max and min', () => {
  const number = fc.oneof(fc.double({ noNaN: true }), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }));

  it('leave the extreme of all that was written', () => {
    fc.assert(
      fc.property(fc.constantFrom('max', 'min'), fc.array(number, { minLength: 1 }), (strategy, numbers) => {
        const rule = ruleOf({ strategy });
        let kept = numbers[0] as number | bigint;
        for (const next of numbers) if (rule.accepts(kept, next)) kept = next;
        expect(numbers).toContain(kept);
        expect(numbers.filter((other) => (strategy === 'max' ? other > kept : other < kept))).toEqual([]);
      }),
    );
  });

  it('accept the same number again, refuse NaN over a number, and take anything that is no number', () => {
    const rule = ruleOf({ strategy: 'max' });
    expect(rule.accepts(5, 5)).toBe(true);
    expect(rule.accepts(5, 4.9)).toBe(false);
    expect(rule.accepts(5, Number.NaN)).toBe(false);
    expect(rule.accepts(Number.NaN, -1)).toBe(true);
    expect(rule.accepts(5, 'four')).toBe(true);
    expect(rule.accepts(5, null)).toBe(true);
    expect(rule.accepts('five', 4)).toBe(true);
    expect(rule.accepts([9], [1])).toBe(true);
  });
});

describe('other strategies', () => {
  it('accept every value', () => {
    const strategy = fc.constantFrom<ParamStrategy[]>('lww', 'lock', 'merge');
    fc.assert(
      fc.property(strategy, value, value, (name, current, written) =>
        ruleOf({ strategy: name }).accepts(current, written),
      ),
    );
  });
});

describe('a range', () => {
  it('admits exactly the numbers from its smallest to its largest, and everything that is no number', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true }), fc.double({ noNaN: true }), value, (a, b, written) => {
        const min = Math.min(a, b);
        const max = Math.max(a, b);
        const rule = ruleOf({ range: [min, max] });
        const isNumber = typeof written === 'number' || typeof written === 'bigint';
        expect(rule.admits(written)).toBe(!isNumber || !(written < min || written > max || Number.isNaN(written)));
        expect(rule.admits(min) && rule.admits(max)).toBe(true);
      }),
    );
  });
});

describe('merging maps', () => {
  type Tree = Map<string, Tree> | Value;
  const map = fc.dictionary(key, value, { maxKeys: 4 });
  const treeOf = (of: Value): Tree => {
    if (typeof of !== 'object' || of === null || Array.isArray(of)) return of;
    return new Map(Object.entries(of).map(([name, item]) => [name, treeOf(item as Value)]));
  };
  /** Puts everything that is not a map where it belongs, making room for it. */
  const plant = (written: Map<string, Tree>, into: Map<string, Tree>) => {
    for (const [name, item] of written) {
      if (!(item instanceof Map)) {
        into.set(name, item);
        continue;
      }
      const there = into.get(name);
      const below = there instanceof Map ? there : new Map<string, Tree>();
      into.set(name, below);
      plant(item, below);
    }
  };

  it('gives the current map with everything in the written one planted into it', () => {
    fc.assert(
      fc.property(map, map, (current, written) => {
        const expected = treeOf(current) as Map<string, Tree>;
        plant(treeOf(written) as Map<string, Tree>, expected);
        expect(treeOf(mergeMaps(current, written))).toEqual(expected);
      }),
    );
  });

  it('changes neither of the two', () => {
    fc.assert(
      fc.property(map, map, (current, written) => {
        const before = [copyOf(current), copyOf(written)];
        mergeMaps(current, written);
        expect([current, written]).toEqual(before);
      }),
    );
  });

  it('replaces what is not a map on both sides, and keeps null as a value', () => {
    expect(mergeMaps({ a: 1, b: { c: 1 } }, { b: { d: null } })).toEqual({ a: 1, b: { c: 1, d: null } });
    expect(mergeMaps({ a: [1, 2] }, { a: [3] })).toEqual({ a: [3] });
    expect(mergeMaps({ a: 1 }, 5)).toBe(5);
    expect(mergeMaps(5, { a: 1 })).toEqual({ a: 1 });
    expect(mergeMaps(Uint8Array.of(1), { a: 1 })).toEqual({ a: 1 });
  });
});

function copyOf(of: Value): Value {
  if (Array.isArray(of)) return of.map(copyOf);
  if (typeof of !== 'object' || of === null) return of;
  return Object.fromEntries(Object.entries(of).map(([name, item]) => [name, copyOf(item as Value)]));
}

describe('rules', () => {
  const rules = new ParamRules([
    { pattern: '/bids/house', strategy: 'lock' },
    { pattern: '/bids/**', strategy: 'max', ttl: 60 },
    { pattern: '/faders/*', range: [0, 1], ttl: { seconds: 5, mode: 'absolute' } },
  ]);
  const table = new AddressTable();
  const of = (address: string) => rules.of(table.internString(address));

  it('are those of the first pattern that matches, and none where no pattern does', () => {
    expect(of('/bids/house').strategy).toBe('lock');
    expect(of('/bids/1').strategy).toBe('max');
    expect(of('/faders/1')).toMatchObject({ strategy: 'lww', min: 0, max: 1, ttl: { seconds: 5, mode: 'absolute' } });
    expect(of('/elsewhere')).toMatchObject({ strategy: 'lww', bounded: false, ttl: undefined });
  });

  it('are looked up once per address', () => {
    expect(of('/bids/1')).toBe(of('/bids/1'));
    expect(table.internString('/bids/1').rule).toBe(of('/bids/1'));
  });

  it.each([
    [{ pattern: 'bids' }, 202, /pattern/],
    [{ pattern: '/a', strategy: 'last' as ParamStrategy }, 402, /strategy of a param must be lww, max, .* not "last"/],
    [{ pattern: '/a', range: [1, 0] as const }, 402, /range of a param must be \[min, max\], not \[1,0\]/],
    [{ pattern: '/a', range: [0, Number.NaN] as const }, 402, /range/],
    [{ pattern: '/a', ttl: -1 }, 402, /ttl of a param must be 0 to 2147483647 seconds, not -1/],
    [{ pattern: '/a', ttl: 2 ** 31 }, 402, /ttl/],
    [
      { pattern: '/a', ttl: { seconds: 1, mode: 'later' } },
      402,
      /mode of the ttl of a param must be sliding or absolute/,
    ],
    [{ pattern: '/a', strategy: 'max', merge: mergeMaps }, 402, /'merge' where there is a merge function/],
  ] as [ParamRule, number, RegExp][])('say what is wrong with %j', (rule, code, text) => {
    expect(() => new ParamRules([rule])).toThrow(
      expect.objectContaining({ code, reason: expect.stringMatching(text) }),
    );
  });
});
