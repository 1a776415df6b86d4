const HEX = '0123456789abcdef';
const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
const COMMON64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** Bytes as lower-case hex digits. */
export function toHex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += (HEX[byte >> 4] as string) + (HEX[byte & 15] as string);
  return text;
}

/** The bytes of hex digits in either case; undefined for anything else. */
export function fromHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) return undefined;
  return Uint8Array.from({ length: text.length / 2 }, (_, at) => Number.parseInt(text.slice(at * 2, at * 2 + 2), 16));
}

/** One alphabet of base64, with or without padding. Reading is strict: one text for each sequence of bytes. */
class Base64 {
  readonly #alphabet: string;
  readonly #padded: boolean;
  /** The value of each character code below 128; -1 where it has none. */
  readonly #values: Int8Array;

  constructor(last: string, padded: boolean) {
    this.#alphabet = COMMON64 + last;
    this.#padded = padded;
    this.#values = new Int8Array(128).fill(-1);
    for (let value = 0; value < 64; value++) this.#values[this.#alphabet.charCodeAt(value)] = value;
  }

  encode(bytes: Uint8Array): string {
    let text = '';
    for (let at = 0; at < bytes.length; at += 3) {
      const left = bytes.length - at;
      const group =
        ((bytes[at] as number) << 16) |
        ((left > 1 ? (bytes[at + 1] as number) : 0) << 8) |
        (left > 2 ? (bytes[at + 2] as number) : 0);
      const characters = Math.min(left, 3) + 1;
      for (let place = 0; place < 4; place++) {
        if (place < characters) text += this.#alphabet[(group >> (18 - 6 * place)) & 63];
        else if (this.#padded) text += '=';
      }
    }
    return text;
  }

  /** The bytes; undefined for foreign characters, wrong padding and bits that no encoder leaves at the end. */
  decode(text: string): Uint8Array | undefined {
    let length = text.length;
    if (this.#padded) {
      if (length % 4 !== 0) return undefined;
      if (text.endsWith('==')) length -= 2;
      else if (text.endsWith('=')) length--;
    }
    const rest = length % 4;
    if (rest === 1) return undefined;
    const bytes = new Uint8Array(Math.floor((length * 3) / 4));
    let bits = 0;
    let held = 0;
    let written = 0;
    for (let at = 0; at < length; at++) {
      const value = this.#values[text.charCodeAt(at)] ?? -1;
      if (value < 0) return undefined;
      held = ((held << 6) | value) & 0xffff;
      bits += 6;
      if (bits < 8) continue;
      bits -= 8;
      bytes[written++] = held >> bits;
    }
    return (held & ((1 << bits) - 1)) === 0 ? bytes : undefined;
  }
}

/** Base64 with `-` and `_`, without padding: what tokens and JWKs are written in. */
export const base64url: Base64 = new Base64('-_', false);
/** Base64 with `+` and `/`, padded. */
export const base64: Base64 = new Base64('+/', true);

/** Bytes in the alphabet of Bitcoin; each leading zero is a `1`. */
export function toBase58(bytes: Uint8Array): string {
  let number = 0n;
  let text = '';
  for (const byte of bytes) number = (number << 8n) | BigInt(byte);
  for (; number > 0n; number /= 58n) text = (BASE58[Number(number % 58n)] as string) + text;
  const zeros = bytes.findIndex((byte) => byte !== 0);
  return '1'.repeat(zeros < 0 ? bytes.length : zeros) + text;
}

/** The bytes of {@link toBase58}; undefined for foreign characters and for more than 128 of them. */
export function fromBase58(text: string): Uint8Array | undefined {
  if (text.length > 128) return undefined;
  let number = 0n;
  for (const character of text) {
    const value = BASE58.indexOf(character);
    if (value < 0) return undefined;
    number = number * 58n + BigInt(value);
  }
  const bytes: number[] = [];
  for (; number > 0n; number >>= 8n) bytes.unshift(Number(number & 0xffn));
  const zeros = /^1*/.exec(text)?.[0].length ?? 0;
  return Uint8Array.from([...new Array<number>(zeros).fill(0), ...bytes]);
}

/** Whether two sequences are equal, in a time that does not tell where they differ. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let at = 0; at < a.length; at++) difference |= (a[at] as number) ^ (b[at] ?? 0);
  return difference === 0;
}
