export { checkAddress, checkPattern, isAddress, MAX_ADDRESS_BYTES, MAX_ADDRESS_SEGMENTS } from './address/address.ts';
export type { AddressTemplate } from './address/address-template.ts';
export { addressTemplate, captureCount } from './address/address-template.ts';
export { captures, compilePattern, isLiteral, matches, Pattern, patternsOverlap } from './address/pattern.ts';
export type { Scope, ScopeAction } from './address/scope.ts';
export { ALL_SCOPES, parseScope, Scopes, scopes } from './address/scope.ts';
export { patternWithin } from './address/scope-within.ts';
export type { Answer } from './answer.ts';
export type { Account, AuthStore, AuthTables, Revocation, TokenRecord } from './auth/auth-store.ts';
export { MemoryAuthStore } from './auth/auth-store.ts';
export type { PasswordHasher, PasswordVerdict } from './auth/password-hasher.ts';
export type {
  Ack,
  BridgeEvent,
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
  TagOptions,
  TimelineOptions,
} from './client/client.ts';
export type { BytePort, BytePorts } from './connection/byte-port.ts';
export type { Connection, Connections } from './connection/connection.ts';
export type { Datagram, DatagramSocket } from './connection/datagram.ts';
export type { MemoryConnection, MemoryPairOptions } from './connection/memory-pair.ts';
export { memoryPair } from './connection/memory-pair.ts';
export type { FromWebSocketOptions, WebSocketLike } from './connection/web-socket.ts';
export { fromWebSocket } from './connection/web-socket.ts';
export type { ClaspErrorOptions } from './errors.ts';
export { ClaspError, ErrorCode } from './errors.ts';
export type { OnFull } from './param/param.ts';
export type { MergeValues, ParamRule, ParamStrategy } from './param/param-rules.ts';
export { mergeMaps } from './param/param-rules.ts';
export type { EchoMemoryOptions } from './signal/echo-memory.ts';
export { EchoMemory } from './signal/echo-memory.ts';
export { parseJson, stringifyJson } from './signal/json.ts';
export type { Numbers } from './signal/pacing.ts';
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
} from './signal/signal.ts';
export type { Sink, SinkActions } from './signal/sink.ts';
export { sink } from './signal/sink.ts';
export { nextTag } from './signal/tag.ts';
export type { PlainValue, Value, ValueMap } from './signal/value.ts';
export { monotonicScheduler } from './time/monotonic-scheduler.ts';
export type { Curve } from './timeline/timeline.ts';
export { checkTimeline, ease, interpolate, MAX_KEYFRAMES } from './timeline/timeline.ts';
export type {
  CapabilityContents,
  CapabilityGrant,
  CapabilityRefusal,
  CapabilityVerdict,
  DelegateOptions,
  MintOptions,
  TrustAnchor,
} from './token/capability.ts';
export type { EntityRights, EntityStatus } from './token/entity-token.ts';
export type { TokenCrypto } from './token/token-crypto.ts';
export type { StaticToken, TokenFile } from './token/token-file.ts';
export { readTokenFile, staticToken } from './token/token-file.ts';
export type { ClampOptions } from './transforms/clamp.ts';
export type { CurveName, CurveOptions } from './transforms/curve.ts';
export type { DeadzoneOptions } from './transforms/deadzone.ts';
export type { ExpressionOptions, Formula } from './transforms/expression.ts';
export { compileExpression } from './transforms/expression.ts';
export type { GateOptions } from './transforms/gate.ts';
export type { InvertOptions } from './transforms/invert.ts';
export type { ModuloOptions } from './transforms/modulo.ts';
export type { PowerOptions } from './transforms/power.ts';
export type { QuantizeOptions } from './transforms/quantize.ts';
export type { RoundOptions } from './transforms/round.ts';
export type { Route, RouteConfig } from './transforms/route.ts';
export { compileRoute, routeName } from './transforms/route.ts';
export type { ScaleOptions } from './transforms/scale.ts';
export type { SmoothOptions } from './transforms/smooth.ts';
export type { ThresholdOptions } from './transforms/threshold.ts';
export type { ToggleOptions } from './transforms/toggle.ts';
export type { Range, Step, Transform } from './transforms/transform.ts';
export type { TransformConfig } from './transforms/transform-config.ts';
export { chain, transformOf } from './transforms/transform-config.ts';
export type { TriggerOptions } from './transforms/trigger.ts';
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
} from './wire/message.ts';
export { PROTOCOL_VERSION } from './wire/message.ts';
export { decodeAnyFrame } from './wire/message-pack.ts';
