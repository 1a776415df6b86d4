/** Clocks a quarter note, as MIDI has it. */
const CLOCKS_A_BEAT = 24;
/** Clocks a sixteenth note: what song positions count. */
const CLOCKS_A_SIXTEENTH = 6;
/** Beats over which the tempo is measured, so that jitter of a millisecond does not show. */
const BEATS_MEASURED = 8;
/** A tempo that differs this much over one beat is a new one. */
const TEMPO_STEP = 0.02;
/** Milliseconds between clocks beyond which they are not one tempo. */
const LONGEST_PAUSE = 1_000;

/** Counts the clocks of one sender. */
export class MidiClock {
  /** Clocks since the start of the song. */
  #position = 0;
  // Who sends clocks only, without ever a start, is running.
  #running = true;
  #clocks = 0;
  #lastAt = Number.NEGATIVE_INFINITY;
  /** When the last beats' worth of clocks was over, newest last. */
  #beatTimes: number[] = [];
  #told = 0;

  /** The song begins with the next clock. */
  start(): void {
    this.#position = 0;
    this.#running = true;
  }

  /** The song goes on with the next clock. */
  continue(): void {
    this.#running = true;
  }

  stop(): void {
    this.#running = false;
  }

  /** The next clock stands at this many sixteenth notes. */
  locate(sixteenths: number): void {
    this.#position = sixteenths * CLOCKS_A_SIXTEENTH;
  }

  /** Counts one clock; gives the beat, from 0, that falls on it. `now` as in {@link tempo}. */
  beat(): number | undefined {
    if (!this.#running) return undefined;
    const position = this.#position++;
    return position % CLOCKS_A_BEAT === 0 ? position / CLOCKS_A_BEAT : undefined;
  }

  /** Measures with the clock that came at `now`, milliseconds; gives the beats a minute, to a tenth, when they changed. */
  tempo(now: number): number | undefined {
    if (!(now - this.#lastAt <= LONGEST_PAUSE)) {
      this.#clocks = 0;
      this.#beatTimes = [];
    }
    this.#lastAt = now;
    if (this.#clocks++ % CLOCKS_A_BEAT !== 0) return undefined;
    this.#beatTimes.push(now);
    if (this.#beatTimes.length > BEATS_MEASURED + 1) this.#beatTimes.shift();
    if (this.#beatTimes.length > 2) {
      const newest = this.#beatTimes.slice(-2);
      if (Math.abs(tempoOf(newest) / tempoOf(this.#beatTimes) - 1) > TEMPO_STEP) this.#beatTimes = newest;
    }
    const tempo = Math.round(tempoOf(this.#beatTimes) * 10) / 10;
    if (!Number.isFinite(tempo) || tempo === this.#told) return undefined;
    this.#told = tempo;
    return tempo;
  }
}

function tempoOf(times: readonly number[]): number {
  const first = times[0] as number;
  const last = times[times.length - 1] as number;
  return (60_000 * (times.length - 1)) / (last - first);
}
