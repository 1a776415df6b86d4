import type { MonoTypeOperatorFunction } from 'rxjs';
import type { Signal } from '../../core/signal.ts';
import { type TriggerOptions, triggerTransform } from '../../core/transforms/trigger.ts';
import { mapValues } from './map-values.ts';

/**
 * Gives one value each time a number rises to `at`, and nothing otherwise.
 *
 * Each address by itself. A param out of a snapshot is no rise.
 *
 * Takes signals; arrays, text and other values that are neither number nor switch pass as they are. Throws a
 * `ClaspError` 402 at once for options that make no sense.
 *
 * @example
 * ```ts
 * router().client('desk').on('/faders/*').pipe(trigger({ at: 0.5 })).subscribe(console.log);
 * ```
 */
export function trigger(options: TriggerOptions = {}): MonoTypeOperatorFunction<Signal> {
  return mapValues(triggerTransform(options));
}
