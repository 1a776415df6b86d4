import { MAX_PAYLOAD, ValueCode } from './codes.ts';
import { forwardPublish } from './forward.ts';
import type { Frame } from './frame.ts';
import { readU16, writeF64, writeU16 } from './numbers.ts';
import { writeAscii } from './utf8.ts';

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
