// `clasp-rx/compat`: everything that `@clasp-to/core` exports, under the same names, so that a program changes its import
// and runs. Conditional exports choose between this and the file of the same name of the other platform.
export type { SignalCallback as SubscriptionCallback } from '../core/client/client.ts';
export type { DecodedFrame, FrameFlags, FrameFlagsV3, FrameOptions } from '../core/compat/frames.ts';
export {
  checkComplete,
  decode,
  decodeFlags,
  decodeFrame,
  decodeMessage,
  decodeMessageBinary,
  encode,
  encodeFlags,
  encodeFrame,
  encodeMessage,
  encodeMessageBinary,
} from '../core/compat/frames.ts';
export {
  DEFAULT_DISCOVERY_PORT,
  DEFAULT_WS_PORT,
  isAckMessage,
  isErrorMessage,
  isHelloMessage,
  isPublishMessage,
  isSetMessage,
  isSubscribeMessage,
  isWelcomeMessage,
  MAGIC_BYTE,
  MessageType,
  MSG,
  PHASE,
  QoS,
  SIG,
  SignalType,
  VAL,
  WS_SUBPROTOCOL,
} from '../core/compat/names.ts';
export type { BundleMessage, ClaspEvents, Message, PublishMessage, Unsubscribe } from '../core/compat/types.ts';
export type { Keyframe as TimelineKeyframe } from '../core/signal/signal.ts';
export type { PlainValue as Value } from '../core/signal/value.ts';
export type {
  AckMessage,
  AnnounceMessage,
  ErrorMessage,
  GetMessage,
  HelloMessage,
  ParamState as ParamValue,
  QueryMessage,
  ResultMessage,
  SetMessage,
  SignalDefinition,
  SnapshotMessage,
  SubscribeMessage,
  SubscribeOptions,
  SyncMessage,
  UnsubscribeMessage,
  WelcomeMessage,
} from '../core/wire/message.ts';
export { PROTOCOL_VERSION } from '../core/wire/message.ts';
export type { ConnectOptions } from '../operators/client/client-builder.ts';
export { Clasp, ClaspBuilder } from './clasp.ts';
