import { isUtf8, readUtf8, writeUtf8 } from '../wire/bytes.ts';

/** Thrown by {@link TokenReader}, and by whoever reads with it, for bytes that are not what they should be. */
export class Malformed extends Error {}

/** Nesting of what is skipped; what is read nests four deep. */
const MAX_DEPTH = 32;

/**
 * Reads MessagePack field by field, so that a key that comes twice, a value of another type and bytes that follow are
 * seen. Integers may be of any width and byte fields a `bin` or an array of integers, as published code reads them.
 * Throws {@link Malformed}.
 */
export class TokenReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Whether nothing follows. */
  get done(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** Calls `field` for each key of a map, which must read or skip its value. A key that comes twice is malformed. */
  readMap(field: (key: string) => void): void {
    const head = this.#uint(1);
    const size = head >> 4 === 8 ? head & 15 : head === 0xde ? this.#uint(2) : head === 0xdf ? this.#uint(4) : -1;
    if (size < 0) throw new Malformed('not a map');
    const keys = new Set<string>();
    for (let left = size; left > 0; left--) {
      const key = this.text();
      if (keys.has(key)) throw new Malformed('a key twice');
      keys.add(key);
      field(key);
    }
  }

  /** Calls `item` for each item of an array, which must read or skip it. */
  readArray(item: () => void): void {
    const size = this.#arraySize();
    for (let left = size; left > 0; left--) item();
  }

  /** Whether a map comes next. */
  get atMap(): boolean {
    const head = this.#bytes[this.#at] ?? 0;
    return head >> 4 === 8 || head === 0xde || head === 0xdf;
  }

  /** Reads nil where it comes next, and tells. */
  nil(): boolean {
    if (this.#bytes[this.#at] !== 0xc0) return false;
    this.#at++;
    return true;
  }

  text(): string {
    const head = this.#uint(1);
    const size = head >> 5 === 5 ? head & 31 : head >= 0xd9 && head <= 0xdb ? this.#uint(1 << (head - 0xd9)) : -1;
    if (size < 0) throw new Malformed('not a text');
    const start = this.#take(size);
    if (!isUtf8(this.#bytes, start, this.#at)) throw new Malformed('not UTF-8');
    return readUtf8(this.#bytes, start, this.#at);
  }

  /** An integer of 0 … 2^64 - 1. */
  uint(): bigint {
    const head = this.#uint(1);
    if (head < 0x80) return BigInt(head);
    const signed = head >= 0xd0 && head <= 0xd3;
    if (!signed && !(head >= 0xcc && head <= 0xcf)) throw new Malformed('not an unsigned integer');
    const size = 1 << ((head - 0xcc) & 3);
    const value = size < 8 ? BigInt(this.#uint(size)) : (BigInt(this.#uint(4)) << 32n) | BigInt(this.#uint(4));
    if (signed && BigInt.asIntN(size * 8, value) < 0n) throw new Malformed('a negative integer');
    return value;
  }

  /** Exactly so many bytes. */
  bytes(length: number): Uint8Array {
    const head = this.#bytes[this.#at] ?? 0;
    if (head < 0xc4 || head > 0xc6) {
      const size = this.#arraySize();
      if (size !== length) throw new Malformed(`not ${length} bytes`);
      return Uint8Array.from({ length }, () => {
        const byte = this.uint();
        if (byte > 255n) throw new Malformed('not a byte');
        return Number(byte);
      });
    }
    this.#at++;
    const size = this.#uint(1 << (head - 0xc4));
    if (size !== length) throw new Malformed(`not ${length} bytes`);
    const start = this.#take(size);
    return this.#bytes.slice(start, this.#at);
  }

  /** Reads a value of any type, of which nobody wants to know. */
  skip(depth = 0): void {
    if (depth > MAX_DEPTH) throw new Malformed('nested too deep');
    const head = this.#uint(1);
    const items = this.#itemsOf(head);
    if (items === 0) this.#take(this.#sizeOf(head));
    for (let left = items; left > 0; left--) this.skip(depth + 1);
  }

  /** Values inside an array or map of this head; 0 for any other. */
  #itemsOf(head: number): number {
    if (head >= 0x80 && head < 0xa0) return (head & 15) * (head < 0x90 ? 2 : 1);
    if (head >= 0xdc && head < 0xe0) return this.#uint(head & 1 ? 4 : 2) * (head < 0xde ? 1 : 2);
    return 0;
  }

  /** Bytes of a value that is no array or map, after its head and its size. */
  #sizeOf(head: number): number {
    if (head < 0xa0 || head >= 0xe0) return 0;
    if (head < 0xc0) return head & 31;
    if (head >= 0xc4 && head <= 0xc6) return this.#uint(1 << (head - 0xc4));
    if (head >= 0xc7 && head <= 0xc9) return this.#uint(1 << (head - 0xc7)) + 1;
    if (head === 0xca || head === 0xcb) return head === 0xca ? 4 : 8;
    if (head >= 0xcc && head <= 0xd3) return 1 << ((head - 0xcc) & 3);
    if (head >= 0xd4 && head <= 0xd8) return (1 << (head - 0xd4)) + 1;
    if (head >= 0xd9 && head <= 0xdb) return this.#uint(1 << (head - 0xd9));
    if (head === 0xc1) throw new Malformed('no such type');
    // nil, false, true; an array or map of nothing.
    return 0;
  }

  #arraySize(): number {
    const head = this.#uint(1);
    if (head >> 4 === 9) return head & 15;
    if (head === 0xdc) return this.#uint(2);
    if (head === 0xdd) return this.#uint(4);
    throw new Malformed('not an array');
  }

  #uint(size: number): number {
    const start = this.#take(size);
    let value = 0;
    for (let at = start; at < this.#at; at++) value = value * 256 + (this.#bytes[at] as number);
    return value;
  }

  #take(size: number): number {
    const start = this.#at;
    if (start + size > this.#bytes.length) throw new Malformed('cut off');
    this.#at += size;
    return start;
  }
}

/** Writes MessagePack as the published code does: every size and integer as short as it can be. */
export class TokenWriter {
  readonly #bytes: number[] = [];

  map(size: number): this {
    return this.#sized(size, 0x80, 15, [undefined, 0xde, 0xdf]);
  }

  array(size: number): this {
    return this.#sized(size, 0x90, 15, [undefined, 0xdc, 0xdd]);
  }

  nil(): this {
    this.#bytes.push(0xc0);
    return this;
  }

  text(text: string): this {
    const room = new Uint8Array(text.length * 3);
    const utf8 = room.subarray(0, writeUtf8(text, room, 0));
    this.#sized(utf8.length, 0xa0, 31, [0xd9, 0xda, 0xdb]);
    return this.#append(utf8);
  }

  uint(value: number | bigint): this {
    const whole = BigInt(value);
    if (whole < 0x80n) {
      this.#bytes.push(Number(whole));
      return this;
    }
    const power = whole < 0x100n ? 0 : whole < 0x1_0000n ? 1 : whole < 0x1_0000_0000n ? 2 : 3;
    this.#bytes.push(0xcc + power);
    return this.#bigEndian(whole, 1 << power);
  }

  /** As a `bin`. */
  bytes(bytes: Uint8Array): this {
    this.#sized(bytes.length, 0, -1, [0xc4, 0xc5, 0xc6]);
    return this.#append(bytes);
  }

  /** As an array of integers. */
  integers(bytes: Uint8Array): this {
    this.array(bytes.length);
    for (const byte of bytes) this.uint(byte);
    return this;
  }

  finish(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }

  #append(bytes: Uint8Array): this {
    for (const byte of bytes) this.#bytes.push(byte);
    return this;
  }

  /** A size in the head itself up to `most`, else after a head of its own for one, two and four bytes. */
  #sized(size: number, head: number, most: number, heads: readonly (number | undefined)[]): this {
    if (size <= most) {
      this.#bytes.push(head | size);
      return this;
    }
    const power = size < 0x100 && heads[0] !== undefined ? 0 : size < 0x1_0000 ? 1 : 2;
    this.#bytes.push(heads[power] as number);
    return this.#bigEndian(BigInt(size), 1 << power);
  }

  #bigEndian(value: bigint, size: number): this {
    for (let shift = BigInt(size - 1) * 8n; shift >= 0n; shift -= 8n)
      this.#bytes.push(Number((value >> shift) & 0xffn));
    return this;
  }
}
