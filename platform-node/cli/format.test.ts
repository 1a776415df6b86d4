import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatSignal, formatValue, printable, signalJson } from './format.ts';

/** Text with control characters, quotes and letters of several bytes; `unit: 'binary'` takes seconds to set up. */
const unicode = fc.string({ unit: fc.integer({ min: 0, max: 0x20ff }).map((code) => String.fromCharCode(code)) });

describe('formatValue', () => {
  it('is JSON, and names the numbers JSON does not know', () => {
    expect(formatValue(0.5)).toBe('0.5');
    expect(formatValue(9007199254740993n)).toBe('9007199254740993');
    expect(formatValue('two words')).toBe('"two words"');
    expect(formatValue({ a: [1, null], b: new Uint8Array([1, 2, 3]) })).toBe('{"a":[1,null],"b":{"$bytes":"AQID"}}');
    expect(formatValue(Number.NaN)).toBe('NaN');
    expect(formatValue(Number.NEGATIVE_INFINITY)).toBe('-Infinity');
  });
});

describe('formatValue of floats', () => {
  it('is the shortest text that stands for the same float of 32 bits, also within arrays and maps', () => {
    expect(formatValue(Math.fround(0.1))).toBe('0.1');
    expect(formatValue([Math.fround(0.7), { a: Math.fround(1e-7) }])).toBe('[0.7,{"a":1e-7}]');
    expect(formatValue(16_777_216)).toBe('16777216');
    expect(formatValue(0.1 + 0.2)).toBe('0.30000000000000004');
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const text = formatValue(value);
        expect(Object.is(Math.fround(Number(text)), value) || value === 0).toBe(true);
        const shorter = [1, 2, 3, 4, 5, 6, 7, 8].map((digits) => Number(value.toPrecision(digits)));
        const shortest = shorter.find((each) => Math.fround(each) === value);
        if (shortest !== undefined && !Number.isInteger(value)) expect(text).toBe(String(shortest));
      }),
    );
  });

  it('is every other number as it is', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        if (Math.fround(value) !== value && value !== 0) expect(Number(formatValue(value))).toBe(value);
      }),
    );
  });
});

describe('formatSignal', () => {
  it('is the address and the value, with the kind of what is no param, and what else tells signals apart', () => {
    expect(formatSignal({ kind: 'param', address: '/a', value: 1, revision: 3 })).toBe('/a 1');
    expect(formatSignal({ kind: 'event', address: '/go', value: null })).toBe('/go event null');
    expect(formatSignal({ kind: 'stream', address: '/level', value: 0.5 })).toBe('/level stream 0.5');
    expect(formatSignal({ kind: 'gesture', address: '/pad', id: 7, phase: 'move', value: [0.1, 0.2] })).toBe(
      '/pad gesture move 7 [0.1,0.2]',
    );
    expect(formatSignal({ kind: 'timeline', address: '/fade', keyframes: [{ time: 0, value: 0 }] })).toBe(
      '/fade timeline of 1 keyframes',
    );
  });

  it('is always one line that does not steer the terminal', () => {
    fc.assert(
      fc.property(unicode, unicode, (address, value) => {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about.
        expect(formatSignal({ kind: 'event', address, value })).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
      }),
    );
    expect(printable('a\u001b[31mb\n')).toBe('a\\u001b[31mb\\u000a');
  });
});

describe('signalJson', () => {
  it('is one JSON object with kind and address first, without what is absent', () => {
    expect(
      signalJson({ value: 0.5, revision: 3, address: '/a', kind: 'param', writer: undefined, snapshot: true }),
    ).toBe('{"kind":"param","address":"/a","value":0.5,"revision":3,"snapshot":true}');
    expect(
      signalJson({
        kind: 'timeline',
        address: '/f',
        keyframes: [{ time: 0, value: 1n, easing: 'step' }],
        loop: undefined,
      }),
    ).toBe('{"kind":"timeline","address":"/f","keyframes":[{"time":0,"value":1,"easing":"step"}]}');
  });

  it('is always JSON', () => {
    fc.assert(
      fc.property(unicode, fc.double(), (text, number) => {
        const line = signalJson({ kind: 'event', address: text, value: { [text]: number } });
        expect(JSON.parse(line)).toMatchObject({ kind: 'event', address: text });
      }),
    );
  });
});
