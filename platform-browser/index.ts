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
export type { Value } from '../core/signal/value.ts';
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
export type { CryptoClientConfig } from '../operators/e2e/crypto-client.ts';
export type { ClaspLike, E2EConfig } from '../operators/e2e/e2e-session.ts';
export type { EncryptedClient, EncryptedOptions } from '../operators/e2e/encrypted.ts';
export type { KeyData, KeyStore, StoredJwk, TofuRecord } from '../operators/e2e/key-store.ts';
export { MemoryKeyStore } from '../operators/e2e/key-store.ts';
export { indexedDbAuthStore } from './auth/indexed-db-auth-store.ts';
export { pagePasswords } from './auth/page-passwords.ts';
export type { BroadcastChannelOptions } from './broadcast-channel.ts';
export { broadcastChannelDial, broadcastChannelListener } from './broadcast-channel.ts';
export { Clasp, ClaspBuilder } from './clasp.ts';
export { clock } from './clock.ts';
export type { DmxBridgeOptions } from './dmx-bridge.ts';
export { dmxBridge } from './dmx-bridge.ts';
export { CryptoClient, E2ESession, encrypted } from './e2e/encrypted.ts';
export { IndexedDBKeyStore } from './e2e/indexed-db-key-store.ts';
export type {
  MessageEventTarget,
  MessagePortDialOptions,
  MessagePortListenerOptions,
  MessagePortOptions,
  MessagePostTarget,
} from './message-port.ts';
export { messagePortConnection, messagePortDial, messagePortListener } from './message-port.ts';
export type { VerifyOptions } from './token/capabilities.ts';
export {
  capabilityHolder,
  delegateCapability,
  inspectCapability,
  mintCapability,
  verifyCapability,
} from './token/capabilities.ts';
export type { WebCryptoLike } from './token/web-token-crypto.ts';
export { webTokenCrypto } from './token/web-token-crypto.ts';
export type { MidiAccessLike, MidiOutputPortLike, MidiPortLike } from './web-midi.ts';
export { midiInput, midiInputs, midiOutput, midiOutputs, webMidiTime } from './web-midi.ts';
export type { WebMidiLibraryEvent, WebMidiLibraryInput, WebMidiLibraryOutput } from './web-midi-library.ts';
export { webMidiInput, webMidiOutput } from './web-midi-library.ts';
export type { WebSerialOptions, WebSerialPortLike } from './web-serial.ts';
export { webSerialPort } from './web-serial.ts';
export type { WebSocketDialOptions } from './web-socket-dial.ts';
export { webSocketDial } from './web-socket-dial.ts';
