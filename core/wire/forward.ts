import { ClaspError, ErrorCode } from '../errors.ts';
import type { Value } from '../signal/value.ts';
import { copyBytes, isU64, readU16, readUtf8, writeAscii, writeF64, writeU16, writeU64 } from './bytes.ts';
import { FrameFlag, MAGIC, MAX_PAYLOAD, MessageCode, SetFlag, ValueCode } from './codes.ts';
import { encodeMessage, sealed, writeHeader } from './encode.ts';
import { announcedBounds, decodeFrame, type Frame } from './frame.ts';
import { readValue, skipValue } from './value.ts';
import { codeOf, Writer, writeBodyAs } from './writer.ts';

const STREAM = 2;
const GESTURE = 3;
const TIMELINE = 4;

/**
 * A relay's broadcast of a SET: address and value bytes as they came, the revision the write got, no lock, unlock
 * or TTL; QoS 1 and no timestamp in the header.
 *
 * Throws a `ClaspError` 402 when the SET was so long that the revision no longer fits its frame, or when `revision`
 * is not an integer of 0 … 2^64 - 1.
 *
 * @param room gives the bytes to write it to, which may be part of a larger buffer
 */
export function stampRevision(
  frame: Frame,
  revision: number,
  room: (size: number) => Uint8Array = bytesOfItsOwn,
): Uint8Array {
  if (!isU64(revision)) throw new ClaspError(ErrorCode.BadValue, `${revision} is not a revision`, { value: revision });
  const { bytes, start } = frame;
  const from = start + 2;
  const copied = frame.valueEnd - from;
  const size = 2 + copied + 8;
  if (size > MAX_PAYLOAD) throw tooLong(frame, size);
  const stamped = room(4 + size);
  // With a header of 4 bytes everything up to the revision stands where it belongs already.
  if (start === 4 && bytes.length <= stamped.length) stamped.set(bytes);
  else copyBytes(bytes, from, frame.valueEnd, stamped, 6);
  stamped[0] = MAGIC;
  stamped[1] = 0x40 | FrameFlag.Binary;
  writeU16(stamped, 2, size);
  stamped[4] = MessageCode.Set;
  stamped[5] = SetFlag.Revision | frame.valueCode;
  writeU64(stamped, 6 + copied, revision);
  return stamped;
}

function bytesOfItsOwn(size: number): Uint8Array {
  return new Uint8Array(size);
}

/**
 * A relay's forward of a PUBLISH: the message as it came, the QoS of its kind, no timestamp in the header.
 *
 * @param own the frame's bytes are the caller's to change and to keep: where they fill a frame of their own they
 *   become the forward, without a copy
 */
export function forwardPublish(frame: Frame, own = false): Uint8Array {
  const { bytes, start, end, signal } = frame;
  const size = end - start;
  const whole = start === 4 && bytes.length === end;
  const forwarded = whole ? (own ? bytes : new Uint8Array(bytes)) : new Uint8Array(4 + size);
  if (!whole) copyBytes(bytes, start, end, forwarded, 4);
  forwarded[0] = MAGIC;
  forwarded[1] = FrameFlag.Binary | (signal === TIMELINE ? 0x80 : signal === STREAM || signal === GESTURE ? 0 : 0x40);
  writeU16(forwarded, 2, size);
  return forwarded;
}

/**
 * A PUBLISH of a param as the SET that it means, with the same value bytes, QoS and header timestamp: some published
 * clients write params this way. Throws a `ClaspError` 101 with the address when it has no value, since a SET cannot be
 * without.
 */
export function publishAsSet(publish: Frame): Frame {
  const { bytes, timestamp, addressStart, addressEnd, valueCode, valueStart, valueEnd } = publish;
  if (valueCode < 0) {
    const { address } = publish;
    throw new ClaspError(ErrorCode.BadMessage, 'a param was published without a value', { address });
  }
  const head = timestamp === undefined ? 4 : 12;
  const addressSize = addressEnd - addressStart + 2;
  const size = 2 + addressSize + valueEnd - valueStart;
  const set = new Uint8Array(head + size);
  set[0] = MAGIC;
  set[1] = (publish.qos << 6) | FrameFlag.Binary | (timestamp === undefined ? 0 : FrameFlag.Timestamp);
  writeU16(set, 2, size);
  if (timestamp !== undefined) writeU64(set, 4, timestamp);
  set[head] = MessageCode.Set;
  set[head + 1] = valueCode;
  copyBytes(bytes, addressStart - 2, addressEnd, set, head + 2);
  copyBytes(bytes, valueStart, valueEnd, set, head + 2 + addressSize);
  return decodeFrame(set);
}

/**
 * A relay's forward of an ANNOUNCE: the signals at these places, counted from 0 and rising, with the bytes they came with.
 * Written anew they might not fit a frame: every integer would be as long as an f64.
 */
export function forwardAnnounce(frame: Frame, places: readonly number[]): Uint8Array {
  const { bytes, start } = frame;
  const bounds = announcedBounds(frame);
  const first = bounds[0] as number;
  const signals = places.map((place) => bytes.subarray(bounds[place], bounds[place + 1]));
  const size = signals.reduce((sum, { length }) => sum + length, first - start);
  const forwarded = new Uint8Array(4 + size);
  forwarded[0] = MAGIC;
  forwarded[1] = FrameFlag.Binary;
  writeU16(forwarded, 2, size);
  copyBytes(bytes, start, first, forwarded, 4);
  let at = 4 + first - start;
  writeU16(forwarded, at - 2, places.length);
  for (const signal of signals) {
    forwarded.set(signal, at);
    at += signal.length;
  }
  return forwarded;
}

/** A relay's answer to a SET: the ACK with its address and the revision that it got. */
export function acknowledgeSet({ bytes, addressStart, addressEnd }: Frame, revision: number): Uint8Array {
  if (!isU64(revision)) throw new ClaspError(ErrorCode.BadValue, `${revision} is not a revision`, { value: revision });
  // Of the address the length too.
  const revisionAt = 6 + addressEnd - addressStart + 2;
  const ack = new Uint8Array(revisionAt + 8);
  ack[0] = MAGIC;
  ack[1] = FrameFlag.Binary;
  writeU16(ack, 2, ack.length - 4);
  ack[4] = MessageCode.Ack;
  ack[5] = 0x03;
  copyBytes(bytes, addressStart - 2, addressEnd, ack, 6);
  writeU64(ack, revisionAt, revision);
  return ack;
}

/** A relay's answer to a SYNC: its t1 as it came, also where it is more than a number can say exactly. */
export function answerSync(sync: Frame, t2: number, t3: number): Uint8Array {
  const answer = encodeMessage({ type: 'SYNC', t1: 0, t2, t3 });
  copyBytes(sync.bytes, sync.start + 2, sync.start + 10, answer, 6);
  return answer;
}

function tooLong(frame: Frame, size: number): ClaspError {
  return new ClaspError(ErrorCode.BadValue, `a broadcast of ${size} bytes is longer than ${MAX_PAYLOAD}`, {
    address: frame.address,
  });
}

const KEY = 'startTime';
/** A key, the code of its value, and an f64. */
const ENTRY_SIZE = 2 + KEY.length + 1 + 8;
const HEADER = 4;

/**
 * A relay's forward of a timeline PUBLISH, as `forwardPublish` makes it, with `startTime` added to the map that is its
 * value: who gets it later has to know when it began. Without it where the frame has no room for 20 bytes more.
 */
export function stampStartTime(frame: Frame, startTime: number): Uint8Array {
  const forwarded = forwardPublish(frame);
  const size = forwarded.length - HEADER + ENTRY_SIZE;
  if (frame.valueCode !== ValueCode.Map || size > MAX_PAYLOAD) return forwarded;
  const count = HEADER + frame.valueStart - frame.start;
  const at = HEADER + frame.valueEnd - frame.start;
  const stamped = new Uint8Array(HEADER + size);
  stamped.set(forwarded.subarray(0, at));
  writeU16(stamped, at, KEY.length);
  writeAscii(KEY, stamped, at + 2);
  stamped[at + 2 + KEY.length] = ValueCode.F64;
  writeF64(stamped, at + ENTRY_SIZE - 8, startTime);
  stamped.set(forwarded.subarray(at), at + ENTRY_SIZE);
  writeU16(stamped, count, readU16(forwarded, count) + 1);
  writeU16(stamped, 2, size);
  return stamped;
}

const MAX_KEYS = 0xffff;

/** Where a member of a map is: its key with length from `start`, the code of its value at `code`. */
interface Member {
  readonly start: number;
  readonly code: number;
  readonly end: number;
}

/**
 * A SET of a map as one that writes `current`, the body of another map, with it merged in: as `mergeMaps` does, but on
 * the wire bytes, so that every member keeps the value code that it came with. No timestamp in the header.
 *
 * Throws a `ClaspError` 402 when there is too much for one frame or map. Expects two maps that were checked, as those
 * of a decoded frame are.
 */
export function mergeIntoSet(frame: Frame, current: Uint8Array): Frame {
  const { bytes, start, end, valueStart, valueEnd } = frame;
  const writer = new Writer(HEADER + end - start + current.length);
  writeHeader(writer, frame.qos);
  writer.bytes(bytes, start, valueStart);
  merge(writer, current, 0, bytes, valueStart);
  writer.bytes(bytes, valueEnd, end);
  return decodeFrame(sealed(writer, HEADER));
}

function merge(writer: Writer, current: Uint8Array, at: number, written: Uint8Array, writtenAt: number): void {
  const kept = membersOf(current, at);
  const given = membersOf(written, writtenAt);
  const count = writer.u16(0).length - 2;
  let keys = kept.size;
  for (const [key, member] of kept) {
    const other = given.get(key);
    if (!other) writer.bytes(current, member.start, member.end);
    else if (isMap(current, member) && isMap(written, other)) {
      writer.bytes(written, other.start, other.code + 1);
      merge(writer, current, member.code + 1, written, other.code + 1);
    } else writer.bytes(written, other.start, other.end);
  }
  for (const [key, { start, end }] of given) {
    if (kept.has(key)) continue;
    keys++;
    writer.bytes(written, start, end);
  }
  if (keys > MAX_KEYS) throw new ClaspError(ErrorCode.BadValue, `${keys} map keys are more than ${MAX_KEYS}`);
  writer.patchU16(count, keys);
}

/** The members of the map whose body is at `at`, by key; of duplicates the last. */
function membersOf(bytes: Uint8Array, at: number): Map<string, Member> {
  const members = new Map<string, Member>();
  let next = at + 2;
  for (let count = readU16(bytes, at); count > 0; count--) {
    const start = next;
    const code = start + 2 + readU16(bytes, start);
    next = skipValue(bytes, code + 1, bytes.length, bytes[code] as number, 0);
    members.set(readUtf8(bytes, start + 2, code), { start, code, end: next });
  }
  return members;
}

function isMap(bytes: Uint8Array, { code }: Member): boolean {
  return bytes[code] === ValueCode.Map;
}

/** A SET of the value whose code is at `at` in bytes that were checked, with the bytes that it has there. */
export function copyIntoSet(address: string, bytes: Uint8Array, at: number): Frame {
  const code = bytes[at] as number;
  const end = skipValue(bytes, at + 1, bytes.length, code, 0);
  const writer = new Writer(HEADER + address.length + end - at + 4);
  writeHeader(writer, 0);
  writer
    .u8(MessageCode.Set)
    .u8(code)
    .str(address)
    .bytes(bytes, at + 1, end);
  return decodeFrame(sealed(writer, HEADER));
}

/** A value in bytes that were checked. */
interface WireValue {
  readonly bytes: Uint8Array;
  readonly code: number;
  /** Where its body is. */
  readonly at: number;
}

/**
 * A SET as one that writes `value`, which was made of what it writes and of `current`: every number in it that stands
 * where one of the two has a number gets the type which that has, if it fits. No timestamp in the header.
 *
 * Throws a `ClaspError` 402 for a value that cannot travel.
 */
export function replaceInSet(frame: Frame, value: Value, current: WireValue | undefined): Frame {
  const { bytes, start, end, valueCode, valueStart, valueEnd, addressStart } = frame;
  new Writer().value(value); // throws for what cannot travel
  const written = { bytes, code: valueCode, at: valueStart };
  const writer = new Writer(HEADER + end - start + 16);
  writeHeader(writer, frame.qos);
  const models = current ? [written, current] : [written];
  const code = codeLike(value, models);
  writer.u8(MessageCode.Set).u8((frame.flags & ~VALUE_CODE) | code);
  writer.bytes(bytes, addressStart - 2, valueStart);
  writeLike(writer, code, value, models);
  writer.bytes(bytes, valueEnd, end);
  return decodeFrame(sealed(writer, HEADER));
}

const VALUE_CODE = 0x0f;

/** The code to write a value with: of a number that of the first model which says exactly it, or which can say it. */
function codeLike(value: Value, models: readonly WireValue[]): number {
  if (typeof value !== 'number') return codeOf(value);
  const same = models.find(({ bytes, code, at }) => isNumberCode(code) && Object.is(readValue(bytes, at, code), value));
  return (same ?? models.find(({ code }) => canSay(code, value)))?.code ?? ValueCode.F64;
}

function isNumberCode(code: number): boolean {
  return code >= ValueCode.I8 && code <= ValueCode.F64;
}

function canSay(code: number, value: number): boolean {
  if (code === ValueCode.F64) return true;
  if (code === ValueCode.F32) return Math.fround(value) === value;
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) return false;
  if (code === ValueCode.I64) return true;
  const bits = code === ValueCode.I8 ? 24 : code === ValueCode.I16 ? 16 : code === ValueCode.I32 ? 0 : -1;
  return bits >= 0 && (value << bits) >> bits === value;
}

function writeLike(writer: Writer, code: number, value: Value, models: readonly WireValue[]): void {
  if (code !== ValueCode.Array && code !== ValueCode.Map) {
    writeBodyAs(writer, code, value);
    return;
  }
  const alike = models.filter((model) => model.code === code).map(membersIn);
  const members = Object.entries(value as { readonly [key: string]: Value });
  if (alike.length === 0) {
    writer.body(value);
    return;
  }
  writer.u16(members.length);
  for (const [key, member] of members) {
    const inner = alike.flatMap((model) => model.get(key) ?? []);
    const innerCode = codeLike(member, inner);
    if (code === ValueCode.Map) writer.str(key);
    writer.u8(innerCode);
    writeLike(writer, innerCode, member, inner);
  }
}

/** The members of a map by key, or the items of an array by place. */
function membersIn({ bytes, code, at }: WireValue): Map<string, WireValue> {
  const members = new Map<string, WireValue>();
  if (code === ValueCode.Map) {
    for (const [key, member] of membersOf(bytes, at)) {
      members.set(key, { bytes, code: bytes[member.code] as number, at: member.code + 1 });
    }
    return members;
  }
  let next = at + 2;
  for (let index = 0; index < readU16(bytes, at); index++) {
    const item = bytes[next] as number;
    members.set(String(index), { bytes, code: item, at: next + 1 });
    next = skipValue(bytes, next + 1, bytes.length, item, 0);
  }
  return members;
}

/** The same frame with a timestamp in its header. */
export function stampFrame(frame: Uint8Array, timestamp: number): Uint8Array {
  const stamped = new Uint8Array(frame.length + 8);
  stamped.set(frame.subarray(4), 12);
  stamped.set(frame.subarray(0, 4));
  new DataView(stamped.buffer).setBigUint64(4, BigInt(timestamp));
  stamped[1] = (frame[1] as number) | 0x20;
  return stamped;
}
