/** One whose input may have to wait: a connection. */
export interface Reader {
  /** Handles what waits, in order, until {@link RoundRobin.spent} says so; gives whether some of it is left. */
  read(): boolean;
}

export interface RoundRobinOptions {
  /** Milliseconds, from any start. */
  readonly now: () => number;
  /** Does some work once everybody else has had a turn: `setImmediate`, or a timer of 0. */
  readonly later: (work: () => void) => void;
  /** Milliseconds of reading in a turn, while what it gives rise to is sent in no time. @defaultValue 4 */
  readonly least?: number;
  /** Milliseconds of reading in a turn at most. @defaultValue 32 */
  readonly most?: number;
}

/** What is handled before the clock is looked at: so many bytes, where a message counts as some more than it has. */
const PORTION = 4_096;
const PER_MESSAGE = 256;

/**
 * Shares the time for reading among connections, so that nobody who sends very much keeps the others waiting.
 *
 * Whoever is heard is read at once: a portion of about fifteen small messages, and on and on while nobody else waits and
 * the turn has time left. The rest waits with its connection, which meanwhile takes nothing more from its peer; all who
 * wait are read in a circle, a portion each, a few milliseconds a turn. The order of what one connection sends is kept.
 *
 * Where it takes long to send what a turn has given rise to, to a thousand subscribers, the turn may read for twice that
 * time: shorter ones would spend most of it on writing little to many.
 *
 * @example
 * ```ts
 * const turns = new RoundRobin({ now: () => performance.now(), later: setImmediate });
 * const waiting: string[] = [];
 * const reader = {
 *   read() {
 *     for (let text = waiting.shift(); text !== undefined; text = waiting.shift()) {
 *       console.log(text);
 *       if (turns.spent(text.length)) break;
 *     }
 *     return waiting.length > 0;
 *   },
 * };
 * waiting.push('one', 'two');
 * turns.ready(reader);
 * ```
 */
export class RoundRobin {
  readonly #now: () => number;
  readonly #later: (work: () => void) => void;
  readonly #least: number;
  readonly #most: number;
  readonly #waiting: Reader[] = [];
  /** A turn has begun, and ends at that time. */
  #begun = false;
  #until = 0;
  #ending = false;
  /** Who was read last in this turn, and how much it has left of its portion. */
  #last: Reader | undefined;
  #left = 0;
  /** When reading stopped, and how long it took to send what it gave rise to: of the last turns, rather the least. */
  #readAt = 0;
  #sending = 0;

  constructor({ now, later, least = 4, most = 32 }: RoundRobinOptions) {
    this.#now = now;
    this.#later = later;
    this.#least = least;
    this.#most = most;
  }

  /** Reads from one who has just been heard and does not wait yet; gives whether it has to wait with the rest. */
  ready(reader: Reader): boolean {
    if (!this.#begun) this.#begin(this.#now());
    // Somebody may be heard many times in a turn: that is one portion.
    const spent = reader === this.#last && this.#left <= 0;
    const waits = spent || this.#read(reader);
    if (waits) this.#waiting.push(reader);
    this.#end();
    return waits;
  }

  /** Whether it is the next one's turn now: asked by a reader after each message, with its length. */
  spent(bytes: number): boolean {
    this.#left -= bytes + PER_MESSAGE;
    if (this.#left > 0) return false;
    if (this.#waiting.length > 0 || this.#late()) return true;
    this.#left = PORTION;
    return false;
  }

  #read(reader: Reader): boolean {
    if (reader !== this.#last) {
      this.#last = reader;
      this.#left = PORTION;
    }
    return reader.read();
  }

  #begin(now: number): void {
    this.#begun = true;
    this.#last = undefined;
    this.#until = now + Math.min(Math.max(this.#least, 2 * this.#sending), this.#most);
  }

  #late(): boolean {
    const left = this.#until - this.#now();
    return left <= 0 || left > this.#most; // the latter where the clock was set back
  }

  /** Reading has stopped; the turn ends behind the sending that it has given rise to. */
  #end(): void {
    this.#readAt = this.#now();
    if (this.#ending) return;
    this.#ending = true;
    this.#later(this.#next);
  }

  readonly #next = (): void => {
    const now = this.#now();
    const sending = now - this.#readAt;
    // Falls at once and rises slowly: a collection of garbage is no sending.
    this.#sending = sending < this.#sending ? Math.max(0, sending) : this.#sending + (sending - this.#sending) / 4;
    this.#begun = false;
    this.#ending = false;
    if (this.#waiting.length === 0) return;
    this.#begin(now);
    try {
      do {
        const reader = this.#waiting.shift() as Reader;
        this.#last = undefined;
        if (this.#read(reader)) this.#waiting.push(reader);
      } while (this.#waiting.length > 0 && !this.#late());
    } finally {
      this.#end();
    }
  };
}

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
    this.#ready();
  }

  /** Takes on what has arrived together. */
  addAll(items: readonly T[]): void {
    for (const item of items) this.#items.push(item);
    this.#ready();
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
        if (turns.spent(size(item)) && this.#next < this.#items.length) return true;
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

  #ready(): void {
    if (this.#waits || this.#taking || this.#items.length === 0) return;
    this.#waits = this.#options.turns.ready(this);
    if (this.#waits) this.#options.hold?.();
  }
}
