import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClaspError, ErrorCode } from '../errors.ts';
import { encodeMessage } from '../wire/encode.ts';
import { parseJson, stringifyJson } from './json.ts';
import type { Value } from './value.ts';

/** Text with control characters, quotes and letters of several bytes; `unit: 'binary'` takes seconds to set up. */
const unicode = fc.string({ unit: fc.integer({ min: 0, max: 0x20ff }).map((code) => String.fromCharCode(code)) });

/** What JSON carries without loss: no integer-valued number, no map that reads as bytes or a number. */
const exact: fc.Arbitrary<Value> = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom<Value[]>(null, true, false),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.double({ noInteger: true }),
    unicode,
    fc.uint8Array(),
    fc.array(tie('value')),
    fc.dictionary(
      fc.oneof(fc.string(), fc.constant('__proto__')).filter((key) => key !== '$bytes' && key !== '$number'),
      tie('value'),
      { noNullPrototype: true },
    ),
  ),
})).value;

const reasonOf = (text: string): ClaspError => {
  try {
    parseJson(text);
  } catch (error) {
    if (error instanceof ClaspError) return error;
    throw error;
  }
  throw new Error(`"${text}" was accepted`);
};

describe('JSON', () => {
  it('comes back as it was written', () => {
    fc.assert(
      fc.property(exact, (value) => {
        expect(parseJson(stringifyJson(value))).toEqual(value);
      }),
    );
  });

  it('reads what JSON.parse reads, apart from integers and bytes', () => {
    const asNumbers = (value: Value): unknown => {
      if (typeof value === 'bigint') return Number(value);
      if (Array.isArray(value)) return value.map(asNumbers);
      if (typeof value !== 'object' || value === null) return value;
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, asNumbers(item)]));
    };
    fc.assert(
      fc.property(fc.json(), fc.constantFrom('', ' ', '\n\t '), (text, space) => {
        fc.pre(!/\d{19}/.test(text)); // an integer over 64 bits is refused
        const padded = space + JSON.stringify(JSON.parse(text), null, space) + space;
        expect(JSON.stringify(asNumbers(parseJson(padded)))).toBe(JSON.stringify(JSON.parse(text)));
      }),
    );
  });

  it('accepts exactly the texts JSON.parse accepts, up to its depth', () => {
    const fragment = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '1',
      '-',
      '.',
      '5',
      'e',
      'true',
      'null',
      ' ',
      '\\',
    );
    fc.assert(
      fc.property(fc.array(fragment, { maxLength: 12 }), (parts) => {
        const text = parts.join('');
        let valid = true;
        try {
          JSON.parse(text);
        } catch {
          valid = false;
        }
        if (valid) parseJson(text);
        else expect(reasonOf(text).code).toBe(ErrorCode.BadValue);
      }),
      { numRuns: 2_000 },
    );
  });

  it('makes an integer of a literal without fraction, and a number of every other', () => {
    expect(parseJson('[1, -7, 0, 1.0, 1e3, 0.5]')).toEqual([1n, -7n, 0n, 1, 1000, 0.5]);
  });

  it('keeps integers of 64 bits exact', () => {
    expect(parseJson('9223372036854775807')).toBe(9223372036854775807n);
    expect(parseJson('-9223372036854775808')).toBe(-9223372036854775808n);
    expect(parseJson('9223372036854775807.0')).toBe(2 ** 63);
  });

  it.each([
    ['9223372036854775808', '9223372036854775808 is an integer of more than 64 bits'],
    ['{"a": [0, -9223372036854775809]}', 'a[1]: -9223372036854775809 is an integer of more than 64 bits'],
    [`[${'1'.repeat(400)}]`, `[0]: ${'1'.repeat(40)}… (400 digits) is an integer of more than 64 bits`],
    ['{"value": {"level": 1e400}}', 'value.level: 1e400 is too large for a number'],
    ['[[], [1, -1e999]]', '[1][1]: -1e999 is too large for a number'],
    ['{"two words": "x\\ud83d"}', '["two words"]: \\ud83d is half of a surrogate pair, no character of a text'],
    ['{"a": {"\\udE00": 1}}', 'a: \\ude00 is half of a surrogate pair, no character of a text'],
    ['"\\ude00\\ud83d"', '\\ude00 is half of a surrogate pair, no character of a text'],
    ['{"a": {"$bytes": "?"}}', 'a: $bytes is not base64'],
    ['{"a": {"$number": "nan"}}', 'a: $number is one of NaN, Infinity, -Infinity, not "nan"'],
  ])('refuses what no value can hold and names the place: %s', (text, reason) => {
    const error = reasonOf(text);
    expect([error.code, error.reason, error.cause]).toEqual([ErrorCode.BadValue, reason, undefined]);
  });

  it('names the place whatever surrounds it, and refuses nothing else', () => {
    const bad = fc.constantFrom('1e400', '18446744073709551616', '"\\ud800"');
    const step = fc.oneof(fc.nat(5), fc.constantFrom('a', 'b-c', 'd_1'));
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 20 }), bad, (path, literal) => {
        const around = (inner: string) =>
          path.reduceRight<string>((text, at) => {
            if (typeof at === 'string') return `{"before":["\\ud83d\\ude00",{}],"${at}":${text},"after":1}`;
            return `[${'{"x":0.5},'.repeat(at)}${text},null]`;
          }, inner);
        const place = path.map((at) => (typeof at === 'number' ? `[${at}]` : `.${at}`)).join('');
        expect(reasonOf(around(literal)).reason).toContain(`${place.replace(/^\./, '')}: `);
        parseJson(around('9223372036854775807'));
      }),
    );
  });

  it('rounds integers of foreign programs that are told to be rounded, and nothing else', () => {
    expect(parseJson('[18446744073709551615, 1]', 0, true)).toEqual([2 ** 64, 1n]);
    for (const text of ['1e400', '1'.repeat(400)]) expect(() => parseJson(text, 0, true)).toThrow(ClaspError);
  });

  it('takes a whole surrogate pair, written as it is or escaped', () => {
    expect(parseJson('["😀", "\\ud83d\\ude00"]')).toEqual(['😀', '😀']);
  });

  it('treats __proto__ as an ordinary key', () => {
    const map = parseJson('{"__proto__": {"polluted": true}}');
    expect(Object.keys(map as object)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(map)).toBe(Object.prototype);
  });

  it('lets the last of equal keys win', () => {
    expect(parseJson('{"a": 1, "a": 2}')).toEqual({ a: 2n });
  });

  it('reads bytes in base64 and refuses what is not base64', () => {
    expect(parseJson('{"$bytes": "AQID/w=="}')).toEqual(new Uint8Array([1, 2, 3, 255]));
    expect(parseJson('{"$bytes": ""}')).toEqual(new Uint8Array());
    expect(parseJson('{"$bytes": 1}')).toEqual({ $bytes: 1n });
    for (const wrong of ['A', 'A===', 'AQ=', '====', 'A*==', 'AB=C']) {
      expect(reasonOf(`{"$bytes": "${wrong}"}`).code).toBe(ErrorCode.BadValue);
    }
  });

  it('writes the base64 of the platform', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(stringifyJson(bytes)).toBe(`{"$bytes":"${Buffer.from(bytes).toString('base64')}"}`);
      }),
    );
  });

  it('writes numbers that JSON does not know as what is neither a number nor null, and reads them back', () => {
    const text = '[{"$number":"NaN"},{"$number":"Infinity"},{"$number":"-Infinity"}]';
    expect(stringifyJson([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])).toBe(text);
    expect(stringifyJson(parseJson(text))).toBe(text);
    expect(parseJson('{"$number": 1, "b": {"$number": "NaN", "c": 1}}')).toEqual({
      $number: 1n,
      b: { $number: 'NaN', c: 1n },
    });
  });

  it('reads every value that the wire carries, also in an envelope, and nothing deeper', () => {
    const nested = (levels: number, inner: Value): Value => {
      let value = inner;
      for (let i = 0; i < levels; i++) value = i % 2 ? [value] : { a: value };
      return value;
    };
    for (const inner of [1n, new Uint8Array([1]), Number.NaN]) {
      const value = nested(32, inner);
      expect(encodeMessage({ type: 'SET', address: '/a', value })).toBeInstanceOf(Uint8Array);
      expect(parseJson(stringifyJson(value))).toEqual(value);
      expect(parseJson(stringifyJson({ value }), 1)).toEqual({ value });
      expect(reasonOf(stringifyJson({ value })).reason).toBe('JSON is nested deeper than 32 levels');
      expect(() => parseJson(stringifyJson({ value: [value] }), 1)).toThrow('JSON is nested deeper than 33 levels');
    }
    const deep = `${'{"$bytes":'.repeat(100_000)}""${'}'.repeat(100_000)}`;
    expect(() => parseJson(deep)).toThrow(ClaspError);
  });

  it('refuses nesting that would exhaust the stack', () => {
    expect(parseJson(`${'['.repeat(32)}1${']'.repeat(32)}`)).toHaveLength(1);
    expect(reasonOf(`${'['.repeat(33)}${']'.repeat(33)}`).reason).toContain('nested deeper');
    expect(reasonOf(`${'['.repeat(100_000)}${']'.repeat(100_000)}`).reason).toContain('nested deeper');
  });
});
