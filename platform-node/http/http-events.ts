import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { SchedulerLike, Subscription } from 'rxjs';
import type { Scopes } from '../../core/address/scope.ts';
import type { Client } from '../../core/client/client.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { kindsOf, serverSentEvent, signalJson } from '../../core/protocols/http/http.ts';
import type { Signal, SignalKind } from '../../core/signal/signal.ts';
import { monotonicScheduler } from '../../core/time/monotonic-scheduler.ts';
import { readParams } from '../../operators/json/read-params.ts';
import type { BearerClients, BorrowedClient, ShownBy } from './bearer-clients.ts';
import { whenEnded } from './bearer-clients.ts';
import { answered } from './http-requests.ts';
import { type HttpRequest, type HttpResponse, shownBy } from './http-routes.ts';

/** Events that a feed remembers for listeners that come back. */
const REMEMBERED = 1000;
/** Bytes of them; the oldest are forgotten first. */
const MAX_REMEMBERED = 1024 * 1024;
/** Milliseconds that a feed goes on without a listener. */
const LINGER = 60_000;
/** Milliseconds between two comments that keep the way open through proxies. */
const HEARTBEAT = 15_000;
/** Bytes that may wait for a slow reader, beside what it begins with; then it is cut off, comes back with its last id, and resumes. */
const MAX_WAITING = 1024 * 1024;
/** The same for one that is sent texts of more than so many characters: a few of them must be able to wait. */
const MAX_WAITING_LARGE = 8 * 1024 * 1024;
const LARGE = 64 * 1024;

/** Characters that are written at a time at the beginning. */
const PIECE = 1024 * 1024;

/** Who is told one of these is not let in by coming back. */
const REFUSED: ReadonlySet<number> = new Set([ErrorCode.NotAuthenticated, ErrorCode.Forbidden, ErrorCode.TokenExpired]);

function isOver({ expiresAt }: BorrowedClient, now: number): boolean {
  return expiresAt !== undefined && expiresAt <= now;
}

function refusedEvent({ code, reason }: ClaspError): string {
  return `event: refused\ndata: ${JSON.stringify({ code, message: reason })}\n\n`;
}

/** Feeds at a time. */
const MAX_FEEDS = 1000;

interface Listener {
  readonly write: (text: string) => void;
  /** Without a reason it comes back by itself. */
  readonly end: (reason?: ClaspError) => void;
}

/** Everything under one pattern, seen with the rights of one token, numbered. */
class Feed {
  readonly id = randomUUID().slice(0, 8);
  readonly listeners = new Set<Listener>();
  readonly #borrowed: BorrowedClient;
  /** What it remembers, the oldest first. */
  readonly #texts: string[] = [];
  #bytes = 0;
  readonly #subscription: Subscription;
  readonly #now: () => number;
  #count = 0;

  constructor(
    borrowed: BorrowedClient,
    pattern: string,
    types: readonly SignalKind[] | undefined,
    scheduler: SchedulerLike,
    ended: (cause?: ClaspError) => void,
  ) {
    this.#borrowed = borrowed;
    this.#now = () => scheduler.now();
    this.#subscription = whenEnded({ ended: borrowed.ended, expiresAt: undefined }, scheduler, ended);
    const heard = borrowed.client.on(pattern, types ? { types } : {}).subscribe({
      next: (signal) => this.#tell(signal),
      error: ended,
      // A participant whose right has ended just ends.
      complete: () =>
        ended(isOver(borrowed, scheduler.now()) ? new ClaspError(ErrorCode.TokenExpired, 'token expired') : undefined),
    });
    this.#subscription.add(heard);
  }

  get client(): Client {
    return this.#borrowed.client;
  }

  get scopes(): Scopes {
    return this.#borrowed.scopes;
  }

  get lastId(): string {
    return `${this.id}-${this.#count}`;
  }

  /** What came after the event `id`; undefined when that is not known any more. */
  since(id: string): readonly string[] | undefined {
    const [feed, number] = id.split('-');
    const missed = this.#count - Number(number);
    if (feed !== this.id || !(missed >= 0 && missed <= this.#texts.length)) return undefined;
    return missed === 0 ? [] : this.#texts.slice(-missed);
  }

  close(reason?: ClaspError): void {
    this.#subscription.unsubscribe();
    this.#borrowed.release();
    for (const listener of [...this.listeners]) listener.end(reason);
  }

  #tell(signal: Signal): void {
    // A listener gets its own snapshot.
    if (signal.kind === 'param' && signal.snapshot) return;
    this.#count++;
    const text = serverSentEvent(this.lastId, signal.kind, signalJson(signal, this.#now() * 1000));
    this.#texts.push(text);
    this.#bytes += Buffer.byteLength(text);
    while (this.#texts.length > REMEMBERED || this.#bytes > MAX_REMEMBERED) {
      this.#bytes -= Buffer.byteLength(this.#texts.shift() ?? '');
    }
    for (const { write } of [...this.listeners]) write(text);
  }
}

/**
 * Answers `GET /v1/events`: the current params, an event `synced`, then everything as it happens. Whoever comes back
 * with `Last-Event-ID` within a minute gets what was missed instead, up to 1000 events and 1 MiB.
 */
export function eventFeeds(
  clients: BearerClients,
  scheduler: SchedulerLike = monotonicScheduler,
): { answer(request: HttpRequest, token: string | undefined): Promise<HttpResponse>; close(): void } {
  // Not those who ask for the events, or nobody would hear them.
  const listeners = clients.apart();
  const feeds = new Map<string, Feed>();
  const timers = new Map<Feed, Subscription>();

  const drop = (key: string, feed: Feed, reason?: ClaspError) => {
    if (feeds.get(key) === feed) feeds.delete(key);
    timers.get(feed)?.unsubscribe();
    timers.delete(feed);
    feed.close(reason);
  };

  /** A feed nobody listens to goes on for a minute, for those who come back. */
  const rest = (key: string, feed: Feed) => {
    if (feed.listeners.size > 0) return;
    timers.get(feed)?.unsubscribe();
    timers.set(
      feed,
      scheduler.schedule(() => drop(key, feed), LINGER),
    );
  };

  const feedFor = async (
    token: string | undefined,
    shownBy: ShownBy,
    pattern: string,
    types: readonly SignalKind[] | undefined,
  ) => {
    const key = JSON.stringify([token, pattern, types]);
    // Asked again for each listener: the token may have been withdrawn since.
    const borrowed = await listeners.borrow(token, shownBy);
    const known = feeds.get(key);
    if (known && sameScopes(known.scopes, borrowed.scopes)) {
      borrowed.release();
      return { key, feed: known, expiresAt: borrowed.expiresAt };
    }
    // The token means other rights than it did: who still listens with the old ones comes back, and gets the new.
    if (known) drop(key, known);
    if (feeds.size >= MAX_FEEDS) {
      borrowed.release();
      throw new ClaspError(ErrorCode.Overloaded, `more than ${MAX_FEEDS} patterns are listened to`);
    }
    let refusal: ClaspError | undefined;
    const feed = new Feed(borrowed, pattern, types, scheduler, (cause) => {
      refusal ??= cause;
      // The first word may come while the feed is being made, and the reason behind the end.
      queueMicrotask(() => drop(key, feed, refusal));
    });
    feeds.set(key, feed);
    if (refusal) throw refusal;
    return { key, feed, expiresAt: borrowed.expiresAt };
  };

  const answer = async (request: HttpRequest, token: string | undefined): Promise<HttpResponse> => {
    const pattern = request.query.get('pattern') ?? '/**';
    const types = kindsOf(request.query.get('types') ?? undefined);
    const { key, feed, expiresAt } = await feedFor(token, shownBy(request), pattern, types);
    const headers = { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' };
    if (request.method === 'HEAD') {
      rest(key, feed);
      return { status: 200, headers };
    }
    timers.get(feed)?.unsubscribe();
    timers.delete(feed);

    const lastId = lastEventId(request);
    const missed = lastId === undefined ? undefined : feed.since(lastId);
    const early: string[] = [];
    let listening = (text: string): void => {
      early.push(text);
    };
    let end = (_reason?: ClaspError): void => undefined;
    const listener: Listener = { write: (text) => listening(text), end: (reason) => end(reason) };
    feed.listeners.add(listener);
    const leave = () => {
      if (feed.listeners.delete(listener)) rest(key, feed);
    };

    let first: readonly string[];
    try {
      first = missed ?? (await snapshotOf(feed, pattern, types, scheduler));
    } catch (cause) {
      leave();
      // A relay that is away comes back, and others may listen already.
      if (!(cause instanceof ClaspError && cause.code === ErrorCode.Timeout)) drop(key, feed);
      throw cause;
    }
    const stream = (outgoing: ServerResponse) => {
      const beginning = [...pieces(['retry: 1000\n\n', ...first, ...early])];
      // Nobody has read any of the beginning yet, however fast they are.
      let most = beginning.reduce((sum, text) => sum + Buffer.byteLength(text), MAX_WAITING);
      const write = (text: string) => {
        if (text.length > LARGE) most = Math.max(most, MAX_WAITING_LARGE);
        outgoing.write(text);
        if (outgoing.writableLength > most) outgoing.destroy();
      };
      for (const text of beginning) outgoing.write(text);
      listening = write;
      end = (reason) => {
        if (reason && REFUSED.has(reason.code)) outgoing.write(refusedEvent(reason));
        outgoing.end();
      };
      const heart = scheduler.schedule(function (this: { schedule(state?: unknown, delay?: number): unknown }) {
        write(': \n\n');
        this.schedule(undefined, HEARTBEAT);
      }, HEARTBEAT);
      heart.add(whenEnded({ expiresAt }, scheduler, end));
      return () => {
        heart.unsubscribe();
        leave();
      };
    };
    return { status: 200, headers, stream };
  };

  return {
    answer,
    close() {
      for (const [key, feed] of feeds) drop(key, feed);
    },
  };
}

/**
 * What the reader had last. A browser's own `EventSource` says it in the header when it comes back; who cannot set headers
 * says it in the query, where it stays while the header grows newer.
 */
function lastEventId({ headers, query }: HttpRequest): string | undefined {
  const header = headers['last-event-id'];
  if (typeof header === 'string' && header !== '') return header;
  for (const [name, id] of query) if (/^last-?event-?id$/i.test(name)) return id;
  return undefined;
}

/** Texts put together to some of about {@link PIECE} characters: as a single one they may be longer than a string can be. */
function* pieces(texts: readonly string[]): Generator<string> {
  let piece = '';
  for (const text of texts) {
    piece += text;
    if (piece.length < PIECE) continue;
    yield piece;
    piece = '';
  }
  if (piece !== '') yield piece;
}

function sameScopes(some: Scopes, others: Scopes): boolean {
  const texts = ({ list }: Scopes) => list.map(({ action, pattern }) => `${action}:${pattern.source}`).sort();
  return some === others || JSON.stringify(texts(some)) === JSON.stringify(texts(others));
}

/** The current params under a pattern as events, and `synced`. Rejects when the relay refuses the pattern. */
async function snapshotOf(
  feed: Feed,
  pattern: string,
  types: readonly SignalKind[] | undefined,
  scheduler: SchedulerLike,
): Promise<readonly string[]> {
  const wanted = types === undefined || types.includes('param');
  const id = feed.lastId; // what happens from now on comes after it, even if the snapshot has it already
  const params = await answered(readParams(feed.client, pattern), { address: pattern, scheduler });
  // Without an id of their own: who is cut off among them has not had all of them, and must not resume after them.
  const texts = wanted ? params.map((param) => serverSentEvent(undefined, 'param', signalJson(param))) : [];
  return [...texts, serverSentEvent(id, 'synced', { pattern })];
}
