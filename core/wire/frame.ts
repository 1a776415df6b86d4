import { ClaspError, ErrorCode } from '../errors.ts';
import type { Value } from '../signal/value.ts';
import { readF64, readU16, readU32, readU64, readUtf8 } from './bytes.ts';
import {
  FEATURES,
  FEDERATION_OPS,
  FrameFlag,
  GESTURE_PHASES,
  kindsOfMask,
  MAGIC,
  MessageCode,
  NARROW,
  PublishFlag,
  SetFlag,
  SIGNAL_KINDS,
  ValueCode,
} from './codes.ts';
import type {
  AckMessage,
  AnnounceMessage,
  ErrorMessage,
  FederationSyncMessage,
  HelloMessage,
  Message,
  ParamState,
  PublishMessage,
  QoS,
  ReplayMessage,
  ResultMessage,
  SetMessage,
  SignalDefinition,
  SnapshotMessage,
  SubscribeMessage,
  SyncMessage,
  Ttl,
  WelcomeMessage,
} from './message.ts';
import { Reader } from './reader.ts';
import { badMessage, cut, hex, readValue, skipString, skipValue } from './value.ts';

/** Position of the payload of a well-formed frame; a `ClaspError` 100 for any other. */
export function payloadStart(bytes: Uint8Array): number {
  const length = bytes.length;
  if (length < 4) throw badFrame(`${length} bytes are too short for a frame`);
  if (bytes[0] !== MAGIC) throw badFrame(`a frame starts with 0x53, not ${hex(bytes[0] as number)}`);
  const flags = bytes[1] as number;
  if (flags & (FrameFlag.Encrypted | FrameFlag.Compressed)) {
    throw badFrame(`flags ${hex(flags)}: encryption and compression are not supported`);
  }
  const start = flags & FrameFlag.Timestamp ? 12 : 4;
  const size = readU16(bytes, 2);
  if (length !== start + size) {
    throw badFrame(`the header announces ${start + size} bytes, there are ${length}`);
  }
  if (size === 0) throw badFrame('the payload is empty');
  return start;
}

/** QoS of a frame; the reserved 3 counts as 0. */
export function qosOf(bytes: Uint8Array): QoS {
  const qos = (bytes[1] as number) >>> 6;
  return qos === 3 ? 0 : (qos as QoS);
}

/** Timestamp of a frame's header, microseconds. */
export function timestampOf(bytes: Uint8Array): number | undefined {
  return (bytes[1] as number) & FrameFlag.Timestamp ? readU64(bytes, 4) : undefined;
}

/** Whether a payload that starts with this byte is a MessagePack map; the header's encoding bits are not to be trusted. */
export function isMessagePack(first: number): boolean {
  return (first & 0xf0) === 0x80 || first === 0xde || first === 0xdf;
}

function badFrame(reason: string): ClaspError {
  return new ClaspError(ErrorCode.BadFrame, reason);
}

/** A frame while its fields are being filled in. */
export type Draft = { -readonly [Field in keyof Frame]: Frame[Field] };

/** Fills in what the first step of decoding finds out; a `ClaspError` 101 when the message cannot be understood. */
export function scanFrame(frame: Draft): void {
  switch (frame.type) {
    case MessageCode.Set:
      scanSet(frame);
      break;
    case MessageCode.Publish:
      scanPublish(frame);
      break;
    case MessageCode.Get:
    case MessageCode.Query:
      address(frame, frame.start + 1);
      break;
    case MessageCode.Subscribe:
      scanSubscribe(frame);
      break;
    case MessageCode.Replay:
      scanReplay(frame);
      break;
    default:
      if (!MESSAGE_CODES.includes(frame.type)) throw badMessage(`unknown message type ${hex(frame.type)}`);
  }
}

const MESSAGE_CODES: readonly number[] = Object.values(MessageCode);

function scanSet(frame: Draft): void {
  const { bytes, end } = frame;
  const flags = byteAt(frame, frame.start + 1);
  frame.flags = flags;
  let at = address(frame, frame.start + 2);
  frame.valueCode = flags & 0x0f;
  frame.valueStart = at;
  at = valueEnd(frame, at);
  frame.valueEnd = at;
  if (flags & SetFlag.Revision) {
    if (at + 8 > end) throw cut();
    frame.revision = readU64(bytes, at);
    at += 8;
  }
  if (flags & SetFlag.Ttl) {
    if (at + 4 > end) throw cut();
    frame.ttl = readU32(bytes, at);
  }
}

function scanPublish(frame: Draft): void {
  const { bytes, end } = frame;
  const flags = byteAt(frame, frame.start + 1);
  frame.flags = flags;
  frame.signal = flags >>> 5;
  frame.phase = flags & 0x07;
  if (frame.signal >= SIGNAL_KINDS.length) throw badMessage(`unknown signal kind ${frame.signal}`);
  if (frame.phase >= GESTURE_PHASES.length) throw badMessage(`unknown gesture phase ${frame.phase}`);
  let at = slot(frame, address(frame, frame.start + 2));
  if (flags & PublishFlag.Timestamp) {
    if (at + 8 > end) throw cut();
    frame.publishedAt = readU64(bytes, at);
    at += 8;
  }
  if (flags & PublishFlag.Id) {
    if (at + 4 > end) throw cut();
    frame.id = readU32(bytes, at);
    at += 4;
  }
  if (at + 4 <= end) frame.rate = readU32(bytes, at);
}

/** The value slot of a PUBLISH: nothing, a value, or samples. */
function slot(frame: Draft, at: number): number {
  const { bytes, end } = frame;
  const indicator = byteAt(frame, at);
  if (indicator === 0) return at + 1;
  if (indicator === 1) {
    frame.valueCode = byteAt(frame, at + 1);
    frame.valueStart = at + 2;
    frame.valueEnd = valueEnd(frame, at + 2);
    return frame.valueEnd;
  }
  if (indicator !== 2) throw badMessage(`unknown value indicator ${hex(indicator)}`);
  if (at + 3 > end) throw cut();
  frame.samplesCount = readU16(bytes, at + 1);
  frame.samplesStart = at + 3;
  const stop = frame.samplesStart + frame.samplesCount * 8;
  if (stop > end) throw cut();
  return stop;
}

/** Where the body of the frame's value ends, once it has been checked. */
function valueEnd({ bytes, end, valueCode, tag }: Draft, at: number): number {
  if (valueCode === ValueCode.Large && tag !== undefined) return at + 4 + readU32(bytes, at);
  return skipValue(bytes, at, end, valueCode, 0);
}

function scanSubscribe(frame: Draft): void {
  const at = address(frame, frame.start + 5);
  const options = byteAt(frame, at + 1);
  const size = (options & 1 ? 4 : 0) + (options & 2 ? 8 : 0) + (options & 4 ? 4 : 0) + (options & 8 ? 4 : 0);
  if (at + 2 + size > frame.end) throw cut();
}

function scanReplay(frame: Draft): void {
  const flags = byteAt(frame, frame.start + 1);
  const at = address(frame, frame.start + 2);
  byteAt(frame, at + (flags & 0x80 ? 8 : 0) + (flags & 0x40 ? 8 : 0) + (flags & 0x20 ? 4 : 0));
}

/** Takes the str at `at` as the frame's address; gives the position after it. */
function address(frame: Draft, at: number): number {
  frame.addressStart = at + 2;
  frame.addressEnd = skipString(frame.bytes, at, frame.end);
  return frame.addressEnd;
}

function byteAt(frame: Draft, at: number): number {
  if (at >= frame.end) throw cut();
  return frame.bytes[at] as number;
}

const GESTURE = 3;

/** Second step of decoding: the message of a frame as a plain object; of a BUNDLE, see `bundledFrames`. */
function readMessage(frame: Frame): Message {
  const reader = new Reader(frame.bytes, frame.start + 1, frame.end);
  switch (frame.type) {
    case MessageCode.Set:
      return setMessage(frame);
    case MessageCode.Publish:
      return publishMessage(frame);
    case MessageCode.Get:
      return { type: 'GET', address: frame.address };
    case MessageCode.Query:
      return { type: 'QUERY', pattern: frame.address };
    case MessageCode.Subscribe:
      return readSubscribe(reader);
    case MessageCode.Unsubscribe:
      return { type: 'UNSUBSCRIBE', id: reader.u32() };
    case MessageCode.Hello:
      return hello(reader);
    case MessageCode.Welcome:
      return welcome(reader);
    case MessageCode.Announce:
      return announce(reader);
    case MessageCode.FederationSync:
      return federationSync(reader);
    case MessageCode.Snapshot:
      return snapshot(reader);
    case MessageCode.Replay:
      return readReplay(reader);
    case MessageCode.Sync:
      return sync(reader);
    case MessageCode.Ping:
      return { type: 'PING' };
    case MessageCode.Pong:
      return { type: 'PONG' };
    case MessageCode.Ack:
      return ack(reader);
    case MessageCode.Error:
      return error(reader);
    case MessageCode.Result:
      return result(reader);
    default:
      throw badMessage(`message type ${frame.type} has no second step`);
  }
}

/** The fixed part of a BUNDLE; `at` is the position of the first message's length. */
export function bundleHead(frame: Frame): { timestamp: number | undefined; count: number; at: number } {
  const reader = new Reader(frame.bytes, frame.start + 1, frame.end);
  const flags = reader.u8();
  const count = reader.u16();
  const timestamp = flags & 0x80 ? reader.u64() : undefined;
  return { timestamp, count, at: reader.at };
}

/** The TTL of a SET's u32; undefined for undefined. */
export function ttlOf(raw: number | undefined): Ttl | undefined {
  if (raw === undefined) return undefined;
  return { seconds: raw & 0x7fff_ffff, mode: raw > 0x7fff_ffff ? 'absolute' : 'sliding' };
}

function setMessage(frame: Frame): SetMessage {
  return {
    type: 'SET',
    address: frame.address,
    value: frame.value,
    revision: frame.revision,
    lock: frame.flags & SetFlag.Lock ? true : undefined,
    unlock: frame.flags & SetFlag.Unlock ? true : undefined,
    ttl: ttlOf(frame.ttl),
    tag: frame.tag || undefined,
  };
}

function publishMessage(frame: Frame): PublishMessage {
  return {
    type: 'PUBLISH',
    address: frame.address,
    signal: SIGNAL_KINDS[frame.signal],
    value: frame.valueCode < 0 ? undefined : frame.value,
    samples: frame.samples,
    rate: frame.rate,
    id: frame.id,
    phase: frame.signal === GESTURE || frame.phase > 0 ? GESTURE_PHASES[frame.phase] : undefined,
    timestamp: frame.publishedAt,
    tag: frame.tag || undefined,
  };
}

function readSubscribe(reader: Reader): SubscribeMessage {
  const id = reader.u32();
  const pattern = reader.str();
  const types = kindsOfMask(reader.u8());
  const present = reader.u8();
  const options =
    (present & 0x0f) === 0
      ? undefined
      : {
          maxRate: present & 1 ? reader.u32() : undefined,
          epsilon: present & 2 ? reader.f64() : undefined,
          history: present & 4 ? reader.u32() : undefined,
          window: present & 8 ? reader.u32() : undefined,
        };
  return { type: 'SUBSCRIBE', id, pattern, types, options };
}

function features(mask: number): string[] {
  const named = FEATURES.filter((_, index) => mask & (0x80 >> index));
  return mask & 1 ? [...named, NARROW] : named;
}

/** The token at the end of HELLO and WELCOME: empty, or missing, means none. */
function token(reader: Reader): string | undefined {
  return reader.left === 0 ? undefined : reader.str() || undefined;
}

function hello(reader: Reader): HelloMessage {
  const version = reader.u8();
  const mask = reader.u8();
  return { type: 'HELLO', version, name: reader.str(), features: features(mask), token: token(reader) };
}

function welcome(reader: Reader): WelcomeMessage {
  const version = reader.u8();
  const mask = reader.u8();
  const time = reader.u64();
  const session = reader.str();
  const name = reader.str();
  return { type: 'WELCOME', version, session, name, features: features(mask & 0xf8), time, token: token(reader) };
}

function announce(reader: Reader): AnnounceMessage {
  const namespace = reader.str() || undefined;
  const signals: SignalDefinition[] = [];
  for (let count = reader.u16(); count > 0; count--) {
    const { present, ...signal } = definition(reader);
    signals.push(present & 4 ? { ...signal, meta: meta(reader) } : signal);
  }
  return { type: 'ANNOUNCE', namespace, signals };
}

/** Where the signals of an ANNOUNCE begin, and at last where they end; they fill the message from the first place on. */
export function announcedBounds({ bytes, start, end }: Frame): number[] {
  const reader = new Reader(bytes, start + 1, end);
  reader.str();
  let count = reader.u16();
  const bounds = [reader.at];
  for (; count > 0; count--) {
    if (definition(reader).present & 4) meta(reader);
    bounds.push(reader.at);
  }
  return bounds;
}

function result(reader: Reader): ResultMessage {
  const signals: SignalDefinition[] = [];
  for (let count = reader.u16(); count > 0; count--) {
    const { present, ...signal } = definition(reader);
    signals.push(signal);
  }
  return { type: 'RESULT', signals };
}

function definition(reader: Reader): SignalDefinition & { present: number } {
  const address = reader.str();
  const kind = reader.u8();
  const type = SIGNAL_KINDS[kind];
  if (type === undefined) throw badMessage(`unknown signal kind ${kind}`);
  const present = reader.u8();
  const datatype = present & 1 ? reader.str() : undefined;
  const access = present & 2 ? reader.str() : undefined;
  return { address, type, datatype, access, present };
}

function meta(reader: Reader): NonNullable<SignalDefinition['meta']> {
  const present = reader.u8();
  return {
    unit: present & 1 ? reader.str() : undefined,
    range: present & 2 ? [reader.f64(), reader.f64()] : undefined,
    default: present & 4 ? reader.value() : undefined,
    description: present & 8 ? reader.str() : undefined,
  };
}

function federationSync(reader: Reader): FederationSyncMessage {
  const code = reader.u8();
  const op = FEDERATION_OPS[code - 1];
  if (op === undefined) throw badMessage(`unknown federation operation ${code}`);
  const patterns: string[] = [];
  for (let count = reader.u16(); count > 0; count--) patterns.push(reader.str());
  const revisions: { address: string; revision: number }[] = [];
  for (let count = reader.u16(); count > 0; count--) revisions.push({ address: reader.str(), revision: reader.u64() });
  const flags = reader.u8();
  const since = flags & 0x80 ? reader.u64() : undefined;
  const origin = flags & 0x40 ? reader.str() : undefined;
  return { type: 'FEDERATION_SYNC', op, patterns, revisions, since, origin };
}

function snapshot(reader: Reader): SnapshotMessage {
  const params: ParamState[] = [];
  for (let count = reader.u16(); count > 0; count--) {
    const address = reader.str();
    const value = reader.value();
    const revision = reader.u64();
    const present = reader.u8();
    const writer = present & 1 ? reader.str() : undefined;
    const timestamp = present & 2 ? reader.u64() : undefined;
    params.push({ address, value, revision, writer, timestamp });
  }
  return { type: 'SNAPSHOT', params };
}

function readReplay(reader: Reader): ReplayMessage {
  const flags = reader.u8();
  const pattern = reader.str();
  const from = flags & 0x80 ? reader.u64() : undefined;
  const to = flags & 0x40 ? reader.u64() : undefined;
  const limit = flags & 0x20 ? reader.u32() : undefined;
  return { type: 'REPLAY', pattern, from, to, limit, types: kindsOfMask(reader.u8()) };
}

function sync(reader: Reader): SyncMessage {
  const flags = reader.u8();
  const t1 = reader.u64();
  const t2 = flags & 1 ? reader.u64() : undefined;
  const t3 = flags & 2 ? reader.u64() : undefined;
  return { type: 'SYNC', t1, t2, t3 };
}

function ack(reader: Reader): AckMessage {
  const present = reader.u8();
  return {
    type: 'ACK',
    address: present & 1 ? reader.str() : undefined,
    revision: present & 2 ? reader.u64() : undefined,
    locked: present & 4 ? reader.u8() !== 0 : undefined,
    holder: present & 8 ? reader.str() : undefined,
    correlationId: present & 0x10 ? reader.u32() : undefined,
  };
}

function error(reader: Reader): ErrorMessage {
  const code = reader.u16();
  const message = reader.str();
  const present = reader.u8();
  const address = present & 1 ? reader.str() : undefined;
  const correlationId = present & 2 ? reader.u32() : undefined;
  return { type: 'ERROR', code, message, address, correlationId };
}

/**
 * One message as it came, after the first step of decoding: everything a relay routes by is known, the value is
 * checked but still bytes.
 *
 * The bytes are not copied. What is read lazily (`address`, `value`, `samples`, `message`) is read from them, so
 * read it while they are yours, see `Connection.incoming`. What has been read once is remembered.
 */
export class Frame {
  /** Where the message is; it fills `start` … `end`. */
  readonly bytes: Uint8Array;
  /** Position of the message's type byte. */
  readonly start: number;
  readonly end: number;
  /** One of `MessageCode`. */
  readonly type: number;
  readonly qos: QoS;
  /** The frame header's timestamp, microseconds. */
  readonly timestamp: number | undefined;
  /** The flags byte of a SET or PUBLISH; 0 for other messages. */
  readonly flags: number;
  /** UTF-8 of the address (SET, PUBLISH, GET) or pattern (SUBSCRIBE, QUERY, REPLAY); 0 … 0 for other messages. */
  readonly addressStart: number;
  readonly addressEnd: number;
  /** One of `ValueCode`; -1 when there is no value. */
  readonly valueCode: number;
  /** The body of the value, without its code. */
  readonly valueStart: number;
  readonly valueEnd: number;
  /** f64 samples of a PUBLISH. */
  readonly samplesStart: number;
  readonly samplesCount: number;
  /** Of a SET. */
  readonly revision: number | undefined;
  /** Of a SET, as on the wire: bit 31 absolute, low bits seconds. */
  readonly ttl: number | undefined;
  /** Code of the signal kind of a PUBLISH. */
  readonly signal: number;
  /** Code of the phase of a PUBLISH. */
  readonly phase: number;
  /** Gesture id of a PUBLISH. */
  readonly id: number | undefined;
  /** The timestamp inside a PUBLISH, microseconds. */
  readonly publishedAt: number | undefined;
  /** Of a PUBLISH. */
  readonly rate: number | undefined;

  /** Of a frame that does not leave the process: the tag of its signal, 0 for none. */
  readonly tag: number | undefined;

  #address: string | undefined;
  #value: Value | undefined;
  #message: Message | undefined;

  /** @internal Use `decodeFrame`. */
  constructor(bytes: Uint8Array, start: number, end: number, qos: QoS, timestamp: number | undefined) {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.type = bytes[start] as number;
    this.qos = qos;
    this.timestamp = timestamp;
    this.flags = 0;
    this.addressStart = 0;
    this.addressEnd = 0;
    this.valueCode = -1;
    this.valueStart = 0;
    this.valueEnd = 0;
    this.samplesStart = 0;
    this.samplesCount = 0;
    this.revision = undefined;
    this.ttl = undefined;
    this.signal = 0;
    this.phase = 0;
    this.id = undefined;
    this.publishedAt = undefined;
    this.rate = undefined;
    this.tag = undefined;
    this.#address = undefined;
    this.#value = undefined;
    this.#message = undefined;
  }

  /** The address or pattern; empty for messages that have none. */
  get address(): string {
    this.#address ??= readUtf8(this.bytes, this.addressStart, this.addressEnd);
    return this.#address;
  }

  /** The value; of samples the newest; null when there is neither. */
  get value(): Value {
    if (this.#value === undefined) {
      if (this.valueCode >= 0) this.#value = readValue(this.bytes, this.valueStart, this.valueCode);
      else this.#value = this.samplesCount > 0 ? this.#sample(this.samplesCount - 1) : null;
    }
    return this.#value;
  }

  /** The samples of a stream PUBLISH that carries them. */
  get samples(): number[] | undefined {
    if (this.samplesStart === 0) return undefined;
    const samples: number[] = [];
    for (let i = 0; i < this.samplesCount; i++) samples.push(this.#sample(i));
    return samples;
  }

  /**
   * The whole message. SET, PUBLISH, GET, SUBSCRIBE, QUERY and REPLAY were checked at the first step; for others
   * this may throw a `ClaspError` 101.
   */
  get message(): Message {
    this.#message ??= this.type === MessageCode.Bundle ? readBundle(this) : readMessage(this);
    return this.#message;
  }

  #sample(index: number): number {
    return readF64(this.bytes, this.samplesStart + index * 8);
  }
}

/**
 * First step of decoding: the header, the flags and address of the message, and the bounds of its value.
 *
 * Throws a `ClaspError` 100 for what is not exactly one frame (cut, trailing bytes, wrong magic, empty, encrypted or
 * compressed) and 101 for a message that cannot be understood. A MessagePack payload is 101 here; a relay uses
 * `decodeAnyFrame`.
 *
 * @example
 * ```ts
 * import { decodeClaspFrame, encodeClaspSet } from 'clasp-rx/protocols';
 *
 * const frame = decodeClaspFrame(encodeClaspSet('/mixer/1', 0.75));
 * frame.address; // '/mixer/1'
 * frame.value; // 0.75
 * ```
 */
export function decodeFrame(bytes: Uint8Array): Frame {
  const start = payloadStart(bytes);
  if (isMessagePack(bytes[start] as number)) throw badMessage('MessagePack is not understood here');
  return open(new Frame(bytes, start, bytes.length, qosOf(bytes), timestampOf(bytes)));
}

/** Whole message, QoS and header timestamp at once; throws as {@link decodeFrame} does. */
export function decodeMessage(bytes: Uint8Array): { message: Message; qos: QoS; timestamp: number | undefined } {
  const frame = decodeFrame(bytes);
  return { message: frame.message, qos: frame.qos, timestamp: frame.timestamp };
}

/**
 * The messages of a BUNDLE, each after the first step, over the bundle's bytes and with its header timestamp. Throws a
 * `ClaspError` 101 for a bundle in a bundle and for anything malformed.
 *
 * @param qos of each of them. @defaultValue that of the bundle
 */
export function bundledFrames(bundle: Frame, qos: QoS = bundle.qos): Frame[] {
  const { bytes, end } = bundle;
  const frames: Frame[] = [];
  let { at, count } = bundleHead(bundle);
  for (; count > 0; count--) {
    if (at + 2 > end) throw cut();
    const start = at + 2;
    at = start + readU16(bytes, at);
    if (at > end || at === start) throw cut();
    if (bytes[start] === MessageCode.Bundle) throw badMessage('a bundle in a bundle');
    frames.push(open(new Frame(bytes, start, at, qos, bundle.timestamp)));
  }
  return frames;
}

function readBundle(bundle: Frame): Message {
  const { timestamp } = bundleHead(bundle);
  return { type: 'BUNDLE', timestamp, messages: bundledFrames(bundle).map((inner) => inner.message) };
}

function open(frame: Frame): Frame {
  scanFrame(frame as Draft);
  return frame;
}
