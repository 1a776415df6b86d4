import type { SchedulerAction, SchedulerLike, Subscription } from 'rxjs';
import type { NextTurn } from './precise-timer.ts';

/**
 * Whose turn it is: one value, or one timer's work, at a time. What is published during a turn waits for its end.
 *
 * Give the same one to `serialise` and, as {@link Turns.scheduler}, to stages that publish when a timer fires: that is
 * a turn as well.
 */
export class Turns {
  /** Whether somebody's turn goes on. */
  busy = false;
  /** Does what has waited; owned by `serialise`. */
  drain: () => void = () => undefined;
  /** Told what a timer's work has thrown; owned by `serialise`. */
  fail: (cause: unknown) => void = (cause) => {
    throw cause;
  };

  /** Does some work as a turn of its own, or as part of the one that goes on. */
  take(work: () => void): void {
    if (this.busy) {
      work();
      return;
    }
    this.busy = true;
    try {
      work();
      this.drain();
    } catch (cause) {
      this.fail(cause);
    } finally {
      this.busy = false;
    }
  }

  /** The same, but what it does is a turn of its own. */
  nextTurn(host: NextTurn): NextTurn {
    let asked: () => void = () => undefined;
    let taking = asked;
    return (work) => {
      // A timer waits for ten thousand turns a second, always with the same work.
      if (work !== asked) {
        asked = work;
        taking = () => this.take(work);
      }
      return host(taking);
    };
  }

  /** The same scheduler, but each piece of work is a turn. */
  scheduler(scheduler: SchedulerLike): SchedulerLike {
    const take = (work: () => void) => this.take(work);
    return {
      now: () => scheduler.now(),
      schedule<T>(work: (this: SchedulerAction<T>, state: T) => void, delay?: number, state?: T): Subscription {
        return scheduler.schedule<T>(
          function (given) {
            take(() => work.call(this, given as T));
          },
          delay,
          state as T,
        );
      },
    };
  }
}
