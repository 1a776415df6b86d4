import { FrameFlag, MAGIC, MAX_PAYLOAD, MessageCode } from './codes.ts';
import { copyBytes } from './copy-bytes.ts';
import type { Frame } from './frame.ts';
import { writeU16 } from './numbers.ts';

const HEADER = 4;
/** Header, type byte, flags and count. */
const FIRST_MESSAGE = HEADER + 4;
const LENGTH = 2;

/**
 * Messages in BUNDLE frames, in order: one, or as few as `maxFrame` bytes a frame allow; QoS 2 and no timestamp. A
 * message that does not fit into any bundle stays a frame of its own between them.
 *
 * @param frames one message each, with a header of 4 bytes
 */
export function joinFrames(frames: readonly Uint8Array[], maxFrame: number = HEADER + MAX_PAYLOAD): Uint8Array[] {
  const limit = Math.min(maxFrame, HEADER + MAX_PAYLOAD);
  const joined: Uint8Array[] = [];
  let from = 0;
  let size = FIRST_MESSAGE;
  const close = (until: number) => {
    if (until > from) joined.push(join(frames, from, until, size));
    from = until;
    size = FIRST_MESSAGE;
  };
  for (const [index, frame] of frames.entries()) {
    const added = LENGTH + frame.length - HEADER;
    if (size + added > limit) close(index);
    if (size + added > limit) {
      joined.push(frame);
      from = index + 1;
    } else {
      size += added;
    }
  }
  close(frames.length);
  return joined;
}

/** Bytes of what {@link copyBundle} writes. */
export function bundleSize({ start, end }: Frame): number {
  return HEADER + end - start;
}

/** Writes a BUNDLE as a frame of its own to where `to[at]` begins: QoS 0, no timestamp in the header. */
export function copyBundle({ bytes, start, end }: Frame, to: Uint8Array, at: number): void {
  to[at] = MAGIC;
  to[at + 1] = FrameFlag.Binary;
  writeU16(to, at + 2, end - start);
  copyBytes(bytes, start, end, to, at + HEADER);
}

function join(frames: readonly Uint8Array[], from: number, until: number, size: number): Uint8Array {
  const bundle = new Uint8Array(size);
  bundle[0] = MAGIC;
  bundle[1] = 0x80 | FrameFlag.Binary;
  writeU16(bundle, 2, size - HEADER);
  bundle[HEADER] = MessageCode.Bundle;
  writeU16(bundle, HEADER + 2, until - from);
  let at = FIRST_MESSAGE;
  for (let index = from; index < until; index++) {
    const frame = frames[index] as Uint8Array;
    writeU16(bundle, at, frame.length - HEADER);
    copyBytes(frame, HEADER, frame.length, bundle, at + LENGTH);
    at += LENGTH + frame.length - HEADER;
  }
  return bundle;
}
