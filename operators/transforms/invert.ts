import type { MonoTypeOperatorFunction } from 'rxjs';
import type { Signal } from '../../core/signal.ts';
import { type InvertOptions, invertTransform } from '../../core/transforms/invert.ts';
import { mapValues } from './map-values.ts';

/**
 * Turns a range upside down: 0.2 of `[0, 1]` becomes 0.8, and `true` becomes `false`.
 *
 * Takes signals; an array of numbers is mapped item by item, and other values pass as they are. Throws a
 * `ClaspError` 402 at once for options that make no sense.
 *
 * @example
 * ```ts
 * router().client('desk').on('/faders/*').pipe(invert()).subscribe(console.log);
 * ```
 */
export function invert(options: InvertOptions = {}): MonoTypeOperatorFunction<Signal> {
  return mapValues(invertTransform(options));
}
