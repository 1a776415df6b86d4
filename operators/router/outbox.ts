import type { Subscription } from 'rxjs';
import type { Connection } from '../../core/connection/connection.ts';

/**
 * A frame to keep for longer than this turn: the same one, or a copy where it lies within a larger buffer, as a
 * forwarded frame does, which must not stay in memory for it.
 *
 * A frame at the beginning of its buffer is taken to be all of it. Asking for the length of the buffer instead would
 * give each small array, which lies on the heap, a buffer of its own.
 */
export function ownCopy(frame: Uint8Array): Uint8Array {
  return frame.byteOffset === 0 ? frame : new Uint8Array(frame);
}

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
export class BufferPool {
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
export class FrameQueue {
  readonly #pieces: Piece[] = [];
  readonly #spare: BufferPool | undefined;

  constructor(spare?: BufferPool) {
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

/**
 * What a frame is, for a receiver that lags: `param` and `stream` keep the newest per key, `move` the newest per
 * gesture, `keep` is never dropped, and nothing is replaced across a `barrier` (a snapshot: what follows it must follow it).
 */
export type Delivery = 'param' | 'stream' | 'move' | 'keep' | 'barrier';

export interface OutboxLimits {
  /** Bytes waiting at which the receiver is given up. */
  readonly hardBytes: number;
  /** Bytes waiting above which the oldest stream samples are dropped. */
  readonly softBytes: number;
  /** Memory that the outboxes of a router use again. */
  readonly spare?: BufferPool | undefined;
}

/** `lagging` and `keepingUp` as the connection says; `overflowed` when more waits than the hard limit. */
export type OutboxChange = 'lagging' | 'keepingUp' | 'overflowed';

interface Waiting {
  /** Undefined once sent or dropped, and for kept frames. */
  bytes: Uint8Array | undefined;
  /** How many of the kept frames come here. */
  kept: number;
  /** Whether `bytes` are a copy that nobody else has. */
  own: boolean;
  readonly delivery: Delivery;
  readonly key: unknown;
}

/** What a waiting frame costs beside its bytes, so that a bound in bytes is a bound of memory for small frames too. */
const OVERHEAD = 128;
/** The same for a kept frame behind another one. */
const KEPT_OVERHEAD = 16;

/**
 * The way out to one session: straight to the connection while it keeps up; while it lags, a queue that conflates by
 * kind of signal instead of growing (protocol semantics, section 3). Order per address is never broken.
 */
export class Outbox {
  readonly #connection: Connection;
  readonly #limits: OutboxLimits;
  readonly #changed: (change: OutboxChange) => void;
  readonly #saturation: Subscription;
  #saturated = false;
  #closed = false;
  #draining = false;
  /** What waits, oldest first; undefined while nothing does, so that an idle session costs little. */
  #queue: Waiting[] | undefined;
  #newest: Map<unknown, Waiting> | undefined;
  #kept: FrameQueue | undefined;
  #streams: Waiting[] | undefined;
  #emptied = 0;
  #snapshotBytes = 0;
  /** Memory of what waits here, in bytes, beside what the connection itself buffers. */
  waitingBytes = 0;
  /** Samples and moves that a newer one replaced, and frames the peer cannot take: what this receiver did not get. */
  dropped = 0;

  constructor(connection: Connection, limits: OutboxLimits, changed: (change: OutboxChange) => void) {
    this.#connection = connection;
    this.#limits = limits;
    this.#changed = changed;
    this.#saturation = connection.saturated.subscribe((saturated) => {
      if (saturated === this.#saturated) return;
      this.#saturated = saturated;
      this.#changed(saturated ? 'lagging' : 'keepingUp');
      if (!saturated) this.#drain();
    });
  }

  /**
   * Sends a frame, now or when the receiver can take it. Never throws.
   *
   * @param key what makes two frames the same param, stream or gesture
   */
  send(bytes: Uint8Array, delivery: Delivery, key: unknown): void {
    if (this.#closed) return;
    const { maxFrame } = this.#connection;
    if (maxFrame !== undefined && bytes.length > maxFrame) {
      this.dropped++;
      return;
    }
    if (!this.#saturated && this.#queue === undefined) this.#connection.outgoing.next(bytes);
    else this.#wait(bytes, delivery, key);
  }

  /** From now on nothing takes the place of what waits under these keys: a bundle with newer ones follows. */
  fence(keys: readonly unknown[]): void {
    if (!this.#newest) return;
    for (const key of keys) this.#newest.delete(key);
  }

  /**
   * Sends a snapshot. It may be larger than the hard limit by itself: the receiver is given up only when it asks for
   * another while more than the limit waits already.
   */
  sendSnapshot(frames: readonly Uint8Array[]): void {
    if (this.#closed) return;
    if (
      this.waitingBytes - this.#snapshotBytes > this.#limits.hardBytes ||
      this.#snapshotBytes > this.#limits.hardBytes
    ) {
      this.#changed('overflowed');
    }
    for (const bytes of frames) this.send(bytes, 'barrier', undefined);
  }

  /** Forgets what waits and stops listening; the connection itself belongs to the session. */
  close(): void {
    this.#closed = true;
    this.#reset();
    this.waitingBytes = 0;
    this.#saturation.unsubscribe();
  }

  #wait(bytes: Uint8Array, delivery: Delivery, key: unknown): void {
    this.#queue ??= [];
    this.#newest ??= new Map();
    const newest = this.#newest;
    if (delivery === 'barrier') {
      newest.clear();
    } else if (delivery === 'keep') {
      if (newest.size > 0) newest.delete(key); // a gesture's start or end: later moves must not overtake it
      this.#keep(bytes, key);
      return;
    } else {
      const older = newest.get(key);
      if (older?.bytes) {
        if (delivery !== 'param') this.dropped++;
        this.waitingBytes += bytes.length - older.bytes.length;
        replace(older, bytes);
        return;
      }
    }
    const kept = ownCopy(bytes);
    const waiting: Waiting = { bytes: kept, own: kept !== bytes, kept: 0, delivery, key };
    if (delivery !== 'barrier') newest.set(key, waiting);
    this.#queue.push(waiting);
    this.waitingBytes += bytes.length + OVERHEAD;
    if (delivery === 'stream') {
      this.#streams ??= [];
      this.#streams.push(waiting);
      if (this.waitingBytes > this.#limits.softBytes) this.#dropOldestStreams();
      this.#letGoSentStreams(this.#queue.length);
    }
    if (delivery === 'barrier') this.#snapshotBytes += bytes.length + OVERHEAD;
    if (this.waitingBytes - this.#snapshotBytes > this.#limits.hardBytes) this.#changed('overflowed');
  }

  #keep(bytes: Uint8Array, key: unknown): void {
    const queue = this.#queue as Waiting[];
    const last = queue.at(-1);
    if (last && last.kept > 0) {
      last.kept++;
      this.waitingBytes += bytes.length + KEPT_OVERHEAD;
    } else {
      queue.push({ bytes: undefined, own: false, kept: 1, delivery: 'keep', key });
      this.waitingBytes += bytes.length + OVERHEAD;
    }
    this.#kept ??= new FrameQueue(this.#limits.spare);
    this.#kept.push(bytes);
    if (this.waitingBytes - this.#snapshotBytes > this.#limits.hardBytes) this.#changed('overflowed');
  }

  #dropOldestStreams(): void {
    const streams = this.#streams ?? [];
    let next = 0;
    while (next < streams.length && this.waitingBytes > this.#limits.softBytes) {
      const oldest = streams[next++] as Waiting;
      if (!oldest.bytes) continue;
      this.waitingBytes -= oldest.bytes.length + OVERHEAD;
      this.#forget(oldest);
      this.dropped++;
      this.#emptied++;
    }
    streams.splice(0, next);
    // Emptied places are swept out many at a time, so that a flood of streams costs amortised constant time.
    if (!this.#draining && this.#queue && this.#emptied > 1024 && this.#emptied > this.#queue.length / 2) {
      this.#queue = this.#queue.filter(({ bytes, kept }) => bytes || kept > 0);
      this.#emptied = 0;
    }
  }

  /** A receiver may lag for hours without the queue ever being empty: what was sent must not stay for as long. */
  #letGoSentStreams(waiting: number): void {
    const streams = this.#streams ?? [];
    if (streams.length > 1024 && streams.length > 2 * waiting) this.#streams = streams.filter(({ bytes }) => bytes);
  }

  #forget(waiting: Waiting): void {
    waiting.bytes = undefined;
    if (this.#newest?.get(waiting.key) === waiting) this.#newest.delete(waiting.key);
  }

  #drain(): void {
    const queue = this.#queue;
    if (this.#draining || !queue) return;
    this.#draining = true;
    let sent = 0;
    while (sent < queue.length && !this.#saturated && !this.#closed) {
      const waiting = queue[sent] as Waiting;
      if (waiting.kept > 0) {
        this.#sendKept(waiting);
        continue;
      }
      sent++;
      const { bytes } = waiting;
      if (!bytes) continue;
      this.waitingBytes -= bytes.length + OVERHEAD;
      if (waiting.delivery === 'barrier') this.#snapshotBytes -= bytes.length + OVERHEAD;
      this.#forget(waiting);
      this.#connection.outgoing.next(bytes);
    }
    this.#draining = false;
    if (this.#closed || sent === queue.length) this.#reset();
    else queue.splice(0, sent);
  }

  /** Sends the next of the kept frames that come here. */
  #sendKept(waiting: Waiting): void {
    const bytes = this.#kept?.shift();
    waiting.kept--;
    if (!bytes) return;
    this.waitingBytes -= bytes.length + (waiting.kept === 0 ? OVERHEAD : KEPT_OVERHEAD);
    this.#connection.outgoing.next(bytes);
  }

  #reset(): void {
    this.#queue = undefined;
    this.#kept?.clear();
    this.#kept = undefined;
    this.#newest = undefined;
    this.#streams = undefined;
    this.#emptied = 0;
    this.#snapshotBytes = 0;
  }
}

/** Puts a newer frame in the place of one that waits: over it where it can, since a copy a sample is much for the memory. */
function replace(waiting: Waiting, bytes: Uint8Array): void {
  if (bytes.byteOffset > 0 && waiting.own && waiting.bytes?.length === bytes.length) {
    waiting.bytes.set(bytes);
    return;
  }
  waiting.bytes = ownCopy(bytes);
  waiting.own = waiting.bytes !== bytes;
}
