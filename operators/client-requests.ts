import type { SchedulerLike } from 'rxjs';
import type { Ack, Reply } from '../core/client.ts';
import { ClaspError, ErrorCode } from '../core/errors.ts';
import type { AckMessage, ParamState, SignalDefinition } from '../core/message.ts';
import type { Value } from '../core/value.ts';
import { encodeClientMessage } from '../core/wire/client-encode.ts';
import type { ClientParams } from './client-params.ts';
import {
  addressOf,
  asksOnly,
  type Confirmable,
  isRepeatable,
  type QueryRequest,
  type Request,
  reject,
  supersede,
  type WriteOptions,
  type WriteRequest,
} from './client-request.ts';
import { Deadlines } from './deadlines.ts';
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
}

const MICROSECONDS = 1000;
/** Milliseconds until a request fails with 502: gets and queries from asking, the others from sending. */
const TIMEOUT = { get: 5_000, query: 5_000, write: 10_000, event: 10_000, bundle: 10_000 } as const;
/** Milliseconds for which a late answer is still recognised, so that the next request does not take it for its own. */
const LATE = 60_000;

/**
 * What a client asked and the relay did not answer yet.
 *
 * The answers of one session come in the order of the requests, and name the address: so the requests of each address
 * form a queue. While there is no session they wait, in order, of the writes to one address only the newest; when a
 * session is lost, writes, gets and queries wait for the next one, and the rest fails.
 */
export class ClientRequests {
  readonly #options: ClientRequestsOptions;
  readonly #deadlines: Deadlines<Request>;
  readonly #sent = new SentRequests();
  /** Not sent, in order. */
  readonly #waiting = new Set<Request>();
  readonly #waitingWrites = new Map<string, WriteRequest>();
  #send: ((frame: Uint8Array) => void) | undefined;
  #resuming = false;
  #everConnected = false;
  #closed: ClaspError | undefined;

  constructor(options: ClientRequestsOptions) {
    this.#options = options;
    const { scheduler } = options;
    const now = () => scheduler.now() * MICROSECONDS;
    this.#deadlines = new Deadlines(scheduler, now, (request) => this.#due(request));
  }

  /** Asks for a write; it takes the place of one to the same address that still waits, and shares its reply. */
  write(address: string, value: Value, options: WriteOptions): Reply<Ack> {
    // A lock ends with its session: after a disconnect there is nothing to give up, and asking would be refused.
    const wanted = this.#everConnected && !this.#send && options.unlock ? { ...options, unlock: undefined } : options;
    const frame = encodeClientMessage({ type: 'SET', address, value, ...wanted }, 1);
    const older = this.#waitingWrites.get(address);
    const compares = (older?.options.revision ?? wanted.revision) !== undefined;
    const shared = compares ? undefined : older?.replies.at(-1);
    const reply = shared ?? new PendingReply<Ack>();
    const replies = shared ? [] : [reply];
    this.#ask({ kind: 'write', addresses: [address], frame, value, options: wanted, replies });
    return reply;
  }

  /** Asks for what is acknowledged and never repeated. */
  confirm(kind: 'event' | 'bundle', addresses: readonly string[], frame: Uint8Array): Reply<Ack> {
    const reply = new PendingReply<Ack>();
    this.#ask({ kind, addresses, frame, replies: [reply] });
    return reply;
  }

  get(address: string): Reply<Value> {
    const reply = new PendingReply<Value>();
    const frame = encodeClientMessage({ type: 'GET', address });
    this.#ask({ kind: 'get', addresses: [address], frame, replies: [reply] });
    return reply;
  }

  query(pattern: string): Reply<readonly SignalDefinition[]> {
    const reply = new PendingReply<readonly SignalDefinition[]>();
    const frame = encodeClientMessage({ type: 'QUERY', pattern });
    this.#ask({ kind: 'query', addresses: [pattern], frame, replies: [reply], results: [] });
    return reply;
  }

  /** A session has begun: sends what waits, in order. */
  resume(send: (frame: Uint8Array) => void): void {
    this.#send = send;
    this.#everConnected = true;
    this.#resuming = true;
    // Answers may come while sending, and bring new requests: those join the end of this loop.
    for (const request of this.#waiting) {
      if (this.#send !== send) return;
      this.#transmit(request, send);
    }
    this.#resuming = false;
  }

  /** The session is over: what can be repeated waits for the next one. */
  suspend(): void {
    this.#send = undefined;
    this.#resuming = false;
    for (const request of this.#takeAll()) {
      if (request.state === 'given-up') {
        this.#deadlines.delete(request);
      } else if (request.kind === 'write') {
        this.#deadlines.delete(request);
        if (request.options.unlock) this.#rewrite(request, { ...request.options, unlock: undefined });
        this.#wait(request);
      } else if (asksOnly(request) || request.state === undefined) {
        if (request.kind === 'query') request.results = [];
        this.#wait(request);
      } else {
        this.#fail(request, ErrorCode.Overloaded, 'connection lost before the answer');
      }
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
    const request = this.#acknowledgeable(address, revision);
    if (!request) return false;
    this.#settle(request);
    const named = address ?? request.addresses.at(-1) ?? '';
    if (request.kind === 'write' && revision !== undefined)
      this.#options.params.written(named, request.value, revision);
    for (const reply of request.replies) reply.resolve({ address: named, revision, locked, holder });
    return true;
  }

  /** Takes what a SNAPSHOT says about one address: the answer, if the oldest request there is a get. */
  told({ address, value }: ParamState): void {
    const request = this.#sent.at(address)[0];
    if (request?.kind !== 'get') return;
    this.#settle(request);
    for (const reply of request.replies) reply.resolve(value);
  }

  /** Takes a RESULT. */
  found(signals: readonly SignalDefinition[]): void {
    this.#firstQuery()?.results.push(...signals);
  }

  /** Takes a PONG: a PING follows each query, so everything it found has come. */
  foundAll(): void {
    const query = this.#firstQuery();
    if (!query) return;
    this.#settle(query);
    for (const reply of query.replies) reply.resolve(query.results);
  }

  /** Takes an ERROR about an address. */
  refused(address: string, error: ClaspError): void {
    const request = this.#sent.at(address)[0];
    if (!request) return;
    if (request.kind === 'query')
      request.state = 'given-up'; // until its PONG
    else this.#settle(request);
    reject(request, error);
  }

  #ask(request: Request): void {
    if (this.#closed) {
      reject(request, this.#closed);
      return;
    }
    if (asksOnly(request)) this.#expect(request);
    if (this.#send && !this.#resuming) this.#transmit(request, this.#send);
    else if (this.#send || !this.#everConnected || isRepeatable(request)) this.#wait(request);
    else this.#fail(request, ErrorCode.Overloaded, 'not connected');
  }

  #transmit(request: Request, send: (frame: Uint8Array) => void): void {
    this.#waiting.delete(request);
    if (request.kind === 'write') this.#waitingWrites.delete(addressOf(request));
    request.state = 'sent';
    this.#sent.add(request);
    if (!asksOnly(request)) this.#expect(request);
    send(request.frame);
    if (request.kind === 'query') send(PING);
  }

  #wait(request: Request): void {
    if (request.kind === 'write') this.#replace(request);
    const { limit } = this.#options;
    if (this.#waiting.size >= limit) {
      this.#fail(request, ErrorCode.Overloaded, `more than ${limit} requests wait for a connection`);
      return;
    }
    request.state = undefined;
    this.#waiting.add(request);
    if (request.kind === 'write') this.#waitingWrites.set(addressOf(request), request);
  }

  /** Lets a write take the place of the one that waits at its address. */
  #replace(newer: WriteRequest): void {
    const older = this.#waitingWrites.get(addressOf(newer));
    if (!older) return;
    this.#waiting.delete(older);
    this.#waitingWrites.delete(addressOf(older));
    const { revision } = older.options;
    if (revision === undefined) newer.replies = [...older.replies, ...newer.replies];
    else this.#fail(older, ErrorCode.Conflict, `a newer write came before revision ${revision} was compared`);
    this.#rewrite(newer, supersede(older.options, newer.options));
  }

  #rewrite(request: WriteRequest, options: WriteOptions): void {
    request.options = options;
    request.frame = encodeClientMessage(
      { type: 'SET', address: addressOf(request), value: request.value, ...options },
      1,
    );
  }

  #takeAll(): Request[] {
    const all = [...this.#sent, ...this.#waiting];
    for (const collection of [this.#sent, this.#waiting, this.#waitingWrites]) collection.clear();
    return all;
  }

  /** What an ACK belongs to: the oldest request at its address, best one that such an ACK answers. */
  #acknowledgeable(address: string | undefined, revision: number | undefined): Confirmable | undefined {
    let first: Confirmable | undefined;
    for (const request of address === undefined ? this.#sent : this.#sent.at(address)) {
      const { kind } = request;
      if (kind === 'get' || kind === 'query') continue;
      if (kind === 'bundle' || (kind === 'write') === (revision !== undefined)) return request;
      first ??= request;
    }
    return first;
  }

  #firstQuery(): QueryRequest | undefined {
    for (const request of this.#sent) if (request.kind === 'query') return request;
    return undefined;
  }

  /** Starts the time to answer. */
  #expect(request: Request): void {
    this.#deadlines.set(request, (this.#options.scheduler.now() + TIMEOUT[request.kind]) * MICROSECONDS);
  }

  #due(request: Request): void {
    if (request.state === 'given-up') {
      this.#settle(request);
      return;
    }
    this.#waiting.delete(request);
    const late = request.state === 'sent';
    request.state = 'given-up';
    this.#fail(request, ErrorCode.Timeout, `no answer within ${TIMEOUT[request.kind] / 1000} s`);
    if (late) this.#deadlines.set(request, (this.#options.scheduler.now() + LATE) * MICROSECONDS);
  }

  /** Forgets a request that was sent. */
  #settle(request: Request): void {
    // Not `delete`, which stops an idle timer: starting one for each request would cost more than the request.
    this.#deadlines.set(request, Number.POSITIVE_INFINITY);
    this.#sent.delete(request);
  }

  #fail(request: Request, code: ErrorCode, why: string): void {
    this.#deadlines.delete(request);
    const reason = new ClaspError(code, why, { address: addressOf(request) });
    this.#options.report(reason);
    reject(request, reason);
  }
}

const PING = encodeClientMessage({ type: 'PING' });
