import { ClaspError, ErrorCode } from '../errors.ts';
import type { Value } from '../signal/value.ts';
import {
  isU64,
  writeAscii,
  writeF32,
  writeF64,
  writeI64,
  writeSafeInteger,
  writeU16,
  writeU32,
  writeU64,
  writeUtf8,
} from './bytes.ts';
import { MAX_DEPTH, MAX_PAYLOAD, ValueCode } from './codes.ts';

/** Longer texts are left to the host's encoder. */
const SHORT = 96;

/**
 * Bytes that grow as they are written, big-endian as everything in CLASP.
 *
 * What does not fit its field (a negative revision, a string over 65535 bytes, a function as a value) is a
 * `ClaspError` 402; what was written before it stays.
 *
 * @example
 * ```ts
 * const value = new Writer().u8(ClaspValueCode.I32).i32(127).finish();
 * decodeClaspValue(value); // 127
 * ```
 */
export class Writer {
  #bytes: Uint8Array;
  #length = 0;

  constructor(capacity = 64) {
    this.#bytes = new Uint8Array(capacity);
  }

  /** How many bytes have been written. */
  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    integer(value, 0xff, 'u8');
    const at = this.#room(1);
    this.#bytes[at] = value;
    return this;
  }

  u16(value: number): this {
    integer(value, 0xffff, 'u16');
    const at = this.#room(2);
    writeU16(this.#bytes, at, value);
    return this;
  }

  u32(value: number): this {
    integer(value, 0xffff_ffff, 'u32');
    const at = this.#room(4);
    writeU32(this.#bytes, at, value);
    return this;
  }

  /** An integer of 0 … 2^64 - 1. A number above 2^53 is written as the integer it stands for. */
  u64(value: number | bigint): this {
    if (typeof value === 'bigint') {
      if (BigInt.asUintN(64, value) !== value) throw outOfRange(value, 'u64');
      const at = this.#room(8);
      writeI64(this.#bytes, at, value);
    } else {
      if (!isU64(value)) throw outOfRange(value, 'u64');
      const at = this.#room(8);
      writeU64(this.#bytes, at, value);
    }
    return this;
  }

  i32(value: number): this {
    if ((value | 0) !== value) throw outOfRange(value, 'i32');
    const at = this.#room(4);
    writeU32(this.#bytes, at, value);
    return this;
  }

  i64(value: number | bigint): this {
    // What a number can say exactly costs a tenth of what bigints do.
    const number = Number(value);
    if (Number.isSafeInteger(number)) {
      const at = this.#room(8);
      writeSafeInteger(this.#bytes, at, number);
      return this;
    }
    if (typeof value === 'number' && !Number.isInteger(value)) throw outOfRange(value, 'i64');
    const whole = BigInt(value);
    if (BigInt.asIntN(64, whole) !== whole) throw outOfRange(value, 'i64');
    const at = this.#room(8);
    writeI64(this.#bytes, at, whole);
    return this;
  }

  f32(value: number): this {
    const at = this.#room(4);
    writeF32(this.#bytes, at, value);
    return this;
  }

  f64(value: number): this {
    const at = this.#room(8);
    writeF64(this.#bytes, at, value);
    return this;
  }

  /** u16 byte length + UTF-8. A lone surrogate becomes U+FFFD. */
  str(text: string): this {
    const at = this.#room(2 + text.length);
    if (text.length <= SHORT && writeAscii(text, this.#bytes, at + 2)) {
      writeU16(this.#bytes, at, text.length);
      return this;
    }
    this.#length = at;
    this.#room(2 + text.length * 3);
    this.#length = writeUtf8(text, this.#bytes, at + 2);
    const size = this.#length - at - 2;
    if (size > 0xffff) {
      this.#length = at;
      throw new ClaspError(ErrorCode.BadValue, `a string of ${size} bytes is longer than 65535`);
    }
    writeU16(this.#bytes, at, size);
    return this;
  }

  /** Raw bytes, without a length. */
  bytes(source: Uint8Array, start = 0, end: number = source.length): this {
    const at = this.#room(end - start);
    this.#bytes.set(start === 0 && end === source.length ? source : source.subarray(start, end), at);
    return this;
  }

  /** Code + body. A number is written as f64, a bigint as i64. */
  value(value: Value): this {
    return this.u8(codeOf(value)).body(value);
  }

  /** The body of a value, without its code. */
  body(value: Value): this {
    this.#body(value, 0);
    return this;
  }

  /** Overwrites the u16 at `at`. */
  patchU16(at: number, value: number): this {
    writeU16(this.#bytes, at, value);
    return this;
  }

  /** Writes how many bytes there are from `start` on into the u16 before it; `ClaspError` 402 when they are too many. */
  patchSize(start: number): void {
    const size = this.#length - start;
    if (size > MAX_PAYLOAD) throw new ClaspError(ErrorCode.BadValue, `a message of ${size} bytes is longer than 65535`);
    writeU16(this.#bytes, start - 2, size);
  }

  /** A copy of what has been written; the writer can go on or be reset. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  /** Appends what has been written to another writer. */
  copyTo(other: Writer): void {
    other.bytes(this.#bytes, 0, this.#length);
  }

  /** Forgets what was written after `length` bytes. */
  reset(length = 0): void {
    this.#length = length;
  }

  #body(value: Value, depth: number): void {
    if (typeof value === 'number') {
      this.f64(value);
    } else if (typeof value === 'string') {
      this.str(value);
    } else if (typeof value === 'boolean') {
      this.u8(value ? 1 : 0);
    } else if (typeof value === 'bigint') {
      this.i64(value);
    } else if (value !== null && value !== undefined) {
      this.#container(value, depth + 1);
    }
  }

  #container(value: object, depth: number): void {
    if (isBytes(value)) {
      this.#count(value.length, 'bytes').bytes(value);
      return;
    }
    if (depth > MAX_DEPTH)
      throw new ClaspError(ErrorCode.BadValue, `a value is nested deeper than ${MAX_DEPTH} levels`);
    if (Array.isArray(value)) {
      this.#count(value.length, 'array elements');
      for (const item of value as readonly Value[]) {
        const code = itemCode(item);
        this.u8(code);
        if (code !== ValueCode.Null) this.#body(item, depth);
      }
    } else {
      const map = value as { readonly [key: string]: Value };
      const keys = Object.keys(map);
      this.#count(keys.length, 'map keys');
      for (const key of keys) {
        const item = map[key] as Value;
        const code = itemCode(item);
        this.str(key).u8(code);
        if (code !== ValueCode.Null) this.#body(item, depth);
      }
    }
  }

  #count(count: number, what: string): this {
    if (count > 0xffff) throw new ClaspError(ErrorCode.BadValue, `${count} ${what} are more than 65535`);
    return this.u16(count);
  }

  /** Makes room for `size` bytes and gives the position of the first. */
  #room(size: number): number {
    const at = this.#length;
    const end = at + size;
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, this.#bytes.length * 4));
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#length = end;
    return at;
  }
}

/**
 * The wire code of a value. As `@clasp-to/core` sends them, undefined is null, and every object that is neither list nor
 * bytes (an instance of a class, a date, another typed array) a map of its own enumerable members. `ClaspError` 402 for
 * a function or a symbol: null there would delete a param.
 */
export function codeOf(value: Value): number {
  const code = codeOr(value, NO_VALUE);
  if (code !== NO_VALUE) return code;
  throw new ClaspError(ErrorCode.BadValue, `a ${typeof value} cannot travel as a value`, { value });
}

/** The wire code of an element or member: methods among the members of an object are null, as published. */
function itemCode(value: Value): number {
  return codeOr(value, ValueCode.Null);
}

const NO_VALUE = -1;

function codeOr(value: Value | undefined, other: number): number {
  switch (typeof value) {
    case 'number':
      return ValueCode.F64;
    case 'string':
      return ValueCode.String;
    case 'boolean':
      return ValueCode.Bool;
    case 'bigint':
      return ValueCode.I64;
    case 'undefined':
      return ValueCode.Null;
    case 'object':
      if (value === null) return ValueCode.Null;
      if (isBytes(value)) return ValueCode.Bytes;
      return Array.isArray(value) ? ValueCode.Array : ValueCode.Map;
    default:
      return other;
  }
}

function isBytes(value: object): value is Uint8Array {
  // The tag also knows the Uint8Array of another realm: an iframe, a vm context.
  if (value instanceof Uint8Array) return true;
  return ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === '[object Uint8Array]';
}

function integer(value: number, max: number, field: string): void {
  if (!(value >= 0 && value <= max && Math.floor(value) === value)) throw outOfRange(value, field);
}

function outOfRange(value: number | bigint, field: string): ClaspError {
  return new ClaspError(ErrorCode.BadValue, `${value} is not a ${field}`, { value });
}

/**
 * Writes the body of a value under a wire code of its type, where a number may be of any: what `readValue` gave for the
 * code becomes the bytes that it was read from, apart from NaNs and booleans other than 0 and 1.
 */
export function writeBodyAs(writer: Writer, code: number, value: Value): Writer {
  switch (code) {
    case ValueCode.I8:
      return writer.u8(Number(value) & 0xff);
    case ValueCode.I16:
      return writer.u16(Number(value) & 0xffff);
    case ValueCode.I32:
      return writer.i32(Number(value));
    case ValueCode.I64:
      return writer.i64(value as number | bigint);
    case ValueCode.F32:
      return writer.f32(Number(value));
    default:
      return writer.body(value);
  }
}
