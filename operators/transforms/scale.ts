import type { MonoTypeOperatorFunction } from 'rxjs';
import type { Signal } from '../../core/signal.ts';
import { type ScaleOptions, scaleTransform } from '../../core/transforms/scale.ts';
import { mapValues } from './map-values.ts';

/**
 * Brings numbers from one range to another, in a straight line: 0.5 of `[0, 1]` is 127.5 of `[0, 255]`.
 *
 * Goes on outside the range, unless `clamp` is set.
 *
 * Takes signals; an array of numbers is mapped item by item, and other values pass as they are. Throws a
 * `ClaspError` 402 at once for options that make no sense.
 *
 * @example
 * ```ts
 * router().client('desk').on('/faders/*').pipe(scale({ from: [0, 127], to: [0, 1] })).subscribe(console.log);
 * ```
 */
export function scale(options: ScaleOptions): MonoTypeOperatorFunction<Signal> {
  return mapValues(scaleTransform(options));
}
