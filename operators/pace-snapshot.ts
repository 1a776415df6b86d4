import type { MonoTypeOperatorFunction, SchedulerLike, Subscription } from 'rxjs';
import type { Signal } from '../core/signal/signal.ts';
import { monotonicScheduler } from '../core/time/monotonic-scheduler.ts';
import { stage } from './stage.ts';

export interface PaceSnapshotOptions {
  /** How many params go on together. @defaultValue 50 */
  readonly batch?: number;
  /** Milliseconds between two batches. @defaultValue 5 */
  readonly interval?: number;
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
}

/**
 * Lets the params of a snapshot through at a rate that a receiver without flow control can take, 10 000 a second
 * unless told otherwise; everything else at once.
 *
 * A receiver of UDP packets has room for some two hundred: a snapshot of a thousand params would mostly be lost. Each
 * address waits with its newest value; a change of a param that waits takes its place. On completion all that waits
 * goes through at once; on error nothing does.
 *
 * @example
 * ```ts
 * const relay = router();
 * relay(NEVER).subscribe();
 * relay.client('lights').on('/lights/**').pipe(paceSnapshot({ batch: 10 })).subscribe();
 * ```
 */
export function paceSnapshot(options: PaceSnapshotOptions = {}): MonoTypeOperatorFunction<Signal> {
  const { batch = 50, interval = 5, scheduler = monotonicScheduler } = options;

  return stage((out) => {
    const waiting = new Map<string, Signal>();
    let timer: Subscription | undefined;

    const release = (count: number) => {
      let left = count;
      for (const [address, signal] of waiting) {
        if (left-- === 0) break;
        waiting.delete(address);
        out.next(signal);
      }
    };
    const releaseAfter = (delay: number) => {
      timer = scheduler.schedule(() => {
        // One pause follows the last batch too, so that a snapshot in two parts is not two bursts.
        if (waiting.size === 0) timer = undefined;
        else releaseAfter(interval);
        release(batch);
      }, delay);
    };

    return {
      next(signal) {
        if (signal.kind !== 'param') {
          out.next(signal);
        } else if (signal.snapshot) {
          waiting.set(signal.address, signal);
          if (!timer) releaseAfter(0);
        } else {
          waiting.delete(signal.address);
          out.next(signal);
        }
      },
      complete: () => release(Number.POSITIVE_INFINITY),
      dispose: () => timer?.unsubscribe(),
    };
  });
}
