import { filter, type MonoTypeOperatorFunction, type OperatorFunction, pipe } from 'rxjs';
import type { Scopes } from '../core/address/scope.ts';
import type { OnFull } from '../core/param/param.ts';
import { type ParamRule, ParamRules } from '../core/param/param-rules.ts';
import { ParamStore } from '../core/param/param-store.ts';
import type { Signal } from '../core/signal/signal.ts';
import { conflictMerge as mergeEnvelopes, ParamWriter } from './router/conflict-merge.ts';
import {
  type GestureLifecycleOptions,
  gestureLifecycle as keepGestures,
  OpenGestures,
} from './router/gesture-lifecycle.ts';
import { type OnSignalsOptions, onSignals, type SignalStages } from './router/on-signals.ts';
import { rateLimit as limitRate, type RateLimitOptions } from './router/rate-limit.ts';
import { scopeFilter as filterByScope } from './router/scope-filter.ts';
import {
  timelineScheduler as playTimelines,
  type TimelineSchedulerOptions,
  Timelines,
} from './router/timeline-scheduler.ts';

export interface ScopeFilterOptions extends OnSignalsOptions {
  /** What may pass, as `action:pattern`: a param needs write, every other signal emit or write. */
  readonly scopes: readonly string[] | Scopes;
}

/**
 * Lets through what the scopes permit, and nothing else (protocol semantics, section 5). `refused` gets a `ClaspError`
 * 301 for the rest, 200 for a bad address and 402 for a value that is none. Throws a `ClaspError` for a malformed scope.
 *
 * @example
 * ```ts
 * router().client('osc').on('/**').pipe(scopeFilter({ scopes: ['write:/osc/**'] })).subscribe(console.log);
 * ```
 */
export function scopeFilter<S extends Signal>({ scopes, ...options }: ScopeFilterOptions): MonoTypeOperatorFunction<S> {
  return onSignals(() => [filterByScope()], options, scopes) as OperatorFunction<Signal, never>;
}

export interface ConflictMergeOptions extends OnSignalsOptions {
  /** What holds for which params; the first rule that matches an address. @defaultValue none: the last write wins */
  readonly params?: readonly ParamRule[] | undefined;
  /** Params at a time; 0 = unlimited. @defaultValue 0 */
  readonly maxParams?: number | undefined;
  /** What happens to a new param when there are `maxParams`. @defaultValue 'lru' */
  readonly onFull?: OnFull | undefined;
}

/**
 * Decides who wins, as the relay does (protocol semantics, section 4): params that win pass with their revision, merged
 * ones with what was merged, and `refused` gets a `ClaspError` for those that lose (400), are out of range (402) or held
 * by another `origin` (401). A param whose TTL ends comes once more, with value null. Other signals pass as they are.
 *
 * @example
 * ```ts
 * const loudest = conflictMerge({ params: [{ pattern: '/osc/**', strategy: 'max' }] });
 * router().client('osc').on('/osc/**').pipe(loudest).subscribe(console.log);
 * ```
 */
export function conflictMerge(options: ConflictMergeOptions = {}): MonoTypeOperatorFunction<Signal> {
  const rules = new ParamRules(options.params ?? []);
  return onSignals((shared) => [mergeEnvelopes(writerOf(shared, options, rules), shared)], options);
}

/**
 * Makes every gesture `start move* (end | cancel)`, per `origin`, address and id (protocol semantics, section 2): moves at
 * most once in `moveInterval`, the newest; silence and the end of the source give `cancel`. `refused` gets a `ClaspError`
 * 429 for one too many of an origin. Other signals pass as they are.
 *
 * @example
 * ```ts
 * router().client('wall').on('/touch/*').pipe(gestureLifecycle({ gestureTimeout: 2_000 })).subscribe(console.log);
 * ```
 */
export function gestureLifecycle(
  options: OnSignalsOptions & Omit<GestureLifecycleOptions, 'ending'> = {},
): MonoTypeOperatorFunction<Signal> {
  return onSignals(({ table, ...time }) => [keepGestures(new OpenGestures(table), { ...options, ...time })], options);
}

/**
 * Plays timelines as writes of the param at their address, as the relay does (protocol semantics, section 2): in the place
 * of a timeline come its values, at `timelineRate` a second and exactly at its keyframes; it does not pass itself, since a
 * relay behind this would play it again. A param at the address, another timeline there or one without keyframes ends it. `refused` gets a `ClaspError` 400 for one that cannot be
 * played and 429 for one too many. Other signals pass as they are, params with a revision.
 *
 * What plays when the source completes is not played to its end: keep the source open for as long.
 *
 * @example
 * ```ts
 * const cue: Timeline = {
 *   kind: 'timeline',
 *   address: '/lights/1',
 *   keyframes: [{ time: 0, value: 0 }, { time: 2_000_000, value: 255 }],
 * };
 * concat(of(cue), NEVER).pipe(timelineScheduler()).subscribe(console.log);
 * ```
 */
export function timelineScheduler(
  options: OnSignalsOptions & TimelineSchedulerOptions = {},
): MonoTypeOperatorFunction<Signal> {
  const play = onSignals((shared) => {
    const timelines = new Timelines(shared.table);
    return [playTimelines(timelines, { ...options, ...timeOf(shared) }), mergeEnvelopes(writerOf(shared), shared)];
  }, options);
  return pipe(
    play,
    filter(({ kind }) => kind !== 'timeline'),
  );
}

/**
 * Lets through at most so many signals a second of each `origin`, and as many at once after a silence. `refused` gets a
 * `ClaspError` 429 for the rest. Throttle a single address with `downsample`. `rateLimit(100)` is short for
 * `rateLimit({ maxMessagesPerSecond: 100 })`.
 *
 * @example
 * ```ts
 * router().client('desk').on('/**').pipe(rateLimit({ maxMessagesPerSecond: 100 })).subscribe(console.log);
 * ```
 */
export function rateLimit<S extends Signal>(
  options: number | (OnSignalsOptions & RateLimitOptions),
): MonoTypeOperatorFunction<S> {
  const given = typeof options === 'number' ? { maxMessagesPerSecond: options } : options;
  return onSignals(() => [limitRate(given)], given) as OperatorFunction<Signal, never>;
}

function writerOf(
  { table }: SignalStages,
  { maxParams, onFull }: ConflictMergeOptions = {},
  rules?: ParamRules,
): ParamWriter {
  return new ParamWriter(new ParamStore(table, { maxParams, onFull }), rules);
}

function timeOf({ scheduler, now }: SignalStages): Pick<SignalStages, 'scheduler' | 'now'> {
  return { scheduler, now };
}
