import { decode, ExtData, encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Malformed, TokenReader, TokenWriter } from './token-bytes.ts';

const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.double(),
    fc.string({ maxLength: 300 }),
    fc.uint8Array({ maxLength: 300 }),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => new ExtData(5, bytes)),
    fc.array(tie('value'), { maxLength: 20 }),
    fc.dictionary(fc.string({ maxLength: 5 }), tie('value'), { maxKeys: 20, noNullPrototype: true }),
  ),
})).value;

describe('TokenReader', () => {
  it('skips exactly one value of any type, as another codec writes it', () => {
    fc.assert(
      fc.property(value, (some) => {
        const reader = new TokenReader(Uint8Array.from([...encode(some), 7]));
        reader.skip();
        expect(reader.uint()).toBe(7n);
        expect(reader.done).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('throws nothing but Malformed, whatever the bytes', () => {
    const ways: ((reader: TokenReader) => void)[] = [
      (reader) => reader.skip(),
      (reader) => reader.readMap(() => reader.skip()),
      (reader) => reader.readArray(() => reader.text()),
      (reader) => void reader.bytes(2),
      (reader) => void reader.uint(),
    ];
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.constantFrom(...ways), (bytes, way) => {
        try {
          way(new TokenReader(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(Malformed);
        }
      }),
      { numRuns: 5000 },
    );
  });

  it.each([
    ['a key twice', '82a161c0a161c0'],
    ['a key that is no text', '8101c0'],
    ['a text that is no UTF-8', '81a1ffc0'],
  ])('refuses a map with %s', (_, hex) => {
    const reader = new TokenReader(Buffer.from(hex, 'hex'));
    expect(() => reader.readMap(() => reader.skip())).toThrow(Malformed);
  });

  it.each([
    ['05', 5n],
    ['d005', 5n],
    ['cd0005', 5n],
    ['d3000000000000000f', 15n],
    ['cfffffffffffffffff', 2n ** 64n - 1n],
  ])('reads the integer %s, of whatever width', (hex, meant) => {
    expect(new TokenReader(Buffer.from(hex, 'hex')).uint()).toBe(meant);
  });

  it.each(['ff', 'd0ff', 'd3ffffffffffffffff', 'ca00000000', 'a131'])('refuses the integer %s', (hex) => {
    expect(() => new TokenReader(Buffer.from(hex, 'hex')).uint()).toThrow(Malformed);
  });
});

describe('TokenWriter', () => {
  it('writes what another codec reads, and as short as it does', () => {
    const integer = fc.oneof(fc.nat(300), fc.nat(70_000), fc.nat(2 ** 31), fc.maxSafeNat());
    fc.assert(
      fc.property(
        fc.array(integer, { maxLength: 40 }),
        fc.string({ maxLength: 300 }),
        fc.uint8Array({ maxLength: 300 }),
        (numbers, text, bytes) => {
          const writer = new TokenWriter().map(3).text('n').array(numbers.length);
          for (const number of numbers) writer.uint(number);
          const written = writer.text('t').text(text).text('b').bytes(bytes).finish();
          const meant = { n: numbers, t: text, b: bytes };
          expect(decode(written)).toEqual(meant);
          expect(written).toEqual(encode(meant));
        },
      ),
    );
  });
});
