import type { MonoTypeOperatorFunction } from 'rxjs';
import type { Signal } from '../../core/signal.ts';
import { type ClampOptions, clampTransform } from '../../core/transforms/clamp.ts';
import { mapValues } from './map-values.ts';

/**
 * Cuts numbers below `min` and above `max`.
 *
 * Takes signals; an array of numbers is mapped item by item, and other values pass as they are. Throws a
 * `ClaspError` 402 at once for options that make no sense.
 *
 * @example
 * ```ts
 * router().client('desk').on('/faders/*').pipe(clamp({ min: 0, max: 1 })).subscribe(console.log);
 * ```
 */
export function clamp(options: ClampOptions = {}): MonoTypeOperatorFunction<Signal> {
  return mapValues(clampTransform(options));
}
