const SMALLEST = 16 * 1024;
/** A turn that writes more than this gets memory of its own. */
const LARGEST = 512 * 1024;

/**
 * The memory in which a turn's frames are joined. When the system has taken all that a turn wrote, which is the rule,
 * the next turn writes to the same place: memory outside the heap that is new with every turn makes V8 collect the
 * whole heap several times a second, and everybody waits.
 */
export class TurnMemory {
  #memory: Buffer = Buffer.alloc(0);
  #used = 0;
  /** Something of an earlier turn is still to be read from here: nothing is written twice. */
  #held = false;

  /** `bytes` of memory that nobody else uses, until a turn ends in which everything was written. */
  take(bytes: number): Buffer {
    if (bytes > LARGEST) return Buffer.allocUnsafeSlow(bytes);
    if (this.#used + bytes > this.#memory.length) {
      this.#memory = Buffer.allocUnsafeSlow(this.#sizeFor(bytes));
      this.#used = 0;
      this.#held = false;
    }
    const start = this.#used;
    this.#used += bytes;
    return this.#memory.subarray(start, this.#used);
  }

  /** A turn is over, and what was taken in it written, or not. */
  turn(written: boolean): void {
    if (!written) this.#held = true;
    else if (!this.#held) this.#used = 0;
  }

  #sizeFor(bytes: number): number {
    // What did not fit is twice as large, unless a slow reader holds it.
    const wanted = this.#held ? SMALLEST : Math.min(LARGEST, this.#memory.length * 2);
    let size = Math.max(SMALLEST, wanted);
    while (size < bytes) size *= 2;
    return size;
  }
}
