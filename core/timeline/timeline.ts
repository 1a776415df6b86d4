import { ClaspError, ErrorCode } from '../errors.ts';
import type { Easing, Keyframe, Timeline } from '../signal/signal.ts';
import type { Value } from '../signal/value.ts';

type Bezier = readonly [number, number, number, number];

/** The named curves of CSS Easing Functions Level 1, section 2.2. */
const EASE_IN: Bezier = [0.42, 0, 1, 1];
const EASE_OUT: Bezier = [0, 0, 0.58, 1];
const EASE_IN_OUT: Bezier = [0.42, 0, 0.58, 1];
/** Halvings of the parameter; in what remains the curve is as good as straight. */
const STEPS = 16;

/**
 * How far the value has moved when a part `progress` (0 … 1) of the time to the next keyframe has passed: 0 there, 1 at
 * the next keyframe. `step` stays 0 until then. Between 0 and 1 and never falling, except for a `cubic-bezier` whose y
 * coordinates are not.
 *
 * The curves are those of CSS (CSS Easing Functions Level 1).
 */
export function ease({ easing = 'linear', bezier }: Pick<Keyframe, 'easing' | 'bezier'>, progress: number): number {
  if (progress <= 0) return 0;
  if (progress >= 1) return 1;
  switch (easing) {
    case 'step':
      return 0;
    case 'ease-in':
      return cubic(EASE_IN, progress);
    case 'ease-out':
      return cubic(EASE_OUT, progress);
    case 'ease-in-out':
      return cubic(EASE_IN_OUT, progress);
    case 'cubic-bezier':
      return bezier ? cubic(bezier, progress) : progress;
    default:
      return progress;
  }
}

/** The y of the curve from (0, 0) to (1, 1) where its x is `x`. Its x never falls, since x1 and x2 are within 0 … 1. */
function cubic(bezier: Bezier, x: number): number {
  const [x1, y1, x2, y2] = bezier;
  // The x at t as ((a t + b) t + c) t, for it is asked for many times.
  const c = 3 * x1;
  const b = 3 * (x2 - x1) - c;
  const a = 1 - c - b;
  let low = 0;
  let high = 1;
  let before = 0;
  let after = 1;
  // By halves, not by Newton's method: a later time can never get an earlier place on the curve.
  for (let step = 0; step < STEPS; step++) {
    const middle = (low + high) / 2;
    const there = ((a * middle + b) * middle + c) * middle;
    if (there < x) {
      low = middle;
      before = there;
    } else {
      high = middle;
      after = there;
    }
  }
  const part = after > before ? Math.min((x - before) / (after - before), 1) : 1;
  return coordinate(y1, y2, low + (high - low) * part);
}

function coordinate(first: number, second: number, t: number): number {
  const rest = 1 - t;
  return 3 * rest * rest * t * first + 3 * rest * t * t * second + t * t * t;
}

/** What of a timeline decides its curve. */
export type Curve = Pick<Timeline, 'keyframes' | 'loop'>;

/** Keyframes that one timeline may have. A frame holds about 1800 with numbers. */
export const MAX_KEYFRAMES = 4096;
/** The latest time that still counts single microseconds. */
const MAX_TIME = Number.MAX_SAFE_INTEGER;
export const EASINGS: readonly Easing[] = ['linear', 'ease-in', 'ease-out', 'ease-in-out', 'step', 'cubic-bezier'];

/**
 * What is wrong with the value of a timeline PUBLISH, if anything: a `ClaspError` 400 that names the keyframe (counted
 * from 0) and the offending value. Not wrong is an empty list of keyframes: it removes the timeline.
 *
 * Keyframes: at most {@link MAX_KEYFRAMES}; times of 0 … 2^53 - 1 µs that never fall; finite numbers as values, however
 * deep; a known easing; for `cubic-bezier` four numbers, the first and third within 0 … 1. A loop takes more than 0 µs.
 */
export function checkTimeline(value: Value, address: string): ClaspError | undefined {
  const fault = faultOf(value);
  if (!fault) return undefined;
  return new ClaspError(ErrorCode.Conflict, `${address}: ${fault.reason}`, { address, value: fault.value });
}

/**
 * The value `elapsed` µs after the start: exact at keyframes, in between as the earlier keyframe's easing says. Numbers,
 * arrays of as many numbers and the common keys of maps move; everything else, and keys that only one of them has, stays
 * until the next keyframe. Before the first keyframe its value, after the last that, unless the timeline loops: then
 * it goes on as at `elapsed` modulo the last keyframe's time, with the last value until the first keyframe comes again.
 *
 * Expects at least one keyframe, and what {@link checkTimeline} accepts.
 */
export function interpolate({ keyframes, loop }: Curve, elapsed: number): Value {
  const first = keyframes[0] as Keyframe;
  const last = keyframes[keyframes.length - 1] as Keyframe;
  const time = loop && elapsed >= last.time ? elapsed % last.time : elapsed;
  if (time < first.time) return elapsed < last.time ? first.value : last.value;
  const index = keyframeAt(keyframes, time);
  const from = keyframes[index] as Keyframe;
  const to = keyframes[index + 1];
  if (!to || time <= from.time) return from.value;
  return between(from.value, to.value, ease(from, (time - from.time) / (to.time - from.time)));
}

/**
 * The keyframe, counted from 0, whose own value {@link interpolate} gives at `elapsed`: at a keyframe, before the first,
 * after the last, and while a step holds. Undefined where the value may be one in between.
 */
export function heldKeyframe({ keyframes, loop }: Curve, elapsed: number): number | undefined {
  const first = keyframes[0] as Keyframe;
  const end = keyframes.length - 1;
  const last = keyframes[end] as Keyframe;
  const time = loop && elapsed >= last.time ? elapsed % last.time : elapsed;
  if (time < first.time) return elapsed < last.time ? 0 : end;
  const index = keyframeAt(keyframes, time);
  const from = keyframes[index] as Keyframe;
  return index === end || time <= from.time || from.easing === 'step' ? index : undefined;
}

/** Two ticks that follow each other, microseconds. */
export interface Ticks {
  readonly last: number;
  readonly next: number;
}

/** The ticks around `at`, of one every `interval` µs from the epoch: the last may be now. At whole microseconds. */
export function ticksAround(at: number, interval: number): Ticks {
  const nearest = Math.round(at / interval);
  const count = Math.round(nearest * interval) <= at ? nearest : nearest - 1;
  return { last: Math.round(count * interval), next: Math.round((count + 1) * interval) };
}

/**
 * When the next value is due after `at`, if the timeline starts at `startTime` (relay time, microseconds): at the first
 * keyframe, and exactly at the last. In between at the ticks, which are the same for all timelines, while the value
 * moves; and at the keyframes, of which only the first between two ticks has a moment of its own. Undefined when the
 * timeline is over.
 *
 * @param ticks those around `at`
 */
export function nextMoment(
  { keyframes, loop }: Curve,
  startTime: number,
  at: number,
  ticks: Ticks,
): number | undefined {
  const first = keyframes[0] as Keyframe;
  const last = keyframes[keyframes.length - 1] as Keyframe;
  const elapsed = at - startTime;
  // Never now again: a sum may be rounded down to it, or be less than a microsecond later.
  if (elapsed < first.time) return Math.max(startTime + first.time, at + 1);
  if (elapsed >= last.time && !loop) return undefined;
  const time = loop && elapsed >= last.time ? elapsed % last.time : elapsed;
  const round = startTime + elapsed - time;
  const waits = time < first.time;
  const index = keyframeAt(keyframes, time);
  const from = keyframes[index] as Keyframe;
  const to = waits ? first : (keyframes[index + 1] as Keyframe);

  const keyframe = round + to.time;
  let next = waits || !moves(from, to) ? keyframe : Math.min(keyframe, ticks.next);
  // However close they are, keyframes do not make more moments than the ticks do.
  const passed = waits ? round : round + from.time;
  if (passed >= ticks.last) next = Math.max(next, ticks.next);
  if (!loop) next = Math.min(next, startTime + last.time);
  return Math.max(next, at + 1);
}

/** Whether the value may change on the way from one keyframe to the next, and not only there. */
function moves({ value, easing }: Keyframe, to: Keyframe): boolean {
  if (easing === 'step') return false;
  if (typeof value === 'number') return typeof to.value === 'number' && value !== to.value;
  return typeof value === 'object' && typeof to.value === 'object' && value !== null && to.value !== null;
}

/** The last keyframe that is not after `time`; of several at one time the last. */
function keyframeAt(keyframes: readonly Keyframe[], time: number): number {
  let low = 0;
  let high = keyframes.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((keyframes[middle] as Keyframe).time <= time) low = middle;
    else high = middle - 1;
  }
  return low;
}

function between(from: Value, to: Value, part: number): Value {
  if (part === 0) return from;
  if (typeof from === 'number') return typeof to === 'number' ? blend(from, to, part) : from;
  if (isNumbers(from)) {
    if (!isNumbers(to) || from.length !== to.length) return from;
    return from.map((number, index) => blend(number, to[index] as number, part));
  }
  const map = asMap(from);
  const target = asMap(to);
  if (!map || !target) return from;
  // Not by assignment: a key may be `__proto__`.
  return Object.fromEntries(
    Object.entries(map).map(([key, value]) => {
      const next = Object.hasOwn(target, key) ? target[key] : undefined;
      return [key, next === undefined ? value : between(value, next, part)];
    }),
  );
}

function blend(from: number, to: number, part: number): number {
  const distance = to - from;
  // Two numbers may be further apart than a number can say.
  const value = Number.isFinite(distance) ? from + distance * part : from * (1 - part) + to * part;
  if (part < 0 || part > 1) return value;
  return from < to ? Math.min(Math.max(value, from), to) : Math.min(Math.max(value, to), from);
}

function isNumbers(value: Value): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'number');
}

interface Fault {
  readonly reason: string;
  readonly value: Value | undefined;
}

function faultOf(value: Value): Fault | undefined {
  const { keyframes, loop, startTime } = asMap(value) ?? {};
  if (!Array.isArray(keyframes)) return { reason: 'a timeline has a list of keyframes', value: keyframes };
  if (keyframes.length > MAX_KEYFRAMES) {
    return { reason: `${keyframes.length} keyframes, at most ${MAX_KEYFRAMES}`, value: keyframes.length };
  }
  if (!isAbsent(loop) && typeof loop !== 'boolean') return { reason: 'loop is true or false', value: loop };
  if (!isAbsent(startTime) && !isTime(startTime))
    return { reason: `startTime ${told(startTime)} is no time`, value: startTime };
  let before = 0;
  for (const [index, item] of keyframes.entries()) {
    const fault = faultOfKeyframe(item, before);
    if (fault) return { reason: `keyframe ${index}: ${fault.reason}`, value: fault.value };
    before = asMap(item)?.['time'] as number;
  }
  if (loop && keyframes.length > 0 && before === 0) return { reason: 'a loop of zero length', value: before };
  return undefined;
}

function faultOfKeyframe(item: Value, before: number): Fault | undefined {
  const { time, value, easing, bezier } = asMap(item) ?? {};
  if (!isTime(time)) return { reason: `time ${told(time)} is not a number of microseconds from 0`, value: time };
  if (time < before) return { reason: `time ${time} is before ${before} of the one before`, value: time };
  if (value === undefined) return { reason: 'has no value', value };
  if (!holdsFinite(value)) return { reason: 'its value holds a number that is not finite', value };
  if (!isAbsent(easing) && !(EASINGS as readonly Value[]).includes(easing))
    return { reason: `unknown easing ${told(easing)}`, value: easing };
  if (easing === 'cubic-bezier' && !isBezier(bezier)) {
    return { reason: 'bezier is x1, y1, x2, y2 with x1 and x2 within 0 … 1', value: bezier };
  }
  return undefined;
}

function asMap(value: Value): { readonly [key: string]: Value } | undefined {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
  return isMap ? (value as { readonly [key: string]: Value }) : undefined;
}

function isAbsent(value: Value | undefined): value is null | undefined {
  return value === undefined || value === null;
}

/** Whether it is a number of microseconds that a keyframe or a start may have. */
export function isTime(value: Value | undefined): value is number {
  return typeof value === 'number' && value >= 0 && value <= MAX_TIME;
}

function isBezier(value: Value | undefined): boolean {
  if (value === undefined || !isNumbers(value) || value.length !== 4 || !value.every(Number.isFinite)) return false;
  const [x1, , x2] = value as [number, number, number, number];
  return x1 >= 0 && x1 <= 1 && x2 >= 0 && x2 <= 1;
}

function holdsFinite(value: Value): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  if (Array.isArray(value)) return value.every(holdsFinite);
  const map = asMap(value);
  return map === undefined || Object.values(map).every(holdsFinite);
}

function told(value: Value | undefined): string {
  return typeof value === 'string'
    ? JSON.stringify(value.slice(0, 48))
    : typeof value === 'object'
      ? 'of a wrong type'
      : String(value);
}
