import { ClaspError, ErrorCode } from '../errors.ts';
import type { Value } from '../signal/value.ts';
import { copyBytes, writeU32, writeU64 } from './bytes.ts';
import { FrameFlag, MAGIC, MAX_DEPTH, MessageCode, SetFlag, ValueCode } from './codes.ts';
import { encodeMessage } from './encode.ts';
import { decodeFrame, decodeInProcessFrame, type Frame } from './frame.ts';
import type { PublishMessage, QoS, SetMessage } from './message.ts';
import { Reader } from './reader.ts';
import type { RelayMessage } from './relay-frame.ts';
import { readValue } from './value.ts';
import { codeOf, Writer } from './writer.ts';

// Between a relay and the participants of its own process frames may say more than the wire can: values that no frame
// of CLASP holds, and the tag of a signal. Such a frame never leaves the process, and none that comes from outside is read
// as one. It has the flag `InProcess`, no length, and a u32 behind the message: the tag, or 0.

/** A message up to this size still fits into a frame as an entry of a SNAPSHOT, with writer and time. */
export const MAX_SET_BYTES: number = 65_535 - 64;
/** Bytes of a value in the form of {@link ValueCode.Large}: text and JSON of 1 MiB take less, whatever they hold. */
export const MAX_LARGE_BYTES: number = 4 * 1024 * 1024;

const TAG = 4;
const HEADER = 4;

/** The frame of a SET or PUBLISH for the relay of the same process. Throws a `ClaspError` 402 for what is no value, or more than 4 MiB of it. */
export function encodeInProcess(message: SetMessage | PublishMessage, qos: QoS = 0): Uint8Array {
  const { tag = 0, value = null } = message;
  let ordinary: Uint8Array | undefined;
  try {
    ordinary = encodeMessage(message, { qos });
  } catch (cause) {
    if (ClaspError.from(cause, ErrorCode.Internal).code !== ErrorCode.BadValue) throw cause;
  }
  if (ordinary && ordinary.length <= MAX_SET_BYTES) {
    const frame = new Uint8Array(ordinary.length + TAG);
    frame.set(ordinary);
    return sealed(frame, tag);
  }
  const body = encodeLargeValue(value);
  const { bytes, valueStart } = decodeFrame(encodeMessage({ ...message, value: null }, { qos }));
  const frame = new Uint8Array(bytes.length + body.length + TAG);
  frame.set(bytes.subarray(0, valueStart));
  frame.set(body, valueStart);
  frame.set(bytes.subarray(valueStart), valueStart + body.length);
  // Where it was that of null, 0.
  const codeAt = message.type === 'SET' ? HEADER + 1 : valueStart - 1;
  frame[codeAt] = (frame[codeAt] as number) | ValueCode.Large;
  return sealed(frame, tag);
}

function sealed(frame: Uint8Array, tag: number): Uint8Array {
  frame[1] = (frame[1] as number) | FrameFlag.InProcess;
  frame[2] = 0;
  frame[3] = 0;
  writeU32(frame, frame.length - TAG, tag);
  return frame;
}

/** `stampRevision` for the participants of the process, with the tag that the SET came with. */
export function stampInProcess(frame: Frame, revision: number): Uint8Array {
  const from = frame.start + 2;
  const copied = frame.valueEnd - from;
  const stamped = new Uint8Array(HEADER + 2 + copied + 8 + TAG);
  stamped[0] = MAGIC;
  stamped[1] = 0x40 | FrameFlag.Binary;
  stamped[HEADER] = MessageCode.Set;
  stamped[HEADER + 1] = SetFlag.Revision | frame.valueCode;
  copyBytes(frame.bytes, from, frame.valueEnd, stamped, HEADER + 2);
  writeU64(stamped, HEADER + 2 + copied, revision);
  return sealed(stamped, frame.tag ?? 0);
}

/** A SNAPSHOT of one param whose value is `body`, in the form of {@link ValueCode.Large}. */
export function largeSnapshot(
  address: string,
  body: Uint8Array,
  revision: number,
  writer: string,
  at: number,
): Uint8Array {
  const frame = new Writer(HEADER + 64 + address.length + body.length);
  frame.u8(MAGIC).u8(FrameFlag.Binary).u16(0).u8(MessageCode.Snapshot);
  frame.str(address).u64(revision).str(writer).u64(at).bytes(body).u32(0);
  return sealed(frame.finish(), 0);
}

/** Whether a frame is one that does not leave the process. */
export function isInProcess(bytes: Uint8Array): boolean {
  return ((bytes[1] as number) & FrameFlag.InProcess) !== 0;
}

/** The message of a frame that the relay of this process has sent. */
export function readInProcess(bytes: Uint8Array): RelayMessage {
  if (bytes[HEADER] !== MessageCode.Snapshot) return decodeInProcessFrame(bytes).message as RelayMessage;
  const reader = new Reader(bytes, HEADER + 1, bytes.length - TAG);
  const address = reader.str();
  const revision = reader.u64();
  const writer = reader.str();
  const timestamp = reader.u64();
  const value = readValue(bytes, reader.at, ValueCode.Large);
  return { type: 'SNAPSHOT', params: [{ address, value, revision, writer, timestamp }] };
}

const encoder = new TextEncoder();

/** The body of a value under {@link ValueCode.Large}: a u32 length, then code and body with a u32 for each length and count. */
function encodeLargeValue(value: Value): Uint8Array {
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
