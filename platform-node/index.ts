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
export type { ArtnetBridgeOptions } from './bridges/artnet-bridge.ts';
export { artnetBridge } from './bridges/artnet-bridge.ts';
export type { ArtnetBridgeConfig } from './bridges/artnet-bridge-type.ts';
export type { BridgeContext, BridgeType } from './bridges/bridge-type.ts';
export type { BridgeConfig } from './bridges/bridge-types.ts';
export type { DmxBridgeOptions } from './bridges/dmx-bridge.ts';
export { dmxBridge } from './bridges/dmx-bridge.ts';
export type { DmxBridgeConfig } from './bridges/dmx-bridge-type.ts';
export type { HttpBridgeOptions } from './bridges/http-bridge.ts';
export { httpBridge } from './bridges/http-bridge.ts';
export type { HttpBridgeConfig } from './bridges/http-bridge-type.ts';
export type { HttpPoll } from './bridges/http-poll.ts';
export type { MidiBridgeOptions } from './bridges/midi-bridge.ts';
export { midiBridge } from './bridges/midi-bridge.ts';
export type { MidiBridgeConfig } from './bridges/midi-bridge-type.ts';
export type { MidiModule, MidiModuleInput, MidiModuleOutput, MidiModulePort } from './bridges/midi-module.ts';
export type { MqttBridgeOptions } from './bridges/mqtt-bridge.ts';
export { mqttBridge } from './bridges/mqtt-bridge.ts';
export type { MqttBridgeConfig } from './bridges/mqtt-bridge-type.ts';
export type { MqttAccess, MqttServerBridgeOptions } from './bridges/mqtt-server-bridge.ts';
export { mqttServerBridge } from './bridges/mqtt-server-bridge.ts';
export type { MqttServerBridgeConfig } from './bridges/mqtt-server-bridge-type.ts';
export type { OscBridgeOptions } from './bridges/osc-bridge.ts';
export { oscBridge } from './bridges/osc-bridge.ts';
export type { OscBridgeConfig } from './bridges/osc-bridge-type.ts';
export type { OscPeriodicMessage } from './bridges/osc-periodic.ts';
export type { OscQueryOptions, OscQuerySignal } from './bridges/osc-query.ts';
export type { OscTcpOptions } from './bridges/osc-tcp.ts';
export type { BridgeAddress, RelayBridgeEvent } from './bridges/relay-bridge.ts';
export type { SacnBridgeOptions } from './bridges/sacn-bridge.ts';
export { sacnBridge } from './bridges/sacn-bridge.ts';
export type { SacnBridgeConfig } from './bridges/sacn-bridge-type.ts';
export type { SerialPortOptions } from './bridges/serial-port.ts';
export { serialPort } from './bridges/serial-port.ts';
export type { Webhook } from './bridges/webhook.ts';
export type { WebsocketJsonBridgeConfig, WebsocketJsonBridgeOptions } from './bridges/websocket-json-bridge.ts';
export { websocketJsonBridge } from './bridges/websocket-json-bridge.ts';
export { Clasp, ClaspBuilder } from './clasp.ts';
export { clock } from './clock.ts';
export type { ConfigFile, FileMistake } from './config/config-file.ts';
export { defineConfig, readConfigFile } from './config/config-file.ts';
export type { TextPosition } from './config/json-text.ts';
export type { RelayConfig } from './config/relay-config.ts';
export { collectYoung, nextTurn } from './event-loop.ts';
export { resolveInterface } from './network-interface.ts';
export type { Relay, RelayAddresses } from './relay.ts';
export { createRelay } from './relay.ts';
export type { RelayChange, RelayEvent } from './relay-event.ts';
export type { RouteEvent } from './relay-routes.ts';
export type { UdpOptions } from './udp.ts';
export { udpSocket } from './udp.ts';
export type { WebSocketDialOptions } from './web-socket/web-socket-dial.ts';
export { webSocketDial } from './web-socket/web-socket-dial.ts';
export type { WebSocketListenerOptions } from './web-socket/web-socket-listener.ts';
export { webSocketListener } from './web-socket/web-socket-listener.ts';
