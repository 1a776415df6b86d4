import type { SchedulerLike, Subscription } from 'rxjs';

/** Milliseconds. Host timers overflow beyond it and fire at once; a sweep that comes too early does no harm. */
const LONGEST_DELAY = 2 ** 31 - 1;

/**
 * Many deadlines on one timer: one per key, moved or dropped at no cost, and told when due.
 *
 * A timer per key would cost ten times the memory of the entry, and a timer per change more than the change.
 */
export class Deadlines<K> {
  readonly #scheduler: SchedulerLike;
  readonly #now: () => number;
  readonly #due: (key: K) => void;
  readonly #deadlines = new Map<K, number>();
  #timer: Subscription | undefined;
  #armedFor = Number.POSITIVE_INFINITY;

  /**
   * @param now the time that deadlines are given in, microseconds
   * @param due called once for each deadline that has passed; may set new ones
   */
  constructor(scheduler: SchedulerLike, now: () => number, due: (key: K) => void) {
    this.#scheduler = scheduler;
    this.#now = now;
    this.#due = due;
  }

  /** Sets or moves the deadline of `key`. Infinity means none. */
  set(key: K, at: number): void {
    if (at === Number.POSITIVE_INFINITY) {
      this.#deadlines.delete(key);
      return;
    }
    this.#deadlines.set(key, at);
    if (at < this.#armedFor) this.#arm(at);
  }

  delete(key: K): void {
    this.#deadlines.delete(key);
    if (this.#deadlines.size === 0) this.dispose();
  }

  /** Stops the timer; deadlines that are set afterwards start it again. */
  dispose(): void {
    this.#timer?.unsubscribe();
    this.#timer = undefined;
    this.#armedFor = Number.POSITIVE_INFINITY;
  }

  #arm(at: number): void {
    this.#timer?.unsubscribe();
    this.#armedFor = at;
    const delay = Math.min(LONGEST_DELAY, Math.max(0, Math.ceil((at - this.#now()) / 1000)));
    this.#timer = this.#scheduler.schedule(() => this.#sweep(), delay);
  }

  #sweep(): void {
    this.#timer = undefined;
    this.#armedFor = Number.POSITIVE_INFINITY;
    const now = this.#now();
    const due: K[] = [];
    let next = Number.POSITIVE_INFINITY;
    for (const [key, at] of this.#deadlines) {
      if (at <= now) due.push(key);
      else if (at < next) next = at;
    }
    for (const key of due) this.#deadlines.delete(key);
    if (next < this.#armedFor) this.#arm(next);
    for (const key of due) this.#due(key);
  }
}
