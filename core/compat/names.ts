import type {
  AckMessage,
  ErrorMessage,
  HelloMessage,
  QoS as QoSLevel,
  SetMessage,
  SubscribeMessage,
  WelcomeMessage,
} from '../wire/message.ts';
import type { Message, PublishMessage } from './types.ts';

// What programs import from `@clasp-to/core` besides the client and its codec, under the same names and with the same values. Where
// the rest of this package has its own name for the same thing, that one is the better choice for new programs.

/** Default port of a relay. */
export const DEFAULT_WS_PORT = 7330;
/** Port of UDP discovery in published relays. */
export const DEFAULT_DISCOVERY_PORT = 7331;
/** The WebSocket subprotocol. */
export const WS_SUBPROTOCOL = 'clasp';
/** First byte of every frame. */
export const MAGIC_BYTE = 83;

/** How a frame is to be treated, and the names of the levels. */
export const QoS = { Fire: 0, Confirm: 1, Commit: 2, 0: 'Fire', 1: 'Confirm', 2: 'Commit' } as const;
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

/** First byte of a message, and the names of the codes. */
export const MessageType = {
  Hello: 1,
  Welcome: 2,
  Announce: 3,
  Subscribe: 16,
  Unsubscribe: 17,
  Publish: 32,
  Set: 33,
  Get: 34,
  Snapshot: 35,
  Bundle: 48,
  Sync: 64,
  Ping: 65,
  Pong: 66,
  Ack: 80,
  Error: 81,
  Query: 96,
  Result: 97,
  1: 'Hello',
  2: 'Welcome',
  3: 'Announce',
  16: 'Subscribe',
  17: 'Unsubscribe',
  32: 'Publish',
  33: 'Set',
  34: 'Get',
  35: 'Snapshot',
  48: 'Bundle',
  64: 'Sync',
  65: 'Ping',
  66: 'Pong',
  80: 'Ack',
  81: 'Error',
  96: 'Query',
  97: 'Result',
} as const;
/** One of the codes. */
export type MessageType = Extract<(typeof MessageType)[keyof typeof MessageType], number>;

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
