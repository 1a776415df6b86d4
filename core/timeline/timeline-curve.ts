import type { Easing, Keyframe } from '../signal/signal.ts';
import type { Value } from '../signal/value.ts';
import { readU16 } from '../wire/bytes.ts';
import { ValueCode } from '../wire/codes.ts';
import { readValue, scalarSize, skipValue } from '../wire/value.ts';
import { EASINGS, isTime, MAX_KEYFRAMES } from './timeline.ts';

type Bezier = readonly [number, number, number, number];

/** One shape for all of them, however they were written: a timeline may have thousands, and plays them in a hurry. */
class CurveKeyframe implements Keyframe {
  readonly time: number;
  readonly value: Value;
  readonly easing: Easing;
  readonly bezier?: Bezier;

  constructor(time: number, value: Value, easing: Easing | undefined, bezier: Bezier | undefined) {
    this.time = time;
    this.value = value;
    this.easing = easing ?? 'linear';
    if (this.easing === 'cubic-bezier' && bezier) this.bezier = bezier;
  }
}

/** A timeline to be played: with an easing for each keyframe. */
export interface PlayableTimeline {
  readonly keyframes: readonly Keyframe[];
  readonly loop: boolean;
  /** Undefined where it does not say. */
  readonly startTime: number | undefined;
  /** Whether all values are f64, so that nothing is lost where they are written anew. */
  readonly plain: boolean;
}

/** How many keyframes the value of a timeline PUBLISH has, which `checkTimeline` has nothing against. */
export function countKeyframes(checked: Value): number {
  return (checked as unknown as PlayableTimeline).keyframes.length;
}

/** Reads the value of a timeline PUBLISH which `checkTimeline` has nothing against. */
export function readCurve(checked: Value): PlayableTimeline {
  const { keyframes, loop, startTime } = checked as unknown as PlayableTimeline;
  const read = new Array<Keyframe>(keyframes.length);
  for (let index = 0; index < read.length; index++) {
    const { time, value, easing, bezier } = keyframes[index] as Keyframe;
    read[index] = new CurveKeyframe(time, value, easing, bezier);
  }
  return { keyframes: read, loop: loop ?? false, startTime: startTime ?? undefined, plain: false };
}

const latin = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const KEYFRAMES = latin('keyframes');
const LOOP = latin('loop');
const START_TIME = latin('startTime');
const TIME = latin('time');
const VALUE = latin('value');
const EASING = latin('easing');
/** Those that need no more than their name. */
const NAMED = EASINGS.filter((easing) => easing !== 'cubic-bezier').map((easing) => [latin(easing), easing] as const);

/** A value of which everything has been checked already, as a decoded frame has it. */
interface CheckedValue {
  readonly bytes: Uint8Array;
  readonly valueStart: number;
  readonly valueCode: number;
}

/**
 * Reads a timeline of plain numbers from its bytes at once: thousands of keyframes without a map for each, in half
 * the time. Undefined for one that has anything else (values that are no numbers, `bezier`, other keys), and for one with
 * anything wrong: read those as a value, for which `checkTimeline` says what is.
 */
export function readPlainCurve(value: CheckedValue): PlayableTimeline | undefined {
  if (value.valueCode !== ValueCode.Map) return undefined;
  return new PlainReader(value.bytes, value.valueStart).timeline();
}

/**
 * Where the value of each keyframe is in the bytes of a timeline which `checkTimeline` has nothing against: the position of
 * its code.
 */
export function keyframeValues({ bytes, valueStart }: CheckedValue): Uint32Array {
  const list = memberAt(bytes, valueStart, KEYFRAMES);
  const places = new Uint32Array(readU16(bytes, list + 1));
  let at = list + 3;
  for (let index = 0; index < places.length; index++) {
    places[index] = memberAt(bytes, at + 1, VALUE);
    at = endOf(bytes, at);
  }
  return places;
}

/** The position of a key's value code in the map whose body is at `start`; of duplicates the last. */
function memberAt(bytes: Uint8Array, start: number, name: Uint8Array): number {
  let found = 0;
  let at = start + 2;
  for (let left = readU16(bytes, start); left > 0; left--) {
    const key = at + 2;
    const code = key + readU16(bytes, at);
    if (code - key === name.length && name.every((byte, index) => bytes[key + index] === byte)) found = code;
    at = endOf(bytes, code);
  }
  return found;
}

/** The position after the value whose code is at `at`. */
function endOf(bytes: Uint8Array, at: number): number {
  return skipValue(bytes, at + 1, bytes.length, bytes[at] as number, 0);
}

class PlainReader {
  readonly #bytes: Uint8Array;
  #plain = true;
  #at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  timeline(): PlayableTimeline | undefined {
    let keyframes: readonly Keyframe[] | undefined;
    let loop = false;
    let startTime: number | undefined;
    for (let left = this.#count(); left > 0; left--) {
      if (this.#is(KEYFRAMES)) {
        keyframes = this.#keyframes();
        if (!keyframes) return undefined;
      } else if (this.#is(LOOP)) {
        if (this.#bytes[this.#at] !== ValueCode.Bool) return undefined;
        loop = this.#bytes[this.#at + 1] !== 0;
        this.#at += 2;
      } else if (this.#is(START_TIME)) {
        startTime = this.#number();
        if (!isTime(startTime)) return undefined;
      } else {
        return undefined;
      }
    }
    if (!keyframes || (loop && keyframes.at(-1)?.time === 0)) return undefined;
    return { keyframes, loop, startTime, plain: this.#plain };
  }

  #keyframes(): readonly Keyframe[] | undefined {
    if (this.#bytes[this.#at++] !== ValueCode.Array) return undefined;
    const count = this.#count();
    if (count > MAX_KEYFRAMES) return undefined;
    const keyframes: Keyframe[] = [];
    for (let before = 0; keyframes.length < count; ) {
      const keyframe = this.#keyframe();
      if (!keyframe || keyframe.time < before) return undefined;
      before = keyframe.time;
      keyframes.push(keyframe);
    }
    return keyframes;
  }

  #keyframe(): Keyframe | undefined {
    if (this.#bytes[this.#at++] !== ValueCode.Map) return undefined;
    let time = Number.NaN;
    let value = Number.NaN;
    let easing: Easing | undefined;
    for (let left = this.#count(); left > 0; left--) {
      if (this.#is(TIME)) {
        time = this.#number();
      } else if (this.#is(VALUE)) {
        if (this.#bytes[this.#at] !== ValueCode.F64) this.#plain = false;
        value = this.#number();
      } else if (this.#is(EASING)) {
        easing = this.#easing();
        if (!easing) return undefined;
      } else {
        return undefined;
      }
    }
    if (!isTime(time) || !Number.isFinite(value)) return undefined;
    return new CurveKeyframe(time, value, easing, undefined);
  }

  #easing(): Easing | undefined {
    if (this.#bytes[this.#at++] !== ValueCode.String) return undefined;
    for (const [name, easing] of NAMED) if (this.#is(name)) return easing;
    return undefined;
  }

  /** NaN for what is none; then the place is lost. */
  #number(): number {
    const code = this.#bytes[this.#at] as number;
    if (code < ValueCode.I8 || code > ValueCode.F64 || code === ValueCode.I64) return Number.NaN;
    const start = this.#at + 1;
    this.#at = start + scalarSize(this.#bytes, start, code);
    return readValue(this.#bytes, start, code) as number;
  }

  #count(): number {
    const count = readU16(this.#bytes, this.#at);
    this.#at += 2;
    return count;
  }

  /** Goes past a str if it is this one. */
  #is(text: Uint8Array): boolean {
    const { length } = text;
    if (readU16(this.#bytes, this.#at) !== length) return false;
    const start = this.#at + 2;
    for (let i = 0; i < length; i++) if (this.#bytes[start + i] !== text[i]) return false;
    this.#at = start + length;
    return true;
  }
}
