import type { MemoryConnection } from '../core/connection/memory-pair.ts';
import type { GesturePhase, Keyframe, SignalKind, Timeline } from '../core/signal/signal.ts';
import type { Value } from '../core/signal/value.ts';
import { writeTimeline } from '../core/timeline/timeline-value.ts';
import type { Message, PublishMessage, SetMessage, SubscribeOptions } from '../core/wire/message.ts';
import type { RouterOptions } from '../operators/router/router.ts';
import { type VirtualRelay, virtualRelay } from './virtual-relay.ts';
import type { WirePeer } from './wire-peer.ts';

export type Peer = WirePeer<MemoryConnection>;

/** A relay in virtual time that a test can start anew with options of its own. */
export interface RouterRig extends VirtualRelay {
  /** Ends the relay that runs, if one does, and starts another at time 0. */
  start(options?: RouterOptions): void;
  /** A greeted peer with one subscription, which has read the snapshot. @defaultValue `/**`, every kind */
  subscriber(pattern?: string, options?: SubscribeOptions, types?: readonly SignalKind[]): Peer;
}

/** Makes a rig for tests of the router; it runs once it is started. */
export function routerRig(defaults: RouterOptions = {}): RouterRig {
  let running: VirtualRelay | undefined;
  const now = (): VirtualRelay => {
    if (!running) throw new Error('The rig has not been started.');
    return running;
  };
  const join = (name?: string, token?: string) => now().join(name, token);
  return {
    start(options) {
      running?.stop();
      running = virtualRelay({ ...defaults, ...options });
    },
    stop: () => running?.stop(),
    get relay() {
      return now().relay;
    },
    get time() {
      return now().time;
    },
    get events() {
      return now().events;
    },
    accept: (connection) => now().accept(connection),
    connect: (options) => now().connect(options),
    join,
    pass: (milliseconds) => now().pass(milliseconds),
    subscriber(pattern = '/**', options, types) {
      const peer = join('subscriber');
      peer.send({ type: 'SUBSCRIBE', id: 1, pattern, types, options });
      peer.take();
      return peer;
    },
  };
}

/** Scopes by token, for relays that are asked who may do what. */
export const TOKENS: Record<string, readonly string[]> = {
  reader: ['read:/**'],
  lights: ['write:/lights/**'],
  admin: ['admin:/**'],
};

export const set = (address: string, value: Value, rest: Partial<SetMessage> = {}): SetMessage => ({
  type: 'SET',
  address,
  value,
  ...rest,
});

export const subscribe = (pattern: string, id = 1): Message => ({ type: 'SUBSCRIBE', id, pattern });

/** A phase of gesture 1 at `/pad`. */
export const gesture = (phase: GesturePhase, value: Value = null, rest: Partial<PublishMessage> = {}): Message => ({
  type: 'PUBLISH',
  signal: 'gesture',
  address: '/pad',
  id: 1,
  phase,
  value,
  ...rest,
});

/** A timeline at `/fade` with whatever as its value. */
export const rawTimeline = (value: Value | undefined, address = '/fade'): Message => ({
  type: 'PUBLISH',
  signal: 'timeline',
  address,
  value,
});

/** A timeline at `/fade`. */
export const timelineOf = (keyframes: readonly Keyframe[], rest: Partial<Timeline> = {}): Message =>
  rawTimeline(writeTimeline({ keyframes, ...rest }), rest.address);

/** From 0 to 100 in a second. */
export const ramp: readonly Keyframe[] = [
  { time: 0, value: 0 },
  { time: 1_000_000, value: 100 },
];

/** The writes that a peer got since it last took, oldest first. */
export const setsOf = (peer: Peer): SetMessage[] =>
  peer.take().filter((message): message is SetMessage => message.type === 'SET');

/** The events, streams, gestures and timelines among these messages. */
export const published = (messages: readonly Message[]): PublishMessage[] =>
  messages.filter((message): message is PublishMessage => message.type === 'PUBLISH');

/** The values of the writes, or the samples of the streams, that a peer got since it last took, oldest first. */
export const deliveredTo = (peer: Peer): (Value | readonly number[])[] =>
  peer.take().map((message: Message) => (message as SetMessage).value ?? (message as PublishMessage).samples ?? null);
