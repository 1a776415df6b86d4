import type { MonoTypeOperatorFunction } from 'rxjs';
import type { Signal } from '../../core/signal.ts';
import { type GateOptions, gateTransform } from '../../core/transforms/gate.ts';
import { mapValues } from './map-values.ts';

/**
 * Lets numbers between `min` and `max` pass, and holds the others back. A switch counts as 1 and 0.
 *
 * Takes signals; arrays, text and other values that are neither number nor switch pass as they are. Throws a
 * `ClaspError` 402 at once for options that make no sense.
 *
 * @example
 * ```ts
 * router().client('desk').on('/faders/*').pipe(gate({ min: 0.1 })).subscribe(console.log);
 * ```
 */
export function gate(options: GateOptions): MonoTypeOperatorFunction<Signal> {
  return mapValues(gateTransform(options));
}
