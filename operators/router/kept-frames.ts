import { standalone } from './standalone.ts';

/** Frames up to this size are copied; a larger one costs more to copy than to keep. */
const LARGEST = 4 * 1024;
const SMALLEST_PIECE = 4 * 1024;
const LARGEST_PIECE = 64 * 1024;

/** Frames one after another in one piece of memory. */
interface Piece {
  readonly memory: Uint8Array;
  /** Where each frame ends. */
  readonly ends: number[];
  taken: number;
}

/**
 * A queue of frames, first in first out, kept in a few large pieces of memory: ten thousand waiting frames are a few
 * objects to the garbage collector instead of thirty thousand, whose survival would hold up everybody else.
 */
export class KeptFrames {
  readonly #pieces: Piece[] = [];

  /** Copies a frame to the end. */
  push(frame: Uint8Array): void {
    const last = this.#pieces.at(-1);
    const start = last?.ends.at(-1) ?? 0;
    if (last && start + frame.length <= last.memory.length && frame.length <= LARGEST) {
      last.memory.set(frame, start);
      last.ends.push(start + frame.length);
    } else if (frame.length > LARGEST) {
      this.#pieces.push({ memory: standalone(frame), ends: [frame.length], taken: 0 });
    } else {
      const size = Math.min(LARGEST_PIECE, SMALLEST_PIECE << Math.min(this.#pieces.length, 16));
      const memory = new Uint8Array(size);
      memory.set(frame);
      this.#pieces.push({ memory, ends: [frame.length], taken: 0 });
    }
  }

  /** Takes the oldest frame out; undefined when there is none. The receiver may keep it. */
  shift(): Uint8Array | undefined {
    const piece = this.#pieces[0];
    if (!piece) return undefined;
    const start = piece.taken === 0 ? 0 : (piece.ends[piece.taken - 1] as number);
    const frame = piece.memory.subarray(start, piece.ends[piece.taken++]);
    if (piece.taken === piece.ends.length) this.#pieces.shift();
    return frame;
  }
}
