import { ClaspError, ErrorCode } from '../errors.ts';
import type { Value } from '../signal/value.ts';
import { copyBytes, readU32, writeU32, writeU64 } from './bytes.ts';
import { FrameFlag, MAGIC, MessageCode, SetFlag, ValueCode } from './codes.ts';
import { encodeMessage } from './encode.ts';
import { type Draft, decodeFrame, Frame, qosOf, scanFrame, timestampOf } from './frame.ts';
import { encodeLargeValue, readLargeValue } from './large-value.ts';
import type { PublishMessage, QoS, SetMessage } from './message.ts';
import { Reader } from './reader.ts';
import type { RelayMessage } from './relay-frame.ts';
import { Writer } from './writer.ts';

// Between a relay and the participants of its own process frames may say more than the wire can: values that no frame
// of CLASP holds, and the tag of a signal. Such a frame never leaves the process, and none that comes from outside is read
// as one. It has the flag `InProcess`, no length, and a u32 behind the message: the tag, or 0.

/** A message up to this size still fits into a frame as an entry of a SNAPSHOT, with writer and time. */
export const MAX_SET_BYTES: number = 65_535 - 64;

const TAG = 4;
const HEADER = 4;

/** A frame whose value may be one that no frame of the wire holds. */
class InProcessFrame extends Frame {
  #large: Value | undefined;

  override get value(): Value {
    if (this.valueCode !== ValueCode.Large) return super.value;
    this.#large ??= readLargeValue(this.bytes, this.valueStart);
    return this.#large;
  }
}

/** `decodeFrame` for a frame with the flag `InProcess`, which is trusted to be right. */
export function decodeInProcessFrame(bytes: Uint8Array): Frame {
  const start = (bytes[1] as number) & FrameFlag.Timestamp ? 12 : 4;
  const end = bytes.length - TAG;
  const frame: Draft = new InProcessFrame(bytes, start, end, qosOf(bytes), timestampOf(bytes));
  frame.tag = readU32(bytes, end);
  scanFrame(frame);
  return frame as Frame;
}

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
  const value = readLargeValue(bytes, reader.at);
  return { type: 'SNAPSHOT', params: [{ address, value, revision, writer, timestamp }] };
}
