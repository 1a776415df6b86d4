import type { Socket } from 'node:net';
import type { Reader, RoundRobin } from '../../operators/round-robin.ts';

type Listener = (this: Socket, chunk: Buffer) => void;

/** The first byte of a final, unfragmented binary frame without extensions. */
const WHOLE_BINARY = 0x82;
const CLOSE = 8;
/** Bytes that the system hands over at a time. */
const FULL_CHUNK = 65_536;
/** Continuation, text, binary, close, ping, pong: a bit each. */
const KNOWN_OPCODES = 0b0000_0111_0000_0111;

/**
 * Reads the common frame of a client at once: masked, binary, in one piece, whole in its chunk. Everything else (text,
 * fragments, control frames, frames cut by the end of a chunk, whatever is wrong) goes to `ws` as it came, in order.
 *
 * Much faster than the receiver of `ws` for small frames: no stream, no states, no event a frame. A peer that sends very much is read 64 KiB a turn at most, and less where `turns` says so; what is
 * left of them waits as it came, and nothing more is taken from the peer meanwhile. To be made in the turn of the
 * upgrade, while `ws` is the only one that reads from the socket.
 */
export class FastReceive implements Reader {
  readonly #socket: Socket;
  readonly #maxFrame: number;
  readonly #turns: RoundRobin;
  readonly #message: (bytes: Uint8Array) => void;
  readonly #reading: () => void;
  readonly #toWs: Listener | undefined;
  /** What is being read, from where on, and what has come behind it. */
  #chunk: Buffer | undefined;
  #at = 0;
  readonly #behind: Buffer[] = [];
  /** There is more of it, for another turn. */
  #waits = false;
  /** So many bytes more belong to a frame that `ws` reads. */
  #owed = 0;
  /** The beginning of a header that the chunk cut. */
  #cut: Buffer | undefined;
  #fragmented = false;
  /** Bytes of the fragments so far, roughly. */
  #gathered = 0;
  #closing = false;
  /** The socket is closed, and `ws` with it, while something waited. */
  #gone = false;
  #after: (() => void) | undefined;

  /**
   * @param message gets each frame
   * @param reading is called before the frames of one read are handed over
   */
  constructor(
    socket: Socket,
    maxFrame: number,
    turns: RoundRobin,
    message: (bytes: Uint8Array) => void,
    reading: () => void = () => undefined,
  ) {
    this.#socket = socket;
    this.#maxFrame = maxFrame;
    this.#turns = turns;
    this.#message = message;
    this.#reading = reading;
    const [toWs] = socket.listeners('data') as Listener[];
    this.#toWs = toWs;
    if (!toWs) return;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.off('data', toWs);
    socket.prependListener('close', () => this.#closed());
  }

  /** Does something as soon as everything that has come is handed over. */
  afterwards(work: () => void): void {
    if (this.#waits) this.#after = work;
    else work();
  }

  read(): boolean {
    this.#reading();
    for (let chunk = this.#chunk; chunk; chunk = this.#chunk) {
      if (this.#at === 0) this.#resumeFrame(chunk);
      if (this.#readFrames(chunk)) return true;
      this.#chunk = this.#behind.shift();
      this.#at = 0;
    }
    if (this.#waits) this.#caughtUp();
    return false;
  }

  #take(chunk: Buffer): void {
    if (this.#waits) {
      // `ws` lets the socket go on when it has taken its part of a large frame.
      this.#behind.push(chunk);
      this.#socket.pause();
      return;
    }
    this.#chunk = chunk;
    this.#waits = this.#turns.ready(this);
    if (this.#waits) {
      this.#socket.pause();
    } else if (chunk.length >= FULL_CHUNK) {
      // More is there. Without this up to two megabytes would be read before anybody else has a turn.
      this.#socket.pause();
      setImmediate(this.#goOn);
    }
  }

  readonly #goOn = (): void => {
    if (!this.#waits) this.#socket.resume();
  };

  #caughtUp(): void {
    this.#waits = false;
    if (!this.#gone) this.#socket.resume();
    this.#after?.();
  }

  #closed(): void {
    if (this.#waits) {
      this.#gone = true;
      const unread = this.#socket.read() as Buffer | null; // `ws` would take it before what waits
      if (unread) this.#behind.push(unread);
      return;
    }
    // What is left in a socket that was cut off goes to `ws`, which needs the beginning.
    if (this.#cut) this.#pass(this.#cut);
    this.#cut = undefined;
  }

  #pass(bytes: Buffer): void {
    if (!this.#gone) this.#toWs?.call(this.#socket, bytes);
  }

  /** Goes on with the frame that the chunk before this one has cut. */
  #resumeFrame(chunk: Buffer): void {
    if (this.#cut) {
      const head = Buffer.concat([this.#cut, chunk.subarray(0, 14)]);
      const size = frameSize(head, 0, this.#maxFrame);
      if (size === 0) {
        this.#cut = head;
        this.#at = chunk.length;
        return;
      }
      const known = this.#cut.length;
      this.#cut = undefined;
      this.#handOver(head.subarray(0, known), 0, size);
    }
    if (this.#owed > 0) {
      const end = Math.min(chunk.length, this.#owed);
      this.#owed -= end;
      this.#at = end;
      this.#pass(end === chunk.length ? chunk : chunk.subarray(0, end));
    }
  }

  /** Reads from where it is; gives whether it stopped because it is the turn of others. */
  #readFrames(chunk: Buffer): boolean {
    // Asked for once: they cost more than the view that is made of them.
    const { buffer, byteOffset, length: end } = chunk;
    let at = this.#at;
    // What follows a close frame is ignored (RFC 6455, 5.5.1).
    while (at < end && !(this.#closing && this.#owed === 0)) {
      const start = at;
      const size = frameSize(chunk, at, this.#maxFrame);
      if (size === 0) {
        this.#cut = Buffer.from(chunk.subarray(at));
        return false;
      }
      if (chunk[at] !== WHOLE_BINARY || this.#fragmented || at + size > end) {
        at = this.#handOver(chunk, at, size);
      } else {
        const second = chunk[at + 1] as number;
        const key = at + (second < 0xfe ? 2 : second === 0xfe ? 4 : 10);
        at += size;
        unmask(chunk, key, at);
        this.#message(new Uint8Array(buffer, byteOffset + key + 4, at - key - 4));
      }
      if (this.#turns.spent(at - start) && at < end) {
        this.#at = at;
        return true;
      }
    }
    return false;
  }

  /** Hands over the frame that starts at `at` of `bytes`; gives where the next one starts. */
  #handOver(bytes: Buffer, at: number, size: number): number {
    const first = bytes[at] as number;
    let rest = at + size;
    if ((first & 0x08) === 0) {
      this.#gathered = this.#fragmented ? this.#gathered + size : size;
      // Fragments out of order or too long together: `ws` will say so, and nothing after them counts.
      const wrong = ((first & 0x0f) === 0) !== this.#fragmented || this.#gathered > this.#maxFrame + 14;
      if (wrong) rest = Number.POSITIVE_INFINITY;
      this.#fragmented = first < 0x80;
    }
    if ((first & 0x0f) === CLOSE) this.#closing = true;
    const end = Math.min(bytes.length, rest);
    this.#owed = rest - end;
    this.#pass(bytes.subarray(at, end));
    return end;
  }
}

/** Bytes of the frame at `at`, header included; 0 when its header is cut; infinite when `ws` has to say what is wrong. */
function frameSize(chunk: Buffer, at: number, maxFrame: number): number {
  const there = chunk.length - at;
  if (there < 2) return 0;
  const first = chunk[at] as number;
  const second = chunk[at + 1] as number;
  const known = (first & 0x70) === 0 && ((KNOWN_OPCODES >> (first & 0x0f)) & 1) === 1;
  if (!known || second < 0x80 || ((first & 0x08) !== 0 && second > 0xfd)) return Number.POSITIVE_INFINITY;
  if (second < 0xfe) {
    if (second - 0x80 > maxFrame && (first & 0x08) === 0) return Number.POSITIVE_INFINITY;
    return there < 6 ? 0 : second - 0x80 + 6;
  }
  const header = second === 0xfe ? 8 : 14;
  if (there < header) return 0;
  const length = second === 0xfe ? chunk.readUInt16BE(at + 2) : Number(chunk.readBigUInt64BE(at + 2));
  return length > maxFrame ? Number.POSITIVE_INFINITY : length + header;
}

/** Unmasks in place what follows the key at `key`, up to `end`. */
function unmask(chunk: Buffer, key: number, end: number): void {
  const k0 = chunk[key] as number;
  const k1 = chunk[key + 1] as number;
  const k2 = chunk[key + 2] as number;
  const k3 = chunk[key + 3] as number;
  let i = key + 4;
  for (; i + 3 < end; i += 4) {
    chunk[i] = (chunk[i] as number) ^ k0;
    chunk[i + 1] = (chunk[i + 1] as number) ^ k1;
    chunk[i + 2] = (chunk[i + 2] as number) ^ k2;
    chunk[i + 3] = (chunk[i + 3] as number) ^ k3;
  }
  if (i < end) chunk[i] = (chunk[i] as number) ^ k0;
  if (i + 1 < end) chunk[i + 1] = (chunk[i + 1] as number) ^ k1;
  if (i + 2 < end) chunk[i + 2] = (chunk[i + 2] as number) ^ k2;
}
