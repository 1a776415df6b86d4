import { ClaspError } from '../errors.ts';
import { FrameFlag, MAGIC, MAX_PAYLOAD } from '../wire/codes.ts';
import { encodeMessage as encodeWhole } from '../wire/encode.ts';
import type { Message as OurMessage, QoS } from '../wire/message.ts';
import { decodeAnyFrame } from '../wire/message-pack.ts';
import type { Message } from './types.ts';

// The codec of `@clasp-to/core` by its own names, over that of this package. Where the bytes are those of no message, or
// a field does not fit, it throws a `ClaspError` (an `Error`, as published) and never writes something else instead.

const SIZE_OF_HEADER = 4;
const SIZE_WITH_TIMESTAMP = 12;

/** What the second byte of a frame says. */
export interface FrameFlags {
  /** How the frame is to be treated. */
  qos: QoS;
  /** Whether a timestamp stands before the payload. */
  hasTimestamp: boolean;
  /** Never set by CLASP 1. */
  encrypted: boolean;
  /** Never set by CLASP 1. */
  compressed: boolean;
  /** 1 for binary payloads, 0 for MessagePack. @defaultValue 1 */
  version?: number;
}

/** The same, with the version in any case. */
export interface FrameFlagsV3 extends FrameFlags {
  /** 1 for binary payloads, 0 for MessagePack. */
  version: number;
}

/** What goes into the header of a frame. */
export interface FrameOptions {
  /** How the frame is to be treated. */
  qos?: QoS;
  /** Microseconds. @defaultValue none */
  timestamp?: bigint | number;
  /** Does not travel. */
  sequence?: number;
}

/** A frame without its header. */
export interface DecodedFrame {
  /** A copy of the message's bytes. */
  payload: Uint8Array;
  /** How the frame is to be treated. */
  qos: QoS;
  /** That of the header, microseconds. */
  timestamp?: bigint | undefined;
  /** What else the header says. */
  flags: FrameFlagsV3;
}

/** The second byte of a frame. */
export function encodeFlags({ qos, hasTimestamp, encrypted, compressed, version = 1 }: FrameFlags): number {
  const bits = (hasTimestamp ? FrameFlag.Timestamp : 0) | (encrypted ? FrameFlag.Encrypted : 0);
  return ((qos & 3) << 6) | bits | (compressed ? FrameFlag.Compressed : 0) | (version & 7);
}

/** What the second byte of a frame says. */
export function decodeFlags(byte: number): FrameFlagsV3 {
  return {
    qos: ((byte >> 6) & 3) as QoS,
    hasTimestamp: (byte & FrameFlag.Timestamp) !== 0,
    encrypted: (byte & FrameFlag.Encrypted) !== 0,
    compressed: (byte & FrameFlag.Compressed) !== 0,
    version: byte & 7,
  };
}

/** A payload as a frame. Throws a `ClaspError` 402 when it is longer than 65535 bytes, or for an impossible timestamp. */
export function encodeFrame(payload: Uint8Array, { qos = 0, timestamp }: FrameOptions = {}): Uint8Array {
  const size = payload.length;
  if (size > MAX_PAYLOAD) throw new ClaspError(402, `a payload of ${size} bytes is longer than 65535`);
  const hasTimestamp = timestamp !== undefined;
  const start = hasTimestamp ? SIZE_WITH_TIMESTAMP : SIZE_OF_HEADER;
  const frame = new Uint8Array(start + size);
  const view = new DataView(frame.buffer);
  frame[0] = MAGIC;
  frame[1] = encodeFlags({ qos, hasTimestamp, encrypted: false, compressed: false });
  view.setUint16(2, size);
  if (hasTimestamp) view.setBigUint64(4, u64(timestamp));
  frame.set(payload, start);
  return frame;
}

function u64(value: bigint | number): bigint {
  const whole = typeof value === 'bigint' || Number.isInteger(value);
  if (whole && value >= 0 && value < 2 ** 64) return BigInt(value);
  throw new ClaspError(402, `${value} is not a timestamp`);
}

/**
 * A frame without its header; what follows the frame is not looked at, nor what the payload is. Throws a `ClaspError` 100
 * for what is not a whole frame.
 */
export function decodeFrame(data: Uint8Array): DecodedFrame {
  const end = checkComplete(data);
  if (end === null) throw new ClaspError(100, `${data.length} bytes are not a frame`);
  const flags = decodeFlags(data[1] as number);
  const { qos, hasTimestamp } = flags;
  return {
    payload: data.slice(hasTimestamp ? SIZE_WITH_TIMESTAMP : SIZE_OF_HEADER, end),
    qos,
    timestamp: hasTimestamp ? viewOf(data).getBigUint64(4) : undefined,
    flags,
  };
}

/** How long the frame is that `data` begins with; null when it is not whole yet, or none. */
export function checkComplete(data: Uint8Array): number | null {
  if (data.length < SIZE_OF_HEADER || data[0] !== MAGIC) return null;
  const { hasTimestamp } = decodeFlags(data[1] as number);
  const size = (hasTimestamp ? SIZE_WITH_TIMESTAMP : SIZE_OF_HEADER) + viewOf(data).getUint16(2);
  return data.length < size ? null : size;
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** A message without a frame. Throws a `ClaspError` 402. */
export function encodeMessageBinary(message: Message): Uint8Array {
  return encodeWhole(ourMessage(message)).slice(SIZE_OF_HEADER);
}

/** The message of a payload, binary or MessagePack. Throws a `ClaspError` 100 or 101. */
export function decodeMessageBinary(payload: Uint8Array): Message {
  return decodeAnyFrame(encodeFrame(payload)).message;
}

/**
 * A message as one frame. Without `qos` it has the one that is usual for the message: 1 for SET, SUBSCRIBE, UNSUBSCRIBE
 * and for PUBLISH of params, events and timelines, 2 for BUNDLE, else 0. Throws a `ClaspError` 402.
 */
export function encodeMessage(message: Message, options: FrameOptions = {}): Uint8Array {
  const { qos = usualQoS(message), timestamp } = options;
  return encodeFrame(encodeMessageBinary(message), timestamp === undefined ? { qos } : { qos, timestamp });
}

/** The message of a frame and what its header says. Throws a `ClaspError` 100 or 101. */
export function decodeMessage(data: Uint8Array): {
  message: Message;
  flags: FrameFlagsV3;
  timestamp?: bigint | undefined;
} {
  const { payload, flags, timestamp } = decodeFrame(data);
  return { message: decodeMessageBinary(payload), flags, timestamp };
}

/** The same as `encodeMessage`. */
export function encode(message: Message, qos?: QoS): Uint8Array {
  return encodeMessage(message, qos === undefined ? {} : { qos });
}

/** The message of a frame, binary or MessagePack. Throws a `ClaspError` 100 or 101. */
export function decode(data: Uint8Array): Message {
  return decodeMessage(data).message;
}

/** The same with every payload as a value. */
function ourMessage(message: Message): OurMessage {
  if (message.type === 'BUNDLE') return { ...message, messages: message.messages.map(ourMessage) };
  if (message.type !== 'PUBLISH' || message.payload === undefined) return message;
  const { payload, value = payload } = message;
  return { ...message, value };
}

function usualQoS(message: Message): QoS {
  switch (message.type) {
    case 'SET':
    case 'SUBSCRIBE':
    case 'UNSUBSCRIBE':
      return 1;
    case 'PUBLISH':
      return message.signal === 'stream' || message.signal === 'gesture' ? 0 : 1;
    case 'BUNDLE':
      return 2;
    default:
      return 0;
  }
}
