import { ClaspError, ErrorCode } from '../errors.ts';
import type {
  FederationOp,
  Message,
  ParamState,
  PublishMessage,
  SetMessage,
  SignalDefinition,
  Ttl,
} from '../message.ts';
import type { Value } from '../value.ts';
import { GESTURE_PHASES, SIGNAL_KINDS } from './codes.ts';
import { encodeMessage } from './encode.ts';
import { decodeFrame, type Frame } from './frame.ts';
import { isMessagePack, payloadStart, qosOf, timestampOf } from './header.ts';
import { ttlOf } from './message.ts';
import {
  type Fields,
  field,
  fieldsOf,
  flag,
  kinds,
  list,
  number,
  oneOf,
  optionalNumber,
  optionalText,
  text,
  texts,
  toNumber,
} from './message-pack-fields.ts';
import { readMessagePack } from './message-pack-reader.ts';
import { badMessage } from './value.ts';

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
