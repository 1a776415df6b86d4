import type {
  AckMessage,
  ErrorMessage,
  HelloMessage,
  Message,
  PublishMessage,
  QoS as QoSLevel,
  SetMessage,
  SubscribeMessage,
  WelcomeMessage,
} from './message.ts';
import { encodeMessage } from './wire/encode.ts';
import { decodeAnyFrame } from './wire/message-pack.ts';

// What programs import from `@clasp-to/core` besides the client, under the same names and with the same values. Where
// the rest of this package has its own name for the same thing, that one is the better choice for new programs.

/** Default port of a relay. */
export const DEFAULT_WS_PORT = 7330;
/** Port of UDP discovery in published relays. */
export const DEFAULT_DISCOVERY_PORT = 7331;
/** The WebSocket subprotocol. */
export const WS_SUBPROTOCOL = 'clasp';
/** First byte of every frame. */
export const MAGIC_BYTE = 83;

/** How a frame is to be treated. */
export const QoS = { Fire: 0, Confirm: 1, Commit: 2 } as const;
/** One of the levels. */
export type QoS = QoSLevel;

/** The kinds of signal by name. */
export const SignalType = {
  Param: 'param',
  Event: 'event',
  Stream: 'stream',
  Gesture: 'gesture',
  Timeline: 'timeline',
} as const;
/** One of the kinds of signal. */
export type SignalType = (typeof SignalType)[keyof typeof SignalType];

/** First byte of a message. */
export const MSG = {
  HELLO: 1,
  WELCOME: 2,
  ANNOUNCE: 3,
  SUBSCRIBE: 16,
  UNSUBSCRIBE: 17,
  PUBLISH: 32,
  SET: 33,
  GET: 34,
  SNAPSHOT: 35,
  BUNDLE: 48,
  SYNC: 64,
  PING: 65,
  PONG: 66,
  ACK: 80,
  ERROR: 81,
  QUERY: 96,
  RESULT: 97,
} as const;

/** First byte of a value. */
export const VAL = {
  NULL: 0,
  BOOL: 1,
  I8: 2,
  I16: 3,
  I32: 4,
  I64: 5,
  F32: 6,
  F64: 7,
  STRING: 8,
  BYTES: 9,
  ARRAY: 10,
  MAP: 11,
} as const;

/** Codes of the kinds of signal. */
export const SIG = { PARAM: 0, EVENT: 1, STREAM: 2, GESTURE: 3, TIMELINE: 4 } as const;
/** Codes of the phases of a gesture. */
export const PHASE = { START: 0, MOVE: 1, END: 2, CANCEL: 3 } as const;

/**
 * A message as one frame. Without `qos` it has the one that is usual for the message: 1 for SET, SUBSCRIBE, UNSUBSCRIBE
 * and for PUBLISH of params, events and timelines, 2 for BUNDLE, else 0. Throws a `ClaspError` 402.
 */
export function encode(message: Message, qos: QoS = usualQoS(message)): Uint8Array {
  return encodeMessage(message, { qos });
}

/** The message of a frame, binary or MessagePack. Throws a `ClaspError` 100 or 101. */
export function decode(frame: Uint8Array): Message {
  return decodeAnyFrame(frame).message;
}

function usualQoS(message: Message): QoS {
  switch (message.type) {
    case 'SET':
    case 'SUBSCRIBE':
    case 'UNSUBSCRIBE':
      return QoS.Confirm;
    case 'PUBLISH':
      return message.signal === 'stream' || message.signal === 'gesture' ? QoS.Fire : QoS.Confirm;
    case 'BUNDLE':
      return QoS.Commit;
    default:
      return QoS.Fire;
  }
}

/** Whether this is a message of type HELLO. */
export const isHelloMessage = (message: unknown): message is HelloMessage => is('HELLO', message);
/** Whether this is a message of type WELCOME. */
export const isWelcomeMessage = (message: unknown): message is WelcomeMessage => is('WELCOME', message);
/** Whether this is a message of type SET. */
export const isSetMessage = (message: unknown): message is SetMessage => is('SET', message);
/** Whether this is a message of type PUBLISH. */
export const isPublishMessage = (message: unknown): message is PublishMessage => is('PUBLISH', message);
/** Whether this is a message of type SUBSCRIBE. */
export const isSubscribeMessage = (message: unknown): message is SubscribeMessage => is('SUBSCRIBE', message);
/** Whether this is a message of type ERROR. */
export const isErrorMessage = (message: unknown): message is ErrorMessage => is('ERROR', message);
/** Whether this is a message of type ACK. */
export const isAckMessage = (message: unknown): message is AckMessage => is('ACK', message);

function is(type: Message['type'], message: unknown): boolean {
  return typeof message === 'object' && message !== null && 'type' in message && message.type === type;
}
