import type { MonoTypeOperatorFunction, SchedulerLike } from 'rxjs';
import { freeAfter, intervalOf, isFree, type Numbers } from '../core/signal/pacing.ts';
import type { Signal } from '../core/signal/signal.ts';
import { monotonicScheduler } from '../core/time/monotonic-scheduler.ts';
import { pacedKey } from './paced-key.ts';
import { stage } from './stage.ts';
import { type TimerEntry, TimerHeap } from './timer-heap.ts';

export interface DownsampleOptions {
  /** At most this many a second, for each param and stream by itself. 0 lets everything pass. */
  readonly maxRate: number;
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
}

/** One param, stream or series of numbers. */
class Downsampled<T> implements TimerEntry {
  due = 0;
  place = -1;
  readonly key: string;
  freeAt: number = Number.NEGATIVE_INFINITY;
  waiting: T | undefined = undefined;

  constructor(key: string) {
    this.key = key;
  }
}

/**
 * Lets at most `maxRate` values a second through: the first at once, then the newest whenever its time has come, so
 * that the last always arrives, also when the source stops. The same as `maxRate` of a subscription does in the relay.
 * `downsample(30)` is short for `downsample({ maxRate: 30 })`.
 *
 * Takes signals, of which params and streams are counted by address and the others pass; or plain numbers and arrays of
 * numbers, counted together. In no second are there more than `maxRate + 1`. Completion delivers what waits first; an
 * error does not. One timer for all addresses; an address is forgotten when it is free again.
 *
 * @example
 * ```ts
 * range(1, 1000).pipe(downsample({ maxRate: 10 })).subscribe(console.log); // 1 1000
 * ```
 */
export function downsample<T extends Signal | Numbers>(
  options: number | DownsampleOptions,
): MonoTypeOperatorFunction<T> {
  const { maxRate, scheduler = monotonicScheduler } = typeof options === 'number' ? { maxRate: options } : options;
  const interval = intervalOf(maxRate);
  const now = () => scheduler.now() * 1000;

  return stage((out) => {
    const series = new Map<string, Downsampled<T>>();

    const send = (one: Downsampled<T>, value: T, next: number) => {
      one.waiting = undefined;
      one.freeAt = next;
      timers.set(one, next);
      out.next(value);
    };
    const timers = new TimerHeap<Downsampled<T>>(scheduler, now, (one) => {
      if (one.waiting === undefined) series.delete(one.key);
      else send(one, one.waiting, freeAfter(one.due, now(), interval));
    });

    return {
      next(value) {
        const key = pacedKey(value);
        if (key === undefined || interval === 0) {
          out.next(value);
          return;
        }
        let one = series.get(key);
        if (one === undefined) {
          one = new Downsampled(key);
          series.set(key, one);
        }
        const time = now();
        if (isFree(one.freeAt, time, interval)) send(one, value, time + interval);
        else one.waiting = value;
      },
      complete() {
        for (const { waiting } of series.values()) if (waiting !== undefined) out.next(waiting);
      },
      dispose: () => timers.dispose(),
    };
  });
}
