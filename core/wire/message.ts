import type {
  AckMessage,
  AnnounceMessage,
  ErrorMessage,
  FederationSyncMessage,
  HelloMessage,
  Message,
  ParamState,
  PublishMessage,
  ReplayMessage,
  ResultMessage,
  SetMessage,
  SignalDefinition,
  SnapshotMessage,
  SubscribeMessage,
  SyncMessage,
  Ttl,
  WelcomeMessage,
} from '../message.ts';
import { FEATURES, FEDERATION_OPS, GESTURE_PHASES, kindsOfMask, MessageCode, SetFlag, SIGNAL_KINDS } from './codes.ts';
import type { Frame } from './frame.ts';
import { Reader } from './reader.ts';
import { badMessage } from './value.ts';

const GESTURE = 3;

/** Second step of decoding: the message of a frame as a plain object; of a BUNDLE, see `bundledFrames`. */
export function readMessage(frame: Frame): Message {
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
      return subscribe(reader);
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
      return replay(reader);
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
  };
}

function subscribe(reader: Reader): SubscribeMessage {
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
  return FEATURES.filter((_, index) => mask & (0x80 >> index));
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

function replay(reader: Reader): ReplayMessage {
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
