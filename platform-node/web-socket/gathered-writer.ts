import { randomFillSync } from 'node:crypto';
import { copyBytes } from '../../core/wire/bytes.ts';
import { type ArenaHolder, type ArenaSpan, WriteArena } from './write-arena.ts';

/** What would be larger than this leaves in several pieces, so that no single allocation grows with the backlog. */
const MAX_CHUNK = 262_144;

/** What a segment begins with. */
const FIRST_ROOM = 256;

/** Mask keys are drawn this many bytes at a time. */
const KEY_POOL = 4_096;

/** Below this a loop is faster than `compare`. */
const MAX_LOOP = 96;

const NOTHING = Buffer.alloc(0);

/** Frames one after another as they leave, WebSocket headers included: for all connections that were given the same. */
class Segment implements ArenaSpan {
  /** What leaves before this: the first `from` bytes of it, after what leaves before that. */
  readonly before: Segment | undefined;
  readonly from: number;
  /** How many bytes leave before this. */
  readonly offset: number;
  memory: Buffer = NOTHING;
  start = 0;
  size = 0;
  /** How much of it is written. */
  end = 0;
  /** The frame that was written last, and where it begins. */
  last: Uint8Array | undefined;
  lastAt = 0;
  /** What goes on elsewhere, begun last. */
  branch: Segment | undefined;
  /** The path up to here as it leaves, made by the first connection that needs it. */
  chunks: readonly Buffer[] | undefined;
  chunksEnd = 0;

  constructor(before: Segment | undefined, from: number, offset: number) {
    this.before = before;
    this.from = from;
    this.offset = offset;
  }
}

/**
 * The frames one connection was given during this turn: a place in a segment. Connections that were given the same
 * frames stand at the same place, so a fan-out to a thousand connections frames and copies its bytes once, and a
 * delivery is one comparison. The frames themselves are not kept.
 */
export class Path {
  segment: Segment | undefined = undefined;
  end = 0;

  /** Bytes of all of it, WebSocket headers included. */
  get bytes(): number {
    return this.segment ? this.segment.offset + this.end : 0;
  }

  clear(): void {
    this.segment = undefined;
    this.end = 0;
  }
}

/** Something that has gathered frames to write when the turn is over. */
export interface GatheredMember extends ArenaHolder {
  /** Writes them; gives whether the system has taken every byte, so that their memory is free again. */
  flush(): boolean;
}

/**
 * Gathers the frames for the sockets of one listener (or one dial) during one turn of the event loop, as WebSocket
 * messages, and has every socket that got any write them at the end of it: one write a socket, not one a frame.
 * `mask` is true for a client: RFC 6455 has clients mask what they send, each frame with its own key.
 */
export class GatheredWriter {
  readonly #keys: Buffer | undefined;
  #keyAt: number = KEY_POOL;
  #first: Segment | undefined;
  /** Who joined this turn, and an array for the next one: a new one that grows is 150 bytes of garbage a turn. */
  #members: (GatheredMember | undefined)[] = [];
  #joined = 0;
  #spare: (GatheredMember | undefined)[] = [];
  readonly #memory = new WriteArena();
  readonly #flush: () => void = () => this.#flushAll();

  constructor(mask: boolean) {
    this.#keys = mask ? Buffer.allocUnsafeSlow(KEY_POOL) : undefined;
  }

  /** Adds a frame to a path. It is copied. */
  add(path: Path, frame: Uint8Array): void {
    const { segment, end } = path;
    if (segment !== undefined && segment.last === frame && segment.lastAt === end) path.end = segment.end;
    else if (!this.#follow(path, frame)) this.#append(path, frame);
  }

  /** Has `member` flushed when this turn is over. */
  join(member: GatheredMember): void {
    this.#members[this.#joined++] = member;
    if (this.#joined === 1) setImmediate(this.#flush);
  }

  /** The path as bytes to write: one Buffer, or several where it is long or began with others. Do not change them. */
  chunksOf({ segment, end }: Path): readonly Buffer[] {
    if (!segment) return [];
    if (!segment.chunks || segment.chunksEnd !== end) {
      segment.chunks = chunksUpTo(segment, end);
      segment.chunksEnd = end;
    }
    return segment.chunks;
  }

  #flushAll(): void {
    const members = this.#members;
    const count = this.#joined;
    this.#members = this.#spare;
    this.#spare = members;
    this.#joined = 0;
    this.#first = undefined;
    const memory = this.#memory;
    memory.next();
    for (let i = 0; i < count; i++) {
      const member = members[i] as GatheredMember;
      members[i] = undefined;
      memory.release(member);
      if (!member.flush()) memory.hold(member);
    }
    // Whoever was given something meanwhile, as one who can read again is, has it in the same memory.
    if (this.#joined === 0) memory.rewind();
  }

  /** Goes along with somebody who was given the same; false where nobody was. */
  #follow(path: Path, frame: Uint8Array): boolean {
    if (this.#keys) return false;
    const { segment, end } = path;
    if (segment && end < segment.end) {
      if (!isMessageAt(segment, end, frame)) return this.#followInto(segment.branch, path, frame);
      path.end = end + headerSize(frame.length) + frame.length;
      return true;
    }
    return this.#followInto(segment ? segment.branch : this.#first, path, frame);
  }

  #followInto(branch: Segment | undefined, path: Path, frame: Uint8Array): boolean {
    if (!branch || branch.from !== path.end || !isMessageAt(branch, 0, frame)) return false;
    path.segment = branch;
    path.end = headerSize(frame.length) + frame.length;
    return true;
  }

  #append(path: Path, frame: Uint8Array): void {
    const size = headerSize(frame.length) + (this.#keys ? 4 : 0) + frame.length;
    let { segment } = path;
    if (!segment || path.end !== segment.end || path.end + size > MAX_CHUNK) {
      const next = new Segment(segment, path.end, path.bytes);
      if (segment) segment.branch = next;
      else this.#first = next;
      segment = next;
    }
    const { end } = segment;
    if (end + size > segment.size) {
      this.#memory.enlarge(segment, Math.max(FIRST_ROOM, end + size, Math.min(2 * segment.size, MAX_CHUNK)), end);
    }
    this.#write(segment.memory, segment.start + end, frame);
    segment.last = frame;
    segment.lastAt = end;
    segment.end = end + size;
    path.segment = segment;
    path.end = segment.end;
  }

  #write(memory: Buffer, start: number, frame: Uint8Array): void {
    const { length } = frame;
    let at = writeHeader(memory, start, length, this.#keys !== undefined);
    if (this.#keys) at = this.#writeKey(this.#keys, memory, at);
    memory.set(frame, at);
    if (this.#keys) for (let i = 0; i < length; i++) memory[at + i] = keyed(memory, at, i);
  }

  #writeKey(keys: Buffer, into: Buffer, at: number): number {
    if (this.#keyAt === KEY_POOL) {
      randomFillSync(keys);
      this.#keyAt = 0;
    }
    copyBytes(keys, this.#keyAt, this.#keyAt + 4, into, at);
    this.#keyAt += 4;
    return at + 4;
  }
}

/** A byte of what begins at `at`, by the key before it. */
function keyed(memory: Buffer, at: number, i: number): number {
  return (memory[at + i] as number) ^ (memory[at - 4 + (i & 3)] as number);
}

function chunksUpTo(segment: Segment, end: number): readonly Buffer[] {
  if (segment.offset === 0) return [segment.memory.subarray(segment.start, segment.start + end)];
  const chunks: Buffer[] = [];
  let part: Segment | undefined = segment;
  for (let until = end; part; until = part.from, part = part.before) {
    if (until > 0) chunks.push(part.memory.subarray(part.start, part.start + until));
  }
  return chunks.reverse();
}

/** Whether what was written at `at` is this frame, unmasked. */
function isMessageAt({ memory, start, end }: Segment, at: number, frame: Uint8Array): boolean {
  const { length } = frame;
  const from = start + at;
  const payload = from + headerSize(length);
  if (payload + length > start + end || lengthAt(memory, from) !== length) return false;
  if (length > MAX_LOOP) return memory.compare(frame, 0, length, payload, payload + length) === 0;
  for (let i = 0; i < length; i++) if (memory[payload + i] !== frame[i]) return false;
  return true;
}

function headerSize(length: number): number {
  return length < 126 ? 2 : length < 65_536 ? 4 : 10;
}

/** Writes the header of a binary message; gives where it ends. */
function writeHeader(into: Buffer, at: number, length: number, mask: boolean): number {
  const flag = mask ? 0x80 : 0;
  into[at] = 0x82; // final fragment, binary
  if (length < 126) {
    into[at + 1] = flag | length;
    return at + 2;
  }
  if (length < 65_536) {
    into[at + 1] = flag | 126;
    return into.writeUInt16BE(length, at + 2);
  }
  into[at + 1] = flag | 127;
  into.writeUInt32BE(0, at + 2);
  return into.writeUInt32BE(length, at + 6);
}

/** The length in the header of an unmasked message. */
function lengthAt(memory: Buffer, at: number): number {
  const short = memory[at + 1] as number;
  if (short < 126) return short;
  return short === 126 ? memory.readUInt16BE(at + 2) : memory.readUInt32BE(at + 6);
}
