import type { GesturePhase, Keyframe, SignalKind } from '../signal/signal.ts';
import type { Value } from '../signal/value.ts';

/** How a frame is to be treated: 0 fire and forget, 1 confirmed by an ACK, 2 confirmed and applied exactly once. */
export type QoS = 0 | 1 | 2;

/** The protocol version this package speaks. */
export const PROTOCOL_VERSION = 1;

/** The first message of a client: who it is and what it understands. */
export interface HelloMessage {
  readonly type: 'HELLO';
  readonly version: number;
  readonly name: string;
  readonly features: readonly string[];
  readonly token?: string | undefined;
}

/** The answer to HELLO: the session begins. */
export interface WelcomeMessage {
  readonly type: 'WELCOME';
  readonly version: number;
  readonly session: string;
  readonly name: string;
  readonly features: readonly string[];
  /** Relay time, microseconds since the Unix epoch. */
  readonly time: number;
  readonly token?: string | undefined;
}

/** What somebody says about a signal: its kind, type of data, access, and for people. */
export interface SignalDefinition {
  readonly address: string;
  readonly type: SignalKind;
  readonly datatype?: string | undefined;
  readonly access?: string | undefined;
  readonly meta?:
    | {
        readonly unit?: string | undefined;
        readonly range?: readonly [number, number] | undefined;
        readonly default?: Value | undefined;
        readonly description?: string | undefined;
      }
    | undefined;
}

/** Tells which signals the sender offers. */
export interface AnnounceMessage {
  readonly type: 'ANNOUNCE';
  readonly namespace?: string | undefined;
  readonly signals: readonly SignalDefinition[];
}

/** What a FEDERATION_SYNC is about. */
export type FederationOp = 'declare' | 'request-sync' | 'revision-vector' | 'sync-complete';

/** Relays that share state: which patterns, and at which revisions. */
export interface FederationSyncMessage {
  readonly type: 'FEDERATION_SYNC';
  readonly op: FederationOp;
  readonly patterns: readonly string[];
  readonly revisions: readonly { readonly address: string; readonly revision: number }[];
  readonly since?: number | undefined;
  readonly origin?: string | undefined;
}

export interface SubscribeOptions {
  /**
   * Deliver at most this many values a second per address; the newest always arrives last. Travels as a whole number:
   * 59.94 is 59, and 0.5 is 1.
   */
  readonly maxRate?: number | undefined;
  /** Hold back numbers within this distance of the last delivered one. */
  readonly epsilon?: number | undefined;
  /** Deliver this many past values first (needs a relay with a journal). */
  readonly history?: number | undefined;
  /** Gather stream samples of this many milliseconds into one delivery. */
  readonly window?: number | undefined;
}

/** Asks for every signal that a pattern matches; several under one id add up. */
export interface SubscribeMessage {
  readonly type: 'SUBSCRIBE';
  readonly id: number;
  readonly pattern: string;
  /** Absent means every kind. */
  readonly types?: readonly SignalKind[] | undefined;
  readonly options?: SubscribeOptions | undefined;
}

/** Ends everything under an id. */
export interface UnsubscribeMessage {
  readonly type: 'UNSUBSCRIBE';
  readonly id: number;
}

/** A signal that is not stored: event, stream, gesture or timeline. */
export interface PublishMessage {
  readonly type: 'PUBLISH';
  readonly address: string;
  /** @defaultValue 'event' */
  readonly signal?: SignalKind | undefined;
  readonly value?: Value | undefined;
  readonly samples?: readonly number[] | undefined;
  readonly rate?: number | undefined;
  /** Gesture id, any u32. */
  readonly id?: number | undefined;
  readonly phase?: GesturePhase | undefined;
  /** Microseconds since the Unix epoch. */
  readonly timestamp?: number | undefined;
  /** See `Signal`; within a process only. */
  readonly tag?: number | undefined;
}

/** The value of a timeline PUBLISH. */
export interface TimelineValue {
  readonly keyframes: readonly Keyframe[];
  readonly loop?: boolean;
  readonly startTime?: number;
}

/** How long a param lives. `sliding` restarts on each write and GET, `absolute` counts from the SET that gave it. */
export interface Ttl {
  /** 0 = never expires; at most 2^31 - 1. */
  readonly seconds: number;
  readonly mode: 'sliding' | 'absolute';
}

/** A write to a param, or the relay's broadcast of one. */
export interface SetMessage {
  readonly type: 'SET';
  readonly address: string;
  readonly value: Value;
  /** From a client: the revision it expects. From a relay: the revision this write got. */
  readonly revision?: number | undefined;
  readonly lock?: boolean | undefined;
  readonly unlock?: boolean | undefined;
  readonly ttl?: Ttl | undefined;
  /** See `Signal`; within a process only. */
  readonly tag?: number | undefined;
}

/** Asks for one param. */
export interface GetMessage {
  readonly type: 'GET';
  readonly address: string;
}

/** One param of a snapshot. `value` null at revision 0 means that there is none. */
export interface ParamState {
  readonly address: string;
  readonly value: Value;
  readonly revision: number;
  readonly writer?: string | undefined;
  readonly timestamp?: number | undefined;
}

/** Current params, in answer to HELLO, SUBSCRIBE or GET. */
export interface SnapshotMessage {
  readonly type: 'SNAPSHOT';
  readonly params: readonly ParamState[];
}

/** Asks for what the journal holds. */
export interface ReplayMessage {
  readonly type: 'REPLAY';
  readonly pattern: string;
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  readonly limit?: number | undefined;
  readonly types?: readonly SignalKind[] | undefined;
}

/** Messages that are applied together or not at all. */
export interface BundleMessage {
  readonly type: 'BUNDLE';
  readonly timestamp?: number | undefined;
  readonly messages: readonly Message[];
}

/** Clock synchronisation: t1 sent, t2 received and t3 answered, microseconds. */
export interface SyncMessage {
  readonly type: 'SYNC';
  readonly t1: number;
  readonly t2?: number | undefined;
  readonly t3?: number | undefined;
}

/** Asks whether the other side lives. */
export interface PingMessage {
  readonly type: 'PING';
}

/** Says so. */
export interface PongMessage {
  readonly type: 'PONG';
}

/** Confirms a frame of QoS 1 or 2; `correlationId` is a subscription's id. */
export interface AckMessage {
  readonly type: 'ACK';
  readonly address?: string | undefined;
  readonly revision?: number | undefined;
  readonly locked?: boolean | undefined;
  readonly holder?: string | undefined;
  readonly correlationId?: number | undefined;
}

/** Says what was wrong, with a code of `ErrorCode`. */
export interface ErrorMessage {
  readonly type: 'ERROR';
  readonly code: number;
  readonly message: string;
  readonly address?: string | undefined;
  readonly correlationId?: number | undefined;
}

/** Asks which signals exist under a pattern. */
export interface QueryMessage {
  readonly type: 'QUERY';
  readonly pattern: string;
}

/** The answer to QUERY, possibly in several parts. */
export interface ResultMessage {
  readonly type: 'RESULT';
  readonly signals: readonly SignalDefinition[];
}

/** Every message of the protocol, told apart by `type`. Field names are those of the published JavaScript client. */
export type Message =
  | HelloMessage
  | WelcomeMessage
  | AnnounceMessage
  | FederationSyncMessage
  | SubscribeMessage
  | UnsubscribeMessage
  | PublishMessage
  | SetMessage
  | GetMessage
  | SnapshotMessage
  | ReplayMessage
  | BundleMessage
  | SyncMessage
  | PingMessage
  | PongMessage
  | AckMessage
  | ErrorMessage
  | QueryMessage
  | ResultMessage;
