// The operators, and what stages and bridges are made of.

export type { BridgeEvent, Client } from '../core/client/client.ts';
export type { EchoMemoryOptions } from '../core/signal/echo-memory.ts';
export { EchoMemory } from '../core/signal/echo-memory.ts';
export type { Sink, SinkActions } from '../core/signal/sink.ts';
export { sink } from '../core/signal/sink.ts';
export type { Step, Transform } from '../core/transforms/transform.ts';
export type { TransformConfig } from '../core/transforms/transform-config.ts';
export { transformOf } from '../core/transforms/transform-config.ts';
export type { AtOptions } from './at.ts';
export { at } from './at.ts';
export type {
  AuthAnswer,
  AuthGrant,
  AuthLimits,
  AuthorityOptions,
  AuthRequest,
} from './auth/authority.ts';
export { Authority, authority } from './auth/authority.ts';
export type { BackoffOptions } from './backoff.ts';
export { backoff, backoffWait } from './backoff.ts';
export type { BatchOptions } from './batch.ts';
export { batch } from './batch.ts';
export type { BridgeOptions, BridgeSides } from './bridge.ts';
export { bridge } from './bridge.ts';
export type { CallbackPlatform } from './client/callback-client.ts';
export { CallbackClient } from './client/callback-client.ts';
export { createClient } from './client/client.ts';
export type { ConnectOptions } from './client/client-builder.ts';
export { ClientBuilder } from './client/client-builder.ts';
export type { ClientOptions } from './client/relay-client.ts';
export { PendingReply } from './client/reply.ts';
export { write } from './client/write.ts';
export type { CongestionOptions } from './congestion.ts';
export { congestion } from './congestion.ts';
export type { DeadbandOptions } from './deadband.ts';
export { deadband } from './deadband.ts';
export type { DownsampleOptions } from './downsample.ts';
export { downsample } from './downsample.ts';
export type { FailureDetail, FailureDigestOptions } from './failure-digest.ts';
export { FailureDigest } from './failure-digest.ts';
export { jitterBuffer } from './jitter-buffer.ts';
export type { LearnOptions } from './learn.ts';
export { learn } from './learn.ts';
export type { PaceSnapshotOptions } from './pace-snapshot.ts';
export { paceSnapshot } from './pace-snapshot.ts';
export type { Reader, RoundRobinOptions } from './round-robin.ts';
export { RoundRobin } from './round-robin.ts';
export type { Authenticate, Grant, Introduction } from './router/authenticate.ts';
export type { EnvelopeKind } from './router/envelope.ts';
export { Envelope } from './router/envelope.ts';
export type { GestureLifecycleOptions } from './router/gesture-lifecycle.ts';
export type { OnSignalsOptions } from './router/on-signals.ts';
export type { NextTurn } from './router/precise-timer.ts';
export type { RateLimitOptions } from './router/rate-limit.ts';
export type { ReservedAddresses } from './router/reserve-addresses.ts';
export type { Router } from './router/router.ts';
export { router } from './router/router.ts';
export type { RouterEvent, SessionInfo } from './router/router-event.ts';
export { toRouterEvent } from './router/router-event.ts';
export type { RouterOptions, RouterStages, RouterStats, RouterSurroundings } from './router/router-stages.ts';
export { routerStages } from './router/router-stages.ts';
export { serialise } from './router/serialise.ts';
export type { TimelineSchedulerOptions } from './router/timeline-scheduler.ts';
export { countHops } from './routes/count-hops.ts';
export type { FollowRouteOptions } from './routes/follow-route.ts';
export { followRoute } from './routes/follow-route.ts';
export type { HopAnswer, HopBudgetOptions, HopVerdict, Loop } from './routes/hop-budget.ts';
export { HopBudget } from './routes/hop-budget.ts';
export type { ConflictMergeOptions, ScopeFilterOptions } from './signal-stages.ts';
export { conflictMerge, gestureLifecycle, rateLimit, scopeFilter, timelineScheduler } from './signal-stages.ts';
export type { Stage, StageOperator } from './stage.ts';
export { chain, stage } from './stage.ts';
export {
  clamp,
  curve,
  deadzone,
  expression,
  gate,
  invert,
  mapValues,
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
} from './transforms.ts';
