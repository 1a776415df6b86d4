import { asyncScheduler, type SchedulerAction, type SchedulerLike, type Subscription } from 'rxjs';

declare const performance: { readonly timeOrigin: number; now(): number };

/** Milliseconds between two readings of the same clock that nothing but another clock in its place explains. */
const OTHER_CLOCK = 1_000;
/** Milliseconds that no virtual time reaches, and that no wall clock shows which was ever set. */
const VIRTUAL_UNTIL = 1e11;

/**
 * The default clock and timer of everything that has a `scheduler` option: the timers of `asyncScheduler`, and a clock
 * that a corrected wall clock does not move. It tells milliseconds since the Unix epoch, with fractions: the wall clock
 * when the program began plus the monotonic time since then.
 *
 * Within `TestScheduler.run` of `rxjs/testing` it is virtual, as `asyncScheduler` is.
 *
 * @example
 * ```ts
 * timer(1_000, monotonicScheduler).subscribe(() => console.log('a second later'));
 * ```
 */
export const monotonicScheduler: SchedulerLike = {
  now() {
    const shown = asyncScheduler.now();
    // A test has put virtual time, which starts at 0, in the place of the wall clock.
    if (shown < VIRTUAL_UNTIL && Math.abs(shown - Date.now()) > OTHER_CLOCK) return shown;
    return performance.timeOrigin + performance.now();
  },
  schedule<T>(work: (this: SchedulerAction<T>, state?: T) => void, delay?: number, state?: T): Subscription {
    return asyncScheduler.schedule<T>(work as (this: SchedulerAction<T>, state?: T) => void, delay, state as T);
  },
};
