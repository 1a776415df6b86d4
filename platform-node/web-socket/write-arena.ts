const SMALLEST = 16 * 1024;
/** A turn that writes more than this gets memory of its own. */
const LARGEST = 512 * 1024;
/**
 * Bytes of memory that slow readers have given back and that is kept for the next. One reader may hold two or three MiB
 * for the one that it leaves unread, since memory is held by whole turns.
 */
const MAX_ASIDE = 4 * 1024 * 1024;
/** How many of those are looked at for one that nobody holds. */
const LOOKS = 8;

/** A span of the arena that a segment writes to. */
export interface ArenaSpan {
  memory: Buffer;
  start: number;
  size: number;
}

/** A connection whose bytes the system has not taken yet: it holds the memory that they are in. */
export interface ArenaHolder {
  /** Whether it has taken them since then, or never will. */
  readonly written: boolean;
}

/** From one turn to another, both included. */
interface Span {
  readonly from: number;
  to: number;
}

interface Block extends Span {
  readonly memory: Buffer;
}

/**
 * The memory in which a turn's frames are joined. When the system has taken all that a turn wrote, which is the rule,
 * the next turn writes to the same place: memory outside the heap that is new with every turn makes V8 collect the
 * whole heap several times a second, and everybody waits. For the same reason what a slow reader holds is used again
 * when it has read it.
 */
export class WriteArena {
  #memory: Buffer = Buffer.alloc(0);
  #used = 0;
  /** The number of this turn, and of the first that wrote to what is used of the memory. */
  #turn = 1;
  #from = 1;
  readonly #holders = new Map<ArenaHolder, Span>();
  /** The last turn that anybody held something of. */
  #heldUpTo = 0;
  /** What was full while somebody held something, oldest first as far as it was not looked at. */
  #aside: Block[] = [];
  #bytesAside = 0;

  /**
   * Makes a room at least `size` bytes large, somewhere else if need be, and takes the first `kept` bytes along. Nobody
   * else uses them until this turn is over and nobody holds it; what was there before stays until then as well.
   */
  enlarge(room: ArenaSpan, size: number, kept: number): void {
    if (this.#isLast(room) && room.start + size <= this.#memory.length) {
      this.#used = room.start + size;
      room.size = size;
      return;
    }
    const { memory, start } = room;
    this.#place(room, size);
    if (kept > 0) memory.copy(room.memory, room.start, start, start + kept);
  }

  /** A turn is over and will be written: rooms belong to the next one from now on. */
  next(): void {
    this.#turn++;
  }

  /** To be called before somebody writes what the turn that is over has for it. */
  release(holder: ArenaHolder): void {
    if (this.#holders.size > 0 && holder.written) this.#holders.delete(holder);
  }

  /** Somebody wrote what the turn that is over had for it, and the system has not taken all of it yet. */
  hold(holder: ArenaHolder): void {
    const to = this.#turn - 1;
    const span = this.#holders.get(holder);
    if (span) span.to = to;
    else this.#holders.set(holder, { from: to, to });
    this.#heldUpTo = to;
  }

  /** To be called where nobody was given a room in this turn: where nobody holds what is there, it is used again. */
  rewind(): void {
    if (this.#holders.size > 0) this.#askOne();
    if (this.#used === 0 || this.#isHeld(this.#from, this.#turn)) return;
    this.#used = 0;
    this.#from = this.#turn;
  }

  /** Forgets one who has read or gone; a turn after another asks all of them. */
  #askOne(): void {
    for (const [holder, span] of this.#holders) {
      this.#holders.delete(holder);
      if (!holder.written) this.#holders.set(holder, span);
      return;
    }
  }

  #isLast(room: ArenaSpan): boolean {
    return room.memory === this.#memory && room.size > 0 && room.start + room.size === this.#used;
  }

  #isHeld(from: number, to: number): boolean {
    if (from > this.#heldUpTo) return false;
    for (const [holder, span] of this.#holders) {
      if (holder.written) this.#holders.delete(holder);
      else if (span.from <= to && span.to >= from) return true;
    }
    return false;
  }

  #place(room: ArenaSpan, size: number): void {
    room.size = size;
    if (size > LARGEST) {
      room.memory = Buffer.allocUnsafeSlow(size);
      room.start = 0;
      return;
    }
    if (this.#used + size > this.#memory.length) this.#move(size);
    room.memory = this.#memory;
    room.start = this.#used;
    this.#used += size;
  }

  /** Goes on elsewhere, where so many bytes are free. */
  #move(bytes: number): void {
    const held = this.#isHeld(this.#from, this.#turn);
    const again = held ? this.#again(bytes) : undefined;
    if (held) this.#putAside({ memory: this.#memory, from: this.#from, to: this.#turn });
    // What did not fit is twice as large, unless a slow reader holds it.
    this.#memory = again ?? Buffer.allocUnsafeSlow(sizeFor(bytes, held ? 0 : this.#memory.length * 2));
    this.#used = 0;
    this.#from = this.#turn;
  }

  /** Something that was put aside, is large enough and held by nobody any more. */
  #again(bytes: number): Buffer | undefined {
    for (let looks = Math.min(LOOKS, this.#aside.length); looks > 0; looks--) {
      const block = this.#aside.shift() as Block;
      // Of the turn before this some may still be to be written, and held then.
      const past = block.to < this.#turn - 1;
      if (past && block.memory.length >= bytes && !this.#isHeld(block.from, block.to)) {
        this.#bytesAside -= block.memory.length;
        return block.memory;
      }
      this.#aside.push(block);
    }
    return undefined;
  }

  #putAside(block: Block): void {
    this.#aside.push(block);
    this.#bytesAside += block.memory.length;
    while (this.#bytesAside > MAX_ASIDE) this.#bytesAside -= (this.#aside.shift() as Block).memory.length;
  }
}

function sizeFor(bytes: number, wanted: number): number {
  let size = Math.max(SMALLEST, Math.min(LARGEST, wanted));
  while (size < bytes) size *= 2;
  return size;
}
