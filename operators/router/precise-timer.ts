import type { SchedulerLike, Subscription } from 'rxjs';

const MILLISECOND = 1000;
/** It goes off up to this much before its time: half of the step in which a host's timer can come closer. */
const EARLY = 500;
/** From here on it comes closer step by step, since a long wait may end more than a step late. */
const NEAR = 4 * MILLISECOND;
const MARGIN = 2;
const LONGEST_DELAY = 0x7fff_ffff;

/**
 * One alarm within a millisecond of its time, on timers that have whole milliseconds and are often late: it wakes before,
 * and comes closer in steps of a millisecond. In virtual time, which has no lateness, it goes off at the nearest millisecond.
 */
export class PreciseTimer {
  readonly #scheduler: SchedulerLike;
  readonly #now: () => number;
  readonly #ring: () => void;
  #timer: Subscription | undefined;
  #at = Number.POSITIVE_INFINITY;

  /**
   * @param now the time that `set` is given in, microseconds
   * @param ring called once for each time that was set
   */
  constructor(scheduler: SchedulerLike, now: () => number, ring: () => void) {
    this.#scheduler = scheduler;
    this.#now = now;
    this.#ring = ring;
  }

  /** What is due until then counts as due now, microseconds. */
  get until(): number {
    return this.#now() + EARLY;
  }

  /** Sets or moves the alarm. */
  set(at: number): void {
    if (at === this.#at) return;
    this.#at = at;
    this.#wait();
  }

  /** There is nothing to wait for. */
  clear(): void {
    this.#timer?.unsubscribe();
    this.#timer = undefined;
    this.#at = Number.POSITIVE_INFINITY;
  }

  #wait(): void {
    this.#timer?.unsubscribe();
    const left = this.#at - this.#now();
    const steps = left > NEAR ? Math.min(Math.floor(left / MILLISECOND) - MARGIN, LONGEST_DELAY) : left > EARLY ? 1 : 0;
    this.#timer = this.#scheduler.schedule(() => this.#look(), steps);
  }

  #look(): void {
    this.#timer = undefined;
    if (this.#at > this.until) {
      this.#wait();
      return;
    }
    this.#at = Number.POSITIVE_INFINITY;
    this.#ring();
  }
}
