import type { MonoTypeOperatorFunction } from 'rxjs';
import type { Signal } from '../../core/signal.ts';
import { type RoundOptions, roundTransform } from '../../core/transforms/round.ts';
import { mapValues } from './map-values.ts';

/**
 * Rounds numbers, to whole ones or to `decimals` digits.
 *
 * Takes signals; an array of numbers is mapped item by item, and other values pass as they are. Throws a
 * `ClaspError` 402 at once for options that make no sense.
 *
 * @example
 * ```ts
 * router().client('desk').on('/faders/*').pipe(round({ decimals: 2 })).subscribe(console.log);
 * ```
 */
export function round(options: RoundOptions = {}): MonoTypeOperatorFunction<Signal> {
  return mapValues(roundTransform(options));
}
