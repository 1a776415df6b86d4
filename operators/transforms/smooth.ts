import type { MonoTypeOperatorFunction } from 'rxjs';
import type { Signal } from '../../core/signal.ts';
import { type SmoothOptions, smoothTransform } from '../../core/transforms/smooth.ts';
import { mapValues } from './map-values.ts';

/**
 * Takes the jumps out of numbers: the exponential moving average of each address.
 *
 * Takes signals; an array of numbers is mapped item by item, and other values pass as they are. Throws a
 * `ClaspError` 402 at once for options that make no sense.
 *
 * @example
 * ```ts
 * router().client('desk').on('/faders/*').pipe(smooth({ factor: 0.2 })).subscribe(console.log);
 * ```
 */
export function smooth(options: SmoothOptions = {}): MonoTypeOperatorFunction<Signal> {
  return mapValues(smoothTransform(options));
}
