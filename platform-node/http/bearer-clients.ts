import type { IncomingHttpHeaders } from 'node:http';
import { firstValueFrom, type SchedulerLike, Subscription } from 'rxjs';
import type { Scopes } from '../../core/address/scope.ts';
import type { Client } from '../../core/client/client.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { monotonicScheduler } from '../../core/time/monotonic-scheduler.ts';
import { PROTOCOL_VERSION } from '../../core/wire/message.ts';
import { type Authenticate, askForGrant } from '../../operators/router/authenticate.ts';

/** The token of a request: `Authorization: Bearer …`, or `?token=` where a browser cannot set headers. */
export function bearerToken({ authorization = '' }: IncomingHttpHeaders, query: URLSearchParams): string | undefined {
  return /^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? query.get('token') ?? undefined;
}

/** Milliseconds. Host timers overflow beyond it and fire at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** Calls `end` when the rights of a token end, in milliseconds since the Unix epoch, however far that is; never for undefined. */
export function atExpiry(expiresAt: number | undefined, scheduler: SchedulerLike, end: () => void): Subscription {
  const waiting = new Subscription();
  if (expiresAt === undefined) return waiting;
  const wait = () => {
    const left = expiresAt - scheduler.now();
    if (left > LONGEST_TIMER) waiting.add(scheduler.schedule(wait, LONGEST_TIMER));
    else waiting.add(scheduler.schedule(end, Math.max(0, left)));
  };
  wait();
  return waiting;
}

export interface BearerClientsOptions {
  /** Makes a participant with what it may do. */
  readonly join: (name: string, scopes: Scopes) => Client;
  /** Decides what the bearer of a token may do; undefined: everybody may do everything. */
  readonly authenticate: Authenticate | undefined;
  /** Ends a participant that `join` made. @defaultValue closes it */
  readonly leave?: (client: Client) => void;
  /** What the participants are called. */
  readonly name: string;
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
  /** Milliseconds after which an unused participant leaves, and a used one is asked for its rights again. @defaultValue 60 000 */
  readonly linger?: number;
  /** Participants at a time; one more is refused with 503. @defaultValue 1000 */
  readonly limit?: number;
}

/** A participant that is in use until `release` is called, once. */
export interface BorrowedClient {
  readonly client: Client;
  readonly scopes: Scopes;
  /** When its rights end, milliseconds since the Unix epoch. */
  readonly expiresAt: number | undefined;
  readonly release: () => void;
}

/** The participant that is shared by all with one token, and what it may do. */
interface Shared {
  readonly client: Client;
  readonly scopes: Scopes;
}

interface Bearer {
  readonly key: string;
  readonly asked: Promise<Shared>;
  expiresAt: number | undefined;
  /** Milliseconds; after it the token is asked for again. */
  validUntil: number;
  users: number;
  idleSince: number;
}

/**
 * One participant for all requests with the same token: requests come and go, and joining a relay costs a snapshot.
 * Peers that stay get one each.
 *
 * Each token passes `authenticate`, and again every minute, so that a token that was withdrawn stops working; whoever
 * still uses the old participant keeps it until release.
 */
export class BearerClients {
  readonly #options: Required<Omit<BearerClientsOptions, 'authenticate'>>;
  readonly #authenticate: Authenticate | undefined;
  readonly #bearers = new Map<string, Bearer>();
  readonly #apart: BearerClients[] = [];
  /** What ends each participant that is not shared. */
  readonly #entered = new Set<() => void>();
  #closed = false;
  #sweep: Subscription | undefined;

  constructor({ authenticate, ...rest }: BearerClientsOptions) {
    this.#options = {
      scheduler: monotonicScheduler,
      linger: 60_000,
      limit: 1000,
      leave: (client) => client.close(),
      ...rest,
    };
    this.#authenticate = authenticate;
  }

  /** The participant that all requests with a token share. Rejects with a `ClaspError`: 300 or 302 as `authenticate` says, 503 when there are too many. */
  async borrow(token: string | undefined): Promise<BorrowedClient> {
    if (this.#closed) throw new ClaspError(ErrorCode.Overloaded, 'the relay is closing');
    const bearer = this.#bearerOf(token);
    bearer.users++;
    let released = false;
    const release = () => {
      if (released) return;
      released = true;
      bearer.users--;
      bearer.idleSince = this.#options.scheduler.now();
      if (bearer.users === 0 && this.#bearers.get(bearer.key) !== bearer) this.#leave(bearer);
    };
    try {
      const { client, scopes } = await bearer.asked;
      return { client, scopes, expiresAt: bearer.expiresAt, release };
    } catch (cause) {
      release();
      throw cause;
    }
  }

  /**
   * A participant of its own for a peer that stays: it hears what others with the same token emit, which nobody is
   * sent of their own, and what it locks is its own. It leaves on release. Rejects as `borrow` does.
   */
  async enter(token: string | undefined): Promise<BorrowedClient> {
    const { scopes, expiresAt, release: unused } = await this.borrow(token);
    unused();
    const { join, leave, name } = this.#options;
    if (this.#closed) throw new ClaspError(ErrorCode.Overloaded, 'the relay is closing');
    const client = join(name, scopes);
    const release = () => {
      if (this.#entered.delete(release)) leave(client);
    };
    this.#entered.add(release);
    return { client, scopes, expiresAt, release };
  }

  /**
   * Participants of the same tokens that are others than these, for those who only listen: they hear what these emit,
   * which nobody is sent of their own. Closed with these.
   */
  apart(): BearerClients {
    const others = new BearerClients({ ...this.#options, authenticate: this.#authenticate });
    this.#apart.push(others);
    return others;
  }

  /** Closes every participant; `borrow` and `enter` reject from now on. */
  close(): void {
    this.#closed = true;
    this.#sweep?.unsubscribe();
    const bearers = [...this.#bearers.values()];
    this.#bearers.clear();
    for (const bearer of bearers) this.#leave(bearer);
    for (const release of [...this.#entered]) release();
    for (const others of this.#apart) others.close();
  }

  #bearerOf(token: string | undefined): Bearer {
    const { scheduler, linger, limit } = this.#options;
    const key = this.#authenticate ? (token ?? '') : '';
    const now = scheduler.now();
    const known = this.#bearers.get(key);
    if (known && now < known.validUntil) return known;
    if (!known && this.#bearers.size >= limit) {
      throw new ClaspError(ErrorCode.Overloaded, `more than ${limit} tokens are in use`);
    }
    const expires = (at: number) => {
      bearer.expiresAt = at;
      bearer.validUntil = Math.min(bearer.validUntil, at);
    };
    const bearer: Bearer = {
      key,
      asked: this.#ask(token, expires),
      expiresAt: undefined,
      validUntil: now + linger,
      users: 0,
      idleSince: now,
    };
    this.#bearers.set(key, bearer);
    if (known?.users === 0) this.#leave(known);
    bearer.asked.catch(() => {
      if (this.#bearers.get(key) === bearer) this.#bearers.delete(key);
    });
    this.#sweepLater();
    return bearer;
  }

  async #ask(token: string | undefined, expires: (at: number) => void): Promise<Shared> {
    const { join, name } = this.#options;
    const hello = { type: 'HELLO', version: PROTOCOL_VERSION, name, features: [], token } as const;
    const grant = await firstValueFrom(askForGrant(this.#authenticate, hello));
    if (grant.expiresAt !== undefined && grant.expiresAt <= this.#options.scheduler.now()) {
      throw new ClaspError(ErrorCode.TokenExpired, 'token expired');
    }
    if (this.#closed) throw new ClaspError(ErrorCode.Overloaded, 'the relay is closing');
    if (grant.expiresAt !== undefined) expires(grant.expiresAt);
    return { client: join(name, grant.scopes), scopes: grant.scopes };
  }

  #sweepLater(): void {
    if (this.#sweep || this.#closed) return;
    const { scheduler, linger } = this.#options;
    this.#sweep = scheduler.schedule(() => {
      this.#sweep = undefined;
      const now = scheduler.now();
      for (const [key, bearer] of this.#bearers) {
        if (bearer.users > 0 || now - bearer.idleSince < linger) continue;
        this.#bearers.delete(key);
        this.#leave(bearer);
      }
      if (this.#bearers.size > 0) this.#sweepLater();
    }, linger);
  }

  #leave(bearer: Bearer): void {
    bearer.asked.then(
      ({ client }) => this.#options.leave(client),
      () => undefined, // it never joined
    );
  }
}

/**
 * Has one participant act for all, where none can be made: only for tokens that permit everything, as it cannot keep anybody
 * to less. Any other is refused with a `ClaspError` 501.
 */
export function sharedClient(client: Client): Required<Pick<BearerClientsOptions, 'join' | 'leave'>> {
  const join = (name: string, { list }: Scopes): Client => {
    if (list.some(({ action, pattern }) => action === 'admin' && pattern.everything)) return client;
    const reason = `${name} has one participant for all tokens and cannot keep to the scopes of one; it wants the option join`;
    throw new ClaspError(ErrorCode.NotEnabled, reason);
  };
  return { join, leave: () => undefined };
}
