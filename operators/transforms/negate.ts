import type { MonoTypeOperatorFunction } from 'rxjs';
import type { Signal } from '../../core/signal.ts';
import { negateTransform } from '../../core/transforms/negate.ts';
import { mapValues } from './map-values.ts';

/**
 * Gives numbers the other sign.
 *
 * Takes signals; an array of numbers is mapped item by item, and other values pass as they are.
 *
 * @example
 * ```ts
 * router().client('desk').on('/faders/*').pipe(negate()).subscribe(console.log);
 * ```
 */
export function negate(): MonoTypeOperatorFunction<Signal> {
  return mapValues(negateTransform());
}
