// What an app uses.

export {
  checkAddress,
  checkPattern,
  isAddress,
  MAX_ADDRESS_BYTES,
  MAX_ADDRESS_SEGMENTS,
} from './core/address/address.ts';
export type { AddressTemplate } from './core/address/address-template.ts';
export { addressTemplate } from './core/address/address-template.ts';
export { captures, compilePattern, isLiteral, matches, Pattern, patternsOverlap } from './core/address/pattern.ts';
export type { Scope, ScopeAction } from './core/address/scope.ts';
export { ALL_SCOPES, parseScope, Scopes, scopes } from './core/address/scope.ts';
export { patternWithin } from './core/address/scope-within.ts';
export type { Answer } from './core/answer.ts';
export type { Account, AuthStore, AuthTables, Revocation, TokenRecord } from './core/auth/auth-store.ts';
export { MemoryAuthStore } from './core/auth/auth-store.ts';
export type { PasswordHasher, PasswordVerdict } from './core/auth/password-hasher.ts';
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
} from './core/client/client.ts';
export type { Connection, Connections } from './core/connection/connection.ts';
export type { ClaspErrorOptions } from './core/errors.ts';
export { ClaspError, ErrorCode } from './core/errors.ts';
export type { OnFull } from './core/param/param.ts';
export type { MergeValues, ParamRule, ParamStrategy } from './core/param/param-rules.ts';
export { mergeMaps } from './core/param/param-rules.ts';
export { parseJson, stringifyJson } from './core/signal/json.ts';
export type { Numbers } from './core/signal/pacing.ts';
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
} from './core/signal/signal.ts';
export type { Sink } from './core/signal/sink.ts';
export { nextTag } from './core/signal/tag.ts';
export type { PlainValue, Value, ValueMap } from './core/signal/value.ts';
export { monotonicScheduler } from './core/time/monotonic-scheduler.ts';
export type { Curve } from './core/timeline/timeline.ts';
export { checkTimeline, ease, interpolate, MAX_KEYFRAMES } from './core/timeline/timeline.ts';
export type {
  CapabilityContents,
  CapabilityGrant,
  CapabilityRefusal,
  CapabilityVerdict,
  DelegateOptions,
  MintOptions,
  TrustAnchor,
} from './core/token/capability.ts';
export type { EntityRights, EntityStatus } from './core/token/entity-token.ts';
export type { TokenCrypto } from './core/token/token-crypto.ts';
export type { StaticToken, TokenFile } from './core/token/token-file.ts';
export { readTokenFile, staticToken } from './core/token/token-file.ts';
export type { ClampOptions } from './core/transforms/clamp.ts';
export type { CurveName, CurveOptions } from './core/transforms/curve.ts';
export type { DeadzoneOptions } from './core/transforms/deadzone.ts';
export type { ExpressionOptions } from './core/transforms/expression.ts';
export type { GateOptions } from './core/transforms/gate.ts';
export type { InvertOptions } from './core/transforms/invert.ts';
export type { ModuloOptions } from './core/transforms/modulo.ts';
export type { PowerOptions } from './core/transforms/power.ts';
export type { QuantizeOptions } from './core/transforms/quantize.ts';
export type { RoundOptions } from './core/transforms/round.ts';
export type { Route, RouteConfig } from './core/transforms/route.ts';
export { compileRoute, routeName } from './core/transforms/route.ts';
export type { ScaleOptions } from './core/transforms/scale.ts';
export type { SmoothOptions } from './core/transforms/smooth.ts';
export type { ThresholdOptions } from './core/transforms/threshold.ts';
export type { ToggleOptions } from './core/transforms/toggle.ts';
export type { Range } from './core/transforms/transform.ts';
export type { TransformConfig } from './core/transforms/transform-config.ts';
export type { TriggerOptions } from './core/transforms/trigger.ts';
export type { ParamState, QoS, SignalDefinition, SubscribeOptions, TimelineValue, Ttl } from './core/wire/message.ts';
export type { AtOptions } from './operators/at.ts';
export { at } from './operators/at.ts';
export type { AuthAnswer, AuthGrant, AuthLimits, AuthorityOptions, AuthRequest } from './operators/auth/authority.ts';
export { Authority, authority } from './operators/auth/authority.ts';
export type { BackoffOptions } from './operators/backoff.ts';
export { backoff } from './operators/backoff.ts';
export type { BatchOptions } from './operators/batch.ts';
export { batch } from './operators/batch.ts';
export { createClient } from './operators/client/client.ts';
export type { ClientOptions } from './operators/client/relay-client.ts';
export { write } from './operators/client/write.ts';
export type { CongestionOptions } from './operators/congestion.ts';
export { congestion } from './operators/congestion.ts';
export type { DeadbandOptions } from './operators/deadband.ts';
export { deadband } from './operators/deadband.ts';
export type { DownsampleOptions } from './operators/downsample.ts';
export { downsample } from './operators/downsample.ts';
export { jitterBuffer } from './operators/jitter-buffer.ts';
export type { LearnOptions } from './operators/learn.ts';
export { learn } from './operators/learn.ts';
export type { Authenticate, Grant, Introduction } from './operators/router/authenticate.ts';
export type { GestureLifecycleOptions } from './operators/router/gesture-lifecycle.ts';
export type { OnSignalsOptions } from './operators/router/on-signals.ts';
export type { RateLimitOptions } from './operators/router/rate-limit.ts';
export type { ReservedAddresses } from './operators/router/reserve-addresses.ts';
export type { Router } from './operators/router/router.ts';
export { router } from './operators/router/router.ts';
export type { RouterEvent, SessionInfo } from './operators/router/router-event.ts';
export type { RouterOptions, RouterStats } from './operators/router/router-stages.ts';
export type { TimelineSchedulerOptions } from './operators/router/timeline-scheduler.ts';
export type { FollowRouteOptions } from './operators/routes/follow-route.ts';
export { followRoute } from './operators/routes/follow-route.ts';
export type { ConflictMergeOptions, ScopeFilterOptions } from './operators/signal-stages.ts';
export {
  conflictMerge,
  gestureLifecycle,
  rateLimit,
  scopeFilter,
  timelineScheduler,
} from './operators/signal-stages.ts';
export {
  clamp,
  curve,
  deadzone,
  expression,
  gate,
  invert,
  modulo,
  negate,
  power,
  quantize,
  round,
  scale,
  smooth,
  threshold,
  toggle,
  trigger,
} from './operators/transforms.ts';

// What authors of bridges, transports and operators use in an app too; the rest is in `clasp-rx/operators`.

export { captureCount } from './core/address/address-template.ts';
export type { BytePort, BytePorts } from './core/connection/byte-port.ts';
export type { Datagram, DatagramSocket } from './core/connection/datagram.ts';
export type { MemoryConnection, MemoryPairOptions } from './core/connection/memory-pair.ts';
export { memoryPair } from './core/connection/memory-pair.ts';
export type { FromWebSocketOptions, WebSocketLike } from './core/connection/web-socket.ts';
export { fromWebSocket } from './core/connection/web-socket.ts';
export type { EchoMemoryOptions } from './core/signal/echo-memory.ts';
export { EchoMemory } from './core/signal/echo-memory.ts';
export type { SinkActions } from './core/signal/sink.ts';
export { sink } from './core/signal/sink.ts';
export type { Formula } from './core/transforms/expression.ts';
export { compileExpression } from './core/transforms/expression.ts';
export type { Step, Transform } from './core/transforms/transform.ts';
export { transformOf } from './core/transforms/transform-config.ts';
export type { BridgeOptions, BridgeSides } from './operators/bridge.ts';
export { bridge } from './operators/bridge.ts';
export type { FailureDetail, FailureDigestOptions } from './operators/failure-digest.ts';
export { FailureDigest } from './operators/failure-digest.ts';
export type { Stage, StageOperator } from './operators/stage.ts';
export { stage } from './operators/stage.ts';
export { mapValues } from './operators/transforms.ts';
