import type { SchedulerLike, Subscription } from 'rxjs';

/** Has some work done in the next turn of the host's event loop, after what has arrived; gives a function that calls it off. */
export type NextTurn = (work: () => void) => () => void;

const MILLISECOND = 1000;
/** It goes off up to this much before its time: half of the step in which a host's timer can come closer. */
const EARLY = 500;
/** From here on it waits turn by turn, where it can: a timer of one step may end after the time. */
const LAST = 1500;
/** From here on it comes closer step by step, since a long wait may end more than a step late. */
const NEAR = 4 * MILLISECOND;
const MARGIN = 2;
/** It looks at the clock for about as long before it lets a turn pass: a turn leaves much more behind than a look. */
const LOOKING = 100;
/** Microseconds between two looks: few where it will let a turn pass anyway. */
const PAUSE = 1;
const LONG_PAUSE = 25;
/** How far it counts in a microsecond, on a slow machine. */
const COUNT = 1000;
/** How much faster the fastest may be: a clock that stands still is not looked at for longer. */
const FASTEST = 8;
const LONGEST_DELAY = 0x7fff_ffff;

/**
 * One alarm within a millisecond of its time, on timers that have whole milliseconds and are often late: it wakes before,
 * and comes closer in steps of a millisecond. Where it is told how to wait for the next turn of the host it looks at the
 * clock for the last one and a half, keeps the host busy for as long, and goes off at the first look that is not too
 * early; every 100 µs it lets a turn pass, for whatever has arrived. In virtual time, which has no lateness, it goes off at
 * the nearest millisecond.
 */
export class PreciseTimer {
  readonly #scheduler: SchedulerLike;
  readonly #now: () => number;
  readonly #ring: () => void;
  readonly #nextTurn: NextTurn | undefined;
  #timer: Subscription | undefined;
  #callOff: (() => void) | undefined;
  #at = Number.POSITIVE_INFINITY;
  /** Made once, since turns are many. */
  readonly #onTime = () => this.#look();
  readonly #onTurn = () => {
    this.#callOff = undefined;
    if (this.#lookAround()) this.#goOff();
    else this.#callOff = this.#nextTurn?.(this.#onTurn);
  };

  /**
   * @param now the time that `set` is given in, microseconds
   * @param ring called once for each time that was set
   */
  constructor(scheduler: SchedulerLike, now: () => number, ring: () => void, nextTurn?: NextTurn) {
    this.#scheduler = scheduler;
    this.#now = now;
    this.#ring = ring;
    this.#nextTurn = nextTurn;
  }

  /** What is due until then counts as due now, microseconds. */
  get until(): number {
    return this.#nextTurn ? this.#now() : this.#now() + EARLY;
  }

  /** Sets or moves the alarm. */
  set(at: number): void {
    if (at === this.#at) return;
    this.#at = at;
    this.#wait();
  }

  /** There is nothing to wait for. */
  clear(): void {
    this.#stop();
    this.#at = Number.POSITIVE_INFINITY;
  }

  #wait(): void {
    this.#stop();
    const left = this.#at - this.#now();
    if (this.#nextTurn && left <= LAST) {
      this.#callOff = this.#nextTurn(this.#onTurn);
      return;
    }
    const steps = left > NEAR ? Math.min(Math.floor(left / MILLISECOND) - MARGIN, LONGEST_DELAY) : left > EARLY ? 1 : 0;
    this.#timer = this.#scheduler.schedule(this.#onTime, steps);
  }

  /** Returns when the time has come: true; or false when it is time to let others have a turn. */
  #lookAround(): boolean {
    const now = this.#now;
    const at = this.#at;
    let time = now();
    const end = time + LOOKING;
    const pause = end < at ? LONG_PAUSE : PAUSE;
    // Every reading of a clock is a new number: without pauses they would be hundreds of megabytes a second, and the
    // collection of these would keep a bundle waiting. The pauses are counted too, as the clock may stand still.
    for (let left = FASTEST * LOOKING; left > 0 && time < end && time < at; left -= pause) {
      for (let count = pause * COUNT; count > 0; count--);
      time = now();
    }
    return time >= at;
  }

  #look(): void {
    this.#timer = undefined;
    if (this.#at > this.until) this.#wait();
    else this.#goOff();
  }

  #goOff(): void {
    this.#at = Number.POSITIVE_INFINITY;
    this.#ring();
  }

  #stop(): void {
    this.#timer?.unsubscribe();
    this.#callOff?.();
    this.#timer = undefined;
    this.#callOff = undefined;
  }
}
