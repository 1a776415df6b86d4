import type { SignalKind } from '../signal/signal.ts';
import type { Value } from '../signal/value.ts';
import { isU64, writeAscii, writeF64, writeU16, writeU64 } from './bytes.ts';
import { FrameFlag, MAGIC, MessageCode, SetFlag, signalCode, ValueCode } from './codes.ts';
import { encodeMessage } from './encode.ts';
import type { PublishMessage, QoS, SetMessage, Ttl } from './message.ts';

/** Longer addresses are left to the host's encoder. */
const MAX_LOOP = 256;
/** Header, type, flags and length come before it. */
const ADDRESS_AT = 8;
const NONE = {};

/** Everything of a SET besides its address and value. */
export interface EncodeSetOptions {
  /** @defaultValue 0 */
  readonly qos?: QoS | undefined;
  readonly revision?: number | undefined;
  readonly lock?: boolean | undefined;
  readonly unlock?: boolean | undefined;
  readonly ttl?: Ttl | undefined;
}

/** Everything of a PUBLISH besides its signal, address and value. */
export interface EncodePublishOptions extends Pick<PublishMessage, 'samples' | 'rate' | 'id' | 'phase' | 'timestamp'> {
  /** @defaultValue 0 */
  readonly qos?: QoS | undefined;
}

/**
 * The frame of a SET: the same bytes and errors as `encodeMessage`, and fast where the value is a number.
 *
 * @example
 * ```ts
 * encodeClaspSet('/mixer/1', 0.75, { qos: 1 });
 * ```
 */
export function encodeSet(address: string, value: Value, options: EncodeSetOptions = NONE): Uint8Array {
  if (typeof value === 'number' && options.ttl === undefined) {
    const frame = numberSet(address, value, options);
    if (frame !== undefined) return frame;
  }
  const message: SetMessage = { ...options, type: 'SET', address, value };
  return encodeMessage(message, { qos: options.qos });
}

/**
 * The frame of a PUBLISH: the same bytes and errors as `encodeMessage`, and fast where the value is a number.
 * `value` undefined sends `options.samples`, or nothing.
 *
 * @example
 * ```ts
 * encodeClaspPublish('stream', '/sensor/1', 23.5);
 * ```
 */
export function encodePublish(
  signal: SignalKind,
  address: string,
  value?: Value,
  options: EncodePublishOptions = NONE,
): Uint8Array {
  const { id, phase, rate, timestamp } = options;
  if (typeof value === 'number' && id === undefined && phase === undefined && rate === undefined) {
    const frame = timestamp === undefined ? numberPublish(signal, address, value, options) : undefined;
    if (frame !== undefined) return frame;
  }
  const message: PublishMessage = { ...options, type: 'PUBLISH', signal, address, value };
  return encodeMessage(message, { qos: options.qos });
}

// The two below write a frame of the exact size. Where that does not work out (an address that is not ASCII, something
// out of range) they give undefined, and the general way writes the frame or says what is wrong.

function numberSet(address: string, value: number, options: EncodeSetOptions): Uint8Array | undefined {
  const { revision, lock, unlock } = options;
  if (address.length > MAX_LOOP || (revision !== undefined && !isU64(revision))) return undefined;
  const bodyAt = ADDRESS_AT + address.length;
  const size = bodyAt + (revision === undefined ? 8 : 16);
  const frame = openFrame(size, options.qos, MessageCode.Set);
  const flags =
    (revision === undefined ? 0 : SetFlag.Revision) | (lock ? SetFlag.Lock : 0) | (unlock ? SetFlag.Unlock : 0);
  frame[5] = flags | ValueCode.F64;
  writeU16(frame, 6, address.length);
  if (!writeAscii(address, frame, ADDRESS_AT)) return undefined;
  writeF64(frame, bodyAt, value);
  if (revision !== undefined) writeU64(frame, bodyAt + 8, revision);
  return frame;
}

function numberPublish(
  signal: SignalKind,
  address: string,
  value: number,
  options: EncodePublishOptions,
): Uint8Array | undefined {
  const kind = signalCode(signal);
  if (address.length > MAX_LOOP || kind < 0) return undefined;
  const slotAt = ADDRESS_AT + address.length;
  const frame = openFrame(slotAt + 10, options.qos, MessageCode.Publish);
  frame[5] = kind << 5;
  writeU16(frame, 6, address.length);
  if (!writeAscii(address, frame, ADDRESS_AT)) return undefined;
  frame[slotAt] = 1;
  frame[slotAt + 1] = ValueCode.F64;
  writeF64(frame, slotAt + 2, value);
  return frame;
}

function openFrame(size: number, qos: QoS | undefined, type: number): Uint8Array {
  const frame = new Uint8Array(size);
  frame[0] = MAGIC;
  frame[1] = ((qos ?? 0) << 6) | FrameFlag.Binary;
  writeU16(frame, 2, size - 4);
  frame[4] = type;
  return frame;
}
