import { BehaviorSubject, Observable, type Observer, type Subscriber } from 'rxjs';
import { ClaspError, ErrorCode } from '../errors.ts';
import type { Connection } from './connection.ts';

export interface MemoryPairOptions {
  /** The largest frame either side takes, in bytes. A larger one ends the pair. @defaultValue no limit */
  readonly maxFrame?: number;
  /** A side is saturated while more than this many bytes wait for the other. @defaultValue 1 MiB */
  readonly highWater?: number;
  /** It is relieved when no more than this many are left. @defaultValue a quarter of `highWater` */
  readonly lowWater?: number;
}

/** One side of a {@link memoryPair}: a connection whose reading can be held up. */
export interface MemoryConnection extends Connection {
  /** Stops delivery to this side's `incoming`: what the other side sends waits, and saturates it. */
  pause(): void;
  /** Delivers what waited, then goes on at once. */
  resume(): void;
  /** Ends the pair as the loss of a connection does: both sides see this error, behind what waits for them. */
  cut(reason: ClaspError): void;
}

/**
 * Two connections that are each other's peer, without anything in between: what a relay and a client in one process,
 * or a test in virtual time, talk over.
 *
 * A frame given to one side's `outgoing.next` is delivered before `next` returns, unless the other side is just
 * delivering (then right after), paused, or not subscribed yet (then it waits, in order). A side that closes sees its
 * own `incoming` complete at once; the other side's completes, or errors with the same `ClaspError`, behind the frames
 * sent before. A frame over `maxFrame` errors both sides with 100.
 *
 * @example
 * ```ts
 * const [ours, theirs] = memoryPair();
 * theirs.incoming.subscribe((frame) => console.log(frame.length));
 * ours.outgoing.next(new Uint8Array(3));
 * ```
 */
export function memoryPair(options: MemoryPairOptions = {}): [MemoryConnection, MemoryConnection] {
  const { maxFrame, highWater = 1_048_576, lowWater = highWater / 4 } = options;
  const left = new MemorySide('memory-1', 'memory-2', maxFrame, highWater, lowWater);
  const right = new MemorySide('memory-2', 'memory-1', maxFrame, highWater, lowWater);
  left.join(right);
  right.join(left);
  return [left, right];
}

class MemorySide implements MemoryConnection, Observer<Uint8Array> {
  readonly id: string;
  readonly peer: string;
  readonly maxFrame: number | undefined;
  readonly incoming: Observable<Uint8Array>;
  readonly saturated: BehaviorSubject<boolean> = new BehaviorSubject(false);
  readonly #highWater: number;
  readonly #lowWater: number;
  /** The value of `saturated`, which costs more to ask. */
  #lagging = false;
  #other: MemorySide | undefined;
  #reader: Subscriber<Uint8Array> | undefined;
  /** The reader has left: what still arrives is dropped. */
  #deserted = false;
  /** Frames from the other side that wait to be read, oldest first, and their bytes. */
  #waiting: Uint8Array[] = [];
  #bytes = 0;
  #delivering = false;
  #paused = false;
  /** How `incoming` ends once nothing waits any more: undefined while it goes on, null for a clean close. */
  #ending: ClaspError | null | undefined;
  #ended = false;
  #sending = true;

  constructor(id: string, peer: string, maxFrame: number | undefined, highWater: number, lowWater: number) {
    this.id = id;
    this.peer = peer;
    this.maxFrame = maxFrame;
    this.#highWater = highWater;
    this.#lowWater = lowWater;
    this.incoming = new Observable((reader) => this.#read(reader));
  }

  join(other: MemorySide): void {
    this.#other = other;
  }

  get outgoing(): Observer<Uint8Array> {
    return this;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#deliver();
  }

  cut(reason: ClaspError): void {
    this.#end(reason, reason);
  }

  next(frame: Uint8Array): void {
    if (!this.#sending) return;
    const other = this.#other as MemorySide;
    if (this.maxFrame !== undefined && frame.length > this.maxFrame) {
      const reason = new ClaspError(ErrorCode.BadFrame, `frame of ${frame.length} bytes, at most ${this.maxFrame}`);
      this.#end(reason, reason);
      return;
    }
    other.#take(frame);
    this.#measure();
  }

  error(cause: unknown): void {
    this.#end(null, ClaspError.from(cause, ErrorCode.Internal));
  }

  complete(): void {
    this.#end(null, null);
  }

  #end(ours: ClaspError | null, theirs: ClaspError | null): void {
    if (!this.#sending) return;
    const other = this.#other as MemorySide;
    this.#sending = false;
    other.#sending = false;
    // What the other side sent and nobody read yet is lost with the connection; what we sent still arrives.
    this.#waiting = [];
    this.#bytes = 0;
    this.#ending = ours;
    other.#ending = theirs;
    other.#deliver();
    this.#deliver();
    this.saturated.complete();
    other.saturated.complete();
  }

  #read(reader: Subscriber<Uint8Array>): () => void {
    if (this.#ended) {
      if (this.#ending) reader.error(this.#ending);
      else reader.complete();
    }
    this.#deserted = false;
    this.#reader = reader;
    this.#deliver();
    return () => {
      if (this.#reader !== reader) return;
      this.#reader = undefined;
      this.#deserted = true;
    };
  }

  #take(frame: Uint8Array): void {
    if (this.#reader && !this.#delivering && !this.#paused && this.#waiting.length === 0) {
      // The usual case, without the queue.
      this.#delivering = true;
      this.#reader.next(frame);
      this.#delivering = false;
    } else {
      this.#waiting.push(frame);
      this.#bytes += frame.length;
    }
    if (this.#waiting.length > 0 || this.#ending !== undefined) this.#deliver();
  }

  #deliver(): void {
    if (this.#delivering || this.#ended) return;
    this.#delivering = true;
    let next = 0;
    while ((this.#reader || this.#deserted) && !this.#paused && next < this.#waiting.length) {
      const frame = this.#waiting[next++] as Uint8Array;
      this.#bytes -= frame.length;
      this.#reader?.next(frame);
    }
    if (next === this.#waiting.length) this.#waiting = [];
    else this.#waiting.splice(0, next);
    this.#delivering = false;
    if (next > 0) (this.#other as MemorySide).#measure();
    if (this.#ending !== undefined && this.#reader && this.#waiting.length === 0) this.#finish(this.#reader);
  }

  #finish(reader: Subscriber<Uint8Array>): void {
    this.#ended = true;
    if (this.#ending) reader.error(this.#ending);
    else reader.complete();
  }

  #measure(): void {
    const waiting = (this.#other as MemorySide).#bytes;
    if (this.#lagging ? waiting > this.#lowWater : waiting <= this.#highWater) return;
    this.#lagging = !this.#lagging;
    this.saturated.next(this.#lagging);
  }
}
