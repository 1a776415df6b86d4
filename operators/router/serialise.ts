import type { SchedulerAction, SchedulerLike, Subscription } from 'rxjs';
import { type StageOperator, stage } from '../stage.ts';
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

/**
 * Finishes one value before the next begins: what is published while publishing waits its turn.
 *
 * Without it a subscriber that publishes while it hears a value makes later subscribers hear the new value first.
 * Synchronous, keeps order, delivers everything.
 *
 * @param shared the turns that stages further down take when a timer makes them publish; for one subscription
 *
 * @example
 * ```ts
 * const counter = new Subject<number>();
 * counter.pipe(serialise()).subscribe((n) => n < 3 && counter.next(n + 1));
 * counter.next(0);
 * ```
 */
export function serialise<T>(shared?: Turns): StageOperator<T> {
  return stage((out) => {
    const turns = shared ?? new Turns();
    const waiting: T[] = [];

    const drain = () => {
      for (let i = 0; i < waiting.length; i++) {
        out.next(waiting[i] as T);
        // The list shrinks only when it is long: shifting one by one would make a burst quadratic.
        if (i === 1023) {
          waiting.splice(0, i + 1);
          i = -1;
        }
      }
      waiting.length = 0;
    };

    turns.drain = () => {
      if (waiting.length > 0) drain();
    };
    turns.fail = (cause) => {
      waiting.length = 0;
      if (out.closed) throw cause;
      out.error(cause);
    };

    return {
      next(value) {
        if (turns.busy) {
          waiting.push(value);
          return;
        }
        turns.busy = true;
        try {
          out.next(value);
          if (waiting.length > 0) drain();
        } finally {
          if (waiting.length > 0) waiting.length = 0;
          turns.busy = false;
        }
      },
    };
  });
}
