import type { Reader, RoundRobin } from './round-robin.ts';

export interface InputQueueOptions<T> {
  /** Whose turn it is. */
  readonly turns: RoundRobin;
  /** Handles an item. */
  readonly take: (item: T) => void;
  /** How long an item is, in bytes or about that. */
  readonly size: (item: T) => number;
  /** Something waits: the peer shall send no more. @defaultValue nothing is done */
  readonly hold?: () => void;
  /** Nothing waits any more. @defaultValue nothing is done */
  readonly release?: () => void;
}

/**
 * What one peer has sent, each item handled at once while that is fair to the others, and otherwise in turns: in order,
 * and none is lost. It is for transports that hand over messages; how many may wait is up to what `hold` brings about.
 */
export class InputQueue<T> implements Reader {
  readonly #options: InputQueueOptions<T>;
  #items: T[] = [];
  #next = 0;
  #waits = false;
  #taking = false;
  #after: (() => void) | undefined;

  constructor(options: InputQueueOptions<T>) {
    this.#options = options;
  }

  /** Takes an item on. */
  add(item: T): void {
    this.#items.push(item);
    this.#hear();
  }

  /** Takes on what has arrived together. */
  addAll(items: readonly T[]): void {
    for (const item of items) this.#items.push(item);
    this.#hear();
  }

  /** Does something as soon as everything that has been added is handled. */
  afterwards(work: () => void): void {
    if (this.#waits) this.#after = work;
    else work();
  }

  /** Forgets what waits. */
  clear(): void {
    this.#items = [];
    this.#next = 0;
  }

  read(): boolean {
    const { turns, take, size } = this.#options;
    this.#taking = true;
    try {
      while (this.#next < this.#items.length) {
        const item = this.#items[this.#next++] as T;
        take(item);
        if (turns.over(size(item)) && this.#next < this.#items.length) return true;
      }
    } finally {
      this.#taking = false;
    }
    this.clear();
    if (this.#waits) {
      this.#waits = false;
      this.#options.release?.();
      this.#after?.();
    }
    return false;
  }

  #hear(): void {
    if (this.#waits || this.#taking || this.#items.length === 0) return;
    this.#waits = this.#options.turns.hear(this);
    if (this.#waits) this.#options.hold?.();
  }
}
