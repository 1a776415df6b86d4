import type { SubscribeOptions } from '../wire/message.ts';
import type { Value } from './value.ts';

/** How often and how exactly the values of an address are delivered. */
export interface Pacing {
  /** Least time from one delivery to the next, microseconds; 0 = none. */
  readonly interval: number;
  /** Numbers within this distance of the last delivered one are held back; -1 = none are. */
  readonly epsilon: number;
  /** Samples of this time are delivered together, microseconds; 0 = each by itself. */
  readonly window: number;
}

/** What pacing by distance can compare: a number, or an array of numbers. */
export type Numbers = number | readonly number[];

/** Everything is delivered at once: a subscription without options. */
export const UNPACED: Pacing = { interval: 0, epsilon: -1, window: 0 };

const SECOND = 1_000_000;
const MILLISECOND = 1000;
/** Milliseconds: a longer window is as long as this, so that no timer and no memory is bound for hours. */
const LONGEST_WINDOW = 60_000;
const MAX_U32 = 0xffff_ffff;

/** The pacing that a SUBSCRIBE asks for. What makes no sense (a rate of 0, a negative distance, NaN) asks for nothing. */
export function pacingOf(options: SubscribeOptions | undefined): Pacing {
  if (options === undefined) return UNPACED;
  const { maxRate = 0, epsilon = -1, window = 0 } = options;
  return paced(intervalOf(maxRate), epsilon >= 0 ? epsilon : -1, windowOf(window));
}

/** Microseconds between deliveries of at most `maxRate` a second; 0 for a rate that limits nothing. */
export function intervalOf(maxRate: number): number {
  return maxRate > 0 ? SECOND / maxRate : 0;
}

/** A window of milliseconds in microseconds, at most a minute; 0 for one that gathers nothing. */
export function windowOf(window: number): number {
  return window > 0 ? Math.min(window, LONGEST_WINDOW) * MILLISECOND : 0;
}

/** The pacing of one delivery that serves both: no field is stricter than in either. */
export function loosest(a: Pacing, b: Pacing): Pacing {
  if (a === b) return a;
  return paced(Math.min(a.interval, b.interval), Math.min(a.epsilon, b.epsilon), Math.min(a.window, b.window));
}

/** The pacing of params, which have no samples to gather. */
export function withoutWindow(pacing: Pacing): Pacing {
  return pacing.window === 0 ? pacing : paced(pacing.interval, pacing.epsilon, 0);
}

function paced(interval: number, epsilon: number, window: number): Pacing {
  return interval === 0 && epsilon < 0 && window === 0 ? UNPACED : { interval, epsilon, window };
}

/** What distance can be measured of; undefined for everything else, a bigint included. */
export function numbersOf(value: Value): Numbers | undefined {
  if (typeof value === 'number') return value;
  return isArray(value) && value.every((item) => typeof item === 'number') ? (value as readonly number[]) : undefined;
}

/**
 * Whether both are numbers no further than `epsilon` apart, or arrays of as many numbers of which each is. NaN is near
 * nothing, an infinity only itself.
 */
export function isWithin(a: Numbers | undefined, b: Numbers | undefined, epsilon: number): boolean {
  if (a === undefined || b === undefined || epsilon < 0 || Number.isNaN(epsilon)) return false;
  if (typeof a === 'number') return typeof b === 'number' && isNear(a, b, epsilon);
  if (typeof b === 'number' || a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!isNear(a[i] as number, b[i] as number, epsilon)) return false;
  return true;
}

/** {@link isWithin} for samples that came together: whether there are any and each is near. */
export function areWithin(last: Numbers | undefined, samples: readonly number[], epsilon: number): boolean {
  if (epsilon < 0 || samples.length === 0) return false;
  for (const sample of samples) if (!isWithin(last, sample, epsilon)) return false;
  return true;
}

/**
 * Whether the next may be delivered now, or waits until `freeAt`. A `freeAt` further away than two intervals is from
 * before the clock was put back, and holds nothing.
 */
export function isFree(freeAt: number, now: number, interval: number): boolean {
  return now >= freeAt || freeAt - now > 2 * interval;
}

/**
 * When the next may be delivered after one that was due at `due` and was delivered at `now`, later because timers are.
 * Half an interval of lateness is made up for, so that a steady source keeps its rate; never more than `n + 1` are
 * delivered in any second at a rate of `n`.
 */
export function freeAfter(due: number, now: number, interval: number): number {
  return Math.max(due + interval, now + interval / 2);
}

/** Samples a second, a whole number of at least 1, when `count` came in `elapsed` microseconds. */
export function sampleRate(count: number, elapsed: number): number {
  return Math.min(MAX_U32, Math.max(1, Math.round((count * SECOND) / Math.max(1, elapsed))));
}

function isNear(a: number, b: number, epsilon: number): boolean {
  return a === b || Math.abs(a - b) <= epsilon;
}

// `Array.isArray` alone does not narrow a readonly array.
const isArray = (value: unknown): value is readonly Value[] => Array.isArray(value);
