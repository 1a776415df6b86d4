import type { MonoTypeOperatorFunction } from 'rxjs';
import type { Signal } from '../../core/signal.ts';
import { type ThresholdOptions, thresholdTransform } from '../../core/transforms/threshold.ts';
import { mapValues } from './map-values.ts';

/**
 * Makes one of two values of each number: `above` from `at` on, otherwise `below`. A switch counts as 1 and 0.
 *
 * Takes signals; an array of numbers is mapped item by item, and other values pass as they are. Throws a
 * `ClaspError` 402 at once for options that make no sense.
 *
 * @example
 * ```ts
 * router().client('desk').on('/faders/*').pipe(threshold({ at: 64 })).subscribe(console.log);
 * ```
 */
export function threshold(options: ThresholdOptions = {}): MonoTypeOperatorFunction<Signal> {
  return mapValues(thresholdTransform(options));
}
