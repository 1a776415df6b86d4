// One piece of memory for the whole package: a DataView per frame costs more than the rest of the frame, and one for all
// costs more than words. Each function fills and empties it before it returns, so nothing is remembered in it.
const doubles = new Float64Array(1);
const singles = new Float32Array(doubles.buffer);
const words = new Int32Array(doubles.buffer);
/** Where the machine has the word with the sign: 1, or 0 where the largest comes first. */
const HIGH = new Uint8Array(Uint16Array.of(1).buffer)[0] as number;

const TWO_32 = 0x1_0000_0000;
const TWO_64 = 2 ** 64;
/** The largest number below 2^64. */
const LARGEST_U64 = TWO_64 - 2048;

/** Whether a number is an integer of 0 … 2^64 - 1. */
export function isU64(value: number): boolean {
  return value >= 0 && value < TWO_64 && Math.floor(value) === value;
}

export function readU16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

export function readI32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  );
}

export function readU32(bytes: Uint8Array, at: number): number {
  return readI32(bytes, at) >>> 0;
}

/** A u64 as a number, rounded above 2^53, but never up to 2^64: what was read can be written again. */
export function readU64(bytes: Uint8Array, at: number): number {
  const whole = readU32(bytes, at) * TWO_32 + readU32(bytes, at + 4);
  return whole < TWO_64 ? whole : LARGEST_U64;
}

/** An i64 as a number up to 2^53 either way, as a bigint beyond. */
export function readI64(bytes: Uint8Array, at: number): number | bigint {
  const whole = readI32(bytes, at) * TWO_32 + readU32(bytes, at + 4);
  if (whole >= -Number.MAX_SAFE_INTEGER && whole <= Number.MAX_SAFE_INTEGER) return whole;
  return (BigInt(readI32(bytes, at)) << 32n) | BigInt(readU32(bytes, at + 4));
}

export function readF32(bytes: Uint8Array, at: number): number {
  words[0] = readI32(bytes, at);
  return singles[0] as number;
}

export function readF64(bytes: Uint8Array, at: number): number {
  words[HIGH] = readI32(bytes, at);
  words[1 - HIGH] = readI32(bytes, at + 4);
  return doubles[0] as number;
}

export function writeU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

export function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** Writes an integer of 0 … 2^64 - 1. */
export function writeU64(bytes: Uint8Array, at: number, value: number): void {
  const high = Math.floor(value / TWO_32);
  writeU32(bytes, at, high);
  writeU32(bytes, at + 4, value - high * TWO_32);
}

/** Writes an integer of -2^53 … 2^53 as an i64. */
export function writeSafeInteger(bytes: Uint8Array, at: number, value: number): void {
  const high = Math.floor(value / TWO_32);
  writeU32(bytes, at, high);
  writeU32(bytes, at + 4, value - high * TWO_32);
}

export function writeI64(bytes: Uint8Array, at: number, value: bigint): void {
  writeU32(bytes, at, Number(BigInt.asUintN(32, value >> 32n)));
  writeU32(bytes, at + 4, Number(BigInt.asUintN(32, value)));
}

export function writeF32(bytes: Uint8Array, at: number, value: number): void {
  singles[0] = value;
  writeU32(bytes, at, words[0] as number);
}

export function writeF64(bytes: Uint8Array, at: number, value: number): void {
  doubles[0] = value;
  writeU32(bytes, at, words[HIGH] as number);
  writeU32(bytes, at + 4, words[1 - HIGH] as number);
}

const encoder = new TextEncoder();
// Without `ignoreBOM` a leading U+FEFF would vanish.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

// Up to this many ASCII characters a loop is faster than the host's codec, whose call alone costs more.
const SHORT_READ = 24;
const SHORT_WRITE = 96;

/** Whether the bytes are well-formed UTF-8. */
export function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  // Four at a time as long as all is ASCII, as addresses are: this loop is a quarter of what decoding a frame costs.
  while (at + 3 < end) {
    const all =
      (bytes[at] as number) | (bytes[at + 1] as number) | (bytes[at + 2] as number) | (bytes[at + 3] as number);
    if (all >= 0x80) break;
    at += 4;
  }
  while (at < end) {
    const lead = bytes[at] as number;
    if (lead < 0x80) {
      at++;
      continue;
    }
    const size = sequenceSize(bytes, at, end, lead);
    if (size === 0) return false;
    at += size;
  }
  return true;
}

/** Length of the multi-byte sequence at `at`; 0 when it is malformed (overlong, surrogate, beyond U+10FFFF, cut). */
function sequenceSize(bytes: Uint8Array, at: number, end: number, lead: number): number {
  const size = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  if (size === 0 || at + size > end) return 0;
  const second = bytes[at + 1] as number;
  const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  for (let next = at + 2; next < at + size; next++) {
    if (((bytes[next] as number) & 0xc0) !== 0x80) return 0;
  }
  return size;
}

/** The text of bytes that are known to be well-formed UTF-8. */
export function readUtf8(bytes: Uint8Array, start: number, end: number): string {
  const length = end - start;
  if (length > SHORT_READ) return decoder.decode(bytes.subarray(start, end));
  // One call for all units: adding character to character makes a string in pieces, slow to use as a key.
  const units = new Array<number>(length);
  for (let i = 0; i < length; i++) {
    const byte = bytes[start + i] as number;
    if (byte >= 0x80) return decoder.decode(bytes.subarray(start, end));
    units[i] = byte;
  }
  return String.fromCharCode.apply(null, units);
}

/** Writes `text` at `at` and gives the position after it; there must be room for 3 bytes per UTF-16 unit. */
export function writeUtf8(text: string, bytes: Uint8Array, at: number): number {
  if (text.length <= SHORT_WRITE && writeAscii(text, bytes, at)) return at + text.length;
  return at + encoder.encodeInto(text, bytes.subarray(at)).written;
}

/** Writes `text` at `at` if all of it is ASCII and tells whether it was; `bytes` has room for it. */
export function writeAscii(text: string, bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80) return false;
    bytes[at + i] = unit;
  }
  return true;
}

/** Below this a loop is faster than `set(subarray())`. */
const MAX_LOOP = 96;

/** Copies `from[start..end)` to where `to[at]` begins. */
export function copyBytes(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): void {
  if (end - start > MAX_LOOP) {
    const whole = start === 0 && end === from.length;
    to.set(whole ? from : from.subarray(start, end), at);
    return;
  }
  for (let i = start, j = at; i < end; i++, j++) to[j] = from[i] as number;
}
