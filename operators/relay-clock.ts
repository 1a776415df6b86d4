import type { SchedulerLike } from 'rxjs';

/**
 * The relay's time as a client knows it: what the relay said when it greeted, plus what has passed since.
 *
 * Whole microseconds since the Unix epoch. Between two greetings it never goes back, whatever the local clock does.
 * Before the first it is the local time. The way of the greeting is not subtracted: it is late by one network hop.
 */
export class RelayClock {
  readonly #scheduler: SchedulerLike;
  #ahead = 0;
  #last = 0;

  constructor(scheduler: SchedulerLike) {
    this.#scheduler = scheduler;
  }

  /** Takes over the relay's time, in microseconds. */
  set(time: number): void {
    this.#ahead = time - this.#local();
    this.#last = time;
  }

  now(): number {
    const now = this.#local() + this.#ahead;
    if (now > this.#last) this.#last = now;
    return this.#last;
  }

  #local(): number {
    return Math.floor(this.#scheduler.now() * 1000);
  }
}
