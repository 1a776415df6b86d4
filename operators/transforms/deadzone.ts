import type { MonoTypeOperatorFunction } from 'rxjs';
import type { Signal } from '../../core/signal.ts';
import { type DeadzoneOptions, deadzoneTransform } from '../../core/transforms/deadzone.ts';
import { mapValues } from './map-values.ts';

/**
 * Makes the centre of all numbers that are nearer to it than `threshold`, as a stick needs that never rests quite still.
 *
 * Takes signals; an array of numbers is mapped item by item, and other values pass as they are. Throws a
 * `ClaspError` 402 at once for options that make no sense.
 *
 * @example
 * ```ts
 * router().client('desk').on('/faders/*').pipe(deadzone({ threshold: 0.05 })).subscribe(console.log);
 * ```
 */
export function deadzone(options: DeadzoneOptions): MonoTypeOperatorFunction<Signal> {
  return mapValues(deadzoneTransform(options));
}
