export interface AttemptLimit {
  /** Attempts that one key has. */
  readonly limit: number;
  /** Milliseconds in which they are counted. */
  readonly window: number;
  /** Keys that are remembered; beyond it the one whose first attempt is oldest is forgotten. @defaultValue 100 000 */
  readonly capacity?: number | undefined;
}

/**
 * How often something may be tried: at most `limit` times in any `window`, for each key. Pure but for its memory: the
 * time is told by who asks, in milliseconds of a clock that never steps back.
 */
export class AttemptLimiter {
  readonly #limit: number;
  readonly #window: number;
  readonly #capacity: number;
  /** Times of the attempts of each key, oldest first; the key that was tried last is last. */
  readonly #attempts = new Map<string, number[]>();

  constructor({ limit, window, capacity = 100_000 }: AttemptLimit) {
    this.#limit = limit;
    this.#window = window;
    this.#capacity = capacity;
  }

  /** Keys that are remembered. */
  get size(): number {
    return this.#attempts.size;
  }

  /** Milliseconds until `key` may try again; 0 when it may now. Counts nothing. */
  wait(key: string, now: number): number {
    const oldest = this.#recent(key, now);
    return oldest === undefined || oldest.length < this.#limit
      ? 0
      : (oldest[oldest.length - this.#limit] as number) + this.#window - now;
  }

  /**
   * Counts an attempt when it is made, not when it has failed: what is tried at the same moment is counted before the
   * first answer is known. Take back with {@link forgive} what then succeeds.
   */
  count(key: string, now: number): void {
    const attempts = this.#recent(key, now) ?? [];
    attempts.push(now);
    if (attempts.length > this.#limit) attempts.shift();
    this.#attempts.delete(key);
    this.#attempts.set(key, attempts);
    if (this.#attempts.size > this.#capacity) this.#forget(now);
  }

  /** Takes back the newest attempt of `key`. */
  forgive(key: string): void {
    const attempts = this.#attempts.get(key);
    attempts?.pop();
    if (attempts?.length === 0) this.#attempts.delete(key);
  }

  /** Forgets all attempts of `key`. */
  clear(key: string): void {
    this.#attempts.delete(key);
  }

  #recent(key: string, now: number): number[] | undefined {
    const attempts = this.#attempts.get(key);
    if (!attempts) return undefined;
    while (attempts.length > 0 && (attempts[0] as number) + this.#window <= now) attempts.shift();
    if (attempts.length > 0) return attempts;
    this.#attempts.delete(key);
    return undefined;
  }

  /** Makes room: what is over first, else who has been silent longest. */
  #forget(now: number): void {
    for (const [key, attempts] of this.#attempts) {
      const over = (attempts[attempts.length - 1] as number) + this.#window <= now;
      if (!over && this.#attempts.size <= this.#capacity) return;
      this.#attempts.delete(key);
    }
  }
}
