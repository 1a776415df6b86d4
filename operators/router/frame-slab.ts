/** Bytes of a piece of memory, and above which a frame gets one of its own. */
const PIECE = 16 * 1024;
const LARGE = 1024;

/**
 * Memory for frames that are written once and soon sent, many to a piece: a small array of its own costs the engine more
 * than the frame, and several times that where it is too large to lie on the heap. Who keeps a frame longer than a turn
 * copies it, see `ownCopy`, since otherwise it keeps the whole piece.
 */
export class FrameSlab {
  #memory = new ArrayBuffer(0);
  #used = 0;

  /** So many bytes, which are zero and nobody else's. */
  take(size: number): Uint8Array {
    if (size > LARGE) return new Uint8Array(size);
    if (this.#used + size > this.#memory.byteLength) {
      this.#memory = new ArrayBuffer(PIECE);
      // A frame that begins with its buffer is taken to be all of it.
      this.#used = 1;
    }
    const frame = new Uint8Array(this.#memory, this.#used, size);
    this.#used += size;
    return frame;
  }
}
