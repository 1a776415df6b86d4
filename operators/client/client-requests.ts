import type { SchedulerLike } from 'rxjs';
import type { Ack, BundlePart, Reply, SetOptions, TimelineOptions } from '../../core/client/client.ts';
import { ClaspError, type ErrorCode } from '../../core/errors.ts';
import type { Keyframe } from '../../core/signal/signal.ts';
import type { Value } from '../../core/signal/value.ts';
import { writeTimeline } from '../../core/timeline/timeline-value.ts';
import { encodeMessage } from '../../core/wire/encode.ts';
import { stampFrame } from '../../core/wire/forward.ts';
import type {
  AckMessage,
  AnnounceMessage,
  BundleMessage,
  ParamState,
  PublishMessage,
  QoS,
  SetMessage,
  SignalDefinition,
  Ttl,
} from '../../core/wire/message.ts';
import type { ClientMessage } from '../../core/wire/relay-frame.ts';
import { Deadlines } from '../deadlines.ts';
import { requireAddress, requirePattern } from './client-pattern.ts';
import type { ClientParams } from './client-subscriptions.ts';
import { PendingReply } from './reply.ts';

/** Milliseconds until a request fails with 502: gets and queries from asking, the others from sending. */
const ANSWER_TIMEOUT = 5_000;
const CONFIRM_TIMEOUT = 10_000;
/**
 * Milliseconds for which anything but a write of QoS 1 may wait for a session: what comes later than that would
 * surprise, and of QoS 2 the relay remembers for 5 minutes only what it has applied.
 */
const WAITING_TIMEOUT = 290_000;
/** Milliseconds for which a late answer is still recognised, so that the next request does not take it for its own. */
const LATE_ANSWER_WINDOW = 60_000;
/**
 * Milliseconds that an ACK may come after the PONG that was asked for later: a relay may write to its disk before it
 * acknowledges, but not before it says PONG.
 */
const ACK_GRACE = 1_000;

/**
 * A map that most often holds one entry or none, and keeps that one beside the table. In the order of
 * insertion.
 *
 * A `Map` gets a new table each time that its last entry goes; V8 links those, so that one that has grown old makes all
 * later ones grow old.
 */
export class SmallMap<K, V extends NonNullable<unknown>> implements Iterable<[K, V]> {
  #first: K | undefined;
  #value: V | undefined;
  readonly #others = new Map<K, V>();

  get size(): number {
    return this.#others.size + (this.#first === undefined ? 0 : 1);
  }

  /** The oldest key, unless it has gone and others have not. */
  get first(): K | undefined {
    return this.#first;
  }

  set(key: K, value: V): void {
    if (this.#first === key || this.size === 0) {
      this.#first = key;
      this.#value = value;
    } else {
      this.#others.set(key, value);
    }
  }

  delete(key: K): void {
    if (this.#first === key) {
      this.#first = undefined;
      this.#value = undefined;
    } else {
      this.#others.delete(key);
    }
  }

  clear(): void {
    this.#first = undefined;
    this.#value = undefined;
    this.#others.clear();
  }

  *[Symbol.iterator](): Generator<[K, V], void> {
    if (this.#first !== undefined) yield [this.#first, this.#value as V];
    yield* this.#others;
  }
}

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
  /** Whether the relay has answered something that was sent later, and so has it. */
  arrived?: boolean;
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
  readonly tag?: number | undefined;
}

export function writeOptions({ lock, unlock, revision, ttl, absolute, tag }: SetOptions = {}): WriteOptions {
  const mode = absolute ? 'absolute' : 'sliding';
  return { lock, unlock, revision, tag, ttl: typeof ttl === 'number' ? { seconds: ttl, mode } : ttl };
}

/**
 * What is left to ask for when `newer` takes the place of `older`, which was not acknowledged: a lock and a TTL that
 * the older one asked for stay wanted, unless the newer one says otherwise.
 */
function supersede(older: WriteOptions, newer: WriteOptions): WriteOptions {
  const lock = newer.unlock ? undefined : (newer.lock ?? older.lock);
  return { ...newer, lock, ttl: newer.ttl ?? older.ttl };
}

/** Fails a request of any kind. */
function reject(request: Request, reason: ClaspError): void {
  for (const reply of request.replies) reply.reject(reason);
}

/** The address that a failure of the request names. */
function addressOf({ addresses }: Request): string {
  return addresses[0] ?? '';
}

/** Whether a request changes nothing at the relay. */
function asksOnly({ kind }: Request): boolean {
  return kind === 'get' || kind === 'query';
}

/** Whether a request writes a param or says an event. */
function saysValue(request: Request): boolean {
  const { kind } = request;
  return (
    kind === 'write' || (kind === 'message' && request.message.type === 'PUBLISH' && request.message.signal === 'event')
  );
}

/** Whether a newer write to the address may take its place while it waits. */
function isReplaceable(request: Request): request is WriteRequest {
  return request.kind === 'write' && !request.once;
}

function isPublish(request: Request): request is SendRequest {
  return request.kind === 'message' && request.message.type === 'PUBLISH';
}

/** What a relay would have said to a PUBLISH. */
function ackOf(request: SendRequest): Ack {
  return { address: addressOf(request) };
}

/** Where the relay lists the bundles that wait. */
export const SCHEDULE = '/clasp/schedule/';

/** Requests in order: the part of a set that is needed of them. */
export interface RequestSet extends Iterable<Request> {
  values(): Iterator<Request>;
  add(request: Request): unknown;
  delete(request: Request): unknown;
  clear(): void;
}

/** Requests that were sent and not answered, in order: all of them, and for each address those that name it. */
export class SentRequests implements Iterable<Request> {
  protected readonly all: RequestSet = new Set<Request>();
  readonly #byAddress = new Map<string, Request[]>();

  [Symbol.iterator](): Iterator<Request> {
    return this.all.values();
  }

  at(address: string): readonly Request[] {
    return this.#byAddress.get(address) ?? NONE;
  }

  /**
   * What an ACK belongs to: the oldest request at its address, best one that such an ACK answers; without an address the
   * oldest of several addresses; a place in the schedule answers the oldest bundle for a certain time.
   */
  acknowledgeable(address: string | undefined, revision: number | undefined): Confirmable | undefined {
    let first: Confirmable | undefined;
    for (const request of address === undefined ? this.all : this.at(address)) {
      if (request.kind === 'get' || request.kind === 'query') continue;
      const several = request.kind === 'message' && request.message.type !== 'PUBLISH';
      if (several || (address !== undefined && (request.kind === 'write') === (revision !== undefined))) return request;
      first ??= request;
    }
    if (first || !address?.startsWith(SCHEDULE)) return first;
    for (const request of this.all) {
      if (request.kind === 'message' && request.message.type === 'BUNDLE' && request.message.timestamp) return request;
    }
    return undefined;
  }

  /** The oldest query. */
  query(): QueryRequest | undefined {
    for (const request of this.all) if (request.kind === 'query') return request;
    return undefined;
  }

  add(request: Request): void {
    this.all.add(request);
    for (const address of request.addresses) {
      const queue = this.#byAddress.get(address);
      if (!queue) this.#byAddress.set(address, [request]);
      else if (queue.at(-1) !== request) queue.push(request); // a bundle may name an address twice
    }
  }

  delete(request: Request): void {
    this.all.delete(request);
    for (const address of request.addresses) {
      const queue = this.#byAddress.get(address);
      const at = queue?.indexOf(request) ?? -1;
      if (!queue || at < 0) continue;
      if (queue.length === 1) this.#byAddress.delete(address);
      else queue.splice(at, 1);
    }
  }

  clear(): void {
    this.all.clear();
    this.#byAddress.clear();
  }
}

const NONE: readonly Request[] = [];

/**
 * {@link SentRequests} of a relay that answers in order: an answer is nearly always to the oldest of them. So the
 * addresses of a request are looked at when an answer names one, rather than remembered one by one.
 */
export class RequestsInOrder extends SentRequests {
  protected override readonly all: RequestQueue = new RequestQueue();

  /** The requests at an address up to the first that is acknowledged: no later one is answered before that. */
  override at(address: string): readonly Request[] {
    if (this.all.isEmpty) return NONE;
    const found: Request[] = [];
    for (const request of this.all) {
      if (!request.addresses.includes(address)) continue;
      found.push(request);
      if (request.kind === 'write' || request.kind === 'message') break;
    }
    return found;
  }

  override acknowledgeable(address: string | undefined, revision: number | undefined): Confirmable | undefined {
    const { first } = this.all;
    if (first?.kind === 'write' && revision !== undefined && first.addresses[0] === address) return first;
    return super.acknowledgeable(address, revision);
  }

  override add(request: Request): void {
    this.all.add(request);
  }

  override delete(request: Request): void {
    this.all.delete(request);
  }
}

/** A set in order that most often holds one request or none. */
class RequestQueue implements RequestSet {
  readonly #requests = new SmallMap<Request, true>();

  get isEmpty(): boolean {
    return this.#requests.size === 0;
  }

  /** The oldest, unless it has gone and others have not. */
  get first(): Request | undefined {
    return this.#requests.first;
  }

  add(request: Request): void {
    this.#requests.set(request, true);
  }

  delete(request: Request): void {
    this.#requests.delete(request);
  }

  clear(): void {
    this.#requests.clear();
  }

  *values(): Generator<Request, void> {
    for (const [request] of this.#requests) yield request;
  }

  [Symbol.iterator](): Iterator<Request> {
    return this.values();
  }
}

/** Each kind of part with its arguments; the others may be there and undefined. */
type AnyPart = {
  readonly [Kind in keyof UnionOf<BundlePart>]?: UnionOf<BundlePart>[Kind] | undefined;
};
type UnionOf<Part> = (Part extends unknown ? (part: Part) => void : never) extends (part: infer All) => void
  ? All
  : never;

/** The message of a part of a bundle; a `ClaspError` 101 when it is none. */
export function bundleMessage({ set, emit, stream, gesture, timeline }: AnyPart): SetMessage | PublishMessage {
  if (set) {
    const [address, value, options] = set;
    return { type: 'SET', address, value, ...writeOptions(options) };
  }
  if (gesture) {
    const [address, id, phase, value = null] = gesture;
    return { type: 'PUBLISH', signal: 'gesture', address, id, phase, value };
  }
  if (timeline) return timelineMessage(...timeline);
  const [address, value = null] = emit ?? stream ?? [];
  if (address === undefined) throw new ClaspError(101, 'Invalid bundle message');
  return { type: 'PUBLISH', signal: emit ? 'event' : 'stream', address, value };
}

export function timelineMessage(
  address: string,
  keyframes: readonly Keyframe[],
  options?: TimelineOptions,
): PublishMessage {
  return { type: 'PUBLISH', signal: 'timeline', address, value: writeTimeline({ keyframes, ...options }) };
}

export interface ClientRequestsOptions {
  readonly scheduler: SchedulerLike;
  /** Requests that may wait for a session. */
  readonly limit: number;
  /** Hears every failure that did not come from the relay. */
  readonly report: (error: ClaspError) => void;
  /** Where writes go that the relay acknowledged with a revision. */
  readonly params: ClientParams;
  /** Relay time, microseconds: what the timestamps of QoS 2 start from. */
  readonly now: () => number;
  /** Whether the relay acknowledges a PUBLISH, where that is known. */
  readonly acknowledges: boolean | undefined;
}

const MICROSECONDS = 1000;

/**
 * What a client asked and the relay did not answer yet.
 *
 * The answers of one session come in the order of the requests, and name the address: so the requests of each address
 * form a queue. While there is no session they wait, in order, of the writes of QoS 1 to one address only the newest;
 * when a session is lost, what was not answered waits for the next one. Not so a PUBLISH of QoS 1 where the relay has
 * never acknowledged one: repeated, it would happen twice. Where the relay turns out not to acknowledge them, a PUBLISH is
 * answered as soon as it is sent.
 */
export class ClientRequests {
  /**
   * Whether the relay acknowledges a PUBLISH: published ones do not. Undefined until it has shown it; what it is asked
   * meanwhile is followed by a PING.
   */
  #acknowledges: boolean | undefined;
  readonly #options: ClientRequestsOptions;
  readonly #deadlines: Deadlines<Request>;
  protected readonly sent: SentRequests = new SentRequests();
  /** Not sent, in order. */
  readonly #waiting = new Set<Request>();
  readonly #waitingWrites = new Map<string, WriteRequest>();
  /** A PING was sent to see whether an ACK comes before its PONG. */
  #probing = false;
  #send: ((frame: Uint8Array) => void) | undefined;
  #resuming = false;
  #closed: ClaspError | undefined;
  /** The last timestamp of a frame of QoS 2. */
  #stamp = 0;
  /** Microseconds that tell the timestamps of two clients apart that do the same at the same time. */
  #phase: number | undefined;

  constructor(options: ClientRequestsOptions) {
    this.#options = options;
    this.#acknowledges = options.acknowledges;
    const { scheduler } = options;
    const now = () => scheduler.now() * MICROSECONDS;
    this.#deadlines = new Deadlines(scheduler, now, (request) => this.#due(request));
  }

  /**
   * Asks for a write. With QoS 1 it takes the place of one to the same address that still waits, and shares its reply.
   */
  write(address: string, value: Value, options: WriteOptions, qos: QoS = 1): Reply<Ack> {
    requireAddress(address);
    const once = qos === 2;
    // A lock ends with its session: without one there is nothing to give up, and asking would be refused.
    const wanted = options.unlock && !this.#send && !once ? { ...options, unlock: undefined } : options;
    const frame = this.encode({ type: 'SET', address, value, ...wanted }, qos);
    const older = once ? undefined : this.#waitingWrites.get(address);
    const compares = (older?.options.revision ?? wanted.revision) !== undefined;
    const shared = compares ? undefined : older?.replies.at(-1);
    const reply = shared ?? new PendingReply<Ack>();
    const replies = shared ? [] : [reply];
    this.ask({ kind: 'write', addresses: [address], frame, value, options: wanted, replies, once });
    return reply;
  }

  /** Asks for anything else that is acknowledged. Throws what is wrong with an address. */
  confirm(message: ConfirmedMessage, qos: QoS = 1): PendingReply<Ack> {
    const addresses = addressesIn(message);
    addresses.forEach(requireAddress);
    const reply = new PendingReply<Ack>();
    const frame = this.encode(message, qos);
    this.ask({ kind: 'message', message, addresses, frame, replies: [reply], once: qos === 2 });
    return reply;
  }

  /** Asks for a bundle. Throws what is wrong with it. */
  bundle(parts: readonly BundlePart[], timestamp: number | undefined): PendingReply<Ack> {
    return this.confirm({ type: 'BUNDLE', timestamp, messages: parts.map(bundleMessage) }, 2);
  }

  get(address: string): Reply<Value> {
    requireAddress(address);
    const reply = new PendingReply<Value>();
    const frame = encodeMessage({ type: 'GET', address });
    this.ask({ kind: 'get', addresses: [address], frame, replies: [reply] });
    return reply;
  }

  query(pattern: string): Reply<readonly SignalDefinition[]> {
    requirePattern(pattern);
    const reply = new PendingReply<readonly SignalDefinition[]>();
    const frame = encodeMessage({ type: 'QUERY', pattern });
    this.ask({ kind: 'query', addresses: [pattern], frame, replies: [reply], results: [] });
    return reply;
  }

  /** A session has begun: sends what waits, in order. */
  resume(session: string, send: (frame: Uint8Array) => void): void {
    this.#phase ??= Number.parseInt(session.slice(-5), 16) || 0;
    this.#send = send;
    this.#resuming = true;
    // Answers may come while sending, and bring new requests: those join the end of this loop.
    for (const request of this.#waiting) {
      if (this.#send !== send) return;
      this.#transmit(request, send);
    }
    this.#resuming = false;
  }

  /** The session is over: what was not answered waits for the next one. */
  suspend(): void {
    this.#send = undefined;
    this.#resuming = false;
    this.#probing = false;
    for (const request of this.#takeAll()) {
      if (request.state === 'given-up') {
        this.#deadlines.delete(request);
        continue;
      }
      if (request.state === 'sent' && this.#mayNotBeRepeated(request)) {
        if (request.arrived) this.#answer(request, ackOf(request));
        else this.#fail(request, 502, 'not answered');
        continue;
      }
      if (request.kind === 'query') request.results = [];
      if (isReplaceable(request) && request.options.unlock) {
        this.#rewrite(request, { ...request.options, unlock: undefined });
      }
      this.#wait(request);
    }
  }

  /** The client is over: everything fails with `reason`, and so does everything from now on. */
  close(reason: ClaspError): void {
    this.#closed = reason;
    this.#send = undefined;
    this.#deadlines.dispose();
    for (const request of this.#takeAll()) reject(request, reason);
  }

  /** Takes an ACK. False when nothing waited for it. */
  acknowledged({ address, revision, locked, holder }: AckMessage): boolean {
    const request = this.sent.acknowledgeable(address, revision);
    if (!request) {
      // It was taken for one that does not acknowledge because it was slow.
      if (this.#acknowledges === false && revision === undefined && address) this.#acknowledges = true;
      return false;
    }
    if (isPublish(request) && revision === undefined) this.#acknowledges = true;
    const named = address ?? request.addresses.at(-1) ?? '';
    if (request.kind === 'write' && revision !== undefined)
      this.#options.params.written(named, request.value, revision);
    this.#answer(request, { address: named, revision, locked, holder });
    return true;
  }

  /** Takes what a SNAPSHOT says about one address: the answer, if the oldest request there is a get. */
  told({ address, value }: ParamState): void {
    const request = this.sent.at(address)[0];
    if (request?.kind === 'get') this.#answer(request, value);
  }

  /** Takes a RESULT. */
  found(signals: readonly SignalDefinition[]): void {
    this.sent.query()?.results.push(...signals);
  }

  /** Takes a PONG: a PING follows each query, so everything it found has come. */
  ponged(): void {
    const wasProbe = this.#probing;
    this.#probing = false;
    this.#probed();
    if (wasProbe) return;
    const query = this.sent.query();
    if (query) this.#answer(query, query.results);
  }

  /** Takes an ERROR about an address. */
  refused(address: string, error: ClaspError): void {
    const requests = this.sent.at(address);
    // 501 is what a reader is told of a value that no frame holds: a get is answered by it, and nothing else is.
    const request = error.code === 501 ? requests.find((each) => !saysValue(each)) : requests[0];
    // Who only asks is never told 400 … 403: a timeline of ours came to its end meanwhile.
    if (!request || (asksOnly(request) && error.code > 399 && error.code < 404)) return;
    if (request.kind === 'query')
      request.state = 'given-up'; // until its PONG
    else this.#settle(request);
    reject(request, error);
  }

  protected ask(request: Request): void {
    if (this.#closed) {
      reject(request, this.#closed);
      return;
    }
    const patience = asksOnly(request)
      ? ANSWER_TIMEOUT
      : isReplaceable(request)
        ? Number.POSITIVE_INFINITY
        : WAITING_TIMEOUT;
    request.expires = this.#options.scheduler.now() + patience;
    if (this.#send && !this.#resuming) this.#transmit(request, this.#send);
    else this.#wait(request);
  }

  protected encode(message: ClientMessage, qos: QoS = 0): Uint8Array {
    return encodeMessage(message, { qos });
  }

  #transmit(request: Request, send: (frame: Uint8Array) => void): void {
    this.#waiting.delete(request);
    if (isReplaceable(request)) this.#waitingWrites.delete(addressOf(request));
    if (request.once && !request.stamped) {
      this.#stamp = Math.max(this.#stamp + 1, this.#options.now() + (this.#phase ?? 0));
      request.frame = stampFrame(request.frame, this.#stamp);
      request.stamped = true;
    }
    if (isPublish(request) && this.#acknowledges === false) {
      this.#deadlines.delete(request);
      send(request.frame);
      this.#answer(request, ackOf(request));
      return;
    }
    request.state = 'sent';
    this.sent.add(request);
    this.#expect(request, asksOnly(request) ? request.expires : this.#options.scheduler.now() + CONFIRM_TIMEOUT);
    send(request.frame);
    // The answer may have come, and the session gone, while the request was sent.
    if (this.#send !== send) return;
    const probes = isPublish(request) && this.#acknowledges === undefined && !this.#probing && !this.sent.query();
    if (request.kind !== 'query' && !probes) return;
    this.#probing = probes;
    send(PING);
  }

  /** The relay has answered what was asked after a PUBLISH: it acknowledges those soon, or never. */
  #probed(): void {
    if (this.#acknowledges !== undefined) return;
    for (const request of this.sent) {
      if (!isPublish(request) || request.state !== 'sent') continue;
      request.arrived = true;
      this.#expect(request, this.#options.scheduler.now() + ACK_GRACE);
    }
  }

  /** The relay does not acknowledge a PUBLISH: what was sent is answered, and nothing is expected from now on. */
  #expectNoAcks(): void {
    this.#acknowledges = false;
    for (const request of [...this.sent]) if (isPublish(request)) this.#answer(request, ackOf(request));
  }

  #mayNotBeRepeated(request: Request): request is SendRequest {
    return isPublish(request) && !request.once && this.#acknowledges === undefined;
  }

  #wait(request: Request): void {
    const replaceable = isReplaceable(request);
    if (replaceable) this.#replace(request);
    const { limit } = this.#options;
    if (this.#waiting.size >= limit) {
      this.#fail(request, 503, `more than ${limit} requests wait`);
      return;
    }
    request.state = undefined;
    this.#waiting.add(request);
    if (replaceable) this.#waitingWrites.set(addressOf(request), request);
    this.#expect(request, request.expires);
  }

  /** Lets a write take the place of the one that waits at its address. */
  #replace(newer: WriteRequest): void {
    const older = this.#waitingWrites.get(addressOf(newer));
    if (!older) return;
    this.#waiting.delete(older);
    this.#waitingWrites.delete(addressOf(older));
    const { revision } = older.options;
    if (revision === undefined) newer.replies = [...older.replies, ...newer.replies];
    else this.#fail(older, 400, 'a newer write came first');
    this.#rewrite(newer, supersede(older.options, newer.options));
  }

  #rewrite(request: WriteRequest, options: WriteOptions): void {
    request.options = options;
    request.frame = this.encode({ type: 'SET', address: addressOf(request), value: request.value, ...options }, 1);
  }

  #takeAll(): Request[] {
    const all = [...this.sent, ...this.#waiting];
    for (const collection of [this.sent, this.#waiting, this.#waitingWrites]) collection.clear();
    return all;
  }

  /** Gives a request until `at`, in milliseconds. */
  #expect(request: Request, at = Number.POSITIVE_INFINITY): void {
    this.#deadlines.set(request, at * MICROSECONDS);
  }

  #due(request: Request): void {
    if (request.state === 'given-up') {
      this.#settle(request);
      return;
    }
    if (isPublish(request) && request.arrived && this.#acknowledges !== true) {
      this.#expectNoAcks();
      return;
    }
    this.#waiting.delete(request);
    const late = request.state === 'sent';
    request.state = 'given-up';
    this.#fail(request, 502, 'no answer in time');
    if (late) this.#expect(request, this.#options.scheduler.now() + LATE_ANSWER_WINDOW);
  }

  /** Forgets a request that was sent. */
  #settle(request: Request): void {
    // Not `delete`, which stops an idle timer: starting one for each request would cost more than the request.
    this.#expect(request);
    this.sent.delete(request);
  }

  #answer<T>(request: Request & { readonly replies: readonly PendingReply<T>[] }, value: T): void {
    this.#settle(request);
    for (const reply of request.replies) reply.resolve(value);
  }

  #fail(request: Request, code: ErrorCode, why: string): void {
    this.#deadlines.delete(request);
    const reason = new ClaspError(code, why, { address: addressOf(request) });
    this.#options.report(reason);
    reject(request, reason);
  }
}

const PING = encodeMessage({ type: 'PING' });
