import type { Value } from '../signal/value.ts';
import { readF64, readU16, readU32, readU64, readUtf8 } from './bytes.ts';
import { cut, readValue, skipString, skipValue } from './value.ts';

/** Reads the fields of a message in order; a `ClaspError` 101 where the bytes end before the field does. */
export class Reader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at: number;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  /** Position of the next field. */
  get at(): number {
    return this.#at;
  }

  get left(): number {
    return this.#end - this.#at;
  }

  u8(): number {
    return this.#bytes[this.#take(1)] as number;
  }

  u16(): number {
    return readU16(this.#bytes, this.#take(2));
  }

  u32(): number {
    return readU32(this.#bytes, this.#take(4));
  }

  u64(): number {
    return readU64(this.#bytes, this.#take(8));
  }

  f64(): number {
    return readF64(this.#bytes, this.#take(8));
  }

  str(): string {
    const start = this.#at + 2;
    this.#at = skipString(this.#bytes, this.#at, this.#end);
    return readUtf8(this.#bytes, start, this.#at);
  }

  /** Code + body. */
  value(): Value {
    const code = this.u8();
    const start = this.#at;
    this.#at = skipValue(this.#bytes, start, this.#end, code, 0);
    return readValue(this.#bytes, start, code);
  }

  #take(size: number): number {
    const at = this.#at;
    if (at + size > this.#end) throw cut();
    this.#at = at + size;
    return at;
  }
}
