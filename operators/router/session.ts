import { Observable, type OperatorFunction, type SchedulerLike, Subscriber } from 'rxjs';
import type { AddressTable } from '../../core/address/address-table.ts';
import type { Connection } from '../../core/connection/connection.ts';
import { judgeLife, nextJudgement, type SessionLife } from '../../core/connection/session-life.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { StoredParam } from '../../core/param/param.ts';
import { monotonicScheduler } from '../../core/time/monotonic-scheduler.ts';
import { NARROW } from '../../core/wire/codes.ts';
import { encodeError } from '../../core/wire/encode.ts';
import { decodeInProcessFrame, isInProcess } from '../../core/wire/in-process.ts';
import { encodeMessage, FEATURES, type Frame, MessageCode, publishAsSet, signalCode } from '../../core/wire/index.ts';
import { type HelloMessage, type Message, PROTOCOL_VERSION } from '../../core/wire/message.ts';
import { decodeAnyFrame } from '../../core/wire/message-pack.ts';
import { Deadlines } from '../deadlines.ts';
import { type Authenticate, askForGrant, type CompiledGrant } from './authenticate.ts';
import { unpackBundle } from './bundle.ts';
import { type Entry, Envelope, kindOf } from './envelope.ts';
import { BufferPool, type OutboxChange, type OutboxLimits } from './outbox.ts';
import { Session } from './session-state.ts';
import type { TimeOptions } from './time-options.ts';

/**
 * Makes UUIDs of version 4 from a number: the same seed gives the same ids, so that a simulated run can be repeated.
 * Not secret; a platform gives the router its own source of randomness.
 */
export function sessionIds(seed: number): () => string {
  let state = (seed ^ Math.floor(seed / 2 ** 32)) >>> 0;
  // SplitMix32: every step visits a new state, so ids repeat only after 2^32 numbers.
  const next = () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
  const hex = () => next().toString(16).padStart(8, '0');

  return () => {
    const digits = hex() + hex() + hex() + hex();
    const variant = '89ab'[next() & 3];
    return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(13, 16)}-${variant}${digits.slice(17, 20)}-${digits.slice(20)}`;
  };
}

/** Whoever deals with what comes from a session's connection. None of it may throw. */
interface Receiving {
  receive(session: Session, bytes: Uint8Array): void;
  /** The connection has ended, cleanly where there is no reason. */
  ended(session: Session, reason: ClaspError | undefined): void;
}

/**
 * Subscribes to a session's connection. Three functions would do the same; RxJS puts two objects and two calls more between
 * those and the connection, for each session and each frame.
 */
class Incoming extends Subscriber<Uint8Array> {
  readonly #session: Session;
  readonly #receiving: Receiving;

  constructor(session: Session, receiving: Receiving) {
    super();
    this.#session = session;
    this.#receiving = receiving;
  }

  protected override _next(bytes: Uint8Array): void {
    this.#receiving.receive(this.#session, bytes);
  }

  protected override _error(cause: unknown): void {
    this.unsubscribe();
    this.#receiving.ended(this.#session, ClaspError.from(cause, ErrorCode.Internal));
  }

  protected override _complete(): void {
    this.unsubscribe();
    this.#receiving.ended(this.#session, undefined);
  }
}

interface SessionWatchOptions {
  readonly scheduler: SchedulerLike;
  readonly now: () => number;
  readonly trusted: (connection: Connection) => CompiledGrant | undefined;
  readonly sessionTimeout: number;
  readonly handshakeTimeout: number;
  readonly maxLag: number;
}

/** Ends a session for a reason; `told` says it to the peer in an ERROR first. */
type CloseSession = (session: Session, reason: ClaspError, told: boolean) => void;

const MILLISECOND = 1000;

/** Watches over the lives of all sessions with one timer: no HELLO or answer to it, silence, lag, the end of a grant. */
class SessionWatch {
  readonly #options: SessionWatchOptions;
  readonly #close: CloseSession;
  readonly #deadlines: Deadlines<Session>;

  constructor(options: SessionWatchOptions, close: CloseSession) {
    this.#options = options;
    this.#close = close;
    this.#deadlines = new Deadlines(options.scheduler, options.now, (session) => this.#due(session));
  }

  /** Decides anew when to look at a session again. */
  look(session: Session): void {
    const { handshakeTimeout } = this.#options;
    const next =
      session.phase === 'open' ? nextJudgement(this.#life(session)) : session.since + handshakeTimeout * MILLISECOND;
    this.#deadlines.set(session, next);
  }

  /** Takes note of how a session's receiver does. */
  lag(session: Session, change: OutboxChange): void {
    if (session.phase === 'closed') return;
    if (change === 'overflowed') {
      this.#close(session, slowConsumer(), true);
      return;
    }
    session.laggingSince = change === 'lagging' ? this.#options.now() : undefined;
    if (session.phase === 'open') this.look(session);
  }

  stop(session: Session): void {
    this.#deadlines.delete(session);
  }

  dispose(): void {
    this.#deadlines.dispose();
  }

  #life({ activeAt, grant, connection, laggingSince, pinged }: Session): SessionLife {
    const { sessionTimeout, maxLag, trusted } = this.#options;
    const mayBeSilent = sessionTimeout === 0 || trusted(connection) !== undefined;
    return {
      activeAt,
      maxIdle: mayBeSilent ? Number.POSITIVE_INFINITY : sessionTimeout * MILLISECOND,
      canPing: connection.ping !== undefined && !pinged,
      laggingSince,
      maxLag: maxLag * MILLISECOND,
      expiresAt: grant?.expiresAt === undefined ? undefined : grant.expiresAt * MILLISECOND,
    };
  }

  #due(session: Session): void {
    if (session.phase !== 'open') {
      this.#close(session, unfinished(session), true);
      return;
    }
    switch (judgeLife(this.#life(session), this.#options.now())) {
      case 'expired':
        this.#close(session, new ClaspError(ErrorCode.TokenExpired, 'token expired'), true);
        return;
      case 'lagging':
        this.#close(session, slowConsumer(), true);
        return;
      case 'idle':
        this.#close(session, new ClaspError(ErrorCode.Timeout, 'idle'), false);
        return;
      case 'ping':
        session.pinged = true;
        session.connection.ping?.(() => {
          session.activeAt = this.#options.now();
          session.pinged = false;
        });
        break;
      case 'fine':
    }
    this.look(session);
  }
}

/** Why a session that is not open yet may wait no longer: for its HELLO, or for whoever checks its token. */
function unfinished({ phase }: Session): ClaspError {
  if (phase === 'greeting') return new ClaspError(ErrorCode.BadMessage, 'no HELLO arrived in time');
  return new ClaspError(ErrorCode.Timeout, 'the authentication took too long');
}

function slowConsumer(): ClaspError {
  return new ClaspError(ErrorCode.Overloaded, 'slow consumer');
}

/** What a router tells its sessions; see `RouterOptions` for the defaults. */
export interface SessionOptions extends TimeOptions {
  /** The relay's name, told to every client. @defaultValue 'clasp-rx' */
  readonly name?: string | undefined;
  /** Makes session ids; give a secure one where they matter. @defaultValue UUIDs seeded by the scheduler's time */
  readonly sessionId?: (() => string) | undefined;
  /** Decides what the bearer of a token may do. @defaultValue open: everybody may do everything */
  readonly authenticate?: Authenticate | undefined;
  /** Sessions at a time, those of this process not counted; 0 = unlimited. @defaultValue 0 */
  readonly maxSessions?: number | undefined;
  /** Milliseconds of silence after which a session ends; 0 = never. @defaultValue 300 000 */
  readonly sessionTimeout?: number | undefined;
  /** Milliseconds in which a connection must say HELLO (101), and be authenticated (502). @defaultValue 10 000 */
  readonly handshakeTimeout?: number | undefined;
  /** Bytes that may wait for a lagging receiver before it is given up with 503. @defaultValue 8 MiB */
  readonly maxWaitingBytes?: number | undefined;
  /** Milliseconds that a receiver may lag without a break before it is given up with 503. @defaultValue 30 000 */
  readonly maxLag?: number | undefined;
}

/** A count that grows: one per message, and per session that opens or closes. */
export interface Received {
  messages: number;
}

/** {@link SessionOptions} with their defaults, and the sessions of this process. */
interface SessionSettings extends SessionWatchOptions {
  readonly name: string;
  readonly sessionId: () => string;
  readonly authenticate: Authenticate | undefined;
  readonly maxSessions: number;
  readonly outbox: OutboxLimits;
}

const MEBIBYTE = 1024 * 1024;
/** Gives nobody anything without a handshake. */
const NOBODY = () => undefined;

const PARAM_SIGNAL = signalCode('param');
/** This many bad frames or messages within {@link OFFENCE_WINDOW} end a session. */
const MAX_OFFENCES = 10;
const OFFENCE_WINDOW = 10_000 * MILLISECOND;
/** Frames that a client may send while its token is being checked. */
const MAX_EARLY_FRAMES = 64;

/**
 * Turns connections into the messages of their sessions: handshake, authentication, decoding, interning, the time of
 * arrival, idle and lag limits. The first stage of the router.
 *
 * Emits, for each session, one `opened`, its messages in order (those that could not be decoded as `refused`), and one
 * `closed`. Never errors because of a peer. Errors when the connections do; completes when they have and every session
 * has ended. Unsubscribing closes every connection.
 *
 * @param trusted what sessions of this process may do: they need not authenticate and are never idle
 * @param received counts what is emitted
 */
export function session(
  table: AddressTable<StoredParam>,
  options: SessionOptions = {},
  trusted: (connection: Connection) => CompiledGrant | undefined = NOBODY,
  received: Received = { messages: 0 },
): OperatorFunction<Connection, Envelope> {
  const { scheduler = monotonicScheduler, now = () => scheduler.now() * MILLISECOND } = options;
  const { name = 'clasp-rx', sessionId = sessionIds(scheduler.now()), authenticate, maxSessions = 0 } = options;
  const { sessionTimeout = 300_000, handshakeTimeout = 10_000, maxLag = 30_000 } = options;
  const outbox = { hardBytes: options.maxWaitingBytes ?? 8 * MEBIBYTE, softBytes: MEBIBYTE };
  const limits = { maxSessions, sessionTimeout, handshakeTimeout, maxLag, outbox };
  const settings: SessionSettings = { scheduler, now, name, sessionId, authenticate, trusted, ...limits };
  return (connections) => new Observable((out) => new Sessions(table, settings, received, out).run(connections));
}

class Sessions implements Receiving {
  readonly #table: AddressTable<StoredParam>;
  readonly #options: SessionSettings;
  readonly #received: Received;
  readonly #out: Subscriber<Envelope>;
  readonly #sessions = new Set<Session>();
  readonly #watch: SessionWatch;
  readonly #outbox: OutboxLimits;
  #counted = 0;
  #sourceDone = false;

  constructor(
    table: AddressTable<StoredParam>,
    options: SessionSettings,
    received: Received,
    out: Subscriber<Envelope>,
  ) {
    this.#table = table;
    this.#options = options;
    this.#received = received;
    this.#out = out;
    this.#outbox = { ...options.outbox, spare: new BufferPool(options.outbox.hardBytes) };
    this.#watch = new SessionWatch(options, (session, reason, told) => this.#close(session, reason, told));
  }

  run(connections: Observable<Connection>): () => void {
    const source = connections.subscribe({
      next: (connection) => this.#accept(connection),
      error: (cause) => this.#out.error(cause),
      complete: () => {
        this.#sourceDone = true;
        if (this.#sessions.size === 0) this.#out.complete();
      },
    });
    return () => {
      source.unsubscribe();
      this.#watch.dispose();
      for (const session of this.#sessions) {
        session.phase = 'closed';
        session.outbox.close();
        session.incoming.unsubscribe();
        session.connection.outgoing.complete();
      }
      this.#sessions.clear();
    };
  }

  #accept(connection: Connection): void {
    const { now, maxSessions, sessionId, trusted } = this.#options;
    const grant = trusted(connection);
    const session = new Session(sessionId(), connection, grant, now(), this.#outbox, (of, change) =>
      this.#watch.lag(of, change),
    );
    this.#sessions.add(session);
    if (!grant && ++this.#counted > maxSessions && maxSessions > 0) {
      this.#close(session, new ClaspError(ErrorCode.Overloaded, `too many sessions, at most ${maxSessions}`), true);
      return;
    }
    this.#watch.look(session);
    session.incoming.add(connection.incoming.subscribe(new Incoming(session, this)));
  }

  ended(session: Session, reason: ClaspError | undefined): void {
    this.#close(session, reason, false);
  }

  receive(session: Session, bytes: Uint8Array): void {
    if (session.phase === 'closed') return;
    const { reads } = session.connection;
    // The clock is read once for all frames that came together.
    const at = reads !== undefined && reads === session.reads ? session.activeAt : this.#options.now();
    session.reads = reads;
    session.activeAt = at;
    session.pinged = false;
    if (session.phase === 'authenticating') {
      if (session.early.length < MAX_EARLY_FRAMES) session.early.push(new Uint8Array(bytes));
      else this.#close(session, new ClaspError(ErrorCode.TooMany, 'too many frames before WELCOME'), true);
      return;
    }
    let frame: Frame;
    try {
      frame = session.inProcess && isInProcess(bytes) ? decodeInProcessFrame(bytes) : decodeAnyFrame(bytes);
      if (session.phase === 'greeting') {
        this.#greet(session, frame);
        return;
      }
      this.#route(session, frame, at);
    } catch (cause) {
      this.#offend(session, ClaspError.from(cause, ErrorCode.Internal), at);
    }
  }

  #route(session: Session, frame: Frame, at: number): void {
    const kind = kindOf(frame.type);
    let entry: Entry | undefined;
    switch (kind) {
      case 'SET':
      case 'GET':
        entry = this.#intern(session, frame, at);
        if (!entry) return;
        break;
      case 'PUBLISH':
        entry = this.#intern(session, frame, at);
        if (!entry) return;
        if (frame.signal === PARAM_SIGNAL) {
          this.#forward('SET', session, publishAsSet(frame), entry, at);
          return;
        }
        break;
      case 'BUNDLE':
        this.#routeBundle(session, frame, at);
        return;
      case 'HELLO':
        throw new ClaspError(ErrorCode.BadMessage, 'already greeted, HELLO comes once');
      case 'ACK':
      case 'PONG':
      case 'WELCOME':
      case 'SNAPSHOT':
      case 'RESULT':
      case 'ERROR':
        return; // what a server sends, a client's is ignored
      case undefined:
        throw new ClaspError(ErrorCode.BadMessage, `unknown message type 0x${frame.type.toString(16)}`);
      default:
        void frame.message; // the second step may throw; later stages rely on it
    }
    this.#forward(kind, session, frame, entry, at);
  }

  #forward(kind: Message['type'], session: Session, frame: Frame, entry: Entry | undefined, at: number): void {
    if (frame.qos > 0) session.confirms = true;
    this.#emit(new Envelope(kind, session, frame, entry, at));
  }

  #emit(envelope: Envelope): void {
    this.#received.messages++;
    this.#out.next(envelope);
  }

  #routeBundle(session: Session, frame: Frame, at: number): void {
    if (frame.qos > 0) session.confirms = true;
    const bundle = new Envelope('BUNDLE', session, frame, undefined, at);
    try {
      bundle.parts = unpackBundle(this.#table, session, frame, at);
    } catch (cause) {
      const error = ClaspError.from(cause, ErrorCode.Internal);
      if (error.code !== ErrorCode.BadAddress) throw error;
      bundle.refuse(error);
    }
    this.#emit(bundle);
  }

  #intern(session: Session, frame: Frame, at: number): Entry | undefined {
    try {
      return this.#table.intern(frame.bytes, frame.addressStart, frame.addressEnd);
    } catch (cause) {
      const error = ClaspError.from(cause, ErrorCode.BadAddress);
      const named = new ClaspError(error.code, error.reason, { address: frame.address, cause });
      this.#emit(new Envelope('refused', session, frame, undefined, at).refuse(named));
      return undefined;
    }
  }

  #offend(session: Session, error: ClaspError, at: number): void {
    if (session.phase === 'closed') return;
    if (session.phase === 'greeting') {
      this.#close(session, error, true);
      return;
    }
    this.#emit(new Envelope('refused', session, undefined, undefined, at).refuse(error));
    const offences = session.offences;
    offences.push(at);
    if (offences.length < MAX_OFFENCES) return;
    const first = offences.shift() as number;
    if (at - first <= OFFENCE_WINDOW) {
      this.#close(session, new ClaspError(error.code, `too many bad frames, the last: ${error.reason}`), true);
    }
  }

  #greet(session: Session, frame: Frame): void {
    if (frame.type !== MessageCode.Hello) throw new ClaspError(ErrorCode.BadMessage, 'the first message must be HELLO');
    const hello = frame.message as HelloMessage;
    if (hello.version < PROTOCOL_VERSION) {
      throw new ClaspError(ErrorCode.UnsupportedVersion, `protocol version ${hello.version} is not supported`);
    }
    session.introduce(hello.name);
    session.narrow = session.connection.narrow === true || hello.features.includes(NARROW);
    if (session.grant) {
      this.#welcome(session, session.grant);
      return;
    }
    session.phase = 'authenticating';
    const { peer, secure, token } = session.connection.arrival ?? {};
    const introduced = { ...hello, token: hello.token ?? token, peer, secure };
    session.incoming.add(
      askForGrant(this.#options.authenticate, introduced).subscribe({
        next: (grant) => this.#welcome(session, grant),
        error: (cause) => this.#close(session, ClaspError.from(cause, ErrorCode.NotAuthenticated), true),
      }),
    );
  }

  /** For where a call may have closed it. */
  #isClosed({ phase }: Session): boolean {
    return phase === 'closed';
  }

  #welcome(session: Session, grant: CompiledGrant): void {
    if (session.phase === 'closed') return;
    const now = this.#options.now();
    if (grant.expiresAt !== undefined && grant.expiresAt * MILLISECOND <= now) {
      this.#close(session, new ClaspError(ErrorCode.TokenExpired, 'token expired'), true);
      return;
    }
    session.grant = grant;
    const withdrawn = (reason: unknown) => this.#close(session, ClaspError.from(reason, ErrorCode.TokenExpired), true);
    session.incoming.add(grant.ended?.subscribe({ next: withdrawn, error: withdrawn }));
    // Withdrawn between the look at the token and now.
    if (this.#isClosed(session)) return;
    session.phase = 'open';
    session.activeAt = now;
    session.outbox.send(
      encodeMessage({
        type: 'WELCOME',
        version: PROTOCOL_VERSION,
        session: session.id,
        name: this.#options.name,
        features: FEATURES.slice(0, 5),
        time: now,
      }),
      'keep',
      session,
    );
    this.#watch.look(session);
    this.#emit(new Envelope('opened', session, undefined, undefined, now));
    for (const bytes of session.early.splice(0)) this.receive(session, bytes);
  }

  /** Ends a session: `told` says it in an ERROR first. */
  #close(session: Session, reason: ClaspError | undefined, told: boolean): void {
    if (session.phase === 'closed') return;
    const wasOpen = session.phase === 'open';
    session.phase = 'closed';
    this.#watch.stop(session);
    this.#sessions.delete(session);
    if (!this.#options.trusted(session.connection)) this.#counted--;
    session.outbox.close();
    const { outgoing } = session.connection;
    if (reason) {
      if (told) outgoing.next(encodeError(reason));
      outgoing.error(reason);
    } else {
      outgoing.complete();
    }
    session.incoming.unsubscribe();
    const closed = new Envelope('closed', session, undefined, undefined, this.#options.now());
    closed.error = reason;
    if (wasOpen) this.#emit(closed);
    else if (reason) this.#emit(closed.refuse(reason));
    if (this.#sourceDone && this.#sessions.size === 0) this.#out.complete();
  }
}
