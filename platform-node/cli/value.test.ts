import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from './command.ts';
import { formatValue } from './format.ts';
import { parseValue } from './value.ts';

/** Text with control characters, quotes and letters of several bytes; `unit: 'binary'` takes seconds to set up. */
const unicode = fc.string({ unit: fc.integer({ min: 0, max: 0x20ff }).map((code) => String.fromCharCode(code)) });

describe('a value on the command line', () => {
  it('is JSON when it reads as JSON, otherwise text', () => {
    expect(parseValue('0.5', false)).toBe(0.5);
    expect(parseValue('true', false)).toBe(true);
    expect(parseValue('null', false)).toBe(null);
    expect(parseValue('[1, "a"]', false)).toEqual([1n, 'a']);
    expect(parseValue('{"$bytes": "AQI="}', false)).toEqual(new Uint8Array([1, 2]));
    expect(parseValue('hello world', false)).toBe('hello world');
    expect(parseValue('1.2.3', false)).toBe('1.2.3');
    expect(parseValue('', false)).toBe('');
  });

  it('is an integer without a fraction and a float with one', () => {
    expect(parseValue('3', false)).toBe(3n);
    expect(parseValue('3.0', false)).toBe(3);
  });

  it('is text when text is asked for', () => {
    expect(parseValue('0.5', true)).toBe('0.5');
    expect(parseValue('{on', true)).toBe('{on');
  });

  it('is refused when it was meant as JSON, but is not: a shell has eaten the quotes', () => {
    for (const text of ['{on: true}', '[1, 2', '"open', '{"$bytes": "?"}', `${'['.repeat(40)}${']'.repeat(40)}`]) {
      expect(() => parseValue(text, false)).toThrow(UsageError);
    }
  });

  it('comes back from what was printed, text included', () => {
    const value = fc.oneof(unicode, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.boolean());
    fc.assert(
      fc.property(fc.oneof(value, fc.array(value)), (original) => {
        expect(parseValue(formatValue(original), false)).toEqual(original);
      }),
    );
  });
});
