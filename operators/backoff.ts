import { type Observable, type SchedulerLike, timer } from 'rxjs';
import { monotonicScheduler } from '../core/time/monotonic-scheduler.ts';

export interface BackoffOptions {
  /** Upper end of the first wait, milliseconds. @defaultValue 500 */
  readonly initial?: number;
  /** Upper end of any wait, milliseconds. @defaultValue 30000 */
  readonly max?: number;
  /** How much the upper end grows with each attempt. @defaultValue 2 */
  readonly factor?: number;
  /**
   * Numbers from 0 up to 1. Give `Math.random` where there is one.
   * @defaultValue a generator seeded with the scheduler's time at creation
   */
  readonly random?: (() => number) | undefined;
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
}

/**
 * How long to wait before attempt 1, 2, 3 …: a random number of milliseconds below
 * `min(max, initial * factor ** (attempt - 1))`.
 *
 * The whole wait is random ("full jitter"), so that a thousand clients of a relay that restarts do not all come back
 * in the same moment.
 */
export function backoffWait(options: BackoffOptions = {}): (attempt: number) => number {
  const { initial = 500, max = 30_000, factor = 2, scheduler = monotonicScheduler } = options;
  const random = options.random ?? seededRandom(scheduler.now());

  return (attempt) => Math.round(random() * Math.min(max, initial * factor ** (attempt - 1)));
}

/**
 * The delay of a `retry` that waits longer after each failure, and never gives up.
 *
 * Use `resetOnSuccess` to begin anew after a success.
 *
 * @example
 * ```ts
 * import { defer, retry } from 'rxjs';
 * import { backoff } from 'clasp-rx';
 *
 * let failures = 0;
 * defer(() => (failures++ < 2 ? Promise.reject(new Error('not yet')) : Promise.resolve('there')))
 *   .pipe(retry({ delay: backoff({ initial: 10 }), resetOnSuccess: true }))
 *   .subscribe((value) => console.log(value));
 * ```
 */
export function backoff(options: BackoffOptions = {}): (error: unknown, attempt: number) => Observable<unknown> {
  const { scheduler = monotonicScheduler } = options;
  const wait = backoffWait(options);

  return (_error, attempt) => timer(wait(attempt), scheduler);
}

/** Small, and good enough to keep clients apart, also those of neighbouring seeds; nothing here is a secret. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b_3c6d) + 0x9e37_79b9;
    return (state >>> 0) / 2 ** 32;
  };
}
