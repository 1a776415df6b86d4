import { ClaspError, ErrorCode } from '../errors.ts';
import type { SignalKind } from '../signal/signal.ts';
import type { Value } from '../signal/value.ts';
import { isUtf8, readF32, readF64, readU16, readU32, readUtf8 } from './bytes.ts';
import { GESTURE_PHASES, SIGNAL_KINDS } from './codes.ts';
import { encodeMessage } from './encode.ts';
import { decodeFrame, type Frame, isMessagePack, payloadStart, qosOf, timestampOf, ttlOf } from './frame.ts';
import type {
  FederationOp,
  Message,
  ParamState,
  PublishMessage,
  SetMessage,
  SignalDefinition,
  Ttl,
} from './message.ts';
import { badMessage, copyOf, cut, hex, put } from './value.ts';

/** Levels of nesting: a bundle, its messages, their fields, and a value of the greatest depth. */
const MAX_LEVELS = 40;
const MAX_I64 = 2n ** 63n - 1n;

/**
 * Reads one MessagePack object that fills `start` … `end`.
 *
 * Integers become a bigint, so that they stay integers when they are encoded again (a u64 beyond i64 becomes a
 * number), floats a number, binaries a copy. Extensions, maps with keys other than strings, and everything malformed are
 * a `ClaspError` 101.
 */
function readMessagePack(bytes: Uint8Array, start: number, end: number): Value {
  const reader = new MessagePackReader(bytes, start, end);
  const value = reader.read(0);
  if (reader.left > 0) throw badMessage(`${reader.left} bytes follow the MessagePack map`);
  return value;
}

class MessagePackReader {
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

  read(depth: number): Value {
    const head = this.#uint(1);
    if (head < 0x80) return BigInt(head);
    if (head < 0x90) return this.#map(head & 0x0f, depth + 1);
    if (head < 0xa0) return this.#array(head & 0x0f, depth + 1);
    if (head < 0xc0) return this.#string(head & 0x1f);
    if (head >= 0xe0) return BigInt(head - 0x100);
    switch (head) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#binary(this.#uint(1 << (head - 0xc4)));
      case 0xca:
        return readF32(this.#bytes, this.#take(4));
      case 0xcb:
        return readF64(this.#bytes, this.#take(8));
      case 0xcc:
      case 0xcd:
      case 0xce:
        return BigInt(this.#uint(1 << (head - 0xcc)));
      case 0xcf: {
        const whole = this.#u64();
        return whole > MAX_I64 ? Number(whole) : whole;
      }
      case 0xd0:
        return BigInt.asIntN(8, BigInt(this.#uint(1)));
      case 0xd1:
        return BigInt.asIntN(16, BigInt(this.#uint(2)));
      case 0xd2:
        return BigInt.asIntN(32, BigInt(this.#uint(4)));
      case 0xd3:
        return BigInt.asIntN(64, this.#u64());
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#string(this.#uint(1 << (head - 0xd9)));
      case 0xdc:
      case 0xdd:
        return this.#array(this.#uint(2 << (head - 0xdc)), depth + 1);
      case 0xde:
      case 0xdf:
        return this.#map(this.#uint(2 << (head - 0xde)), depth + 1);
      default:
        throw badMessage(`MessagePack type ${hex(head)} has no place in CLASP`);
    }
  }

  #map(count: number, depth: number): Value {
    checkDepth(depth);
    const map: Record<string, Value> = {};
    for (let left = count; left > 0; left--) {
      const key = this.read(depth);
      if (typeof key !== 'string') throw badMessage('a MessagePack map has a key that is not a string');
      put(map, key, this.read(depth));
    }
    return map;
  }

  #array(count: number, depth: number): Value {
    checkDepth(depth);
    const items: Value[] = [];
    for (let left = count; left > 0; left--) items.push(this.read(depth));
    return items;
  }

  #string(size: number): string {
    const start = this.#take(size);
    if (!isUtf8(this.#bytes, start, this.#at)) throw badMessage('a string is not valid UTF-8');
    return readUtf8(this.#bytes, start, this.#at);
  }

  #binary(size: number): Uint8Array {
    const start = this.#take(size);
    return copyOf(this.#bytes, start, this.#at);
  }

  #uint(size: number): number {
    const at = this.#take(size);
    if (size === 1) return this.#bytes[at] as number;
    return size === 2 ? readU16(this.#bytes, at) : readU32(this.#bytes, at);
  }

  #u64(): bigint {
    const at = this.#take(8);
    return (BigInt(readU32(this.#bytes, at)) << 32n) | BigInt(readU32(this.#bytes, at + 4));
  }

  #take(size: number): number {
    const at = this.#at;
    if (at + size > this.#end) throw cut();
    this.#at = at + size;
    return at;
  }
}

function checkDepth(depth: number): void {
  if (depth > MAX_LEVELS) throw badMessage('a MessagePack map is nested too deep');
}

/** A map out of MessagePack. */
type Fields = { readonly [key: string]: Value };

/** A map; a `ClaspError` 101 for anything else. `what` names it in the error. */
function fieldsOf(value: Value | undefined, what: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) {
    throw badMessage(`${what} is not a map`);
  }
  return value as Fields;
}

/** The field `name`; undefined when it is missing or nil. */
function field(fields: Fields, name: string): Value | undefined {
  return Object.hasOwn(fields, name) ? (fields[name] ?? undefined) : undefined;
}

function text(fields: Fields, name: string): string {
  return optionalText(fields, name) ?? missing(name);
}

function optionalText(fields: Fields, name: string): string | undefined {
  const value = field(fields, name);
  if (value !== undefined && typeof value !== 'string') throw badMessage(`"${name}" is not a string`);
  return value;
}

function number(fields: Fields, name: string): number {
  return optionalNumber(fields, name) ?? missing(name);
}

function optionalNumber(fields: Fields, name: string): number | undefined {
  const value = field(fields, name);
  return value === undefined ? undefined : toNumber(value, name);
}

function toNumber(value: Value, name: string): number {
  if (typeof value !== 'number' && typeof value !== 'bigint') throw badMessage(`"${name}" is not a number`);
  return Number(value);
}

function flag(fields: Fields, name: string): boolean | undefined {
  const value = field(fields, name);
  if (value !== undefined && typeof value !== 'boolean') throw badMessage(`"${name}" is not a boolean`);
  return value;
}

/** A list; a missing one is empty. */
function list(fields: Fields, name: string): readonly Value[] {
  const value = field(fields, name) ?? [];
  if (!Array.isArray(value)) throw badMessage(`"${name}" is not an array`);
  return value;
}

function texts(fields: Fields, name: string): string[] {
  return list(fields, name).map((item) => {
    if (typeof item !== 'string') throw badMessage(`"${name}" holds something that is not a string`);
    return item;
  });
}

/** A list of signal kinds; undefined when it is missing or empty. */
function kinds(fields: Fields, name: string): SignalKind[] | undefined {
  const names = texts(fields, name);
  return names.length === 0 ? undefined : names.map((item) => oneOf(item, SIGNAL_KINDS, 'signal kind'));
}

/** The member of `names` that `value` is; a `ClaspError` 101 when it is none. */
function oneOf<Name extends string>(value: string, names: readonly Name[], what: string): Name {
  return names.find((name) => name === value) ?? unknown(what, value);
}

function unknown(what: string, value: string): never {
  throw badMessage(`unknown ${what} "${value.slice(0, 64)}"`);
}

function missing(name: string): never {
  throw badMessage(`"${name}" is missing`);
}

/**
 * {@link decodeFrame} for peers that may also write MessagePack (the Python client does for some messages): such a
 * payload is told by its first byte and becomes a binary frame with the same QoS and timestamp, so that nothing
 * behind this sees the difference. Integers stay integers: an i64 where the message has a value.
 *
 * Throws a `ClaspError` 100 for a bad frame, 101 for a bad message.
 */
export function decodeAnyFrame(bytes: Uint8Array): Frame {
  if (bytes.length < 5 || !isMessagePack(bytes[(bytes[1] as number) & 0x20 ? 12 : 4] ?? 0)) return decodeFrame(bytes);
  const start = payloadStart(bytes);
  const message = messageOf(fieldsOf(readMessagePack(bytes, start, bytes.length), 'the message'), 0);
  return decodeFrame(reencoded(message, bytes));
}

function reencoded(message: Message, bytes: Uint8Array): Uint8Array {
  try {
    return encodeMessage(message, { qos: qosOf(bytes), timestamp: timestampOf(bytes) });
  } catch (cause) {
    // What does not fit its field here came from the peer.
    const { reason } = ClaspError.from(cause, ErrorCode.BadMessage);
    throw new ClaspError(ErrorCode.BadMessage, reason, { cause });
  }
}

function messageOf(fields: Fields, depth: number): Message {
  const type = text(fields, 'type') as Message['type'];
  switch (type) {
    case 'SET':
      return setOf(fields);
    case 'PUBLISH':
      return publishOf(fields);
    case 'GET':
      return { type, address: text(fields, 'address') };
    case 'QUERY':
      return { type, pattern: text(fields, 'pattern') };
    case 'SUBSCRIBE':
      return {
        type,
        id: number(fields, 'id'),
        pattern: text(fields, 'pattern'),
        types: kinds(fields, 'types'),
        options: optionsOf(fields),
      };
    case 'UNSUBSCRIBE':
      return { type, id: number(fields, 'id') };
    case 'HELLO':
      return {
        type,
        version: number(fields, 'version'),
        name: text(fields, 'name'),
        features: texts(fields, 'features'),
        token: optionalText(fields, 'token'),
      };
    case 'WELCOME':
      return {
        type,
        version: number(fields, 'version'),
        session: text(fields, 'session'),
        name: text(fields, 'name'),
        features: texts(fields, 'features'),
        time: number(fields, 'time'),
        token: optionalText(fields, 'token'),
      };
    case 'ANNOUNCE':
      return { type, namespace: optionalText(fields, 'namespace'), signals: definitionsOf(fields) };
    case 'RESULT':
      return { type, signals: definitionsOf(fields) };
    case 'FEDERATION_SYNC':
      return {
        type,
        op: federationOpOf(text(fields, 'op')),
        patterns: texts(fields, 'patterns'),
        revisions: revisionsOf(fields),
        since: optionalNumber(fields, 'since_revision'),
        origin: optionalText(fields, 'origin'),
      };
    case 'SNAPSHOT':
      return { type, params: list(fields, 'params').map((param) => paramOf(fieldsOf(param, 'a param'))) };
    case 'REPLAY':
      return {
        type,
        pattern: text(fields, 'pattern'),
        from: optionalNumber(fields, 'from'),
        to: optionalNumber(fields, 'to'),
        limit: optionalNumber(fields, 'limit'),
        types: kinds(fields, 'types'),
      };
    case 'BUNDLE':
      if (depth > 0) throw badMessage('a bundle in a bundle');
      return {
        type,
        timestamp: optionalNumber(fields, 'timestamp'),
        messages: list(fields, 'messages').map((inner) => messageOf(fieldsOf(inner, 'a bundled message'), 1)),
      };
    case 'SYNC':
      return {
        type,
        t1: number(fields, 't1'),
        t2: optionalNumber(fields, 't2'),
        t3: optionalNumber(fields, 't3'),
      };
    case 'PING':
    case 'PONG':
      return { type };
    case 'ACK':
      return {
        type,
        address: optionalText(fields, 'address'),
        revision: optionalNumber(fields, 'revision'),
        locked: flag(fields, 'locked'),
        holder: optionalText(fields, 'holder'),
        correlationId: optionalNumber(fields, 'correlation_id'),
      };
    case 'ERROR':
      return {
        type,
        code: number(fields, 'code'),
        message: text(fields, 'message'),
        address: optionalText(fields, 'address'),
        correlationId: optionalNumber(fields, 'correlation_id'),
      };
    default:
      throw badMessage(`unknown message type "${String(type).slice(0, 64)}"`);
  }
}

function setOf(fields: Fields): SetMessage {
  if (!Object.hasOwn(fields, 'value')) throw badMessage('"value" is missing');
  return {
    type: 'SET',
    address: text(fields, 'address'),
    value: fields['value'] as Value,
    revision: optionalNumber(fields, 'revision'),
    lock: flag(fields, 'lock'),
    unlock: flag(fields, 'unlock'),
    ttl: timeToLiveOf(field(fields, 'ttl'), flag(fields, 'absolute')),
  };
}

/** `"Never"`, `{ Sliding: s }` or `{ Absolute: s }` as Rust writes it, or seconds with `absolute` beside as Python does. */
function timeToLiveOf(value: Value | undefined, absolute = false): Ttl | undefined {
  if (value === undefined) return undefined;
  if (value === 'Never') return ttlOf(0);
  if (typeof value === 'bigint' || typeof value === 'number') {
    return { seconds: toNumber(value, 'ttl'), mode: absolute ? 'absolute' : 'sliding' };
  }
  const mode = fieldsOf(value, 'the TTL');
  const seconds = optionalNumber(mode, 'Absolute');
  if (seconds !== undefined) return { seconds, mode: 'absolute' };
  return { seconds: number(mode, 'Sliding'), mode: 'sliding' };
}

function publishOf(fields: Fields): PublishMessage {
  const signal = optionalText(fields, 'signal');
  const phase = optionalText(fields, 'phase');
  const samples = field(fields, 'samples') === undefined ? undefined : list(fields, 'samples');
  return {
    type: 'PUBLISH',
    address: text(fields, 'address'),
    signal: signal === undefined ? undefined : oneOf(signal, SIGNAL_KINDS, 'signal kind'),
    value: field(fields, 'value') ?? field(fields, 'payload') ?? timelineOf(field(fields, 'timeline')),
    samples: samples?.map((sample) => toNumber(sample, 'samples')),
    rate: optionalNumber(fields, 'rate'),
    id: optionalNumber(fields, 'id'),
    phase: phase === undefined ? undefined : oneOf(phase, GESTURE_PHASES, 'gesture phase'),
    timestamp: optionalNumber(fields, 'timestamp'),
  };
}

/** The Rust client's own field for timelines, as the value that carries them here. */
function timelineOf(value: Value | undefined): Value | undefined {
  if (value === undefined) return undefined;
  const fields = fieldsOf(value, 'the timeline');
  const timeline: { keyframes: readonly Value[]; loop?: boolean; startTime?: Value } = {
    keyframes: list(fields, 'keyframes'),
  };
  const loop = flag(fields, 'loop_');
  const startTime = field(fields, 'start_time');
  if (loop !== undefined) timeline.loop = loop;
  if (startTime !== undefined) timeline.startTime = startTime;
  return timeline;
}

function optionsOf(fields: Fields): Extract<Message, { type: 'SUBSCRIBE' }>['options'] {
  const value = field(fields, 'options');
  if (value === undefined) return undefined;
  const options = fieldsOf(value, '"options"');
  return {
    maxRate: optionalNumber(options, 'max_rate'),
    epsilon: optionalNumber(options, 'epsilon'),
    history: optionalNumber(options, 'history'),
    window: optionalNumber(options, 'window'),
  };
}

function definitionsOf(fields: Fields): SignalDefinition[] {
  return list(fields, 'signals').map((item) => {
    const definition = fieldsOf(item, 'a signal');
    const meta = field(definition, 'meta');
    return {
      address: text(definition, 'address'),
      type: oneOf(text(definition, 'type'), SIGNAL_KINDS, 'signal kind'),
      datatype: optionalText(definition, 'datatype'),
      access: optionalText(definition, 'access'),
      meta: meta === undefined ? undefined : metaOf(fieldsOf(meta, '"meta"')),
    };
  });
}

function metaOf(fields: Fields): NonNullable<SignalDefinition['meta']> {
  const range = field(fields, 'range') === undefined ? undefined : list(fields, 'range');
  const [min, max] = range ?? [];
  if (range !== undefined && (min === undefined || max === undefined)) throw badMessage('"range" is not a pair');
  return {
    unit: optionalText(fields, 'unit'),
    range: min === undefined || max === undefined ? undefined : [toNumber(min, 'range'), toNumber(max, 'range')],
    default: field(fields, 'default'),
    description: optionalText(fields, 'description'),
  };
}

function paramOf(fields: Fields): ParamState {
  return {
    address: text(fields, 'address'),
    value: field(fields, 'value') ?? null,
    revision: number(fields, 'revision'),
    writer: optionalText(fields, 'writer'),
    timestamp: optionalNumber(fields, 'timestamp'),
  };
}

/** Our names, and the variant names of Rust. */
function federationOpOf(name: string): FederationOp {
  switch (name) {
    case 'declare':
    case 'DeclareNamespaces':
      return 'declare';
    case 'request-sync':
    case 'RequestSync':
      return 'request-sync';
    case 'revision-vector':
    case 'RevisionVector':
      return 'revision-vector';
    case 'sync-complete':
    case 'SyncComplete':
      return 'sync-complete';
    default:
      throw badMessage(`unknown federation operation "${name.slice(0, 64)}"`);
  }
}

/** A map of addresses to revisions. */
function revisionsOf(fields: Fields): { address: string; revision: number }[] {
  const revisions = fieldsOf(field(fields, 'revisions') ?? {}, '"revisions"');
  return Object.keys(revisions).map((address) => ({ address, revision: number(revisions, address) }));
}
