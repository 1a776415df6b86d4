import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { values } from '../../testing/arbitraries.ts';
import type { Value } from './value.ts';
import { sameValue } from './value.ts';

const copy = (value: Value): Value => structuredClone(value) as Value;

describe('sameValue', () => {
  it('finds a copy the same, and holds both ways round', () => {
    fc.assert(fc.property(values(), (value) => sameValue(value, copy(value))));
    fc.assert(fc.property(values(), values(), (a, b) => sameValue(a, b) === sameValue(b, a)));
  });

  it('takes an integer for the same whether it is a number or a bigint', () => {
    expect(sameValue(5, 5n)).toBe(true);
    expect(sameValue([5n, 'a'], [5, 'a'])).toBe(true);
    expect(sameValue(5.5, 5n)).toBe(false);
  });

  it.each<[Value, Value]>([
    [0, null],
    [0, false],
    [0, ''],
    [1, '1'],
    [[], null],
    [[], {}],
    [[1], [1, 2]],
    [{ a: 1 }, { b: 1 }],
    [{ a: 1 }, { a: 1, b: 2 }],
    [new Uint8Array([1]), [1]],
    [new Uint8Array([1]), { 0: 1 }],
    [new Uint8Array([1]), new Uint8Array([2])],
    [{ a: null }, JSON.parse('{"__proto__":null}') as Value],
  ])('tells %o from %o', (a, b) => {
    expect(sameValue(a, b)).toBe(false);
    expect(sameValue(b, a)).toBe(false);
  });
});
