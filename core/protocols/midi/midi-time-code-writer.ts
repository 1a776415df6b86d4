import type { MidiMessage } from './midi.ts';
import {
  fullFrame,
  type MidiTimeCode,
  quarterFrames,
  timeCodeDay,
  timeCodeFrames,
  timeCodeOf,
} from './midi-time-code.ts';

/** Frames by which a time may differ from what was expected, and is still the same run. */
const TOLERANCE = 2;
/** How much of what a time is too early or late is made up for at once. */
const SLEW = 0.1;
/** How many of its intervals may pass without a time that comes regularly, and milliseconds at least and at most. */
const INTERVALS = 2.5;
const LEAST_SILENCE = 200;
const MOST_SILENCE = 3_000;
/** A part of a frame by which it may begin earlier than its time was told. */
const SLACK = 1e-6;
/** Quarter frames that may be late together; after more of them the time is begun anew. */
const MOST_LATE = 8;

/** A time that was told, as a count of frames. */
interface Told {
  readonly time: MidiTimeCode;
  readonly frame: number;
  readonly at: number;
}

/**
 * Turns times that come now and then into MIDI time code: quarter frames, four a frame, while they go on as time does;
 * a full frame for the first one, for one that jumps or goes back, and where a run ends. Pure: time is an argument, in
 * milliseconds of a monotonic clock.
 *
 * A run begins with the second time that fits. It ends when a time comes again that stands still, or when none has come
 * for two and a half times as long as they came before. Quarter frames begin with an even frame.
 */
export class MidiTimeCodeWriter {
  /** When the next quarter frame is due; Infinity while nothing runs. */
  due: number = Number.POSITIVE_INFINITY;
  #told: Told | undefined;
  /** The frame that is being told, when it begins, and the piece of it that is next. */
  #frame = 0;
  #frameAt = 0;
  #piece = 0;
  #silentAt = 0;

  /** Takes a time that is now; gives the full frame to be sent, if one is. */
  take(time: MidiTimeCode, now: number): MidiMessage | undefined {
    const before = this.#told;
    const told: Told = { time, frame: timeCodeFrames(time), at: now };
    this.#told = told;
    if (before?.time.rate === time.rate && this.#goesOn(before, told)) return undefined;
    const stands = before?.time.rate === time.rate && before.frame === told.frame;
    const ran = this.due !== Number.POSITIVE_INFINITY;
    this.due = Number.POSITIVE_INFINITY;
    return stands && !ran ? undefined : whole(time);
  }

  /** The quarter frame that is due, or the full frame that ends a run from which nothing is heard any more. */
  next(now: number): MidiMessage | undefined {
    const { time } = this.#told as Told;
    if (now >= this.#silentAt) {
      this.due = Number.POSITIVE_INFINITY;
      return whole(time);
    }
    const frameTime = frameMs(time);
    if (now - this.due > (MOST_LATE * frameTime) / 4) {
      this.#begin(now);
      if (this.due > now) return undefined;
    }
    const piece = this.#piece;
    const nibble = quarterFrames(timeCodeOf(this.#frame, time.rate))[piece] as number;
    this.#piece = (piece + 1) % 8;
    if (this.#piece === 0) this.#goTo((this.#frame + 2) % timeCodeDay(time.rate));
    this.#arm();
    return { type: 'quarter-frame', piece, nibble };
  }

  /** Whether a time continues what is running, or shows that it runs. */
  #goesOn(before: Told, told: Told): boolean {
    const { frame, at, time } = told;
    const frameTime = frameMs(time);
    const day = timeCodeDay(time.rate);
    if (this.due === Number.POSITIVE_INFINITY) {
      const moved = distance(before.frame, frame, day);
      if (moved <= 0 || Math.abs(moved - (at - before.at) / frameTime) > TOLERANCE) return false;
      this.#frame = frame;
      this.#frameAt = at;
      this.#begin(at);
    } else {
      // A time is told within its frame: between what it says and one frame later.
      const error = distance(this.#frame, frame, day) - (at - this.#frameAt) / frameTime;
      if (error > TOLERANCE || error < -1 - TOLERANCE) return false;
      const early = error > 0 ? error : Math.min(0, error + 1);
      this.#frameAt -= early * frameTime * SLEW;
      this.#arm();
    }
    const silence = INTERVALS * (at - before.at);
    this.#silentAt = Math.max(this.#silentAt, at + Math.min(MOST_SILENCE, Math.max(LEAST_SILENCE, silence)));
    return true;
  }

  /** Begins with the next even frame. */
  #begin(now: number): void {
    const { time } = this.#told as Told;
    const passed = Math.ceil((now - this.#frameAt) / frameMs(time) - SLACK);
    const frame = this.#frame + passed;
    this.#piece = 0;
    this.#goTo((frame + (frame % 2)) % timeCodeDay(time.rate));
    this.#arm();
  }

  /** Reckons from this frame on. */
  #goTo(frame: number): void {
    const { time } = this.#told as Told;
    this.#frameAt += distance(this.#frame, frame, timeCodeDay(time.rate)) * frameMs(time);
    this.#frame = frame;
  }

  #arm(): void {
    const { time } = this.#told as Told;
    this.due = this.#frameAt + (this.#piece / 4) * frameMs(time);
  }
}

function whole(time: MidiTimeCode): MidiMessage {
  return { type: 'sysex', bytes: fullFrame(time) };
}

/** Milliseconds of a frame; NTSC's rate is 30000 / 1001. */
function frameMs({ rate }: MidiTimeCode): number {
  return rate === 29.97 ? 1001 / 30 : 1_000 / rate;
}

/** Frames from one to another, the shorter way round the day. */
function distance(from: number, to: number, day: number): number {
  return ((((to - from + day / 2) % day) + day) % day) - day / 2;
}
