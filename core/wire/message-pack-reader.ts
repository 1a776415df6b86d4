import type { Value } from '../value.ts';
import { readF32, readF64, readU16, readU32 } from './numbers.ts';
import { isUtf8, readUtf8 } from './utf8.ts';
import { badMessage, copyOf, cut, hex, put } from './value.ts';

/** Levels of nesting: a bundle, its messages, their fields, and a value of the greatest depth. */
const MAX_LEVELS = 40;
const MAX_I64 = 2n ** 63n - 1n;

/**
 * Reads one MessagePack object that fills `start` … `end`.
 *
 * Integers become a bigint, so that they stay integers when they are encoded again (a u64 beyond i64 becomes a
 * number), floats a number, binaries a copy. Extensions, maps with keys other than strings, and everything malformed are
 * a `ClaspError` 101.
 */
export function readMessagePack(bytes: Uint8Array, start: number, end: number): Value {
  const reader = new MessagePackReader(bytes, start, end);
  const value = reader.read(0);
  if (reader.left > 0) throw badMessage(`${reader.left} bytes follow the MessagePack map`);
  return value;
}

class MessagePackReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at: number;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  get left(): number {
    return this.#end - this.#at;
  }

  read(depth: number): Value {
    const head = this.#uint(1);
    if (head < 0x80) return BigInt(head);
    if (head < 0x90) return this.#map(head & 0x0f, depth + 1);
    if (head < 0xa0) return this.#array(head & 0x0f, depth + 1);
    if (head < 0xc0) return this.#string(head & 0x1f);
    if (head >= 0xe0) return BigInt(head - 0x100);
    switch (head) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#binary(this.#uint(1 << (head - 0xc4)));
      case 0xca:
        return readF32(this.#bytes, this.#take(4));
      case 0xcb:
        return readF64(this.#bytes, this.#take(8));
      case 0xcc:
      case 0xcd:
      case 0xce:
        return BigInt(this.#uint(1 << (head - 0xcc)));
      case 0xcf: {
        const whole = this.#u64();
        return whole > MAX_I64 ? Number(whole) : whole;
      }
      case 0xd0:
        return BigInt.asIntN(8, BigInt(this.#uint(1)));
      case 0xd1:
        return BigInt.asIntN(16, BigInt(this.#uint(2)));
      case 0xd2:
        return BigInt.asIntN(32, BigInt(this.#uint(4)));
      case 0xd3:
        return BigInt.asIntN(64, this.#u64());
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#string(this.#uint(1 << (head - 0xd9)));
      case 0xdc:
      case 0xdd:
        return this.#array(this.#uint(2 << (head - 0xdc)), depth + 1);
      case 0xde:
      case 0xdf:
        return this.#map(this.#uint(2 << (head - 0xde)), depth + 1);
      default:
        throw badMessage(`MessagePack type ${hex(head)} has no place in CLASP`);
    }
  }

  #map(count: number, depth: number): Value {
    checkDepth(depth);
    const map: Record<string, Value> = {};
    for (let left = count; left > 0; left--) {
      const key = this.read(depth);
      if (typeof key !== 'string') throw badMessage('a MessagePack map has a key that is not a string');
      put(map, key, this.read(depth));
    }
    return map;
  }

  #array(count: number, depth: number): Value {
    checkDepth(depth);
    const items: Value[] = [];
    for (let left = count; left > 0; left--) items.push(this.read(depth));
    return items;
  }

  #string(size: number): string {
    const start = this.#take(size);
    if (!isUtf8(this.#bytes, start, this.#at)) throw badMessage('a string is not valid UTF-8');
    return readUtf8(this.#bytes, start, this.#at);
  }

  #binary(size: number): Uint8Array {
    const start = this.#take(size);
    return copyOf(this.#bytes, start, this.#at);
  }

  #uint(size: number): number {
    const at = this.#take(size);
    if (size === 1) return this.#bytes[at] as number;
    return size === 2 ? readU16(this.#bytes, at) : readU32(this.#bytes, at);
  }

  #u64(): bigint {
    const at = this.#take(8);
    return (BigInt(readU32(this.#bytes, at)) << 32n) | BigInt(readU32(this.#bytes, at + 4));
  }

  #take(size: number): number {
    const at = this.#at;
    if (at + size > this.#end) throw cut();
    this.#at = at + size;
    return at;
  }
}

function checkDepth(depth: number): void {
  if (depth > MAX_LEVELS) throw badMessage('a MessagePack map is nested too deep');
}
