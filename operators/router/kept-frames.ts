const SMALLEST_PIECE = 4 * 1024;
const LARGEST_PIECE = 256 * 1024;

/** ECMAScript 2024, where there is one. */
interface Resizable {
  readonly resizable?: boolean;
  resize?(length: number): void;
}

const ResizableBuffer = ArrayBuffer as unknown as new (
  length: number,
  options: { readonly maxByteLength: number },
) => ArrayBuffer & Resizable;

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
 *
 * The largest pieces are resizable buffers, where the engine has them, and shrunk to nothing when they are read: their
 * memory is free at once, and none of it counts when V8 asks itself whether to collect. Megabytes of plain buffers that
 * come and go make it collect the whole heap, again and again.
 */
export class KeptFrames {
  readonly #pieces: Piece[] = [];

  /** Copies a frame to the end. */
  push(frame: Uint8Array): void {
    let piece = this.#pieces.at(-1);
    let start = piece?.ends.at(-1) ?? 0;
    if (!piece || start + frame.length > piece.memory.length) {
      const size = Math.min(LARGEST_PIECE, SMALLEST_PIECE << Math.min(this.#pieces.length, 16));
      piece = { memory: memoryOf(Math.max(size, frame.length)), ends: [], taken: 0 };
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
      free(piece);
    }
    return frame;
  }

  /** Forgets all of them. */
  clear(): void {
    for (const piece of this.#pieces.splice(0)) free(piece);
  }
}

function memoryOf(size: number): Uint8Array {
  // Each takes a mapping of its own, of which a system has some ten thousands: too many for every reader's first piece.
  return (size >= LARGEST_PIECE ? resizable(size) : undefined) ?? new Uint8Array(size);
}

/** Undefined where there is no such buffer, or none left. */
function resizable(size: number): Uint8Array | undefined {
  try {
    const buffer = new ResizableBuffer(0, { maxByteLength: size });
    // What it has from the beginning would be counted.
    buffer.resize?.(size);
    return buffer.byteLength === size ? new Uint8Array(buffer) : undefined;
  } catch (cause) {
    if (cause instanceof RangeError) return undefined;
    throw cause;
  }
}

function free({ memory }: Piece): void {
  const buffer = memory.buffer as Resizable;
  if (buffer.resizable) buffer.resize?.(0);
}
