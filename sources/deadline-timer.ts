import type { SchedulerLike, Subscription } from 'rxjs';

/** One timer that goes off at the earliest time it was set to. */
export class DeadlineTimer {
  readonly #scheduler: SchedulerLike;
  readonly #ring: (now: number) => void;
  #timer: Subscription | undefined;
  #due = Number.POSITIVE_INFINITY;

  constructor(scheduler: SchedulerLike, ring: (now: number) => void) {
    this.#scheduler = scheduler;
    this.#ring = ring;
  }

  /** Has it go off at `due` at the latest; Infinity changes nothing. */
  set(due: number): void {
    if (due >= this.#due) return;
    this.#timer?.unsubscribe();
    this.#due = due;
    this.#timer = this.#scheduler.schedule(() => {
      this.#due = Number.POSITIVE_INFINITY;
      this.#ring(this.#scheduler.now());
    }, due - this.#scheduler.now());
  }

  stop(): void {
    this.#timer?.unsubscribe();
    this.#due = Number.NEGATIVE_INFINITY;
  }
}
