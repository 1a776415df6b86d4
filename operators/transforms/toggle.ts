import type { MonoTypeOperatorFunction } from 'rxjs';
import type { Signal } from '../../core/signal.ts';
import { type ToggleOptions, toggleTransform } from '../../core/transforms/toggle.ts';
import { mapValues } from './map-values.ts';

/**
 * Makes a switch of a button: each press changes over between `on` and `off`, the release gives nothing.
 *
 * Each address has a switch of its own, off at first. A param out of a snapshot is no press.
 *
 * Takes signals; arrays, text and other values that are neither number nor switch pass as they are. Throws a
 * `ClaspError` 402 at once for options that make no sense.
 *
 * @example
 * ```ts
 * router().client('desk').on('/faders/*').pipe(toggle()).subscribe(console.log);
 * ```
 */
export function toggle(options: ToggleOptions = {}): MonoTypeOperatorFunction<Signal> {
  return mapValues(toggleTransform(options));
}
