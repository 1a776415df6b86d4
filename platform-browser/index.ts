export {
  DEFAULT_DISCOVERY_PORT,
  DEFAULT_WS_PORT,
  decode,
  encode,
  isAckMessage,
  isErrorMessage,
  isHelloMessage,
  isPublishMessage,
  isSetMessage,
  isSubscribeMessage,
  isWelcomeMessage,
  MAGIC_BYTE,
  MSG,
  PHASE,
  QoS,
  SIG,
  SignalType,
  VAL,
  WS_SUBPROTOCOL,
} from '../core/published-names.ts';
export type { BroadcastChannelOptions } from './broadcast-channel.ts';
export { broadcastChannelDial, broadcastChannelListener } from './broadcast-channel.ts';
export { Clasp, ClaspBuilder } from './clasp.ts';
export { clock } from './clock.ts';
export type { DmxBridgeOptions } from './dmx-bridge.ts';
export { dmxBridge } from './dmx-bridge.ts';
export type {
  MessageEventTarget,
  MessagePortDialOptions,
  MessagePortListenerOptions,
  MessagePortOptions,
  MessagePostTarget,
} from './message-port.ts';
export { messagePortConnection, messagePortDial, messagePortListener } from './message-port.ts';
export type { MidiAccessLike, MidiOutputPortLike, MidiPortLike } from './web-midi.ts';
export { midiInputs, midiOutputs, webMidiTime } from './web-midi.ts';
export type { WebMidiLibraryEvent, WebMidiLibraryInput, WebMidiLibraryOutput } from './web-midi-library.ts';
export { webMidiInput, webMidiOutput } from './web-midi-library.ts';
export type { WebSerialOptions, WebSerialPortLike } from './web-serial.ts';
export { webSerialPort } from './web-serial.ts';
export type { WebSocketDialOptions } from './web-socket-dial.ts';
export { webSocketDial } from './web-socket-dial.ts';
