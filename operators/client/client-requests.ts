import type { SchedulerLike } from 'rxjs';
import type { Ack, BundlePart, Reply } from '../../core/client.ts';
import { ClaspError, type ErrorCode } from '../../core/errors.ts';
import type { AckMessage, ParamState, QoS, SignalDefinition } from '../../core/message.ts';
import type { Value } from '../../core/value.ts';
import { encodeClientMessage, stampFrame } from '../../core/wire/client-encode.ts';
import { bundleMessage } from './bundle-part.ts';
import type { ClientParams } from './client-params.ts';
import { requireAddress, requirePattern } from './client-pattern.ts';
import {
  addressesIn,
  addressOf,
  asksOnly,
  type ConfirmedMessage,
  isReplaceable,
  type Request,
  reject,
  supersede,
  type WriteOptions,
  type WriteRequest,
} from './client-request.ts';
import { Deadlines } from './deadlines.ts';
import { LATE, TO_CONFIRM, TO_TELL, TO_WAIT } from './patience.ts';
import { PendingReply } from './reply.ts';
import { SentRequests } from './sent-requests.ts';

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
}

const MICROSECONDS = 1000;

/**
 * What a client asked and the relay did not answer yet.
 *
 * The answers of one session come in the order of the requests, and name the address: so the requests of each address
 * form a queue. While there is no session they wait, in order, of the writes of QoS 1 to one address only the newest;
 * when a session is lost, what was not answered waits for the next one.
 */
export class ClientRequests {
  readonly #options: ClientRequestsOptions;
  readonly #deadlines: Deadlines<Request>;
  protected readonly sent: SentRequests = new SentRequests();
  protected readonly encode: typeof encodeClientMessage = encodeClientMessage;
  /** Not sent, in order. */
  readonly #waiting = new Set<Request>();
  readonly #waitingWrites = new Map<string, WriteRequest>();
  #send: ((frame: Uint8Array) => void) | undefined;
  #resuming = false;
  #closed: ClaspError | undefined;
  /** The last timestamp of a frame of QoS 2. */
  #stamp = 0;
  /** Microseconds that tell the timestamps of two clients apart that do the same at the same time. */
  #phase: number | undefined;

  constructor(options: ClientRequestsOptions) {
    this.#options = options;
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
    const frame = encodeClientMessage({ type: 'GET', address });
    this.ask({ kind: 'get', addresses: [address], frame, replies: [reply] });
    return reply;
  }

  query(pattern: string): Reply<readonly SignalDefinition[]> {
    requirePattern(pattern);
    const reply = new PendingReply<readonly SignalDefinition[]>();
    const frame = encodeClientMessage({ type: 'QUERY', pattern });
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
    for (const request of this.#takeAll()) {
      if (request.state === 'given-up') {
        this.#deadlines.delete(request);
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
    if (!request) return false;
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
  foundAll(): void {
    const query = this.sent.query();
    if (query) this.#answer(query, query.results);
  }

  /** Takes an ERROR about an address. */
  refused(address: string, error: ClaspError): void {
    const request = this.sent.at(address)[0];
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
    const patience = asksOnly(request) ? TO_TELL : isReplaceable(request) ? Number.POSITIVE_INFINITY : TO_WAIT;
    request.expires = this.#options.scheduler.now() + patience;
    if (this.#send && !this.#resuming) this.#transmit(request, this.#send);
    else this.#wait(request);
  }

  #transmit(request: Request, send: (frame: Uint8Array) => void): void {
    this.#waiting.delete(request);
    if (isReplaceable(request)) this.#waitingWrites.delete(addressOf(request));
    if (request.once && !request.stamped) {
      this.#stamp = Math.max(this.#stamp + 1, this.#options.now() + (this.#phase ?? 0));
      request.frame = stampFrame(request.frame, this.#stamp);
      request.stamped = true;
    }
    request.state = 'sent';
    this.sent.add(request);
    this.#expect(request, asksOnly(request) ? request.expires : this.#options.scheduler.now() + TO_CONFIRM);
    send(request.frame);
    if (request.kind === 'query') send(PING);
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
    this.#waiting.delete(request);
    const late = request.state === 'sent';
    request.state = 'given-up';
    this.#fail(request, 502, 'no answer in time');
    if (late) this.#expect(request, this.#options.scheduler.now() + LATE);
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

const PING = encodeClientMessage({ type: 'PING' });
