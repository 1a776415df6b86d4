import { ClaspError, ErrorCode } from '../errors.ts';
import type { PlainValue, Value } from '../signal/value.ts';
import { isUtf8, readF32, readF64, readI32, readI64, readU16, readUtf8 } from './bytes.ts';
import { MAX_DEPTH, ValueCode } from './codes.ts';
import { Writer } from './writer.ts';

/**
 * The wire form of a value: code byte and body, as it stands in a PUBLISH or a SNAPSHOT.
 *
 * A number is written as f64, a bigint as i64; for other integer types use {@link Writer}. What is no {@link Value} is
 * written as `@clasp-to/core` writes it: undefined as null, any object that is neither list nor bytes (a class
 * instance, a date, another typed array) as the map of its own enumerable members, functions among them as null.
 * Throws a `ClaspError` 402 for what cannot travel: a function or symbol by itself, a bigint beyond i64, strings and
 * bytes over 65535 bytes, more than 32 levels of nesting.
 *
 * @example
 * ```ts
 * encodeClaspValue(true); // 01 01
 * ```
 */
export function encodeValue(value: Value): Uint8Array {
  return new Writer().value(value).finish();
}

/**
 * The value of a wire form (code byte and body) that fills `start` … `end` exactly; otherwise a `ClaspError` 101.
 *
 * @example
 * ```ts
 * decodeClaspValue(Uint8Array.of(0x08, 0x00, 0x02, 0x68, 0x69)); // 'hi'
 * ```
 */
export function decodeValue(bytes: Uint8Array, start = 0, end: number = bytes.length): PlainValue {
  if (start >= end || end > bytes.length) throw cut();
  const code = bytes[start] as number;
  const stop = skipValue(bytes, start + 1, end, code, 0);
  if (stop !== end) throw badMessage(`${end - stop} bytes follow the value`);
  return readValue(bytes, start + 1, code) as PlainValue;
}

/**
 * The position after the value body at `at`, once all of it has been checked: its length, codes, nesting and UTF-8.
 * What this accepts, {@link readValue} can read without checks. Throws a `ClaspError` 101 otherwise.
 */
export function skipValue(bytes: Uint8Array, at: number, end: number, code: number, depth: number): number {
  if (code === ValueCode.String) return skipString(bytes, at, end);
  if (code === ValueCode.Array || code === ValueCode.Map) return skipContainer(bytes, at, end, code, depth + 1);
  if (code > ValueCode.Map) throw badMessage(`unknown value code ${hex(code)}`);
  if (code === ValueCode.Bytes && at + 2 > end) throw cut();
  const stop = at + scalarSize(bytes, at, code);
  if (stop > end) throw cut();
  return stop;
}

/** The position after the str at `at`, whose UTF-8 is checked. */
export function skipString(bytes: Uint8Array, at: number, end: number): number {
  const start = at + 2;
  if (start > end) throw cut();
  const stop = start + readU16(bytes, at);
  if (stop > end) throw cut();
  if (!isUtf8(bytes, start, stop)) throw badMessage('a string is not valid UTF-8');
  return stop;
}

function skipContainer(bytes: Uint8Array, at: number, end: number, code: number, depth: number): number {
  if (depth > MAX_DEPTH) throw badMessage(`a value is nested deeper than ${MAX_DEPTH} levels`);
  if (at + 2 > end) throw cut();
  let next = at + 2;
  for (let count = readU16(bytes, at); count > 0; count--) {
    if (code === ValueCode.Map) next = skipString(bytes, next, end);
    if (next >= end) throw cut();
    next = skipValue(bytes, next + 1, end, bytes[next] as number, depth);
  }
  return next;
}

/** Reads the value body at `at`, which {@link skipValue} has accepted. */
export function readValue(bytes: Uint8Array, at: number, code: number): Value {
  switch (code) {
    case ValueCode.F64:
      return readF64(bytes, at);
    case ValueCode.Bool:
      return bytes[at] !== 0;
    case ValueCode.I8:
      return ((bytes[at] as number) << 24) >> 24;
    case ValueCode.I16:
      return (readU16(bytes, at) << 16) >> 16;
    case ValueCode.I32:
      return readI32(bytes, at);
    case ValueCode.I64:
      return readI64(bytes, at);
    case ValueCode.F32:
      return readF32(bytes, at);
    case ValueCode.String:
      return readUtf8(bytes, at + 2, at + 2 + readU16(bytes, at));
    case ValueCode.Bytes:
      return copyOf(bytes, at + 2, at + 2 + readU16(bytes, at));
    case ValueCode.Array:
    case ValueCode.Map:
      return new ContainerReader(bytes, at).read(code);
    default:
      return null;
  }
}

class ContainerReader {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  read(code: number): Value {
    let count = readU16(this.#bytes, this.#at);
    this.#at += 2;
    if (code === ValueCode.Array) {
      const items: Value[] = [];
      for (; count > 0; count--) items.push(this.#item());
      return items;
    }
    const map: Record<string, Value> = {};
    for (; count > 0; count--) {
      const start = this.#at + 2;
      this.#at = start + readU16(this.#bytes, this.#at);
      put(map, readUtf8(this.#bytes, start, this.#at), this.#item());
    }
    return map;
  }

  #item(): Value {
    const code = this.#bytes[this.#at++] as number;
    if (code === ValueCode.Array || code === ValueCode.Map) return this.read(code);
    const start = this.#at;
    this.#at = start + scalarSize(this.#bytes, start, code);
    return readValue(this.#bytes, start, code);
  }
}

/** Bytes of the body at `at` of a value that is neither array nor map. */
export function scalarSize(bytes: Uint8Array, at: number, code: number): number {
  switch (code) {
    case ValueCode.F64:
    case ValueCode.I64:
      return 8;
    case ValueCode.I32:
    case ValueCode.F32:
      return 4;
    case ValueCode.Bool:
    case ValueCode.I8:
      return 1;
    case ValueCode.I16:
      return 2;
    case ValueCode.Null:
      return 0;
    default:
      return 2 + readU16(bytes, at);
  }
}

/** Sets an own key, `__proto__` too: plain assignment would replace the prototype. */
export function put(map: Record<string, Value>, key: string, value: Value): void {
  if (key === '__proto__') {
    Object.defineProperty(map, key, { value, writable: true, enumerable: true, configurable: true });
  } else {
    map[key] = value;
  }
}

/** A copy that shares nothing with the frame; `slice` would not do, since a Node `Buffer` shares its memory there. */
export function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const copy = new Uint8Array(end - start);
  copy.set(bytes.subarray(start, end));
  return copy;
}

/** A `ClaspError` 101. */
export function badMessage(reason: string): ClaspError {
  return new ClaspError(ErrorCode.BadMessage, reason);
}

/** The error for a message that ends before its layout does. */
export function cut(): ClaspError {
  return badMessage('the message ends too early');
}

export function hex(byte: number): string {
  return `0x${byte.toString(16).padStart(2, '0')}`;
}
