import type { SchedulerLike, Subscription } from 'rxjs';

/**
 * Does something once, in so many milliseconds, unless `life` ends before.
 *
 * An action that is added to a subscription by hand stays there when it is done: who does that again and again takes
 * more and more memory.
 */
export function scheduleOnce(life: Subscription, scheduler: SchedulerLike, delay: number, work: () => void): void {
  const action = scheduler.schedule(function () {
    this.unsubscribe();
    work();
  }, delay);
  life.add(action);
}

/** Calls back soon, when everything that has arrived by now has been told: `setImmediate` where there is one. */
export type Defer = (work: () => void) => void;
