import type { Value } from '../signal/value.ts';
import { copyBytes, writeU16 } from './bytes.ts';
import { FrameFlag, MAGIC, MAX_PAYLOAD, MessageCode } from './codes.ts';
import { sealed, writeBundled, writeHeader } from './encode.ts';
import type { Frame } from './frame.ts';
import type { Message } from './message.ts';
import { codeOf, Writer } from './writer.ts';

/** Microseconds that a bundle may wait for its time at most: what is further ahead comes of a wrong clock. */
export const MAX_BUNDLE_WAIT: number = 24 * 3_600_000_000;

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

/** About what a SET of a number takes, so that the bytes seldom have to grow. */
const USUAL = 48;

/**
 * Writes a BUNDLE part by part: the same bytes and errors as `encodeMessage` gives, without an object for each part.
 *
 * @example
 * ```ts
 * const writer = new BundleWriter(2);
 * writer.set('/mixer/1', 0.75);
 * writer.set('/mixer/2', 0.5);
 * const frame = writer.finish(1);
 * ```
 */
export class BundleWriter {
  readonly #writer: Writer;

  /**
   * @param count how many parts there will be
   * @param timestamp when it is to be applied, microseconds; undefined for at once
   */
  constructor(count: number, timestamp?: number) {
    const writer = new Writer(HEADER + 12 + count * USUAL);
    writeHeader(writer, 0);
    writer
      .u8(MessageCode.Bundle)
      .u8(timestamp === undefined ? 0 : 0x80)
      .u16(count);
    if (timestamp !== undefined) writer.u64(timestamp);
    this.#writer = writer;
  }

  /** Adds a SET that only writes. */
  set(address: string, value: Value): void {
    const writer = this.#writer;
    const start = writer.u16(0).length;
    writer.u8(MessageCode.Set).u8(codeOf(value)).str(address).body(value);
    writer.patchSize(start);
  }

  /** Adds any message that a bundle takes. */
  add(message: Message): void {
    writeBundled(this.#writer, message);
  }

  /** The frame. */
  finish(qos: 0 | 1 | 2): Uint8Array {
    const frame = sealed(this.#writer, HEADER);
    frame[1] = (frame[1] as number) | (qos << 6);
    return frame;
  }
}
