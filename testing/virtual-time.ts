import { type SchedulerAction, type SchedulerLike, Subscription } from 'rxjs';

export interface VirtualTimeOptions {
  /** What the clock shows at first, milliseconds. @defaultValue 0 */
  readonly start?: number;
}

/** A clock that stands still until it is told to go on: a scheduler whose time is in the hand of the test. */
export interface VirtualTime extends SchedulerLike {
  /** The time in milliseconds, with the microseconds as a fraction: `Math.floor(now() * 1000)` is {@link micros}. */
  now(): number;
  /** The time in whole microseconds. */
  readonly micros: number;
  /** How many pieces of work wait for their time. */
  readonly waiting: number;
  /** When the next of them is due, microseconds; Infinity when none waits. */
  readonly nextDue: number;
  /**
   * Lets this many milliseconds pass and does what is due in them, in order of time; what is due at the same
   * microsecond in the order it was asked for. Throws what a piece of work throws, with the clock at that moment.
   */
  pass(milliseconds: number): void;
}

/** More work than this within one microsecond is taken for work that asks for itself for ever. */
const MAX_AT_ONCE = 1_000_000;

/**
 * Makes virtual time with a resolution of one microsecond: what takes an hour is done as fast as the machine can, in
 * the same order every time.
 *
 * Like RxJS's `VirtualTimeScheduler`, but made for millions of pieces of work: they lie in a heap, and one that is
 * called off leaves it at once. A delay that is negative or no number counts as 0, one of less than a microsecond as one.
 *
 * @example
 * ```ts
 * const time = virtualTime();
 * interval(20, time).subscribe((n) => console.log(n, time.micros));
 * time.pass(3_600_000); // 180 000 lines
 * ```
 */
export function virtualTime({ start = 0 }: VirtualTimeOptions = {}): VirtualTime {
  return new Clock(Math.round(start * 1000));
}

/** What waits for its time. */
interface Due {
  /** Microseconds. */
  due: number;
  /** Tells what was asked for first. */
  order: number;
  /** Where it lies in the heap; -1 while it waits for nothing. */
  place: number;
  execute(): void;
}

class Clock implements VirtualTime {
  readonly #heap: Due[] = [];
  #micros: number;
  #millis: number;
  #asked = 0;

  constructor(micros: number) {
    this.#micros = micros;
    this.#millis = inMillis(micros);
  }

  get micros(): number {
    return this.#micros;
  }

  get waiting(): number {
    return this.#heap.length;
  }

  get nextDue(): number {
    return this.#heap[0]?.due ?? Number.POSITIVE_INFINITY;
  }

  now(): number {
    return this.#millis;
  }

  schedule<T>(work: (this: SchedulerAction<T>, state: T) => void, delay = 0, state?: T): Subscription {
    return new Action(this, work).schedule(state, delay);
  }

  pass(milliseconds: number): void {
    const until = this.#micros + Math.round(milliseconds * 1000);
    const heap = this.#heap;
    let atOnce = 0;
    for (let next = heap[0]; next && next.due <= until; next = heap[0]) {
      if (next.due > this.#micros) {
        this.#set(next.due);
        atOnce = 0;
      } else if (++atOnce > MAX_AT_ONCE) {
        throw new Error(`virtual time stands still at ${this.#micros} µs: work that is due at once never ends`);
      }
      this.remove(next);
      next.execute();
    }
    if (until > this.#micros && until !== Number.POSITIVE_INFINITY) this.#set(until);
  }

  /** Puts an action where its time is, after those of the same time. */
  add(action: Due, delay: number): void {
    // At least one: who waits for a moment between two microseconds would come too early for ever.
    action.due = this.#micros + (delay > 0 ? Math.max(1, Math.round(delay * 1000)) : 0);
    action.order = this.#asked++;
    this.#heap.push(action);
    this.#rise(action, this.#heap.length - 1);
  }

  remove(action: Due): void {
    const { place } = action;
    if (place < 0) return;
    action.place = -1;
    const last = this.#heap.pop() as Due;
    if (last === action) return;
    this.#rise(last, place);
    this.#sink(last, last.place);
  }

  #set(micros: number): void {
    this.#micros = micros;
    this.#millis = inMillis(micros);
  }

  #rise(action: Due, from: number): void {
    const heap = this.#heap;
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = heap[parent] as Due;
      if (!isBefore(action, above)) break;
      heap[place] = above;
      above.place = place;
      place = parent;
    }
    heap[place] = action;
    action.place = place;
  }

  #sink(action: Due, from: number): void {
    const heap = this.#heap;
    const { length } = heap;
    let place = from;
    for (let child = 2 * place + 1; child < length; child = 2 * place + 1) {
      const right = heap[child + 1];
      if (right && isBefore(right, heap[child] as Due)) child++;
      const below = heap[child] as Due;
      if (!isBefore(below, action)) break;
      heap[place] = below;
      below.place = place;
      place = child;
    }
    heap[place] = action;
    action.place = place;
  }
}

class Action<T> extends Subscription implements SchedulerAction<T>, Due {
  due = 0;
  order = 0;
  place = -1;
  readonly #clock: Clock;
  readonly #work: (this: SchedulerAction<T>, state: T) => void;
  #state: T | undefined;

  constructor(clock: Clock, work: (this: SchedulerAction<T>, state: T) => void) {
    super();
    this.#clock = clock;
    this.#work = work;
  }

  schedule(state?: T, delay = 0): this {
    if (this.closed) return this;
    this.#state = state;
    this.#clock.remove(this);
    this.#clock.add(this, delay);
    return this;
  }

  execute(): void {
    try {
      this.#work(this.#state as T);
    } catch (error) {
      this.unsubscribe();
      throw error;
    }
  }

  override unsubscribe(): void {
    if (this.closed) return;
    this.#clock.remove(this);
    super.unsubscribe();
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.due < b.due || (a.due === b.due && a.order < b.order);
}

/** Division by 1000 may come out too small to give the microseconds back when they are asked for. */
function inMillis(micros: number): number {
  const millis = micros / 1000;
  return Math.floor(millis * 1000) < micros ? millis * (1 + Number.EPSILON) : millis;
}
