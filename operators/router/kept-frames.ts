const SMALLEST_PIECE = 4 * 1024;
const LARGEST_PIECE = 256 * 1024;

/** ECMAScript 2024, where there is one. */
interface Resizable {
  readonly resizable?: boolean;
  resize?(length: number): void;
}

type ResizableBuffer = new (length: number, options: { readonly maxByteLength: number }) => ArrayBuffer & Resizable;

/** Frames one after another in one piece of memory. */
interface Piece {
  readonly memory: Uint8Array;
  /** Where each frame ends. */
  readonly ends: number[];
  taken: number;
}

/**
 * Large pieces that no queue uses now, for the next that needs one: at most `bytes` of them are kept. A reader that is
 * given up leaves megabytes; given back and taken anew each time they would make V8 collect the whole heap.
 */
export class SparePieces {
  readonly #most: number;
  readonly #spare: Uint8Array[] = [];

  constructor(bytes: number) {
    this.#most = Math.floor(bytes / LARGEST_PIECE);
  }

  take(): Uint8Array | undefined {
    return this.#spare.pop();
  }

  /** False when there are enough. */
  keep(memory: Uint8Array): boolean {
    if (memory.length !== LARGEST_PIECE || this.#spare.length >= this.#most) return false;
    this.#spare.push(memory);
    return true;
  }
}

/**
 * A queue of frames, first in first out, kept in a few large pieces of memory: ten thousand waiting frames are a few
 * objects to the garbage collector instead of thirty thousand, whose survival would hold up everybody else.
 *
 * The largest pieces are used again by other queues. Those too many for that are resizable buffers, where the engine has
 * them, shrunk to nothing when they are read: their memory is free at once.
 */
export class KeptFrames {
  readonly #pieces: Piece[] = [];
  readonly #spare: SparePieces | undefined;

  constructor(spare?: SparePieces) {
    this.#spare = spare;
  }

  /** Copies a frame to the end. */
  push(frame: Uint8Array): void {
    let piece = this.#pieces.at(-1);
    let start = piece?.ends.at(-1) ?? 0;
    if (!piece || start + frame.length > piece.memory.length) {
      const size = Math.min(LARGEST_PIECE, SMALLEST_PIECE << Math.min(this.#pieces.length, 16));
      piece = { memory: this.#memory(Math.max(size, frame.length)), ends: [], taken: 0 };
      start = 0;
      this.#pieces.push(piece);
    }
    piece.memory.set(frame, start);
    piece.ends.push(start + frame.length);
  }

  /** Takes the oldest frame out; undefined when there is none. It is the receiver's. */
  shift(): Uint8Array | undefined {
    const piece = this.#pieces[0];
    if (!piece) return undefined;
    const start = piece.taken === 0 ? 0 : (piece.ends[piece.taken - 1] as number);
    const frame = piece.memory.slice(start, piece.ends[piece.taken++]);
    if (piece.taken === piece.ends.length) {
      this.#pieces.shift();
      this.#free(piece);
    }
    return frame;
  }

  /** Forgets all of them. */
  clear(): void {
    for (const piece of this.#pieces.splice(0)) this.#free(piece);
  }

  #memory(size: number): Uint8Array {
    // Each takes a mapping of its own, of which a system has some ten thousands: too many for every reader's first piece.
    if (size < LARGEST_PIECE) return new Uint8Array(size);
    return (size === LARGEST_PIECE ? this.#spare?.take() : undefined) ?? resizable(size) ?? new Uint8Array(size);
  }

  #free({ memory }: Piece): void {
    if (this.#spare?.keep(memory)) return;
    const buffer = memory.buffer as Resizable;
    if (buffer.resizable) buffer.resize?.(0);
  }
}

/** Undefined where there is no such buffer, or none left. */
function resizable(size: number): Uint8Array | undefined {
  try {
    // Not one that begins empty and grows: V8 counts that as memory taken (11.3), and never as given back.
    const buffer = new (ArrayBuffer as unknown as ResizableBuffer)(size, { maxByteLength: size });
    return buffer.resizable ? new Uint8Array(buffer) : undefined;
  } catch (cause) {
    if (cause instanceof RangeError) return undefined;
    throw cause;
  }
}
