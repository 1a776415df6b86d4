import { runInNewContext } from 'node:vm';
import { encode as publishedEncode } from '@clasp-to/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { values } from '../../testing/arbitraries.ts';
import type { Value } from '../signal/value.ts';
import { BundleWriter } from './bundle.ts';
import { encodeMessage } from './encode.ts';
import { encodeSet } from './encode-signal.ts';
import { decodeFrame } from './frame.ts';
import { decodeValue, encodeValue } from './value.ts';
import { Writer } from './writer.ts';

const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const nested = (depth: number): Value => (depth === 0 ? null : [nested(depth - 1)]);
const unchecked = (value: unknown): Value => value as Value;

describe('values', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(values(), (value) => {
        expect(decodeValue(encodeValue(value))).toStrictEqual(value);
      }),
    );
  });

  it.each<[Value, string]>([
    [null, '00'],
    [true, '01 01'],
    [false, '01 00'],
    [0.5, '07 3fe0000000000000'],
    [1, '07 3ff0000000000000'],
    [-0, '07 8000000000000000'],
    [1n, '05 0000000000000001'],
    [-1n, '05 ffffffffffffffff'],
    [-(2n ** 63n), '05 8000000000000000'],
    ['hi', '08 0002 6869'],
    ['é€😀', '08 0009 c3a9 e282ac f09f9880'],
    [Uint8Array.of(1, 255), '09 0002 01ff'],
    [[true, null], '0a 0002 0101 00'],
    [{ a: 'b' }, '0b 0001 0001 61 08 0001 62'],
  ])('%o is %s on the wire', (value, hex) => {
    expect(hexOf(encodeValue(value))).toBe(hex.replaceAll(' ', ''));
  });

  it.each<[string, Value]>([
    ['01 02', true],
    ['02 80', -128],
    ['03 fffe', -2],
    ['04 80000000', -2147483648],
    ['05 001fffffffffffff', Number.MAX_SAFE_INTEGER],
    ['05 0020000000000001', 2n ** 53n + 1n],
    ['05 ffe0000000000001', -Number.MAX_SAFE_INTEGER],
    ['05 ffdfffffffffffff', -(2n ** 53n) - 1n],
    ['06 3f000000', 0.5],
    ['06 7fc00000', Number.NaN],
    ['0b 0002 0001 61 01 01 0001 61 01 00', { a: false }],
  ])('%s means %o', (hex, value) => {
    expect(decodeValue(bytesOf(hex))).toStrictEqual(value);
  });

  it('hold __proto__ as an ordinary key and never touch a prototype', () => {
    const wire = bytesOf('0b 0002 0009 5f5f70726f746f5f5f 0b 0001 0001 78 01 01 0001 61 00');
    const map = decodeValue(wire) as Record<string, Value>;

    expect(Object.keys(map)).toEqual(['__proto__', 'a']);
    expect(Object.getPrototypeOf(map)).toBe(Object.prototype);
    expect('x' in map).toBe(false);
    expect(hexOf(encodeValue(map))).toBe(hexOf(wire));
  });

  it('share no memory with the bytes they came from', () => {
    const wire = Buffer.from('0900020102', 'hex');
    const value = decodeValue(wire);
    wire.fill(9);
    expect(value).toStrictEqual(Uint8Array.of(1, 2));
  });

  it('may nest 32 levels and no more', () => {
    const deepest = encodeValue(nested(32));
    expect(decodeValue(deepest)).toEqual(nested(32));
    expect(() => encodeValue(nested(33))).toThrow(/\[402\].*32 levels/);
    const deeper = new Writer().u8(0x0a).u16(1).bytes(deepest).finish();
    expect(() => decodeValue(deeper)).toThrow(/\[101\].*32 levels/);
  });

  it.each<[string, unknown]>([
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['a bigint of 2^63', 2n ** 63n],
    ['a string of 65536 bytes', 'é'.repeat(32768)],
    ['65536 bytes', new Uint8Array(65536)],
    ['65536 elements', new Array(65536).fill(null)],
  ])('refuses to encode %s with 402', (_, value) => {
    expect(() => encodeValue(unchecked(value))).toThrow(expect.objectContaining({ name: 'ClaspError', code: 402 }));
  });

  class Point {
    readonly x = 1;
    readonly label = undefined;
    readonly moved = () => undefined;
    get length(): number {
      return this.x;
    }
  }

  it.each<[string, unknown, Value]>([
    ['undefined', undefined, null],
    ['undefined in a map', { a: undefined, b: 1 }, { a: null, b: 1 }],
    ['undefined in an array', [1, undefined], [1, null]],
    ['a hole in an array', [new Array(1)], [[null]]],
    ['a function in a map', { a: () => 1 }, { a: null }],
    ['a date', { at: new Date(0) }, { at: {} }],
    ['a Map', new Map([['a', 1]]), {}],
    ['a Float32Array', new Float32Array([0.5, 2]), { 0: 0.5, 1: 2 }],
    ['a Uint8ClampedArray', new Uint8ClampedArray([7]), { 0: 7 }],
    ['an instance of a class', new Point(), { x: 1, label: null, moved: null }],
    ['an object of another realm', runInNewContext('({ a: [1, undefined] })'), { a: [1, null] }],
  ])('are written as published clients write %s', (_, value, read) => {
    const wire = encodeValue(unchecked(value));
    expect(decodeValue(wire)).toEqual(read);
    const published = publishedEncode({ type: 'SET', address: '/a', value: value as never });
    expect(decodeFrame(published).value).toEqual(read);
    const message = { type: 'SET', address: '/a', value: unchecked(value) } as const;
    expect(hexOf(encodeMessage(message, { qos: 1 }))).toBe(hexOf(published));
    // In a bundle, and by the client's own encoder, it is the same.
    expect(hexOf(encodeSet('/a', unchecked(value), { qos: 1 }))).toBe(hexOf(published));
    const bundle = new BundleWriter(1);
    bundle.set('/a', unchecked(value));
    expect(hexOf(bundle.finish(1))).toContain(hexOf(published).slice(8));
  });

  it('refuses a value that contains itself with 402', () => {
    const loop: unknown[] = [];
    loop.push(loop);
    expect(() => encodeValue(unchecked(loop))).toThrow(expect.objectContaining({ code: 402 }));
  });

  it.each([
    ['nothing', ''],
    ['an unknown code', '0c'],
    ['half an f64', '07 00000000'],
    ['a string longer than the bytes', '08 0003 6869'],
    ['invalid UTF-8', '08 0001 ff'],
    ['invalid UTF-8 in a key', '0b 0001 0001 c0 00'],
    ['an array that claims 65535 elements', '0a ffff 00'],
    ['a map without its last value', '0b 0001 0001 61'],
    ['bytes after the value', '00 00'],
  ])('refuses to decode %s with 101', (_, hex) => {
    expect(() => decodeValue(bytesOf(hex))).toThrow(expect.objectContaining({ name: 'ClaspError', code: 101 }));
  });

  it('can be read out of the middle of other bytes', () => {
    expect(decodeValue(bytesOf('ffff 02 07 ffff'), 2, 4)).toBe(7);
    expect(() => decodeValue(bytesOf('02 07'), 0, 3)).toThrow(expect.objectContaining({ code: 101 }));
  });
});

describe('Writer', () => {
  it('writes each integer type up to its bounds and refuses the next with 402', () => {
    const wire = new Writer(1)
      .u8(255)
      .u16(65535)
      .u32(2 ** 32 - 1)
      .i32(-(2 ** 31))
      .i64(-1)
      .u64(2n ** 64n - 1n);
    expect(hexOf(wire.finish())).toBe(`ffffffffffffff80000000${'f'.repeat(32)}`);
    const writer = new Writer();
    for (const refused of [
      () => writer.u8(256),
      () => writer.u16(-1),
      () => writer.u32(0.5),
      () => writer.u32(Number.NaN),
      () => writer.i32(2 ** 31),
      () => writer.i64(2n ** 63n),
      () => writer.i64(0.5),
      () => writer.u64(2 ** 64),
      () => writer.u64(-1n),
      () => writer.u64(2n ** 64n),
    ]) {
      expect(refused).toThrow(expect.objectContaining({ code: 402 }));
    }
  });

  it('lets a bridge write an integer or a float of a chosen size', () => {
    expect(decodeValue(new Writer().u8(4).i32(-7).finish())).toBe(-7);
    expect(decodeValue(new Writer().u8(6).f32(0.25).finish())).toBe(0.25);
  });

  it('grows to whatever is written', () => {
    const long = 'x'.repeat(60_000);
    const items = Array.from({ length: 3 }, () => long);
    expect(decodeValue(encodeValue(items))).toEqual(items);
  });
});
