import type { MonoTypeOperatorFunction } from 'rxjs';
import type { Signal } from '../../core/signal.ts';
import { type PowerOptions, powerTransform } from '../../core/transforms/power.ts';
import { mapValues } from './map-values.ts';

/**
 * Raises numbers to a power; NaN where there is no real result.
 *
 * Takes signals; an array of numbers is mapped item by item, and other values pass as they are. Throws a
 * `ClaspError` 402 at once for options that make no sense.
 *
 * @example
 * ```ts
 * router().client('desk').on('/faders/*').pipe(power({ exponent: 2 })).subscribe(console.log);
 * ```
 */
export function power(options: PowerOptions): MonoTypeOperatorFunction<Signal> {
  return mapValues(powerTransform(options));
}
