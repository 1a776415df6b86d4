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
export type { ArtnetBridgeOptions } from './artnet-bridge.ts';
export { artnetBridge } from './artnet-bridge.ts';
export { Clasp, ClaspBuilder } from './clasp.ts';
export { clock } from './clock.ts';
export type { MidiBridgeOptions } from './midi-bridge.ts';
export { midiBridge } from './midi-bridge.ts';
export type { MidiBridgeConfig } from './midi-bridge-type.ts';
export type { MidiModule, MidiModuleInput, MidiModuleOutput, MidiModulePort } from './midi-module.ts';
export { resolveInterface } from './network-interface.ts';
export type { OscBridgeOptions } from './osc-bridge.ts';
export { oscBridge } from './osc-bridge.ts';
export type { Relay, RelayAddresses, RelayEvent } from './relay.ts';
export { createRelay } from './relay.ts';
export type { BridgeConfig, OscBridgeConfig, RelayConfig } from './relay-config.ts';
export type { SacnBridgeOptions } from './sacn-bridge.ts';
export { sacnBridge } from './sacn-bridge.ts';
export type { UdpOptions } from './udp.ts';
export { udpSocket } from './udp.ts';
export type { WebSocketDialOptions } from './web-socket-dial.ts';
export { webSocketDial } from './web-socket-dial.ts';
export type { WebSocketListenerOptions } from './web-socket-listener.ts';
export { webSocketListener } from './web-socket-listener.ts';
