export { checkAddress, checkPattern, isAddress, MAX_ADDRESS_BYTES, MAX_ADDRESS_SEGMENTS } from './address.ts';
export type { AddressTemplate } from './address-template.ts';
export { addressTemplate, captureCount } from './address-template.ts';
export type { BridgeEvent } from './bridge-event.ts';
export type { BytePort, BytePorts } from './byte-port.ts';
export type {
  Ack,
  BundleOptions,
  BundlePart,
  BundleReply,
  Client,
  ClientClock,
  ClientCounts,
  ClientStatus,
  OnOptions,
  QoSOptions,
  Reply,
  SetOptions,
  SignalCallback,
  TimelineOptions,
} from './client.ts';
export type { Connection, Connections } from './connection.ts';
export type { Datagram, DatagramSocket } from './datagram.ts';
export { ease } from './easing.ts';
export type { EchoMemoryOptions } from './echo-memory.ts';
export { EchoMemory } from './echo-memory.ts';
export type { ClaspErrorOptions } from './errors.ts';
export { ClaspError, ErrorCode } from './errors.ts';
export { parseJson, stringifyJson } from './json.ts';
export type { MemoryConnection, MemoryPairOptions } from './memory-pair.ts';
export { memoryPair } from './memory-pair.ts';
export type {
  AckMessage,
  AnnounceMessage,
  BundleMessage,
  ErrorMessage,
  FederationOp,
  FederationSyncMessage,
  GetMessage,
  HelloMessage,
  Message,
  ParamState,
  PingMessage,
  PongMessage,
  PublishMessage,
  QoS,
  QueryMessage,
  ReplayMessage,
  ResultMessage,
  SetMessage,
  SignalDefinition,
  SnapshotMessage,
  SubscribeMessage,
  SubscribeOptions,
  SyncMessage,
  TimelineValue,
  Ttl,
  UnsubscribeMessage,
  WelcomeMessage,
} from './message.ts';
export { PROTOCOL_VERSION } from './message.ts';
export type { Numbers } from './pacing.ts';
export type { OnFull } from './param-places.ts';
export type { MergeValues, ParamRule, ParamStrategy } from './param-rules.ts';
export { mergeMaps } from './param-rules.ts';
export { captures, compilePattern, isLiteral, matches, Pattern, patternsOverlap } from './pattern.ts';
export type { Route, RouteConfig } from './route.ts';
export { compileRoute, routeName } from './route.ts';
export type { Scope, ScopeAction } from './scope.ts';
export { ALL_SCOPES, parseScope, Scopes, scopes } from './scope.ts';
export type {
  Easing,
  Event,
  Gesture,
  GesturePhase,
  Keyframe,
  Param,
  Signal,
  SignalKind,
  Stream,
  Timeline,
} from './signal.ts';
export type { Sink, SinkActions } from './sink.ts';
export { sink } from './sink.ts';
export type { Curve } from './timeline.ts';
export { checkTimeline, interpolate, MAX_KEYFRAMES } from './timeline.ts';
export type { Range } from './transforms/check-options.ts';
export type { ClampOptions } from './transforms/clamp.ts';
export type { CurveName, CurveOptions } from './transforms/curve.ts';
export type { DeadzoneOptions } from './transforms/deadzone.ts';
export type { Formula } from './transforms/expression.ts';
export { compileExpression } from './transforms/expression.ts';
export type { ExpressionOptions } from './transforms/expression-transform.ts';
export type { GateOptions } from './transforms/gate.ts';
export type { InvertOptions } from './transforms/invert.ts';
export type { ModuloOptions } from './transforms/modulo.ts';
export type { PowerOptions } from './transforms/power.ts';
export type { QuantizeOptions } from './transforms/quantize.ts';
export type { RoundOptions } from './transforms/round.ts';
export type { ScaleOptions } from './transforms/scale.ts';
export type { SmoothOptions } from './transforms/smooth.ts';
export type { ThresholdOptions } from './transforms/threshold.ts';
export type { ToggleOptions } from './transforms/toggle.ts';
export type { Step, Transform } from './transforms/transform.ts';
export type { TransformConfig } from './transforms/transform-config.ts';
export { chain, transformOf } from './transforms/transform-config.ts';
export type { TriggerOptions } from './transforms/trigger.ts';
export type { Value } from './value.ts';
export type { FromWebSocketOptions, WebSocketLike } from './web-socket.ts';
export { fromWebSocket } from './web-socket.ts';
export type { EncodeOptions, EncodePublishOptions, EncodeSetOptions } from './wire/index.ts';
export {
  decodeFrame,
  decodeMessage,
  decodeValue,
  encodeMessage,
  encodePublish,
  encodeSet,
  encodeValue,
  Frame,
  MAX_PAYLOAD,
  MessageCode,
  ValueCode,
  Writer,
} from './wire/index.ts';
export { decodeAnyFrame } from './wire/message-pack.ts';
