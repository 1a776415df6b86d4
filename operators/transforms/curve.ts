import type { MonoTypeOperatorFunction } from 'rxjs';
import type { Signal } from '../../core/signal.ts';
import { type CurveOptions, curveTransform } from '../../core/transforms/curve.ts';
import { mapValues } from './map-values.ts';

/**
 * Bends a range whose ends stay where they are; numbers outside are cut to it.
 *
 * Takes signals; an array of numbers is mapped item by item, and other values pass as they are. Throws a
 * `ClaspError` 402 at once for options that make no sense.
 *
 * @example
 * ```ts
 * router().client('desk').on('/faders/*').pipe(curve({ curve: 'exponential' })).subscribe(console.log);
 * ```
 */
export function curve(options: CurveOptions): MonoTypeOperatorFunction<Signal> {
  return mapValues(curveTransform(options));
}
