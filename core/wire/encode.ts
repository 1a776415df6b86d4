import { clip, MAX_ADDRESS_BYTES } from '../address/address.ts';
import { ClaspError, ErrorCode } from '../errors.ts';
import {
  FEATURES,
  FEDERATION_OPS,
  FrameFlag,
  GESTURE_PHASES,
  MAGIC,
  MAX_PAYLOAD,
  MessageCode,
  NARROW,
  PublishFlag,
  SetFlag,
  signalCode,
  signalMask,
} from './codes.ts';
import type {
  FederationSyncMessage,
  Message,
  PublishMessage,
  QoS,
  SetMessage,
  SignalDefinition,
  Ttl,
} from './message.ts';
import { codeOf, Writer } from './writer.ts';

export interface EncodeOptions {
  /** @defaultValue 0 */
  readonly qos?: QoS | undefined;
  /** Goes into the frame's header, microseconds. @defaultValue none */
  readonly timestamp?: number | undefined;
}

/**
 * A message as one frame, ready for a connection.
 *
 * Throws a `ClaspError` 402 for what does not fit its field (a negative or fractional revision or timestamp, an
 * unknown kind, more than 65535 bytes, a bundle in a bundle) and for values that cannot travel, see `encodeValue`.
 *
 * @example
 * ```ts
 * encodeClasp({ type: 'SUBSCRIBE', id: 1, pattern: '/mixer/**' }, { qos: 1 });
 * ```
 */
export function encodeMessage(message: Message, { qos = 0, timestamp }: EncodeOptions = {}): Uint8Array {
  const writer = new Writer();
  writeHeader(writer, qos, timestamp);
  const start = writer.length;
  writeMessage(writer, message);
  return sealed(writer, start);
}

/** Begins a frame; the payload's length is left open until {@link sealed}. */
export function writeHeader(writer: Writer, qos: QoS, timestamp?: number): void {
  const flags = (qos << 6) | FrameFlag.Binary;
  if (timestamp === undefined) writer.u8(MAGIC).u8(flags).u16(0);
  else
    writer
      .u8(MAGIC)
      .u8(flags | FrameFlag.Timestamp)
      .u16(0)
      .u64(timestamp);
}

/** The finished frame whose payload begins at `start`; `ClaspError` 402 when it is too long. */
export function sealed(writer: Writer, start: number): Uint8Array {
  const size = writer.length - start;
  if (size > MAX_PAYLOAD) throw new ClaspError(ErrorCode.BadValue, `a message of ${size} bytes is longer than 65535`);
  return writer.patchU16(2, size).finish();
}

/** Writes type byte and fields of a message, without a frame. */
function writeMessage(writer: Writer, message: Message): void {
  switch (message.type) {
    case 'SET':
      writeSet(writer, message);
      break;
    case 'PUBLISH':
      writePublish(writer, message);
      break;
    case 'GET':
      writer.u8(MessageCode.Get).str(message.address);
      break;
    case 'QUERY':
      writer.u8(MessageCode.Query).str(message.pattern);
      break;
    case 'SUBSCRIBE': {
      writer.u8(MessageCode.Subscribe).u32(message.id).str(message.pattern).u8(signalMask(message.types));
      const { maxRate, epsilon, history, window } = message.options ?? {};
      writer.u8(bit(maxRate, 1) | bit(epsilon, 2) | bit(history, 4) | bit(window, 8));
      // A rate of 59.94 is one of 59; one below 1 is not one without a limit.
      if (maxRate !== undefined) writer.u32(maxRate && (Math.floor(maxRate) || 1));
      if (epsilon !== undefined) writer.f64(epsilon);
      if (history !== undefined) writer.u32(history);
      if (window !== undefined) writer.u32(window);
      break;
    }
    case 'UNSUBSCRIBE':
      writer.u8(MessageCode.Unsubscribe).u32(message.id);
      break;
    case 'HELLO':
      writer.u8(MessageCode.Hello).u8(message.version).u8(featureMask(message.features));
      writer.str(message.name).str(message.token ?? '');
      break;
    case 'WELCOME':
      // 'federation' has no place in WELCOME.
      writer
        .u8(MessageCode.Welcome)
        .u8(message.version)
        .u8(featureMask(message.features) & 0xf8);
      writer
        .u64(message.time)
        .str(message.session)
        .str(message.name)
        .str(message.token ?? '');
      break;
    case 'ANNOUNCE':
      writer
        .u8(MessageCode.Announce)
        .str(message.namespace ?? '')
        .u16(message.signals.length);
      for (const signal of message.signals) writeDefinition(writer, signal, true);
      break;
    case 'FEDERATION_SYNC':
      writeFederationSync(writer, message);
      break;
    case 'SNAPSHOT':
      writer.u8(MessageCode.Snapshot).u16(message.params.length);
      for (const { address, value, revision, writer: session, timestamp } of message.params) {
        writer
          .str(address)
          .value(value)
          .u64(revision)
          .u8(bit(session, 1) | bit(timestamp, 2));
        if (session !== undefined) writer.str(session);
        if (timestamp !== undefined) writer.u64(timestamp);
      }
      break;
    case 'REPLAY': {
      const { from, to, limit } = message;
      writer
        .u8(MessageCode.Replay)
        .u8(bit(from, 0x80) | bit(to, 0x40) | bit(limit, 0x20))
        .str(message.pattern);
      if (from !== undefined) writer.u64(from);
      if (to !== undefined) writer.u64(to);
      if (limit !== undefined) writer.u32(limit);
      writer.u8(signalMask(message.types));
      break;
    }
    case 'BUNDLE': {
      writer.u8(MessageCode.Bundle).u8(bit(message.timestamp, 0x80)).u16(message.messages.length);
      if (message.timestamp !== undefined) writer.u64(message.timestamp);
      for (const inner of message.messages) writeBundled(writer, inner);
      break;
    }
    case 'SYNC': {
      const { t1, t2, t3 } = message;
      writer
        .u8(MessageCode.Sync)
        .u8(bit(t2, 1) | bit(t3, 2))
        .u64(t1);
      if (t2 !== undefined) writer.u64(t2);
      if (t3 !== undefined) writer.u64(t3);
      break;
    }
    case 'PING':
      writer.u8(MessageCode.Ping);
      break;
    case 'PONG':
      writer.u8(MessageCode.Pong);
      break;
    case 'ACK': {
      const { address, revision, locked, holder, correlationId } = message;
      writer.u8(MessageCode.Ack);
      writer.u8(bit(address, 1) | bit(revision, 2) | bit(locked, 4) | bit(holder, 8) | bit(correlationId, 0x10));
      if (address !== undefined) writer.str(address);
      if (revision !== undefined) writer.u64(revision);
      if (locked !== undefined) writer.u8(locked ? 1 : 0);
      if (holder !== undefined) writer.str(holder);
      if (correlationId !== undefined) writer.u32(correlationId);
      break;
    }
    case 'ERROR': {
      const { code, address, correlationId } = message;
      writer
        .u8(MessageCode.Error)
        .u16(code)
        .str(message.message)
        .u8(bit(address, 1) | bit(correlationId, 2));
      if (address !== undefined) writer.str(address);
      if (correlationId !== undefined) writer.u32(correlationId);
      break;
    }
    case 'RESULT':
      writer.u8(MessageCode.Result).u16(message.signals.length);
      for (const signal of message.signals) writeDefinition(writer, signal, false);
      break;
    default:
      throw unknown('message type', (message as Message).type);
  }
}

function writeSet(writer: Writer, { address, value, revision, lock, unlock, ttl }: SetMessage): void {
  const flags = bit(revision, SetFlag.Revision) | (lock ? SetFlag.Lock : 0) | (unlock ? SetFlag.Unlock : 0);
  writer.u8(MessageCode.Set).u8(flags | bit(ttl, SetFlag.Ttl) | codeOf(value));
  writer.str(address).body(value);
  if (revision !== undefined) writer.u64(revision);
  if (ttl !== undefined) writer.u32(rawTtl(ttl));
}

/** The u32 of a TTL; `ClaspError` 402 when its seconds do not fit. */
function rawTtl({ seconds, mode }: Ttl): number {
  if (!(Number.isInteger(seconds) && seconds >= 0 && seconds <= 0x7fff_ffff)) throw unknown('TTL', seconds);
  return mode === 'absolute' ? seconds + 0x8000_0000 : seconds;
}

function writePublish(writer: Writer, message: PublishMessage): void {
  const { value, samples, timestamp, id, rate } = message;
  const phase = message.phase === undefined ? 0 : GESTURE_PHASES.indexOf(message.phase);
  if (phase < 0) throw unknown('gesture phase', message.phase);
  const kind = kindCode(message.signal ?? 'event');
  writer.u8(MessageCode.Publish);
  writer.u8((kind << 5) | bit(timestamp, PublishFlag.Timestamp) | bit(id, PublishFlag.Id) | phase);
  writer.str(message.address);
  if (value !== undefined) {
    writer.u8(1).value(value);
  } else if (samples !== undefined) {
    writer.u8(2).u16(samples.length);
    for (const sample of samples) writer.f64(sample);
  } else {
    writer.u8(0);
  }
  if (timestamp !== undefined) writer.u64(timestamp);
  if (id !== undefined) writer.u32(id);
  if (rate !== undefined) writer.u32(rate);
}

/** Writes one entry of ANNOUNCE (with meta) or RESULT (without). */
export function writeDefinition(writer: Writer, signal: SignalDefinition, withMeta: boolean): void {
  const { address, type, datatype, access } = signal;
  const meta = withMeta ? signal.meta : undefined;
  writer.str(address).u8(kindCode(type));
  writer.u8(bit(datatype, 1) | bit(access, 2) | bit(meta, 4));
  if (datatype !== undefined) writer.str(datatype);
  if (access !== undefined) writer.str(access);
  if (meta === undefined) return;
  const { unit, range, default: initial, description } = meta;
  writer.u8(bit(unit, 1) | bit(range, 2) | bit(initial, 4) | bit(description, 8));
  if (unit !== undefined) writer.str(unit);
  if (range !== undefined) writer.f64(range[0]).f64(range[1]);
  if (initial !== undefined) writer.value(initial);
  if (description !== undefined) writer.str(description);
}

function writeFederationSync(writer: Writer, message: FederationSyncMessage): void {
  const op = FEDERATION_OPS.indexOf(message.op) + 1;
  if (op === 0) throw unknown('federation operation', message.op);
  const { since, origin } = message;
  writer.u8(MessageCode.FederationSync).u8(op).u16(message.patterns.length);
  for (const pattern of message.patterns) writer.str(pattern);
  writer.u16(message.revisions.length);
  for (const { address, revision } of message.revisions) writer.str(address).u64(revision);
  writer.u8(bit(since, 0x80) | bit(origin, 0x40));
  if (since !== undefined) writer.u64(since);
  if (origin !== undefined) writer.str(origin);
}

/** Writes one part of a BUNDLE, with its length before it. */
export function writeBundled(writer: Writer, inner: Message): void {
  if (inner.type === 'BUNDLE') throw new ClaspError(ErrorCode.BadValue, 'a bundle in a bundle');
  const start = writer.u16(0).length;
  writeMessage(writer, inner);
  writer.patchSize(start);
}

/** `flag` when the field is there. */
function bit(field: unknown, flag: number): number {
  return field === undefined ? 0 : flag;
}

function kindCode(kind: SignalDefinition['type']): number {
  const code = signalCode(kind);
  if (code < 0) throw unknown('signal kind', kind);
  return code;
}

function featureMask(features: readonly string[]): number {
  return features.reduce((mask, feature) => {
    const index = feature === NARROW ? 7 : FEATURES.indexOf(feature);
    return index < 0 ? mask : mask | (0x80 >> index);
  }, 0);
}

function unknown(what: string, value: unknown): ClaspError {
  return new ClaspError(ErrorCode.BadValue, `${String(value)} is not a ${what}`, { value });
}

/** The longest text of an ERROR, in UTF-16 units. */
const MAX_REASON = 1024;

/**
 * The frame of an ERROR. The reason and the address may hold what a peer sent, of any length: both are cut, so that they
 * fit a frame. An address that is one is never cut.
 */
export function encodeError({ code, reason, address }: ClaspError, correlationId?: number): Uint8Array {
  const message = clip(reason, MAX_REASON);
  const about = address === undefined ? undefined : clip(address, MAX_ADDRESS_BYTES);
  return encodeMessage({ type: 'ERROR', code, message, address: about, correlationId });
}
