import type { SchedulerLike } from 'rxjs';

/** Where a stage has its time from. */
export interface TimeOptions {
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike | undefined;
  /**
   * Relay time, microseconds since the Unix epoch; the router takes care that it is whole and never goes back, and does
   * not follow it where it is set by more than half a second: from then on time passes as the scheduler's does.
   * @defaultValue the scheduler's milliseconds times 1000
   */
  readonly now?: (() => number) | undefined;
}
