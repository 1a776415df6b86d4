import type { SchedulerLike, Subscription } from 'rxjs';

/** So many that came to wait are worth a collection of their own. */
const MANY = 100;
/** Milliseconds after that: the rest of them may follow, and others have their turn. */
const QUIET = 250;
/** Microseconds that nothing may be due for. */
const CLEAR = 20_000;

export interface AgeingOptions {
  readonly scheduler: SchedulerLike;
  /** Relay time, microseconds. */
  readonly now: () => number;
  /** When the next of those that wait is due. */
  readonly next: () => number | undefined;
  /** Has the host collect its young garbage. */
  readonly collectYoung: () => void;
}

/**
 * Has what waits grow old while nothing is due. A host that collects young garbage first copies what is in use, twice
 * until it counts as old: a thousand bundles take it some milliseconds, and that would be when the first of them are due.
 */
export class Ageing {
  readonly #options: AgeingOptions;
  #young = 0;
  #timer: Subscription | undefined;

  constructor(options: AgeingOptions) {
    this.#options = options;
  }

  /** One more waits. */
  added(): void {
    this.#young++;
    if (this.#young >= MANY && !this.#timer) this.#later();
  }

  dispose(): void {
    this.#timer?.unsubscribe();
  }

  #later(): void {
    this.#timer = this.#options.scheduler.schedule(() => this.#age(), QUIET);
  }

  #age(): void {
    const { now, next, collectYoung } = this.#options;
    const due = next();
    this.#timer = undefined;
    if (due !== undefined && due - now() < CLEAR) {
      this.#later();
      return;
    }
    this.#young = 0;
    if (due === undefined) return;
    collectYoung();
    collectYoung();
  }
}
