import { writeAscii, writeF64, writeU16 } from './bytes.ts';
import { FrameFlag, MAGIC, MessageCode, ValueCode } from './codes.ts';
import { encodeSet } from './encode-signal.ts';
import type { Draft } from './frame.ts';
import { decodeFrame, Frame } from './frame.ts';

/** Longer addresses, and those that are not ASCII, are encoded the general way. */
const MAX_ADDRESS = 256;
/** Header, type, flags and length come before it. */
const ADDRESS_AT = 8;

/**
 * Makes SETs to numbers that are used at once and then never again: all of them have the same bytes, and so cost hardly
 * any memory.
 *
 * @example
 * ```ts
 * const sets = new NumberSets();
 * sets.make('/mixer/1', 0.75).value; // 0.75
 * ```
 */
export class NumberSets {
  readonly #bytes = new Uint8Array(ADDRESS_AT + MAX_ADDRESS + 8);

  /** The same as `decodeFrame(encodeSet(address, value))`, until the next one is made. */
  make(address: string, value: number): Frame {
    const bytes = this.#bytes;
    const { length } = address;
    if (length > MAX_ADDRESS || !writeAscii(address, bytes, ADDRESS_AT)) return decodeFrame(encodeSet(address, value));
    const valueAt = ADDRESS_AT + length;
    const end = valueAt + 8;
    bytes[0] = MAGIC;
    bytes[1] = FrameFlag.Binary;
    writeU16(bytes, 2, end - 4);
    bytes[4] = MessageCode.Set;
    bytes[5] = ValueCode.F64;
    writeU16(bytes, 6, length);
    writeF64(bytes, valueAt, value);

    const frame: Draft = new Frame(bytes, 4, end, 0, undefined);
    frame.flags = ValueCode.F64;
    frame.addressStart = ADDRESS_AT;
    frame.addressEnd = valueAt;
    frame.valueCode = ValueCode.F64;
    frame.valueStart = valueAt;
    frame.valueEnd = end;
    return frame as Frame;
  }
}
