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
export type { ArtnetBridgeConfig } from './artnet-bridge-type.ts';
export type { BridgeContext, BridgeType } from './bridge-type.ts';
export { Clasp, ClaspBuilder } from './clasp.ts';
export { clock } from './clock.ts';
export type { ConfigFile, FileMistake } from './config-file.ts';
export { defineConfig, readConfigFile } from './config-file.ts';
export type { DmxBridgeOptions } from './dmx-bridge.ts';
export { dmxBridge } from './dmx-bridge.ts';
export type { DmxBridgeConfig } from './dmx-bridge-type.ts';
export type { HttpBridgeOptions } from './http-bridge.ts';
export { httpBridge } from './http-bridge.ts';
export type { HttpBridgeConfig } from './http-bridge-type.ts';
export type { HttpPoll } from './http-poll.ts';
export type { TextPosition } from './json-text.ts';
export type { MidiBridgeOptions } from './midi-bridge.ts';
export { midiBridge } from './midi-bridge.ts';
export type { MidiBridgeConfig } from './midi-bridge-type.ts';
export type { MidiModule, MidiModuleInput, MidiModuleOutput, MidiModulePort } from './midi-module.ts';
export type { MqttBridgeOptions } from './mqtt-bridge.ts';
export { mqttBridge } from './mqtt-bridge.ts';
export type { MqttBridgeConfig } from './mqtt-bridge-type.ts';
export type { MqttAccess, MqttServerBridgeOptions } from './mqtt-server-bridge.ts';
export { mqttServerBridge } from './mqtt-server-bridge.ts';
export type { MqttServerBridgeConfig } from './mqtt-server-bridge-type.ts';
export { resolveInterface } from './network-interface.ts';
export type { OscBridgeOptions } from './osc-bridge.ts';
export { oscBridge } from './osc-bridge.ts';
export type { OscQueryOptions, OscQuerySignal } from './osc-query.ts';
export type { OscTcpOptions } from './osc-tcp.ts';
export type { Relay, RelayAddresses } from './relay.ts';
export { createRelay } from './relay.ts';
export type { BridgeAddress, RelayBridgeEvent } from './relay-bridge.ts';
export type { BridgeConfig, OscBridgeConfig, RelayConfig } from './relay-config.ts';
export type { RelayChange, RelayEvent } from './relay-event.ts';
export type { RouteEvent } from './relay-routes.ts';
export type { SacnBridgeOptions } from './sacn-bridge.ts';
export { sacnBridge } from './sacn-bridge.ts';
export type { SacnBridgeConfig } from './sacn-bridge-type.ts';
export type { SerialPortOptions } from './serial-port.ts';
export { serialPort } from './serial-port.ts';
export type { UdpOptions } from './udp.ts';
export { udpSocket } from './udp.ts';
export type { WebSocketDialOptions } from './web-socket-dial.ts';
export { webSocketDial } from './web-socket-dial.ts';
export type { WebSocketListenerOptions } from './web-socket-listener.ts';
export { webSocketListener } from './web-socket-listener.ts';
export type { Webhook } from './webhook.ts';
export type { WebsocketJsonBridgeConfig, WebsocketJsonBridgeOptions } from './websocket-json-bridge.ts';
export { websocketJsonBridge } from './websocket-json-bridge.ts';
