import { ClaspError, ErrorCode } from '../errors.ts';
import { ValueCode } from './codes.ts';
import { sealed, writeHeader } from './encode.ts';
import { decodeFrame, type Frame } from './frame.ts';
import { readU16 } from './numbers.ts';
import { readUtf8 } from './utf8.ts';
import { skipValue } from './value.ts';
import { Writer } from './writer.ts';

const HEADER = 4;
const MOST_KEYS = 0xffff;

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
  if (keys > MOST_KEYS) throw new ClaspError(ErrorCode.BadValue, `${keys} map keys are more than ${MOST_KEYS}`);
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
