import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergeMaps } from '../param/param-rules.ts';
import { readU16 } from './bytes.ts';
import { MessageCode, SetFlag, ValueCode } from './codes.ts';
import { mergeIntoSet } from './forward.ts';
import { decodeFrame, type Frame } from './frame.ts';
import { decodeValue, skipValue } from './value.ts';
import { Writer } from './writer.ts';

/** A value as it is on the wire: a map by its members, anything else by its code and body in hexadecimal. */
type Wire = string | ReadonlyMap<string, Wire>;

const scalar: fc.Arbitrary<Wire> = fc.oneof(
  fc.integer({ min: 0, max: 255 }).map((byte) => `02${hex(byte)}`),
  fc.integer({ min: 0, max: 255 }).map((byte) => `03ff${hex(byte)}`),
  fc.integer({ min: 0, max: 255 }).map((byte) => `04010203${hex(byte)}`),
  fc.integer({ min: 0, max: 255 }).map((byte) => `050000000000000f${hex(byte)}`),
  fc.integer({ min: 0, max: 255 }).map((byte) => `06400000${hex(byte)}`),
  fc.integer({ min: 0, max: 255 }).map((byte) => `0740000000000000${hex(byte)}`),
  fc.constantFrom('00', '0101', '08000161', '09000107', '0a000202010401020304'),
);
const key = fc.constantFrom('a', 'b', 'ü', '7', '__proto__', 'toString');
const map: fc.Arbitrary<ReadonlyMap<string, Wire>> = fc.letrec<{ map: ReadonlyMap<string, Wire>; value: Wire }>(
  (tie) => ({
    map: fc.array(fc.tuple(key, tie('value')), { maxLength: 6 }).map((members) => new Map(members)),
    value: fc.oneof({ maxDepth: 3 }, scalar, tie('map')),
  }),
).map;

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}

function write(writer: Writer, members: ReadonlyMap<string, Wire>): Writer {
  writer.u16(members.size);
  for (const [name, value] of members) {
    writer.str(name);
    if (typeof value === 'string') for (const byte of value.match(/../g) ?? []) writer.u8(Number.parseInt(byte, 16));
    else write(writer.u8(ValueCode.Map), value);
  }
  return writer;
}

function read(bytes: Uint8Array, at: number): Map<string, Wire> {
  const members = new Map<string, Wire>();
  let next = at + 2;
  for (let count = readU16(bytes, at); count > 0; count--) {
    const code = next + 2 + readU16(bytes, next);
    const name = new TextDecoder().decode(bytes.subarray(next + 2, code));
    next = skipValue(bytes, code + 1, bytes.length, bytes[code] as number, 0);
    const isMap = bytes[code] === ValueCode.Map;
    members.set(name, isMap ? read(bytes, code + 1) : [...bytes.subarray(code, next)].map(hex).join(''));
  }
  return members;
}

function naive(current: ReadonlyMap<string, Wire>, written: ReadonlyMap<string, Wire>): Map<string, Wire> {
  const merged = new Map(current);
  for (const [name, value] of written) {
    const old = current.get(name);
    const maps = typeof old === 'object' && typeof value === 'object';
    merged.set(name, maps ? naive(old, value) : value);
  }
  return merged;
}

const bodyOf = (members: ReadonlyMap<string, Wire>) => write(new Writer(), members).finish();

/** A SET of a map to `/m`, with everything that a SET can carry. */
function setOf(body: Uint8Array): Frame {
  const flags = SetFlag.Revision | SetFlag.Lock | SetFlag.Ttl | ValueCode.Map;
  const payload = new Writer().u8(MessageCode.Set).u8(flags).str('/m').bytes(body).u64(7).u32(60).finish();
  return decodeFrame(new Writer().u8(0x53).u8(0x41).u16(payload.length).bytes(payload).finish());
}

describe('merging a SET of a map into a map', () => {
  it('leaves every member the wire code and bytes that it came with', () => {
    fc.assert(
      fc.property(map, map, (current, written) => {
        const merged = mergeIntoSet(setOf(bodyOf(written)), bodyOf(current));
        expect(read(merged.bytes, merged.valueStart)).toEqual(naive(current, written));
      }),
    );
  });

  it('means what the merge of the decoded values means', () => {
    const decoded = (members: ReadonlyMap<string, Wire>) =>
      decodeValue(new Writer().u8(ValueCode.Map).bytes(bodyOf(members)).finish());
    fc.assert(
      fc.property(map, map, (current, written) => {
        const merged = mergeIntoSet(setOf(bodyOf(written)), bodyOf(current));
        expect(merged.value).toEqual(mergeMaps(decoded(current), decoded(written)));
      }),
    );
  });

  it('keeps address, QoS, expected revision, lock and TTL', () => {
    const merged = mergeIntoSet(setOf(bodyOf(new Map([['a', '0201']]))), bodyOf(new Map([['b', '0202']])));
    expect(merged).toMatchObject({ address: '/m', qos: 1, revision: 7, ttl: 60, value: { a: 1, b: 2 } });
    expect(merged.flags & SetFlag.Lock).toBe(SetFlag.Lock);
  });

  it('takes the last of duplicate keys, on both sides', () => {
    const twice = (first: string, second: string) => {
      const one = bodyOf(new Map([['a', first]]));
      return new Writer()
        .u16(2)
        .bytes(one, 2)
        .bytes(bodyOf(new Map([['a', second]])), 2)
        .finish();
    };
    const old = new Map<string, Wire>([['b', '0209']]);
    const merged = mergeIntoSet(setOf(twice('0201', '0202')), bodyOf(old));
    expect(read(merged.bytes, merged.valueStart)).toEqual(
      new Map([
        ['b', '0209'],
        ['a', '0202'],
      ]),
    );
    const back = mergeIntoSet(setOf(bodyOf(old)), twice('0203', '0204'));
    expect(read(back.bytes, back.valueStart)).toEqual(
      new Map([
        ['a', '0204'],
        ['b', '0209'],
      ]),
    );
  });

  it('refuses with 402 what is too long for a frame together', () => {
    const long = (name: string) =>
      bodyOf(new Map(Array.from({ length: 200 }, (_, n) => [`${name}${n}`, `080100${'61'.repeat(256)}`])));
    expect(() => mergeIntoSet(setOf(long('a')), long('b'))).toThrow(expect.objectContaining({ code: 402 }));
  });
});
