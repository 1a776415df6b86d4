export type { CryptoClientConfig } from '../operators/e2e/crypto-client.ts';
export type { ClaspLike, E2EConfig } from '../operators/e2e/e2e-session.ts';
export type { EncryptedClient, EncryptedOptions } from '../operators/e2e/encrypted.ts';
export type { KeyData, KeyStore, StoredJwk, TofuRecord } from '../operators/e2e/key-store.ts';
export { MemoryKeyStore } from '../operators/e2e/key-store.ts';
export { indexedDbAuthStore } from './auth/indexed-db-auth-store.ts';
export { pagePasswords } from './auth/page-passwords.ts';
export type { BroadcastChannelOptions } from './broadcast-channel.ts';
export { broadcastChannelDial, broadcastChannelListener } from './broadcast-channel.ts';
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
