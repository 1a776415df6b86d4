const SMALLEST = 16 * 1024;
/** A turn that writes more than this gets memory of its own. */
const LARGEST = 512 * 1024;

/** A part of some memory that somebody writes to. */
export interface Room {
  memory: Buffer;
  start: number;
  size: number;
}

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

  /**
   * Makes a room at least `size` bytes large, somewhere else if need be, and takes the first `kept` bytes along. Nobody
   * else uses them until a turn ends in which everything was written; what was there before stays until then as well.
   */
  enlarge(room: Room, size: number, kept: number): void {
    if (this.#isLast(room) && room.start + size <= this.#memory.length) {
      this.#used = room.start + size;
      room.size = size;
      return;
    }
    const { memory, start } = room;
    this.#place(room, size);
    if (kept > 0) memory.copy(room.memory, room.start, start, start + kept);
  }

  /** A turn is over, and what was written to its rooms has gone, or not. */
  turn(written: boolean): void {
    if (!written) this.#held = true;
    else if (!this.#held) this.#used = 0;
  }

  #isLast(room: Room): boolean {
    return room.memory === this.#memory && room.size > 0 && room.start + room.size === this.#used;
  }

  #place(room: Room, size: number): void {
    room.size = size;
    if (size > LARGEST) {
      room.memory = Buffer.allocUnsafeSlow(size);
      room.start = 0;
      return;
    }
    if (this.#used + size > this.#memory.length) {
      this.#memory = Buffer.allocUnsafeSlow(this.#sizeFor(size));
      this.#used = 0;
      this.#held = false;
    }
    room.memory = this.#memory;
    room.start = this.#used;
    this.#used += size;
  }

  #sizeFor(bytes: number): number {
    // What did not fit is twice as large, unless a slow reader holds it.
    const wanted = this.#held ? SMALLEST : Math.min(LARGEST, this.#memory.length * 2);
    let size = Math.max(SMALLEST, wanted);
    while (size < bytes) size *= 2;
    return size;
  }
}
