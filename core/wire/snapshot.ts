import type { Value } from '../signal/value.ts';
import { MAX_PAYLOAD, MessageCode } from './codes.ts';
import { sealed, writeDefinition, writeHeader } from './encode.ts';
import type { SignalDefinition } from './message.ts';
import { Writer, writeBodyAs } from './writer.ts';

const HEADER = 4;
/** Header, type byte and count. */
const FIRST_ENTRY = HEADER + 3;

/** Gathers entries of a message `type, u16 n, n × entry` and starts a new frame whenever one is full. */
class SplitWriter {
  readonly #type: number;
  readonly #limit: number;
  readonly #frames: Uint8Array[] = [];
  /** Where an entry is written before it is known whether it fits. */
  readonly entry: Writer = new Writer(256);
  readonly #frame: Writer;
  #count = 0;

  constructor(type: number, maxFrame: number) {
    this.#type = type;
    this.#limit = Math.min(maxFrame, HEADER + MAX_PAYLOAD);
    this.#frame = new Writer(Math.min(this.#limit, 4096));
    this.#begin();
  }

  /** Moves the entry into a frame; false when no frame of the protocol could hold it. */
  commit(): boolean {
    const { entry } = this;
    const fits = FIRST_ENTRY + entry.length <= HEADER + MAX_PAYLOAD;
    if (fits) {
      if (this.#count > 0 && this.#frame.length + entry.length > this.#limit) this.#end();
      entry.copyTo(this.#frame);
      this.#count++;
    }
    entry.reset();
    return fits;
  }

  finish(): Uint8Array[] {
    if (this.#count > 0 || this.#frames.length === 0) this.#end();
    return this.#frames.splice(0);
  }

  #begin(): void {
    this.#frame.reset();
    writeHeader(this.#frame, 0);
    this.#frame.u8(this.#type).u16(0);
    this.#count = 0;
  }

  #end(): void {
    this.#frame.patchU16(HEADER + 1, this.#count);
    this.#frames.push(sealed(this.#frame, HEADER));
    this.#begin();
  }
}

/**
 * Cuts a snapshot into frames by bytes.
 *
 * A param that alone is longer than `maxFrame` gets a frame of its own; one that no frame can hold is left out and
 * counted in `skipped`.
 *
 * @example
 * ```ts
 * const snapshot = new SnapshotWriter(1400);
 * snapshot.add('/mixer/1', ClaspValueCode.F64, undefined, 0.75, 12);
 * const frames = snapshot.finish();
 * ```
 */
export class SnapshotWriter {
  readonly #split: SplitWriter;
  #skipped = 0;
  #added = 0;

  /** @param maxFrame bytes of a frame, header included */
  constructor(maxFrame: number = HEADER + MAX_PAYLOAD) {
    this.#split = new SplitWriter(MessageCode.Snapshot, maxFrame);
  }

  /** Whether no param was added. */
  get isEmpty(): boolean {
    return this.#added === 0;
  }

  /** How many params were too long for any frame. */
  get skipped(): number {
    return this.#skipped;
  }

  /**
   * Adds a param. `body` holds the value's bytes without the code; where it is undefined `value` is encoded instead, as
   * what `valueCode` says: an integer stays one. `timestamp` in microseconds.
   */
  add(
    address: string,
    valueCode: number,
    body: Uint8Array | undefined,
    value: Value,
    revision: number,
    writer?: string,
    timestamp?: number,
  ): void {
    this.#added++;
    const { entry } = this.#split;
    entry.reset();
    entry.str(address).u8(valueCode);
    if (body === undefined) writeBodyAs(entry, valueCode, value);
    else entry.bytes(body);
    entry.u64(revision).u8((writer === undefined ? 0 : 1) | (timestamp === undefined ? 0 : 2));
    if (writer !== undefined) entry.str(writer);
    if (timestamp !== undefined) entry.u64(timestamp);
    if (!this.#split.commit()) this.#skipped++;
  }

  /** The frames, at least one; the writer is empty again afterwards. */
  finish(): Uint8Array[] {
    this.#added = 0;
    return this.#split.finish();
  }
}

/** RESULT frames of at most `maxFrame` bytes each where that is possible; at least one. */
export function encodeResults(
  signals: Iterable<SignalDefinition>,
  maxFrame: number = HEADER + MAX_PAYLOAD,
): Uint8Array[] {
  const split = new SplitWriter(MessageCode.Result, maxFrame);
  for (const signal of signals) {
    writeDefinition(split.entry, signal, false);
    split.commit();
  }
  return split.finish();
}
