import { concatWith, endWith, type MonoTypeOperatorFunction, NEVER, type SchedulerLike } from 'rxjs';
import type { Signal } from '../core/signal/signal.ts';
import { monotonicScheduler } from '../core/time/monotonic-scheduler.ts';
import { stage } from './stage.ts';
import { type TimerEntry, TimerHeap } from './timer-heap.ts';

export interface AtOptions<T> {
  /** Relay time, microseconds: `() => client.time()`. */
  readonly time: () => number;
  /** When a value is due, in relay time; undefined: at once. @defaultValue the signal's `at` */
  readonly timeOf?: (value: T) => number | undefined;
  /** What becomes of a value whose time has passed: `pass` it at once, or `drop` it. @defaultValue 'pass' */
  readonly late?: 'pass' | 'drop';
  /** Hears of each late value, and by how many microseconds: to count them, or to choose a longer delay. */
  readonly onLate?: (value: T, by: number) => void;
  /** Values that are held at most; what comes when it is full counts as late. @defaultValue 10 000 */
  readonly capacity?: number;
  /** Timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
}

/** The values of one moment, in the order they came. */
class Moment<T> implements TimerEntry {
  due = 0;
  place = -1;
  readonly values: T[] = [];
}

/**
 * Holds each value until its moment in relay time: every receiver that knows the time well lets it through at once,
 * however long it was on its way to each.
 *
 * Values come out by their moment, those of the same moment in the order they came; never before it, and after it by
 * less than the timer is coarse (a millisecond). A late one passes when nothing is due before it. A value without a
 * moment passes at once. Completes when the last held value is out; an error passes at once. Moments that lie ever so
 * far ahead are held, `capacity` bounds them. One timer for all.
 *
 * @example
 * ```ts
 * const [here, there] = memoryPair();
 * router()(of(there)).subscribe();
 * const client = createClient(of(here));
 * const inHalfASecond = { address: '/cue', at: client.time() + 500_000 };
 * of(inHalfASecond)
 *   .pipe(at({ time: () => client.time() }))
 *   .subscribe(({ address }) => console.log('now', address));
 * ```
 */
export function at<T>(options: AtOptions<T> & Required<Pick<AtOptions<T>, 'timeOf'>>): MonoTypeOperatorFunction<T>;
export function at<T extends Pick<Signal, 'at'>>(options: AtOptions<T>): MonoTypeOperatorFunction<T>;
export function at<T extends Pick<Signal, 'at'>>(options: AtOptions<T>): MonoTypeOperatorFunction<T> {
  const { time, timeOf = (value: T) => value.at, late = 'pass', onLate } = options;
  const { capacity = 10_000, scheduler = monotonicScheduler } = options;

  const hold = stage<T | typeof END, T>((out) => {
    const moments = new Map<number, Moment<T>>();
    let held = 0;
    let ending = false;

    const release = (moment: Moment<T>) => {
      moments.delete(moment.due);
      for (const value of moment.values) {
        held--;
        out.next(value);
      }
      if (ending && held === 0) out.complete();
    };
    const timers = new TimerHeap<Moment<T>>(scheduler, time, release);

    const keep = (value: T, due: number) => {
      held++;
      const known = moments.get(due);
      const moment = known ?? new Moment<T>();
      moment.values.push(value);
      if (known) return;
      moments.set(due, moment);
      timers.set(moment, due);
    };

    return {
      next(value) {
        if (value === END) {
          ending = true;
          if (held === 0) out.complete();
          return;
        }
        const due = timeOf(value);
        if (due === undefined || !Number.isFinite(due)) {
          out.next(value);
          return;
        }
        const by = time() - due;
        const isLate = by > 0 || held >= capacity;
        if (isLate) onLate?.(value, by);
        if (isLate && late === 'drop') return;
        if (held >= capacity || (held === 0 && by >= 0)) out.next(value);
        else keep(value, due);
      },
      dispose: () => timers.dispose(),
    };
  });
  // The end of the source is a value here, since the last held one comes after it.
  return (source) => source.pipe(endWith(END), concatWith(NEVER), hold);
}

const END = Symbol('end');
