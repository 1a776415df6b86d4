import { Subscription } from 'rxjs';
import { ALL_SCOPES, type Scopes, scopes } from '../../core/address/scope.ts';
import type { Connection } from '../../core/connection/connection.ts';
import { memoryPair } from '../../core/connection/memory-pair.ts';
import type { CompiledGrant } from './authenticate.ts';
import { Outbox, type OutboxChange, type OutboxLimits } from './outbox.ts';
import type { PacedDelivery } from './pacing.ts';
import type { Subscriptions } from './subscriptions.ts';

const NO_SCOPES: Scopes = scopes([]);
/** Characters of a client's name that are kept: what a session left behind keeps it. */
const MAX_NAME = 256;

/** One participant, from the connection to its end. */
export class Session {
  /** UUID. */
  readonly id: string;
  readonly connection: Connection;
  readonly outbox: Outbox;
  /** Everything that must stop when the session ends. */
  readonly incoming: Subscription = new Subscription();
  /** As the client calls itself in HELLO, at most 256 characters; empty before. */
  name = '';
  phase: 'greeting' | 'authenticating' | 'open' | 'closed' = 'greeting';
  grant: CompiledGrant | undefined;
  /** When the connection came, microseconds. */
  readonly since: number;
  /** When the last frame (or answer to a ping) came, microseconds. */
  activeAt: number;
  /** Of the connection, when the last frame came. */
  reads: number | undefined = undefined;
  /** Since when the receiver lags, microseconds. */
  laggingSince: number | undefined = undefined;
  pinged = false;
  /** Whether it ever sent a frame with QoS 1 or 2: only then does it understand ACK, BUNDLE and ANNOUNCE. */
  confirms = false;
  /** Whether it wants nothing at the greeting but the empty SNAPSHOT. */
  narrow = false;
  /** Whether it is a participant of this process: then its frames may say more than the wire can, see wire/in-process.ts. */
  readonly inProcess: boolean;
  /** What it subscribed to, by id; owned by `dispatch`. */
  subscriptions: Subscriptions | undefined = undefined;
  /** The way of params and streams to the outbox while it subscribes with maxRate, epsilon or window. */
  paced: PacedDelivery | undefined = undefined;
  #early: Uint8Array[] | undefined;
  #offences: number[] | undefined;

  constructor(
    id: string,
    connection: Connection,
    grant: CompiledGrant | undefined,
    since: number,
    limits: OutboxLimits,
    changed: (session: Session, change: OutboxChange) => void,
  ) {
    this.id = id;
    this.connection = connection;
    this.grant = grant;
    this.inProcess = grant !== undefined;
    this.since = since;
    this.activeAt = since;
    this.outbox = new Outbox(connection, limits, (change) => changed(this, change));
  }

  introduce(name: string): void {
    // Written anew: a part of a string keeps all of it.
    const copy = () => new TextDecoder().decode(new TextEncoder().encode(name.slice(0, MAX_NAME)));
    this.name = name.length > MAX_NAME ? copy() : name;
  }

  /** What it may do; nothing before it is authenticated. */
  get scopes(): Scopes {
    return this.grant?.scopes ?? NO_SCOPES;
  }

  /** Where it is, for people. */
  get peer(): string {
    return this.connection.peer ?? this.connection.id;
  }

  /** Frames that came while its token was being checked. */
  get early(): Uint8Array[] {
    this.#early ??= [];
    return this.#early;
  }

  /** When its last bad frames came, microseconds. */
  get offences(): number[] {
    this.#offences ??= [];
    return this.#offences;
  }
}

/** The relay itself, as the author of what nobody sent. It hears nothing, and its writes have an empty writer. */
export function relaySession(since: number): Session {
  const [silent] = memoryPair();
  const limits = { hardBytes: 0, softBytes: 0 };
  const session = new Session('', silent, { scopes: ALL_SCOPES, expiresAt: undefined }, since, limits, () => undefined);
  session.name = 'relay';
  session.phase = 'open';
  return session;
}
