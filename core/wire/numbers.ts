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
