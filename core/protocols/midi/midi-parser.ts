import { type MidiMessage, midiDataLength, shortMidi } from './midi.ts';

/** What a {@link MidiParser} tells. */
export interface MidiParserOutput {
  /** A message is complete. */
  message(message: MidiMessage): void;
  /** Bytes were passed over; `reason` is a constant text. The parser goes on with the next status byte. */
  fault(reason: MidiFault): void;
}

/** Why bytes were passed over. */
export type MidiFault =
  | 'a data byte without a status'
  | 'a message cut off by the next'
  | 'an undefined status'
  | 'an end of sysex without a sysex'
  | 'a sysex cut off by another message'
  | 'a sysex that is too long';

export interface MidiParserOptions {
  /** Bytes of the longest sysex that is read, F0 and F7 included. @defaultValue 65536 */
  readonly maxSysex?: number | undefined;
}

/**
 * Reads MIDI bytes as they come over a cable, cut anywhere: running status, and real-time messages within others.
 * Never throws; what is not MIDI is told of once for each run of bytes.
 *
 * @example
 * ```ts
 * const parser = new MidiParser({ message: console.log, fault: console.error });
 * parser.push(Uint8Array.of(0xb0, 1, 100, 1, 101)); // two control changes, the second with running status
 * ```
 */
export class MidiParser {
  readonly #out: MidiParserOutput;
  readonly #maxSysex: number;
  /** The status that data bytes belong to; 0 when none. */
  #status = 0;
  /** Data bytes that the status wants. */
  #wanted = 0;
  #had = 0;
  #first = 0;
  /** A message was begun and is not complete. */
  #open = false;
  /** The sysex so far; undefined outside of one. */
  #sysex: number[] | undefined;
  /** Whether the data bytes that come now have been told of. */
  #told = false;

  constructor(out: MidiParserOutput, { maxSysex = 65_536 }: MidiParserOptions = {}) {
    this.#out = out;
    this.#maxSysex = maxSysex;
  }

  /** Takes the next bytes. */
  push(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i] as number;
      if (byte < 0x80) this.#data(byte);
      else if (byte >= 0xf8) this.#realTime(byte);
      else this.#begin(byte);
    }
  }

  #data(byte: number): void {
    if (this.#sysex !== undefined) {
      // Room for the F7 is kept.
      if (this.#sysex.length < this.#maxSysex - 1) this.#sysex.push(byte);
      else this.#drop('a sysex that is too long');
      return;
    }
    if (this.#status === 0) {
      if (!this.#told) this.#out.fault('a data byte without a status');
      this.#told = true;
      return;
    }
    if (++this.#had < this.#wanted) {
      this.#open = true;
      this.#first = byte;
      return;
    }
    const status = this.#status;
    const message = this.#wanted === 1 ? shortMidi(status, byte, 0) : shortMidi(status, this.#first, byte);
    this.#had = 0;
    this.#open = false;
    // Only channel messages have a running status.
    if (status >= 0xf0) this.#status = 0;
    this.#out.message(message);
  }

  #realTime(byte: number): void {
    if (midiDataLength(byte) === undefined) this.#out.fault('an undefined status');
    else this.#out.message(shortMidi(byte, 0, 0));
  }

  #begin(byte: number): void {
    if (byte === 0xf7) {
      this.#end(byte);
      return;
    }
    if (this.#sysex !== undefined) this.#drop('a sysex cut off by another message');
    else if (this.#open) this.#drop('a message cut off by the next');
    this.#reset();
    const wanted = midiDataLength(byte);
    if (wanted === undefined) {
      this.#drop('an undefined status');
    } else if (wanted < 0) {
      this.#sysex = [byte];
    } else if (wanted === 0) {
      this.#out.message(shortMidi(byte, 0, 0));
    } else {
      this.#status = byte;
      this.#wanted = wanted;
      this.#open = true;
    }
  }

  #end(byte: number): void {
    const sysex = this.#sysex;
    const told = this.#told;
    this.#reset();
    if (sysex !== undefined) this.#out.message({ type: 'sysex', bytes: Uint8Array.from([...sysex, byte]) });
    // Otherwise it ends what has been told of already.
    else if (!told) this.#out.fault('an end of sysex without a sysex');
  }

  #reset(): void {
    this.#told = false;
    this.#open = false;
    this.#status = 0;
    this.#had = 0;
    this.#sysex = undefined;
  }

  /** What follows, up to the next status byte, is data of what was not understood. */
  #drop(reason: MidiFault): void {
    this.#sysex = undefined;
    this.#told = true;
    this.#out.fault(reason);
  }
}
