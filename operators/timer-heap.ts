import type { SchedulerLike, Subscription } from 'rxjs';

/** Something that wants to be told when its time has come. The two fields belong to {@link TimerHeap}. */
export interface TimerEntry {
  /** Microseconds. */
  due: number;
  /** Where it is in the heap; -1 while it waits for nothing. */
  place: number;
}

/** After how many the clock is looked at, less one. */
const LOOK = 15;

/** The longest that a host's timer can wait; what is due later is looked at again then. */
const LONGEST_DELAY = 0x7fff_ffff;

/**
 * A great many alarms on one timer, in a heap: a thousand that go off sixty times a second cost a fraction of a
 * thousand timers. For a few that are often moved and rarely due, `Deadlines` is smaller.
 *
 * The timer has whole milliseconds: an alarm goes off at its time or less than one millisecond later.
 */
export class TimerHeap<T extends TimerEntry> {
  readonly #scheduler: SchedulerLike;
  readonly #now: () => number;
  readonly #due: (item: T, now: number) => void;
  readonly #atOnce: number;
  readonly #longest: number;
  readonly #heap: T[] = [];
  #timer: Subscription | undefined;
  #armedFor = Number.POSITIVE_INFINITY;
  #ringing = false;

  /**
   * @param now the time that alarms are given in, microseconds
   * @param due called once for each alarm, the earliest first, with the time at which they were found due; may set it
   * again: for a time that has come, that is after others had their turn
   * @param atOnce how many may go off before others get a turn; what is left follows as soon as the scheduler can
   * @param longest microseconds for which they may go off before others get a turn, looked at after every sixteen
   */
  constructor(
    scheduler: SchedulerLike,
    now: () => number,
    due: (item: T, now: number) => void,
    atOnce: number = Number.POSITIVE_INFINITY,
    longest: number = Number.POSITIVE_INFINITY,
  ) {
    this.#scheduler = scheduler;
    this.#now = now;
    this.#due = due;
    this.#atOnce = atOnce;
    this.#longest = longest;
  }

  /** Sets or moves the alarm of `item`. */
  set(item: T, at: number): void {
    if (item.place < 0) {
      item.due = at;
      item.place = this.#heap.length;
      this.#heap.push(item);
      this.#rise(item);
    } else if (at < item.due) {
      item.due = at;
      this.#rise(item);
    } else if (at > item.due) {
      item.due = at;
      this.#sink(item);
    }
    this.#arm();
  }

  delete(item: T): void {
    const { place } = item;
    if (place < 0) return;
    item.place = -1;
    const last = this.#heap.pop() as T;
    if (last !== item) {
      this.#put(last, place);
      this.#rise(last);
      this.#sink(last);
    }
    if (this.#heap.length === 0) this.dispose();
  }

  /** Stops the timer; alarms that are set afterwards start it again. */
  dispose(): void {
    this.#timer?.unsubscribe();
    this.#timer = undefined;
    this.#armedFor = Number.POSITIVE_INFINITY;
  }

  #arm(): void {
    const next = this.#heap[0];
    if (this.#ringing || !next || next.due >= this.#armedFor) return;
    this.#timer?.unsubscribe();
    this.#armedFor = next.due;
    const delay = Math.ceil((next.due - this.#now()) / 1000);
    this.#timer = this.#scheduler.schedule(() => this.#ring(), Math.min(Math.max(0, delay), LONGEST_DELAY));
  }

  #ring(): void {
    this.#timer = undefined;
    this.#armedFor = Number.POSITIVE_INFINITY;
    const now = this.#now();
    this.#ringing = true;
    try {
      let count = 0;
      for (let next = this.#heap[0]; next && next.due <= now && count < this.#atOnce; next = this.#heap[0]) {
        count++;
        this.delete(next);
        this.#due(next, now);
        if (next.place >= 0 && next.due <= now) break;
        if ((count & LOOK) === 0 && this.#now() - now > this.#longest) break;
      }
    } finally {
      this.#ringing = false;
      this.#arm();
    }
  }

  #put(item: T, place: number): void {
    this.#heap[place] = item;
    item.place = place;
  }

  #rise(item: T): void {
    let { place } = item;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = this.#heap[parent] as T;
      if (above.due <= item.due) break;
      this.#put(above, place);
      place = parent;
    }
    this.#put(item, place);
  }

  #sink(item: T): void {
    const { length } = this.#heap;
    let { place } = item;
    for (let child = 2 * place + 1; child < length; child = 2 * place + 1) {
      const right = this.#heap[child + 1];
      if (right && right.due < (this.#heap[child] as T).due) child++;
      const below = this.#heap[child] as T;
      if (item.due <= below.due) break;
      this.#put(below, place);
      place = child;
    }
    this.#put(item, place);
  }
}
