/** Something to be done at a time. */
export interface Scheduled {
  /** Unique, rising with arrival. */
  readonly id: number;
  /** Microseconds. */
  readonly at: number;
}

/**
 * What waits for its time, in the order of (time, arrival): a heap. Pure; whoever owns it has the clock.
 *
 * @example
 * ```ts
 * const queue = new ScheduleQueue<Scheduled>();
 * queue.add({ id: 1, at: 30 });
 * queue.add({ id: 2, at: 10 });
 * queue.takeDue(20)?.id; // 2
 * queue.takeDue(20); // undefined
 * ```
 */
export class ScheduleQueue<T extends Scheduled> {
  readonly #heap: T[] = [];
  /** Deleted, but still in the heap. */
  readonly #gone = new Set<T>();

  /** How many wait. */
  get size(): number {
    return this.#heap.length - this.#gone.size;
  }

  /** When the next one is due. */
  get next(): number | undefined {
    this.#dropGone();
    return this.#heap[0]?.at;
  }

  add(item: T): void {
    const heap = this.#heap;
    let place = heap.length;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = heap[parent] as T;
      if (isBefore(above, item)) break;
      heap[place] = above;
      place = parent;
    }
    heap[place] = item;
  }

  /** Takes out one that waits; the caller knows that it does. */
  delete(item: T): void {
    this.#gone.add(item);
    if (this.#gone.size <= 64 || this.#gone.size * 2 < this.#heap.length) return;
    const left = this.#heap.filter((one) => !this.#gone.has(one));
    this.#gone.clear();
    this.#heap.length = 0;
    for (const one of left) this.add(one);
  }

  /** Takes out the first that is due at `now`; undefined when none is. */
  takeDue(now: number): T | undefined {
    this.#dropGone();
    const first = this.#heap[0];
    if (!first || first.at > now) return undefined;
    this.#removeFirst();
    return first;
  }

  #dropGone(): void {
    for (let first = this.#heap[0]; first && this.#gone.delete(first); first = this.#heap[0]) this.#removeFirst();
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop() as T;
    const { length } = heap;
    if (length === 0) return;
    let place = 0;
    for (let child = 1; child < length; child = 2 * place + 1) {
      const right = heap[child + 1];
      if (right && isBefore(right, heap[child] as T)) child++;
      const below = heap[child] as T;
      if (isBefore(last, below)) break;
      heap[place] = below;
      place = child;
    }
    heap[place] = last;
  }
}

function isBefore(a: Scheduled, b: Scheduled): boolean {
  return a.at < b.at || (a.at === b.at && a.id < b.id);
}
