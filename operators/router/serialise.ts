import { type StageOperator, stage } from './stage.ts';
import { Turns } from './turns.ts';

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
