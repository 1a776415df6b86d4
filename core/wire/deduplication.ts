/** What makes a frame of QoS 2 the same as another one: who wrote it, its timestamp, and what it says. */
export interface DeduplicationKey {
  readonly writer: string;
  /** Microseconds, as in the frame's header. */
  readonly timestamp: number;
  /** The frame, of which the payload is compared. */
  readonly bytes: Uint8Array;
  /** Where the payload lies in `bytes`. */
  readonly start: number;
  readonly end: number;
}

export interface DeduplicationOptions {
  /** Microseconds for which an answer is remembered. @defaultValue 5 minutes */
  readonly span?: number | undefined;
  /** Answers that are remembered; the oldest make room. @defaultValue 100 000 */
  readonly capacity?: number | undefined;
}

interface Applied {
  readonly at: number;
  readonly answer: Uint8Array;
}

const MINUTE = 60_000_000;

/**
 * What was answered to frames that must not be applied twice, for a while.
 *
 * Two writers that cannot be told apart do no harm to each other, unless both send the same bytes with the same
 * microsecond.
 */
export class Deduplication {
  readonly #span: number;
  readonly #capacity: number;
  /** In the order they came, so the oldest is first. */
  readonly #applied = new Map<string, Applied>();

  constructor({ span = 5 * MINUTE, capacity = 100_000 }: DeduplicationOptions = {}) {
    this.#span = span;
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#applied.size;
  }

  /** The answer that the same frame got; undefined when it did not come, or too long ago. */
  recall(key: DeduplicationKey, now: number): Uint8Array | undefined {
    const applied = this.#applied.get(nameOf(key));
    return applied && now - applied.at < this.#span ? applied.answer : undefined;
  }

  /** Remembers what a frame was answered. Of one that is remembered already the first answer stays. */
  keep(key: DeduplicationKey, answer: Uint8Array, now: number): void {
    this.#forget(now);
    const name = nameOf(key);
    if (!this.#applied.has(name)) this.#applied.set(name, { at: now, answer });
  }

  #forget(now: number): void {
    for (const [name, { at }] of this.#applied) {
      if (now - at < this.#span && this.#applied.size < this.#capacity) return;
      this.#applied.delete(name);
    }
  }
}

/** A name for a frame. Its payload is in it as a number (FNV-1a): the timestamp alone tells one writer's frames apart. */
function nameOf({ writer, timestamp, bytes, start, end }: DeduplicationKey): string {
  let hash = 0x811c_9dc5;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ (bytes[at] as number), 0x0100_0193);
  return `${timestamp} ${hash} ${writer}`;
}
