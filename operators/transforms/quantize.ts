import type { MonoTypeOperatorFunction } from 'rxjs';
import type { Signal } from '../../core/signal.ts';
import { type QuantizeOptions, quantizeTransform } from '../../core/transforms/quantize.ts';
import { mapValues } from './map-values.ts';

/**
 * Moves numbers to the nearest line of a grid of `steps` equal parts.
 *
 * Takes signals; an array of numbers is mapped item by item, and other values pass as they are. Throws a
 * `ClaspError` 402 at once for options that make no sense.
 *
 * @example
 * ```ts
 * router().client('desk').on('/faders/*').pipe(quantize({ steps: 8 })).subscribe(console.log);
 * ```
 */
export function quantize(options: QuantizeOptions): MonoTypeOperatorFunction<Signal> {
  return mapValues(quantizeTransform(options));
}
