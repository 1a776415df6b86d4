import { ClaspError, ErrorCode } from '../errors.ts';
import type { Value } from '../signal/value.ts';
import { readU32, readUtf8, writeU32 } from './bytes.ts';
import { MAX_DEPTH, ValueCode } from './codes.ts';
import { copyOf, put, readValue, scalarSize } from './value.ts';
import { codeOf, Writer } from './writer.ts';

/** Bytes of a value in the form of {@link ValueCode.Large}: text and JSON of 1 MiB take less, whatever they hold. */
const MAX_LARGE_BYTES: number = 4 * 1024 * 1024;

/** The value whose body under {@link ValueCode.Large} begins at `at`. */
export function readLargeValue(bytes: Uint8Array, at: number): Value {
  return new LargeReader(bytes, at + 4).item();
}

/** Reads a value whose lengths and counts are u32. */
class LargeReader {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  item(): Value {
    const code = this.#bytes[this.#at++] as number;
    switch (code) {
      case ValueCode.String:
        return this.#text();
      case ValueCode.Bytes:
        return copyOf(this.#bytes, ...this.#run());
      case ValueCode.Array: {
        const items: Value[] = [];
        for (let count = this.#u32(); count > 0; count--) items.push(this.item());
        return items;
      }
      case ValueCode.Map: {
        const map: Record<string, Value> = {};
        for (let count = this.#u32(); count > 0; count--) put(map, this.#text(), this.item());
        return map;
      }
    }
    const start = this.#at;
    this.#at += scalarSize(this.#bytes, start, code);
    return readValue(this.#bytes, start, code);
  }

  #text(): string {
    return readUtf8(this.#bytes, ...this.#run());
  }

  #run(): readonly [start: number, end: number] {
    const start = this.#at + 4;
    this.#at = start + readU32(this.#bytes, this.#at);
    return [start, this.#at];
  }

  #u32(): number {
    this.#at += 4;
    return readU32(this.#bytes, this.#at - 4);
  }
}

const encoder = new TextEncoder();

/** The body of a value under {@link ValueCode.Large}: a u32 length, then code and body with a u32 for each length and count. */
export function encodeLargeValue(value: Value): Uint8Array {
  const writer = new Writer(64 * 1024);
  writer.u32(0);
  writeLarge(writer, value, 0);
  const body = writer.finish();
  if (body.length > MAX_LARGE_BYTES) {
    throw new ClaspError(ErrorCode.BadValue, `a value of ${body.length} bytes is more than ${MAX_LARGE_BYTES}`);
  }
  writeU32(body, 0, body.length - 4);
  return body;
}

function writeLarge(writer: Writer, value: Value, depth: number): void {
  const code = typeof value === 'bigint' ? wholeCode(value) : codeOf(value);
  writer.u8(code);
  if (code === ValueCode.String) {
    writeRun(writer, encoder.encode(value as string));
  } else if (code === ValueCode.Bytes) {
    writeRun(writer, value as Uint8Array);
  } else if (code === ValueCode.Array || code === ValueCode.Map) {
    if (depth >= MAX_DEPTH) {
      throw new ClaspError(ErrorCode.BadValue, `a value is nested deeper than ${MAX_DEPTH} levels`);
    }
    writeItems(writer, value as readonly Value[] | { readonly [key: string]: Value }, depth + 1);
  } else if (code === ValueCode.I8) {
    writer.u8(Number(value) & 0xff);
  } else if (code === ValueCode.I16) {
    writer.u16(Number(value) & 0xffff);
  } else if (code === ValueCode.I32) {
    writer.i32(Number(value));
  } else {
    writer.body(value);
  }
  if (writer.length > MAX_LARGE_BYTES) {
    throw new ClaspError(ErrorCode.BadValue, `a value of more than ${MAX_LARGE_BYTES} bytes`);
  }
}

/** The shortest code of a whole number: lists of them would otherwise be much longer than as text. */
function wholeCode(value: bigint): number {
  if (BigInt.asIntN(8, value) === value) return ValueCode.I8;
  if (BigInt.asIntN(16, value) === value) return ValueCode.I16;
  return BigInt.asIntN(32, value) === value ? ValueCode.I32 : ValueCode.I64;
}

function writeItems(writer: Writer, value: readonly Value[] | { readonly [key: string]: Value }, depth: number): void {
  if (Array.isArray(value)) {
    writer.u32(value.length);
    for (const item of value) writeLarge(writer, item, depth);
    return;
  }
  const entries = Object.entries(value as { readonly [key: string]: Value });
  writer.u32(entries.length);
  for (const [key, item] of entries) {
    writeRun(writer, encoder.encode(key));
    writeLarge(writer, item, depth);
  }
}

function writeRun(writer: Writer, run: Uint8Array): void {
  writer.u32(run.length).bytes(run);
}
