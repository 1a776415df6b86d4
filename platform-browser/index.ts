export type { BroadcastChannelOptions } from './broadcast-channel.ts';
export { broadcastChannelDial, broadcastChannelListener } from './broadcast-channel.ts';
export { Clasp, ClaspBuilder } from './clasp.ts';
export type {
  MessageEventTarget,
  MessagePortDialOptions,
  MessagePortListenerOptions,
  MessagePortOptions,
  MessagePostTarget,
} from './message-port.ts';
export { messagePortConnection, messagePortDial, messagePortListener } from './message-port.ts';
export type { MidiAccessLike, MidiPortLike } from './web-midi.ts';
export { midiInputs } from './web-midi.ts';
export type { WebSocketDialOptions } from './web-socket-dial.ts';
export { webSocketDial } from './web-socket-dial.ts';
