import { ClaspError } from '../errors.ts';
import type { Value } from '../signal/value.ts';
import { FEATURES, GESTURE_PHASES, MAGIC, MAX_DEPTH, SIGNAL_KINDS } from './codes.ts';
import type { Message, ParamState, PublishMessage, SignalDefinition } from './message.ts';

type RelayMessageType = 'WELCOME' | 'ANNOUNCE' | 'SET' | 'PUBLISH' | 'SNAPSHOT' | 'BUNDLE' | 'SYNC' | 'PING' | 'PONG';

/** A message that a relay sends to a client. */
export type RelayMessage = Extract<Message, { type: RelayMessageType | 'ACK' | 'ERROR' | 'RESULT' }>;

// Without `ignoreBOM` a leading U+FEFF would vanish.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * A relay's frame: the same message and error codes as `decodeMessage` gives, in a fraction of its code, because a page
 * that holds only a client downloads this. What only clients send is 101 here. The message shares nothing with `bytes`.
 *
 * The codes are those of `codes.ts`, written out: an object of constants would travel whole.
 */
export function decodeRelayFrame(bytes: Uint8Array): { message: RelayMessage; timestamp: number | undefined } {
  const flags = bytes[1] ?? 0;
  const start = flags & 0x20 ? 12 : 4;
  const size = bytes.length - start;
  if (bytes[0] !== MAGIC || flags & 0x18 || size < 1 || new Reader(bytes, 2, 4).int(2) !== size) {
    throw new ClaspError(100, `${bytes.length} bytes are not one plain frame`);
  }
  const timestamp = new Reader(bytes, 4, start).optional(8, start - 4);
  return { message: readMessage(new Reader(bytes, start, bytes.length), false), timestamp };
}

function readMessage(from: Reader, bundled: boolean): RelayMessage {
  const type = from.int(1);
  switch (type) {
    case 0x21: {
      const flags = from.int(1);
      const address = from.str();
      const value = from.body(flags & 0x0f, 0);
      const revision = from.optional(8, flags & 0x80);
      from.optional(4, flags & 0x10); // a TTL is for relays, but a frame cut within it is a bad one
      return { type: 'SET', address, value, revision };
    }
    case 0x20:
      return readPublish(from);
    case 0x23:
      return { type: 'SNAPSHOT', params: from.list(() => readState(from)) };
    case 0x50: {
      const present = from.int(1);
      const address = from.text(present & 1);
      const revision = from.optional(8, present & 2);
      const locked = present & 4 ? from.int(1) > 0 : undefined;
      const holder = from.text(present & 8);
      return { type: 'ACK', address, revision, locked, holder, correlationId: from.optional(4, present & 0x10) };
    }
    case 0x51: {
      const code = from.int(2);
      const message = from.str();
      const present = from.int(1);
      const address = from.text(present & 1);
      return { type: 'ERROR', code, message, address, correlationId: from.optional(4, present & 2) };
    }
    case 0x02: {
      const version = from.int(1);
      const mask = from.int(1);
      const time = from.int(8);
      const session = from.str();
      const name = from.str();
      const features = FEATURES.filter((_, index) => mask & 0xf8 & (0x80 >> index));
      return { type: 'WELCOME', version, session, name, features, time, token: from.text(from.left) || undefined };
    }
    case 0x30: {
      if (bundled) throw bad('a bundle in a bundle');
      const flags = from.int(1);
      const count = from.int(2);
      const timestamp = from.optional(8, flags & 0x80);
      return { type: 'BUNDLE', timestamp, messages: from.times(count, () => readMessage(from.part(), true)) };
    }
    case 0x03: {
      const namespace = from.str() || undefined;
      return { type: 'ANNOUNCE', namespace, signals: from.list(() => readDefinition(from, true)) };
    }
    case 0x61:
      return { type: 'RESULT', signals: from.list(() => readDefinition(from, false)) };
    case 0x40: {
      const present = from.int(1);
      const t1 = from.int(8);
      return { type: 'SYNC', t1, t2: from.optional(8, present & 1), t3: from.optional(8, present & 2) };
    }
    case 0x41:
      return { type: 'PING' };
    case 0x42:
      return { type: 'PONG' };
    default:
      throw bad(`message type ${type} of a relay`);
  }
}

function readPublish(from: Reader): PublishMessage {
  const flags = from.int(1);
  const signal = from.oneOf(SIGNAL_KINDS, flags >> 5);
  const phase = from.oneOf(GESTURE_PHASES, flags & 0x07);
  const address = from.str();
  const indicator = from.oneOf([0, 1, 2], from.int(1));
  return {
    type: 'PUBLISH',
    address,
    signal,
    phase: signal === 'gesture' || phase !== 'start' ? phase : undefined,
    value: indicator === 1 ? from.value(0) : undefined,
    samples: indicator === 2 ? from.list(() => from.view(8).getFloat64(0)) : undefined,
    timestamp: from.optional(8, flags & 0x10),
    id: from.optional(4, flags & 0x08),
    rate: from.left < 4 ? undefined : from.int(4),
  };
}

function readState(from: Reader): ParamState {
  const address = from.str();
  const value = from.value(0);
  const revision = from.int(8);
  const present = from.int(1);
  return { address, value, revision, writer: from.text(present & 1), timestamp: from.optional(8, present & 2) };
}

function readDefinition(from: Reader, withMeta: boolean): SignalDefinition {
  const address = from.str();
  const type = from.oneOf(SIGNAL_KINDS, from.int(1));
  const present = from.int(1);
  const definition = { address, type, datatype: from.text(present & 1), access: from.text(present & 2) };
  if (!withMeta || !(present & 4)) return definition;
  const fields = from.int(1);
  const meta = {
    unit: from.text(fields & 1),
    range: fields & 2 ? ([from.view(8).getFloat64(0), from.view(8).getFloat64(0)] as const) : undefined,
    default: fields & 4 ? from.value(0) : undefined,
    description: from.text(fields & 8),
  };
  return { ...definition, meta };
}

/** Reads fields in order; a `ClaspError` 101 where the bytes end before the field does. */
class Reader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at: number;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  get left(): number {
    return this.#end - this.#at;
  }

  int(size: number): number {
    // As `readU64`: rounded once, and never up to 2^64.
    if (size === 8) return Math.min(this.int(4) * 2 ** 32 + this.int(4), 2 ** 64 - 2048);
    let value = 0;
    for (let at = this.#take(size); at < this.#at; at++) value = value * 256 + (this.#bytes[at] as number);
    return value;
  }

  optional(size: number, present: number): number | undefined {
    return present ? this.int(size) : undefined;
  }

  /** A view of the next `size` bytes, and of what follows. */
  view(size: number): DataView {
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset + this.#take(size));
  }

  /** u16 length and that many bytes, still those of the frame. */
  raw(): Uint8Array {
    const size = this.int(2);
    const start = this.#take(size);
    return this.#bytes.subarray(start, start + size);
  }

  /** u16 length and that many bytes, to be read as a message. */
  part(): Reader {
    const bytes = this.raw();
    return new Reader(bytes, 0, bytes.length);
  }

  str(): string {
    try {
      return decoder.decode(this.raw());
    } catch (cause) {
      throw ClaspError.from(cause, 101);
    }
  }

  text(present: number): string | undefined {
    return present ? this.str() : undefined;
  }

  oneOf<T>(names: readonly T[], code: number): T {
    const name = names[code];
    if (name === undefined) throw bad(`unknown code ${code}`);
    return name;
  }

  times<T>(count: number, read: () => T): T[] {
    const items: T[] = [];
    for (let left = count; left > 0; left--) items.push(read());
    return items;
  }

  /** u16 count, then that many of what `read` reads. */
  list<T>(read: () => T): T[] {
    return this.times(this.int(2), read);
  }

  value(depth: number): Value {
    return this.body(this.int(1), depth);
  }

  body(code: number, depth: number): Value {
    switch (code) {
      case 0:
        return null;
      case 1:
        return this.int(1) > 0;
      case 2:
        return (this.int(1) << 24) >> 24;
      case 3:
        return (this.int(2) << 16) >> 16;
      case 4:
        return this.int(4) | 0;
      case 5: {
        const whole = this.view(8).getBigInt64(0);
        return Number.isSafeInteger(Number(whole)) ? Number(whole) : whole;
      }
      case 6:
        return this.view(4).getFloat32(0);
      case 7:
        return this.view(8).getFloat64(0);
      case 8:
        return this.str();
      case 9:
        return new Uint8Array(this.raw()); // copies
    }
    if (code > 11) throw bad(`unknown value code ${code}`);
    if (depth === MAX_DEPTH) throw bad('nested too deep');
    if (code === 10) return this.list(() => this.value(depth + 1));
    // Unlike an assignment this makes `__proto__` a key like any other.
    return Object.fromEntries(this.list(() => [this.str(), this.value(depth + 1)]));
  }

  #take(size: number): number {
    const at = this.#at;
    if (size > this.left) throw bad('cut short');
    this.#at += size;
    return at;
  }
}

function bad(reason: string): ClaspError {
  return new ClaspError(101, reason);
}
