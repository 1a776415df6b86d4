import { randomFillSync } from 'node:crypto';
import { TurnMemory } from './turn-memory.ts';

/** Copies larger than this are split, so that no single allocation grows with the backlog. */
const MAX_CHUNK = 262_144;

/** Mask keys are drawn this many bytes at a time. */
const KEY_POOL = 4_096;

/**
 * The frames one connection was given during this turn, as a path in a tree: a node is one frame after those of its
 * `before`. Connections that were given the same frames stand on the same node, so a fan-out to a thousand
 * connections keeps, frames and copies its bytes once, and a delivery is one comparison.
 */
export class Gathered {
  readonly before: Gathered | undefined;
  readonly frame: Uint8Array;
  /** Bytes of the whole path, WebSocket headers included. */
  readonly bytes: number;
  /** The step taken from here last: in a fan-out every connection takes the same one in a row. */
  next: Gathered | undefined;
  /** The path as it leaves, made by the first connection that needs it. */
  chunks: readonly Buffer[] | undefined;

  constructor(before: Gathered | undefined, frame: Uint8Array, overhead: number) {
    this.before = before;
    this.frame = frame;
    this.bytes = (before ? before.bytes : 0) + overhead + frame.length;
  }
}

/** Something that has gathered frames to write when the turn is over. */
export interface TurnMember {
  /** Writes them; gives whether the system has taken every byte, so that their memory is free again. */
  flush(): boolean;
}

/**
 * Gathers the frames for the sockets of one listener (or one dial) during one turn of the event loop, as WebSocket
 * messages, and has every socket that got any write them at the end of it: one write a socket, not one a frame.
 * `mask` is true for a client: RFC 6455 has clients mask what they send, each frame with its own key.
 */
export class TurnWriter {
  readonly #keys: Buffer | undefined;
  #keyAt: number = KEY_POOL;
  #first: Gathered | undefined;
  #members: TurnMember[] = [];
  readonly #memory = new TurnMemory();
  readonly #flush: () => void = () => this.#flushAll();

  constructor(mask: boolean) {
    this.#keys = mask ? Buffer.allocUnsafeSlow(KEY_POOL) : undefined;
  }

  /** The path `before` with one frame more. */
  step(before: Gathered | undefined, frame: Uint8Array): Gathered {
    const taken = before ? before.next : this.#first;
    if (taken && taken.frame === frame) return taken;
    const node = new Gathered(before, frame, headerSize(frame.length) + (this.#keys ? 4 : 0));
    if (before) before.next = node;
    else this.#first = node;
    return node;
  }

  /** Has `member` flushed when this turn is over. */
  join(member: TurnMember): void {
    if (this.#members.push(member) === 1) setImmediate(this.#flush);
  }

  /** The path as bytes to write: one Buffer, or several where it is long. Shared: do not change them. */
  chunksOf(path: Gathered): readonly Buffer[] {
    path.chunks ??= path.bytes <= MAX_CHUNK ? [this.#join(path, undefined, path.bytes)] : this.#split(path);
    return path.chunks;
  }

  #flushAll(): void {
    const members = this.#members;
    this.#members = [];
    this.#first = undefined;
    let written = true;
    for (const member of members) if (!member.flush()) written = false;
    this.#memory.turn(written);
  }

  #split(path: Gathered): Buffer[] {
    const chunks: Buffer[] = [];
    let end = path;
    for (let node: Gathered | undefined = path; node; node = node.before) {
      const start = node.before;
      const more = start ? (start.before ? start.before.bytes : 0) : 0;
      if (start && end.bytes - more <= MAX_CHUNK) continue;
      chunks.push(this.#join(end, start, end.bytes - (start ? start.bytes : 0)));
      if (start) end = start;
    }
    return chunks.reverse();
  }

  /** Writes the frames after `start` up to `end`, backwards, since the path is linked that way. */
  #join(end: Gathered, start: Gathered | undefined, bytes: number): Buffer {
    const joined = this.#memory.take(bytes);
    let at = bytes;
    for (let node: Gathered | undefined = end; node && node !== start; node = node.before) {
      at -= node.frame.length;
      joined.set(node.frame, at);
      if (this.#keys) at = this.#maskBackwards(this.#keys, joined, at, node.frame.length);
      at = headerBackwards(joined, at, node.frame.length, this.#keys !== undefined);
    }
    return joined;
  }

  /** Masks `length` bytes at `at` with a fresh key, put before them; gives where the key starts. */
  #maskBackwards(keys: Buffer, into: Buffer, at: number, length: number): number {
    if (this.#keyAt === KEY_POOL) {
      randomFillSync(keys);
      this.#keyAt = 0;
    }
    const start = at - 4;
    into.set(keys.subarray(this.#keyAt, this.#keyAt + 4), start);
    this.#keyAt += 4;
    for (let i = 0; i < length; i++) into[at + i] = (into[at + i] as number) ^ (into[start + (i & 3)] as number);
    return start;
  }
}

function headerSize(length: number): number {
  return length < 126 ? 2 : length < 65_536 ? 4 : 10;
}

/** Writes the header of a binary message that ends at `at`; gives where it starts. */
function headerBackwards(into: Buffer, at: number, length: number, mask: boolean): number {
  const start = at - headerSize(length);
  const flag = mask ? 0x80 : 0;
  into[start] = 0x82; // final fragment, binary
  if (length < 126) {
    into[start + 1] = flag | length;
  } else if (length < 65_536) {
    into[start + 1] = flag | 126;
    into.writeUInt16BE(length, start + 2);
  } else {
    into[start + 1] = flag | 127;
    into.writeUInt32BE(0, start + 2);
    into.writeUInt32BE(length, start + 6);
  }
  return start;
}
