import type { Socket } from 'node:net';

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
 * Three to four times as fast as the receiver of `ws` for small frames (0.2 against 0.5–0.9 µs): no stream, no states,
 * no event a frame. A peer that sends very much is read 64 KiB a turn. To be called in the turn of the upgrade, while
 * `ws` is the only one that reads from the socket.
 */
export function fastReceive(socket: Socket, maxFrame: number, message: (bytes: Uint8Array) => void): void {
  const [listener] = socket.listeners('data') as Listener[];
  if (!listener) return;
  const toWs: Listener = listener;
  /** So many bytes more belong to a frame that `ws` reads. */
  let owed = 0;
  /** The beginning of a header that the chunk cut. */
  let cut: Buffer | undefined;
  let fragmented = false;
  /** Bytes of the fragments so far, roughly. */
  let gathered = 0;
  let closing = false;

  /** Hands over the frame that starts at `at` of `chunk`; gives where the next one starts. */
  const handOver = (chunk: Buffer, at: number, size: number): number => {
    const first = chunk[at] as number;
    let rest = at + size;
    if ((first & 0x08) === 0) {
      gathered = fragmented ? gathered + size : size;
      // Fragments out of order or too long together: `ws` will say so, and nothing after them counts.
      if (((first & 0x0f) === 0) !== fragmented || gathered > maxFrame + 14) rest = Number.POSITIVE_INFINITY;
      fragmented = first < 0x80;
    }
    if ((first & 0x0f) === CLOSE) closing = true;
    const end = Math.min(chunk.length, rest);
    owed = rest - end;
    toWs.call(socket, chunk.subarray(at, end));
    return end;
  };

  const read = (chunk: Buffer): void => {
    const end = chunk.length;
    let at = 0;
    if (cut) {
      const head = Buffer.concat([cut, chunk.subarray(0, 14)]);
      const size = frameSize(head, 0, maxFrame);
      if (size === 0) {
        cut = head;
        return;
      }
      const known = cut.length;
      cut = undefined;
      handOver(head.subarray(0, known), 0, size);
    }
    if (owed > 0) {
      at = Math.min(end, owed);
      owed -= at;
      toWs.call(socket, at === end ? chunk : chunk.subarray(0, at));
    }
    // What follows a close frame is nobody's.
    while (at < end && !(closing && owed === 0)) {
      const size = frameSize(chunk, at, maxFrame);
      if (size === 0) {
        cut = Buffer.from(chunk.subarray(at));
        return;
      }
      if (chunk[at] !== WHOLE_BINARY || fragmented || at + size > end) {
        at = handOver(chunk, at, size);
        continue;
      }
      const second = chunk[at + 1] as number;
      const key = at + (second < 0xfe ? 2 : second === 0xfe ? 4 : 10);
      at += size;
      unmask(chunk, key, at);
      message(new Uint8Array(chunk.buffer, chunk.byteOffset + key + 4, at - key - 4));
    }
  };

  const goOn = () => socket.resume();

  socket.on('data', (chunk: Buffer) => {
    if (!(closing && owed === 0)) read(chunk);
    if (chunk.length < FULL_CHUNK) return;
    // More is waiting. Without this up to two megabytes would be read before anybody else has a turn.
    socket.pause();
    setImmediate(goOn);
  });
  socket.off('data', toWs);
  // What is left in a socket that was cut off goes to `ws`, which needs the beginning.
  socket.prependListener('close', () => {
    if (cut) toWs.call(socket, cut);
    cut = undefined;
  });
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
