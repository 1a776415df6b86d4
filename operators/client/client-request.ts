import type { Ack, SetOptions } from '../../core/client.ts';
import type { ClaspError } from '../../core/errors.ts';
import type {
  AnnounceMessage,
  BundleMessage,
  PublishMessage,
  SetMessage,
  SignalDefinition,
  Ttl,
} from '../../core/message.ts';
import type { Value } from '../../core/value.ts';
import type { PendingReply } from './reply.ts';

/** How far a request is: not sent, awaiting its answer, or with nobody waiting for its answer any more. */
type RequestState = undefined | 'sent' | 'given-up';

interface RequestBase {
  /** What the answer will name: the address, the pattern of a query, every address of a bundle. */
  readonly addresses: readonly string[];
  frame: Uint8Array;
  state?: RequestState;
  /** Whether it is to be applied exactly once (QoS 2), and its frame has the timestamp for that. */
  readonly once?: boolean;
  stamped?: boolean;
  /** Until when it may wait for a session, milliseconds. */
  expires?: number;
}

/** A write. Every write it took the place of is answered together with it. */
export interface WriteRequest extends RequestBase {
  readonly kind: 'write';
  readonly value: Value;
  options: WriteOptions;
  replies: PendingReply<Ack>[];
}

/** What else is acknowledged: an event, a timeline, a bundle, an announcement. */
interface SendRequest extends RequestBase {
  readonly kind: 'message';
  readonly message: ConfirmedMessage;
  readonly replies: readonly PendingReply<Ack>[];
}

interface GetRequest extends RequestBase {
  readonly kind: 'get';
  readonly replies: readonly PendingReply<Value>[];
}

export interface QueryRequest extends RequestBase {
  readonly kind: 'query';
  readonly replies: readonly PendingReply<readonly SignalDefinition[]>[];
  /** What came so far. */
  results: SignalDefinition[];
}

/** What an ACK answers. */
export type Confirmable = WriteRequest | SendRequest;

export type Request = Confirmable | GetRequest | QueryRequest;

/** What is acknowledged, apart from a SET. */
export type ConfirmedMessage =
  | PublishMessage
  | AnnounceMessage
  | (Omit<BundleMessage, 'messages'> & { readonly messages: readonly (SetMessage | PublishMessage)[] });

/** Every address that a message is about, in order. */
export function addressesIn(message: ConfirmedMessage): string[] {
  const parts =
    message.type === 'BUNDLE' ? message.messages : message.type === 'ANNOUNCE' ? message.signals : [message];
  return parts.map(({ address }) => address);
}

/** {@link SetOptions} as the codec takes them. */
export interface WriteOptions {
  readonly lock?: boolean | undefined;
  readonly unlock?: boolean | undefined;
  readonly revision?: number | undefined;
  readonly ttl?: Ttl | undefined;
}

export function writeOptions({ lock, unlock, revision, ttl }: SetOptions = {}): WriteOptions {
  return { lock, unlock, revision, ttl: typeof ttl === 'number' ? { seconds: ttl, mode: 'sliding' } : ttl };
}

/**
 * What is left to ask for when `newer` takes the place of `older`, which was not acknowledged: a lock and a TTL that
 * the older one asked for stay wanted, unless the newer one says otherwise.
 */
export function supersede(older: WriteOptions, newer: WriteOptions): WriteOptions {
  const lock = newer.unlock ? undefined : (newer.lock ?? older.lock);
  return { ...newer, lock, ttl: newer.ttl ?? older.ttl };
}

/** Fails a request of any kind. */
export function reject(request: Request, reason: ClaspError): void {
  for (const reply of request.replies) reply.reject(reason);
}

/** The address that a failure of the request names. */
export function addressOf({ addresses }: Request): string {
  return addresses[0] ?? '';
}

/** Whether a request changes nothing at the relay. */
export function asksOnly({ kind }: Request): boolean {
  return kind === 'get' || kind === 'query';
}

/** Whether a newer write to the address may take its place while it waits. */
export function isReplaceable(request: Request): request is WriteRequest {
  return request.kind === 'write' && !request.once;
}
