import type { Message } from '../message.ts';
import type { Value } from '../value.ts';
import { MessageCode } from './codes.ts';
import { sealed, writeBundled, writeHeader } from './encode.ts';
import { codeOf, Writer } from './writer.ts';

const HEADER = 4;
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
