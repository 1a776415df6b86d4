import type { IncomingHttpHeaders } from 'node:http';
import { firstValueFrom, ReplaySubject, type SchedulerLike, Subscription, share } from 'rxjs';
import type { Client } from '../../core/client/client.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { monotonicScheduler } from '../../core/time/monotonic-scheduler.ts';
import { PROTOCOL_VERSION } from '../../core/wire/message.ts';
import {
  type Authenticate,
  askForGrant,
  type CompiledGrant,
  type Introduction,
} from '../../operators/router/authenticate.ts';

/**
 * The token of a request: `Authorization: Bearer …`, or `?token=` where a browser cannot set headers. Throws a `ClaspError`
 * 100 where there are both and they differ: which of the two counts, two readers may see differently.
 */
export function bearerToken({ authorization = '' }: IncomingHttpHeaders, query: URLSearchParams): string | undefined {
  const header = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
  const inQuery = query.get('token') ?? undefined;
  if (header !== undefined && inQuery !== undefined && header !== inQuery) {
    throw new ClaspError(ErrorCode.BadMessage, 'two tokens that differ: Authorization and ?token=');
  }
  return header ?? inQuery;
}

/** Calls `end` once, with the reason, when a grant ends: by its time, or because it is withdrawn. */
export function whenEnded(
  { expiresAt, ended }: Pick<CompiledGrant, 'expiresAt' | 'ended'>,
  scheduler: SchedulerLike,
  end: (reason: ClaspError) => void,
): Subscription {
  const watch = new Subscription();
  const over = (cause: unknown) => {
    if (watch.closed) return;
    watch.unsubscribe();
    end(ClaspError.from(cause, ErrorCode.TokenExpired));
  };
  watch.add(atExpiry(expiresAt, scheduler, () => over(new ClaspError(ErrorCode.TokenExpired, 'token expired'))));
  watch.add(ended?.subscribe({ next: over, error: over }));
  return watch;
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
  /** Makes a participant with what it may do, which ends with its grant. */
  readonly join: (name: string, grant: CompiledGrant) => Client;
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
export interface BorrowedClient extends CompiledGrant {
  readonly client: Client;
  readonly release: () => void;
}

/** Where a token was shown, as far as it is known. */
export type ShownBy = Pick<Introduction, 'peer' | 'secure'>;

/** The participant that is shared by all with one token, and what it may do. */
interface Shared {
  readonly client: Client;
  readonly grant: CompiledGrant;
}

interface Bearer {
  readonly key: string;
  readonly asked: Promise<Shared>;
  /** Listens for the end of its grant. */
  readonly watch: Subscription;
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
  async borrow(token: string | undefined, shownBy: ShownBy = {}): Promise<BorrowedClient> {
    if (this.#closed) throw new ClaspError(ErrorCode.Overloaded, 'the relay is closing');
    const bearer = this.#bearerOf(token, shownBy);
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
      const { client, grant } = await bearer.asked;
      return { ...grant, client, release };
    } catch (cause) {
      release();
      throw cause;
    }
  }

  /**
   * A participant of its own for a peer that stays: it hears what others with the same token emit, which nobody is
   * sent of their own, and what it locks is its own. It leaves on release. Rejects as `borrow` does.
   */
  async enter(token: string | undefined, shownBy: ShownBy = {}): Promise<BorrowedClient> {
    const { client: _, release: unused, ...grant } = await this.borrow(token, shownBy);
    unused();
    const { join, leave, name } = this.#options;
    if (this.#closed) throw new ClaspError(ErrorCode.Overloaded, 'the relay is closing');
    const client = join(name, grant);
    const release = () => {
      if (this.#entered.delete(release)) leave(client);
    };
    this.#entered.add(release);
    return { ...grant, client, release };
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

  #bearerOf(token: string | undefined, shownBy: ShownBy): Bearer {
    const { scheduler, linger, limit } = this.#options;
    const key = this.#authenticate ? (token ?? '') : '';
    const now = scheduler.now();
    const known = this.#bearers.get(key);
    if (known && now < known.validUntil) return known;
    if (!known && this.#bearers.size >= limit) {
      throw new ClaspError(ErrorCode.Overloaded, `more than ${limit} tokens are in use`);
    }
    const bearer: Bearer = {
      key,
      asked: this.#ask(token, shownBy),
      watch: new Subscription(),
      validUntil: now + linger,
      users: 0,
      idleSince: now,
    };
    this.#bearers.set(key, bearer);
    if (known?.users === 0) this.#leave(known);
    const forget = () => {
      if (this.#bearers.get(key) === bearer) this.#bearers.delete(key);
    };
    bearer.asked.then(({ grant }) => {
      bearer.validUntil = Math.min(bearer.validUntil, grant.expiresAt ?? Number.POSITIVE_INFINITY);
      // At once, whoever uses it: nothing of a right that was withdrawn is written any more.
      const withdrawn = () => {
        forget();
        this.#leave(bearer);
      };
      // Behind the participant, whose requests are told why.
      bearer.watch.add(grant.ended?.subscribe({ next: withdrawn, error: withdrawn }));
    }, forget);
    this.#sweepLater();
    return bearer;
  }

  async #ask(token: string | undefined, shownBy: ShownBy): Promise<Shared> {
    const { join, name } = this.#options;
    const hello = { type: 'HELLO', version: PROTOCOL_VERSION, name, features: [], token, ...shownBy } as const;
    const grant = await firstValueFrom(askForGrant(this.#authenticate, hello));
    if (grant.expiresAt !== undefined && grant.expiresAt <= this.#options.scheduler.now()) {
      throw new ClaspError(ErrorCode.TokenExpired, 'token expired');
    }
    if (this.#closed) throw new ClaspError(ErrorCode.Overloaded, 'the relay is closing');
    // One end for all who use it: each is told the reason in the turn in which the participant ends.
    const ended = grant.ended?.pipe(share({ connector: () => new ReplaySubject(1) }));
    const shared = { ...grant, ended };
    return { client: join(name, shared), grant: shared };
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
    bearer.watch.unsubscribe();
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
  const join = (name: string, { scopes }: CompiledGrant): Client => {
    if (scopes.list.some(({ action, pattern }) => action === 'admin' && pattern.everything)) return client;
    const reason = `${name} has one participant for all tokens and cannot keep to the scopes of one; it wants the option join`;
    throw new ClaspError(ErrorCode.NotEnabled, reason);
  };
  return { join, leave: () => undefined };
}
