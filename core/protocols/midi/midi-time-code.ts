import { ClaspError, ErrorCode } from '../../errors.ts';

/** Frames a second that MIDI time code has; 29.97 is NTSC's drop-frame count. */
export type MidiFrameRate = 24 | 25 | 29.97 | 30;

/** A moment of film or tape. */
export interface MidiTimeCode {
  /** 0–23. */
  readonly hours: number;
  readonly minutes: number;
  readonly seconds: number;
  /** From 0, below the rate. */
  readonly frames: number;
  readonly rate: MidiFrameRate;
}

const RATES = [24, 25, 29.97, 30] as const;

/** Frames that a count of this rate has in a second: 30 for 29.97. */
function countOf(rate: MidiFrameRate): number {
  return Math.ceil(rate);
}

/** The `ClaspError` (402) of a time that does not exist, or undefined. Drop-frame leaves out numbers, too. */
export function checkTimeCode({ hours, minutes, seconds, frames, rate }: MidiTimeCode): ClaspError | undefined {
  const below = (value: number, limit: number) => Number.isInteger(value) && value >= 0 && value < limit;
  const wrong =
    (!RATES.includes(rate) && `rate is ${RATES.join(', ')}, not ${rate}`) ||
    (!below(hours, 24) && `hours are 0–23, not ${hours}`) ||
    (!below(minutes, 60) && `minutes are 0–59, not ${minutes}`) ||
    (!below(seconds, 60) && `seconds are 0–59, not ${seconds}`) ||
    (!below(frames, countOf(rate)) && `frames are 0–${countOf(rate) - 1}, not ${frames}`) ||
    (isDropped({ hours, minutes, seconds, frames, rate }) && `drop-frame has no frame ${frames} in minute ${minutes}`);
  return wrong ? new ClaspError(ErrorCode.BadValue, `time code: ${wrong}`) : undefined;
}

/** The first two frames of every minute do not exist at 29.97, but for every tenth minute. */
function isDropped({ minutes, seconds, frames, rate }: MidiTimeCode): boolean {
  return rate === 29.97 && seconds === 0 && frames < 2 && minutes % 10 !== 0;
}

/** The time `steps` frames later, past midnight if need be. At 29.97 the frames that NTSC leaves out are left out. */
export function laterTimeCode(time: MidiTimeCode, steps: number): MidiTimeCode {
  let { hours, minutes, seconds, frames } = time;
  for (let step = 0; step < steps; step++) {
    if (++frames < countOf(time.rate)) continue;
    frames = 0;
    if (++seconds < 60) continue;
    seconds = 0;
    minutes = (minutes + 1) % 60;
    if (minutes === 0) hours = (hours + 1) % 24;
    if (isDropped({ hours, minutes, seconds, frames, rate: time.rate })) frames = 2;
  }
  return { hours, minutes, seconds, frames, rate: time.rate };
}

/** Frames that were counted since midnight. */
export function timeCodeFrames({ hours, minutes, seconds, frames, rate }: MidiTimeCode): number {
  const all = hours * 60 + minutes;
  const dropped = rate === 29.97 ? 2 * (all - Math.floor(all / 10)) : 0;
  return (all * 60 + seconds) * countOf(rate) + frames - dropped;
}

/** The time at which so many frames, less than a day of them, were counted since midnight. */
export function timeCodeOf(count: number, rate: MidiFrameRate): MidiTimeCode {
  const frameRate = countOf(rate);
  let number = count;
  if (rate === 29.97) {
    // Ten minutes are 17982 frames: the first has 1800, the others 1798.
    const tens = Math.floor(count / 17_982);
    const left = count % 17_982;
    number += 18 * tens + (left < 1_800 ? 0 : 2 * (1 + Math.floor((left - 1_800) / 1_798)));
  }
  const seconds = Math.floor(number / frameRate);
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60];
  return { hours, minutes, seconds: seconds % 60, frames: number % frameRate, rate };
}

/** Frames of a day. */
export function timeCodeDay(rate: MidiFrameRate): number {
  return rate === 29.97 ? 144 * 17_982 : 86_400 * rate;
}

/** The sysex that tells a whole time at once, to all devices. Throws a `ClaspError` 402 for a time that does not exist. */
export function fullFrame(time: MidiTimeCode): Uint8Array {
  const wrong = checkTimeCode(time);
  if (wrong) throw wrong;
  const { hours, minutes, seconds, frames, rate } = time;
  return Uint8Array.of(0xf0, 0x7f, 0x7f, 1, 1, (RATES.indexOf(rate) << 5) | hours, minutes, seconds, frames, 0xf7);
}

/** The time that a sysex tells, whatever device it is for; undefined for any other sysex. */
export function readFullFrame(sysex: Uint8Array): MidiTimeCode | undefined {
  if (sysex.length !== 10 || sysex[1] !== 0x7f || sysex[3] !== 1 || sysex[4] !== 1) return undefined;
  return existing(timeOf(sysex[5] as number, sysex[6] as number, sysex[7] as number, sysex[8] as number));
}

/** The eight nibbles of a time, piece 0 first. */
export function quarterFrames({ hours, minutes, seconds, frames, rate }: MidiTimeCode): readonly number[] {
  const numbers = [frames, seconds, minutes, (RATES.indexOf(rate) << 5) | hours];
  return numbers.flatMap((number) => [number & 15, number >> 4]);
}

/**
 * Puts times together out of quarter frames. Eight of them take two frames to arrive, so forwards a time is told two
 * frames later than it says: then it is now. Backwards it is told as it says.
 */
export class QuarterFrameReader {
  readonly #nibbles = new Uint8Array(8);
  /** The piece that came last; -1 for none. */
  #last = -1;
  /** Pieces that came one after the other, in one direction. */
  #run = 0;
  #backwards = false;

  /** Takes one piece; gives the time when all eight have come in a row. */
  take(piece: number, nibble: number): MidiTimeCode | undefined {
    const forwards = piece === (this.#last + 1) % 8;
    const backwards = piece === (this.#last + 7) % 8;
    if (this.#last < 0 || (!forwards && !backwards)) this.#run = 1;
    else if (this.#run > 1 && backwards !== this.#backwards) this.#run = 2;
    else this.#run++;
    this.#backwards = backwards && !forwards;
    this.#last = piece;
    this.#nibbles[piece] = nibble;
    if (this.#run < 8 || piece !== (this.#backwards ? 0 : 7)) return undefined;
    this.#run = 8;
    const time = existing(timeOf(this.#byte(6), this.#byte(4), this.#byte(2), this.#byte(0)));
    return time && !this.#backwards ? laterTimeCode(time, 2) : time;
  }

  #byte(piece: number): number {
    return (this.#nibbles[piece] as number) | ((this.#nibbles[piece + 1] as number) << 4);
  }
}

function timeOf(rateAndHours: number, minutes: number, seconds: number, frames: number): MidiTimeCode {
  const rate = RATES[(rateAndHours >> 5) & 3] as MidiFrameRate;
  return { hours: rateAndHours & 31, minutes, seconds, frames, rate };
}

function existing(time: MidiTimeCode): MidiTimeCode | undefined {
  return checkTimeCode(time) === undefined ? time : undefined;
}
