import type { Subscription } from 'rxjs';
import type { Connection } from '../../core/connection.ts';
import { KeptFrames, type SparePieces } from './kept-frames.ts';
import { standalone } from './standalone.ts';

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
  readonly spare?: SparePieces | undefined;
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
  #kept: KeptFrames | undefined;
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
    const kept = standalone(bytes);
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
    this.#kept ??= new KeptFrames(this.#limits.spare);
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
  waiting.bytes = standalone(bytes);
  waiting.own = waiting.bytes !== bytes;
}
