import { ClaspError } from '../errors.ts';
import type { SignalKind } from '../signal/signal.ts';
import type { Value } from '../signal/value.ts';
import { FEATURES, GESTURE_PHASES, MAGIC, MAX_DEPTH, MAX_PAYLOAD, SIGNAL_KINDS } from './codes.ts';
import type { Message, QoS, SignalDefinition } from './message.ts';

type ClientMessageType = 'HELLO' | 'SUBSCRIBE' | 'UNSUBSCRIBE' | 'SET' | 'PUBLISH' | 'GET' | 'QUERY' | 'BUNDLE';

/** A message that a client sends. */
export type ClientMessage = Extract<Message, { type: ClientMessageType | 'ANNOUNCE' | 'SYNC' | 'PING' | 'PONG' }>;

const encoder = new TextEncoder();

/**
 * A client's message as one frame: the same bytes and error codes as `encodeMessage` gives, in a fraction of its code,
 * because a page that holds only a client downloads this. Samples of a stream are not among what a client sends.
 *
 * The codes are those of `codes.ts`, written out: an object of constants would travel whole.
 */
export function encodeClientMessage(message: ClientMessage, qos: QoS = 0): Uint8Array {
  const writer = new Writer().int(1, MAGIC).int(1, (qos << 6) | 1);
  writer.sized(() => writeMessage(writer, message));
  return writer.bytes.slice(0, writer.length);
}

/** The same frame with a timestamp in its header. */
export function stampFrame(frame: Uint8Array, timestamp: number): Uint8Array {
  const stamped = new Uint8Array(frame.length + 8);
  stamped.set(frame.subarray(4), 12);
  stamped.set(frame.subarray(0, 4));
  new DataView(stamped.buffer).setBigUint64(4, BigInt(timestamp));
  stamped[1] = (frame[1] as number) | 0x20;
  return stamped;
}

function writeMessage(writer: Writer, message: ClientMessage): void {
  switch (message.type) {
    case 'SET': {
      const { address, value, revision, lock, unlock, ttl } = message;
      const flags = bit(revision, 0x80) | (lock ? 0x40 : 0) | (unlock ? 0x20 : 0) | bit(ttl, 0x10);
      writer.int(1, 0x21).int(1, flags | codeOf(value));
      writer.str(address).body(value, 0).optional(8, revision);
      if (ttl) writer.int(4, integer(ttl.seconds, 2 ** 31) + (ttl.mode === 'absolute' ? 2 ** 31 : 0));
      break;
    }
    case 'PUBLISH': {
      const { address, signal = 'event', value, id, phase = 'start', timestamp, rate } = message;
      const kind = integer(SIGNAL_KINDS.indexOf(signal), 5);
      const flags = (kind << 5) | bit(timestamp, 0x10) | bit(id, 8);
      writer.int(1, 0x20).int(1, flags | integer(GESTURE_PHASES.indexOf(phase), 4));
      writer.str(address).int(1, bit(value, 1));
      if (value !== undefined) writer.value(value, 0);
      writer.optional(8, timestamp).optional(4, id).optional(4, rate);
      break;
    }
    case 'SUBSCRIBE': {
      const { maxRate, epsilon, history, window } = message.options ?? {};
      writer.int(1, 0x10).int(4, message.id).str(message.pattern).int(1, kindsMask(message.types));
      writer.int(1, bit(maxRate, 1) | bit(epsilon, 2) | bit(history, 4) | bit(window, 8));
      writer.optional(4, maxRate && (Math.floor(maxRate) || 1));
      if (epsilon !== undefined) writer.body(epsilon, 0);
      writer.optional(4, history).optional(4, window);
      break;
    }
    case 'UNSUBSCRIBE':
      writer.int(1, 0x11).int(4, message.id);
      break;
    case 'HELLO': {
      // A feature that is not known shifts its bit away.
      const mask = message.features.reduce((bits, name) => bits | (0x80 >> FEATURES.indexOf(name)), 0);
      writer.int(1, 0x01).int(1, message.version).int(1, mask);
      writer.str(message.name).str(message.token ?? '');
      break;
    }
    case 'BUNDLE': {
      const { timestamp, messages } = message;
      writer.int(1, 0x30).int(1, bit(timestamp, 0x80)).int(2, messages.length).optional(8, timestamp);
      for (const inner of messages) writer.sized(() => writeMessage(writer, inner as ClientMessage));
      break;
    }
    case 'ANNOUNCE':
      writer
        .int(1, 0x03)
        .str(message.namespace ?? '')
        .int(2, message.signals.length);
      for (const signal of message.signals) writeDefinition(writer, signal);
      break;
    case 'SYNC': {
      const { t1, t2, t3 } = message;
      writer.int(1, 0x40).int(1, bit(t2, 1) | bit(t3, 2));
      writer.int(8, t1).optional(8, t2).optional(8, t3);
      break;
    }
    case 'GET':
      writer.int(1, 0x22).str(message.address);
      break;
    case 'QUERY':
      writer.int(1, 0x60).str(message.pattern);
      break;
    default:
      writer.int(1, message.type === 'PING' ? 0x41 : 0x42);
  }
}

function writeDefinition(writer: Writer, { address, type, datatype, access, meta }: SignalDefinition): void {
  writer.str(address).int(1, integer(SIGNAL_KINDS.indexOf(type), 5));
  writer
    .int(1, bit(datatype, 1) | bit(access, 2) | bit(meta, 4))
    .text(datatype)
    .text(access);
  if (!meta) return;
  const { unit, range, default: initial, description } = meta;
  writer.int(1, bit(unit, 1) | bit(range, 2) | bit(initial, 4) | bit(description, 8)).text(unit);
  if (range) writer.body(range[0], 0).body(range[1], 0);
  if (initial !== undefined) writer.value(initial, 0);
  writer.text(description);
}

/** Bytes that grow as they are written, big-endian. */
class Writer {
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(128);
  length = 0;

  int(size: number, value: number): this {
    let rest = integer(value, 256 ** size);
    this.#grow(size);
    for (let at = this.length; at > this.length - size; rest = Math.floor(rest / 256)) this.bytes[--at] = rest;
    return this;
  }

  optional(size: number, value: number | undefined): this {
    return value === undefined ? this : this.int(size, value);
  }

  str(text: string): this {
    return this.raw(encoder.encode(text));
  }

  text(text: string | undefined): this {
    return text === undefined ? this : this.str(text);
  }

  /** u16 length and the bytes. */
  raw(bytes: Uint8Array): this {
    this.int(2, bytes.length).#grow(bytes.length);
    this.bytes.set(bytes, this.length - bytes.length);
    return this;
  }

  /** u16 length and what `write` writes. */
  sized(write: () => void): void {
    const start = this.int(2, 0).length;
    write();
    const end = this.length;
    if (end - start > MAX_PAYLOAD) throw bad(`a message of ${end - start} bytes is too long`);
    this.length = start - 2;
    this.int(2, end - start).length = end;
  }

  value(value: Value, depth: number): this {
    return this.int(1, codeOf(value)).body(value, depth);
  }

  body(value: Value, depth: number): this {
    switch (codeOf(value)) {
      case 0:
        return this;
      case 1:
        return this.int(1, value ? 1 : 0);
      case 5:
        if (BigInt.asIntN(64, value as bigint) !== value) throw bad(`${value} is not an i64`);
        this.#view(8).setBigInt64(0, value as bigint);
        return this;
      case 7:
        this.#view(8).setFloat64(0, value as number);
        return this;
      case 8:
        return this.str(value as string);
      case 9:
        return this.raw(value as Uint8Array);
    }
    if (depth === MAX_DEPTH) throw bad('nested too deep');
    if (Array.isArray(value)) {
      this.int(2, value.length);
      for (const item of value as readonly Value[]) this.value(item, depth + 1);
    } else {
      const entries = Object.entries(value as { readonly [key: string]: Value });
      this.int(2, entries.length);
      for (const [key, item] of entries) this.str(key).value(item, depth + 1);
    }
    return this;
  }

  #view(size: number): DataView {
    this.#grow(size);
    return new DataView(this.bytes.buffer, this.length - size);
  }

  #grow(size: number): void {
    this.length += size;
    if (this.length <= this.bytes.length) return;
    const grown = new Uint8Array(this.length * 2);
    grown.set(this.bytes);
    this.bytes = grown;
  }
}

/** The wire code of a value; `ClaspError` 402 for what is not one. */
function codeOf(value: unknown): number {
  const code = ['object', 'boolean', '', '', '', 'bigint', '', 'number', 'string'].indexOf(typeof value);
  if (code > 0 || value === null) return code;
  const tag = Object.prototype.toString.call(value);
  if (tag === '[object Uint8Array]') return 9; // also that of another realm
  if (Array.isArray(value)) return 10;
  const prototype: unknown = code === 0 ? Object.getPrototypeOf(value) : undefined;
  if (prototype === null || (prototype && Object.getPrototypeOf(prototype) === null)) return 11;
  throw new ClaspError(402, `${tag} cannot travel`, { value });
}

export function isMap(value: Value): boolean {
  return codeOf(value) === 11;
}

/** A bit for each kind, as in SUBSCRIBE; none at all means every kind. Negative when there is an unknown one. */
export function kindsMask(kinds: readonly SignalKind[] = []): number {
  return kinds.reduce((mask, kind) => mask | (1 << SIGNAL_KINDS.indexOf(kind)), 0) || 0xff;
}

/** `flag` when the field is there. */
function bit(field: unknown, flag: number): number {
  return field === undefined ? 0 : flag;
}

/** An integer of 0 … `limit` - 1, otherwise a `ClaspError` 402. */
function integer(value: number, limit: number): number {
  if (Number.isInteger(value) && value >= 0 && value < limit) return value;
  throw bad(`${value} does not fit its field`);
}

function bad(reason: string): ClaspError {
  return new ClaspError(402, reason);
}
