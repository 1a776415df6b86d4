import type { PublishMessage, QoS, SetMessage, Ttl } from '../message.ts';
import type { SignalKind } from '../signal.ts';
import type { Value } from '../value.ts';
import { FrameFlag, MAGIC, MessageCode, SetFlag, signalCode, ValueCode } from './codes.ts';
import { encodeMessage } from './encode.ts';
import { isU64, writeF64, writeU16, writeU64 } from './numbers.ts';
import { writeAscii } from './utf8.ts';

/** Longer addresses are left to the host's encoder. */
const MAX_LOOP = 256;

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
 * The frame of a SET; the same bytes and errors as `encodeMessage`, without an object for the message.
 *
 * @example
 * ```ts
 * encodeSet('/mixer/1', 0.75, { qos: 1 });
 * ```
 */
export function encodeSet(address: string, value: Value, options?: EncodeSetOptions): Uint8Array {
  if (typeof value === 'number') {
    const frame = numberSet(address, value, options);
    if (frame !== undefined) return frame;
  }
  const message: SetMessage = { ...options, type: 'SET', address, value };
  return encodeMessage(message, { qos: options?.qos });
}

/**
 * The frame of a PUBLISH; the same bytes and errors as `encodeMessage`, without an object for the message.
 * `value` undefined sends `options.samples`, or nothing.
 *
 * @example
 * ```ts
 * encodePublish('stream', '/sensor/1', 23.5);
 * ```
 */
export function encodePublish(
  signal: SignalKind,
  address: string,
  value?: Value,
  options?: EncodePublishOptions,
): Uint8Array {
  if (typeof value === 'number' && options === undefined) {
    const frame = numberPublish(signal, address, value, 0);
    if (frame !== undefined) return frame;
  }
  const message: PublishMessage = { ...options, type: 'PUBLISH', signal, address, value };
  return encodeMessage(message, { qos: options?.qos });
}

// The two below write a frame of the exact size, which works when the address is ASCII; for any other address they give
// undefined and the general way is taken.

function numberSet(address: string, value: number, options: EncodeSetOptions | undefined): Uint8Array | undefined {
  const length = address.length;
  if (length > MAX_LOOP) return undefined;
  const qos = options?.qos ?? 0;
  const revision = options?.revision;
  const ttl = options?.ttl;
  let size = 8 + length + 8;
  let flags: number = ValueCode.F64;
  if (options !== undefined) {
    if (options.lock) flags |= SetFlag.Lock;
    if (options.unlock) flags |= SetFlag.Unlock;
    if (ttl !== undefined) return undefined;
    if (revision !== undefined) {
      if (!isU64(revision)) return undefined;
      flags |= SetFlag.Revision;
      size += 8;
    }
  }
  const frame = new Uint8Array(size);
  frame[0] = MAGIC;
  frame[1] = (qos << 6) | FrameFlag.Binary;
  writeU16(frame, 2, size - 4);
  frame[4] = MessageCode.Set;
  frame[5] = flags;
  writeU16(frame, 6, length);
  if (!writeAscii(address, frame, 8)) return undefined;
  writeF64(frame, 8 + length, value);
  if (revision !== undefined) writeU64(frame, 16 + length, revision);
  return frame;
}

function numberPublish(signal: SignalKind, address: string, value: number, qos: QoS): Uint8Array | undefined {
  const length = address.length;
  const kind = signalCode(signal);
  if (length > MAX_LOOP || kind < 0) return undefined;
  const size = 8 + length + 10;
  const frame = new Uint8Array(size);
  frame[0] = MAGIC;
  frame[1] = (qos << 6) | FrameFlag.Binary;
  writeU16(frame, 2, size - 4);
  frame[4] = MessageCode.Publish;
  frame[5] = kind << 5;
  writeU16(frame, 6, length);
  if (!writeAscii(address, frame, 8)) return undefined;
  frame[8 + length] = 1;
  frame[9 + length] = ValueCode.F64;
  writeF64(frame, 10 + length, value);
  return frame;
}
