import type { MonoTypeOperatorFunction } from 'rxjs';
import type { Signal } from '../core/signal/signal.ts';
import { type AtOptions, at } from './at.ts';

/**
 * Plays values as they were made: each comes out `ms` milliseconds of relay time after its timestamp, so in the order
 * and with the spacing of the timestamps, however unevenly they arrived. Receivers with the same `ms` play together.
 *
 * `ms` has to cover the whole way from sender to receiver with its jitter; what takes longer is late: it passes at once
 * (and then possibly after newer ones), or is dropped. The rest is as for {@link at}.
 *
 * @example
 * ```ts
 * const [here, there] = memoryPair();
 * router()(of(there)).subscribe();
 * const client = createClient(of(here));
 * client
 *   .on('/sensor/**', { types: ['stream'] })
 *   .pipe(jitterBuffer(50, { time: () => client.time(), late: 'drop' }))
 *   .subscribe(({ at }) => console.log('played', at));
 * ```
 */
export function jitterBuffer<T extends Pick<Signal, 'at'>>(
  ms: number,
  options: AtOptions<T>,
): MonoTypeOperatorFunction<T>;
export function jitterBuffer<T>(
  ms: number,
  options: AtOptions<T> & Required<Pick<AtOptions<T>, 'timeOf'>>,
): MonoTypeOperatorFunction<T>;
export function jitterBuffer<T extends Pick<Signal, 'at'>>(
  ms: number,
  options: AtOptions<T>,
): MonoTypeOperatorFunction<T> {
  const { timeOf = (value: T) => value.at } = options;

  return at({
    ...options,
    timeOf: (value) => {
      const made = timeOf(value);
      return made === undefined ? undefined : made + ms * 1000;
    },
  });
}
