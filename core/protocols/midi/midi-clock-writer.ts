import { ClaspError, ErrorCode } from '../../errors.ts';
import type { Value } from '../../signal/value.ts';
import type { MidiMessage } from './midi.ts';

const CLOCKS_A_BEAT = 24;
const MINUTE = 60_000;
/** Milliseconds between a start and the clock that it counts from: a receiver needs them (MIDI 1.0, Start). */
const AFTER_START = 1;
const FASTEST = 1_000;

/**
 * When MIDI clocks are due, 24 a quarter note, at a tempo that may change at any time. Pure: time is an argument, in
 * milliseconds of a monotonic clock.
 */
export class MidiClockWriter {
  /** When the next clock is due; Infinity while there is no tempo. */
  due: number = Number.POSITIVE_INFINITY;
  /** Milliseconds from one clock to the next. */
  #interval: number = Number.POSITIVE_INFINITY;
  #last: number = Number.NEGATIVE_INFINITY;
  #isPlaying = false;

  /** Whether what follows the clocks plays. */
  get isPlaying(): boolean {
    return this.#isPlaying;
  }

  /** From now on there are so many quarter notes a minute; 0 ends the clocks. */
  setTempo(tempo: number, now: number): void {
    this.#interval = tempo > 0 ? MINUTE / tempo / CLOCKS_A_BEAT : Number.POSITIVE_INFINITY;
    this.due = tempo > 0 ? Math.max(now, this.#last + this.#interval) : Number.POSITIVE_INFINITY;
  }

  /** A start, continue or stop has been sent: the next clock is the first one of the beat. */
  transport(type: 'start' | 'continue' | 'stop', now: number): void {
    this.#isPlaying = type !== 'stop';
    if (this.#isPlaying && this.due !== Number.POSITIVE_INFINITY) this.due = now + AFTER_START;
  }

  /** The clock that is due. After more than a beat without a turn the others are left out: they would be a roll. */
  next(now: number): MidiMessage {
    this.#last = now - this.due > CLOCKS_A_BEAT * this.#interval ? now : this.due;
    this.due = this.#last + this.#interval;
    return { type: 'clock' };
  }
}

/** Quarter notes a minute; 0 for none. Throws a `ClaspError` 402 for what is no tempo. */
export function midiTempo(value: Value, address: string): number {
  const tempo = typeof value === 'bigint' ? Number(value) : (value ?? 0);
  if (typeof tempo === 'number' && tempo >= 0 && tempo <= FASTEST) return tempo;
  throw new ClaspError(ErrorCode.BadValue, `${address}: a tempo is a number from 0 to ${FASTEST}`, { address, value });
}
