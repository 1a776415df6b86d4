import type { MonoTypeOperatorFunction } from 'rxjs';
import type { Signal } from '../../core/signal.ts';
import { type ModuloOptions, moduloTransform } from '../../core/transforms/modulo.ts';
import { mapValues } from './map-values.ts';

/**
 * Gives what is left of a division, from 0 up to the divisor: -1 modulo 12 is 11.
 *
 * Takes signals; an array of numbers is mapped item by item, and other values pass as they are. Throws a
 * `ClaspError` 402 at once for options that make no sense.
 *
 * @example
 * ```ts
 * router().client('desk').on('/faders/*').pipe(modulo({ divisor: 12 })).subscribe(console.log);
 * ```
 */
export function modulo(options: ModuloOptions): MonoTypeOperatorFunction<Signal> {
  return mapValues(moduloTransform(options));
}
