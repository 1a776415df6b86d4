import { ClaspError, ErrorCode } from '../errors.ts';
import type { QoS } from '../message.ts';
import { FrameFlag, MAGIC } from './codes.ts';
import { readU16, readU64 } from './numbers.ts';
import { hex } from './value.ts';

/** Position of the payload of a well-formed frame; a `ClaspError` 100 for any other. */
export function payloadStart(bytes: Uint8Array): number {
  const length = bytes.length;
  if (length < 4) throw badFrame(`${length} bytes are too short for a frame`);
  if (bytes[0] !== MAGIC) throw badFrame(`a frame starts with 0x53, not ${hex(bytes[0] as number)}`);
  const flags = bytes[1] as number;
  if (flags & (FrameFlag.Encrypted | FrameFlag.Compressed)) {
    throw badFrame(`flags ${hex(flags)}: encryption and compression are not supported`);
  }
  const start = flags & FrameFlag.Timestamp ? 12 : 4;
  const size = readU16(bytes, 2);
  if (length !== start + size) {
    throw badFrame(`the header announces ${start + size} bytes, there are ${length}`);
  }
  if (size === 0) throw badFrame('the payload is empty');
  return start;
}

/** QoS of a frame; the reserved 3 counts as 0. */
export function qosOf(bytes: Uint8Array): QoS {
  const qos = (bytes[1] as number) >>> 6;
  return qos === 3 ? 0 : (qos as QoS);
}

/** Timestamp of a frame's header, microseconds. */
export function timestampOf(bytes: Uint8Array): number | undefined {
  return (bytes[1] as number) & FrameFlag.Timestamp ? readU64(bytes, 4) : undefined;
}

/** Whether a payload that starts with this byte is a MessagePack map; the header's encoding bits are not to be trusted. */
export function isMessagePack(first: number): boolean {
  return (first & 0xf0) === 0x80 || first === 0xde || first === 0xdf;
}

function badFrame(reason: string): ClaspError {
  return new ClaspError(ErrorCode.BadFrame, reason);
}
