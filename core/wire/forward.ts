import { ClaspError, ErrorCode } from '../errors.ts';
import { FrameFlag, MAGIC, MAX_PAYLOAD, MessageCode, SetFlag } from './codes.ts';
import type { Frame } from './frame.ts';
import { writeU16, writeU64 } from './numbers.ts';

const STREAM = 2;
const GESTURE = 3;
const TIMELINE = 4;

/**
 * A relay's broadcast of a SET: address and value bytes as they came, the revision the write got, no lock, unlock
 * or TTL; QoS 1 and no timestamp in the header.
 *
 * Throws a `ClaspError` 402 when the SET was so long that the revision no longer fits its frame.
 */
export function stampRevision(frame: Frame, revision: number): Uint8Array {
  const from = frame.start + 2;
  const copied = frame.valueEnd - from;
  const size = 2 + copied + 8;
  if (size > MAX_PAYLOAD) throw tooLong(frame, size);
  const stamped = new Uint8Array(4 + size);
  stamped[0] = MAGIC;
  stamped[1] = 0x40 | FrameFlag.Binary;
  writeU16(stamped, 2, size);
  stamped[4] = MessageCode.Set;
  stamped[5] = SetFlag.Revision | frame.valueCode;
  copy(frame.bytes, from, frame.valueEnd, stamped, 6);
  writeU64(stamped, 6 + copied, revision);
  return stamped;
}

/** A relay's forward of a PUBLISH: the message as it came, the QoS of its kind, no timestamp in the header. */
export function forwardPublish(frame: Frame): Uint8Array {
  const { start, end, signal } = frame;
  const forwarded = new Uint8Array(4 + end - start);
  forwarded[0] = MAGIC;
  forwarded[1] = FrameFlag.Binary | (signal === TIMELINE ? 0x80 : signal === STREAM || signal === GESTURE ? 0 : 0x40);
  writeU16(forwarded, 2, end - start);
  copy(frame.bytes, start, end, forwarded, 4);
  return forwarded;
}

/** Below this a loop is faster than `set(subarray())`. */
const MAX_LOOP = 96;

function copy(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): void {
  if (end - start > MAX_LOOP) {
    to.set(from.subarray(start, end), at);
    return;
  }
  for (let i = start, j = at; i < end; i++, j++) to[j] = from[i] as number;
}

function tooLong(frame: Frame, size: number): ClaspError {
  return new ClaspError(ErrorCode.BadValue, `a broadcast of ${size} bytes is longer than ${MAX_PAYLOAD}`, {
    address: frame.address,
  });
}
