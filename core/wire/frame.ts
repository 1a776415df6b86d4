import type { Message, QoS } from '../message.ts';
import type { Value } from '../value.ts';
import { MessageCode } from './codes.ts';
import { type Draft, firstStep } from './first-step.ts';
import { isMessagePack, payloadStart, qosOf, timestampOf } from './header.ts';
import { bundleHead, readMessage } from './message.ts';
import { readF64, readU16 } from './numbers.ts';
import { readUtf8 } from './utf8.ts';
import { badMessage, cut, readValue } from './value.ts';

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
 * const frame = decodeFrame(encodeSet('/mixer/1', 0.75));
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
  firstStep(frame as Draft);
  return frame;
}
