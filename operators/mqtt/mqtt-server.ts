import { type Observable, type SchedulerLike, Subject, Subscription } from 'rxjs';
import { scopes } from '../../core/address/scope.ts';
import type { Client } from '../../core/client/client.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { type MqttConnectPacket, MqttReason, type MqttWill } from '../../core/protocols/mqtt/mqtt-packet.ts';
import { fromMqttTopic } from '../../core/protocols/mqtt/mqtt-topic.ts';
import { monotonicScheduler } from '../../core/time/monotonic-scheduler.ts';
import { isNamedToken } from '../../core/token/plain-token.ts';
import { FailureDigest } from '../failure-digest.ts';
import { type Authenticate, askForGrant, type CompiledGrant } from '../router/authenticate.ts';
import { MqttConnection } from './mqtt-connection.ts';
import type { MqttPeer } from './mqtt-peer.ts';
import { isServersTopic, MqttPublications } from './mqtt-publications.ts';
import { MqttSession } from './mqtt-session.ts';
import { MqttShares } from './mqtt-shares.ts';

export interface MqttServerLimits {
  /** Where topics live in the relay; `''` for the root. @defaultValue '/mqtt' */
  readonly namespace?: string;
  /** Clients with a session, connected or not. @defaultValue 10000 */
  readonly maxClients?: number;
  /** Seconds for which a client that is gone is remembered, at most. @defaultValue 3600 */
  readonly maxSessionExpiry?: number;
  /**
   * Messages, params not counted, that wait for one client, and 8 MiB at most. Beyond it a client that is connected is cut
   * off, and one that is away loses the oldest. While it is away the same holds for params, of which the newest value of
   * each topic waits. @defaultValue 10000
   */
  readonly maxQueued?: number;
  /** Topic filters of one client. @defaultValue 1000 */
  readonly maxFilters?: number;
  /** Unconfirmed messages at a time, in either direction. @defaultValue 100 */
  readonly maxInflight?: number;
  /** Topics that may be told by number, in either direction. @defaultValue 32 */
  readonly maxTopicAliases?: number;
  /** Seconds: a client of MQTT 5 that wants to be silent for longer is told this. 0 for any. @defaultValue 0 */
  readonly maxKeepalive?: number;
  /** Milliseconds in which a client must say who it is. @defaultValue 10000 */
  readonly connectTimeout?: number;
  /** Bytes of a packet from a client. @defaultValue 1310720: payloads of 1 MiB with topic and properties */
  readonly maxPacketSize?: number;
}

export interface MqttServerOptions extends MqttServerLimits {
  /** Makes the participant of a client. */
  readonly join: (name: string, grant: CompiledGrant) => Client;
  /** Decides what the bearer of a password, its token, may do; is told the user name. @defaultValue open: everybody may do everything */
  readonly authenticate?: Authenticate | undefined;
  /** Gives an id to a client that has none. */
  readonly clientId: () => string;
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
}

/** A client that has a session. */
interface Member {
  readonly session: MqttSession;
  /** Who may go on with it: the same user and password, with the same scopes. */
  readonly owner: string;
  /** What ends when it comes back. */
  waiting: Subscription;
  /** Listens for the end of its grant, also while it is away. */
  granted: Subscription;
  connection: MqttConnection | undefined;
  will: MqttWill | undefined;
  /** Seconds for which it stays. */
  expiry: number;
}

const MAX_CLIENT_ID = 256;
const READ_ALL = scopes(['read:/**']);
const LONGEST_TIMER = 2 ** 31 - 1;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
const UNPRINTABLE = /[\u0000-\u001f\u007f]/;

/**
 * A server of MQTT 3.1, 3.1.1 and 5 before a relay: each MQTT client is a participant of its own, what it publishes retained is
 * a param and anything else an event, and what changes below the namespace is published to it. Opens nothing: whoever
 * accepts connections hands them to `accept`.
 */
export class MqttServer {
  /** What clients did wrong, and what did not get through; the first at once, then one a second at most. Hot. */
  readonly failures: Observable<ClaspError>;
  /** Somebody has come or gone, see `clients`. Hot. */
  readonly changes: Observable<void>;
  readonly #options: MqttServerOptions;
  readonly #scheduler: SchedulerLike;
  readonly #digest: FailureDigest;
  readonly #publications = new MqttPublications();
  readonly #shares: MqttShares;
  readonly #members = new Map<string, Member>();
  /** With whose it is, once that is known. */
  readonly #connections = new Map<MqttConnection, Member | undefined>();
  readonly #changed = new Subject<void>();

  constructor(options: MqttServerOptions) {
    this.#options = options;
    this.#scheduler = options.scheduler ?? monotonicScheduler;
    this.#digest = new FailureDigest({ scheduler: this.#scheduler });
    this.#shares = new MqttShares(() =>
      options.join('MQTT shared subscriptions', { scopes: READ_ALL, expiresAt: undefined }),
    );
    this.failures = this.#digest.failures;
    this.changes = this.#changed.asObservable();
  }

  /** The ids of the clients that are connected. */
  get clients(): readonly string[] {
    return [...this.#connections.values()].flatMap((member) => (member ? [member.session.clientId] : []));
  }

  /** Takes on a connection. */
  accept(peer: MqttPeer): void {
    const { connectTimeout = 10_000, maxInflight = 100, maxTopicAliases = 32 } = this.#options;
    const connection = new MqttConnection(peer, {
      scheduler: this.#scheduler,
      connectTimeout,
      receiveMaximum: maxInflight,
      topicAliasMaximum: maxTopicAliases,
      connect: (asking, packet) => this.#ask(asking, packet),
      ended: (gone, willful) => this.#gone(gone, willful),
      report: (failure) => this.#digest.pass(failure),
    });
    if (!connection.closed && !this.#connections.has(connection)) this.#connections.set(connection, undefined);
  }

  /** Ends every session; clients are told that the server shuts down. */
  close(): void {
    for (const [connection, member] of [...this.#connections]) {
      if (member) member.will = undefined;
      connection.disconnect(MqttReason.ShuttingDown);
    }
    for (const member of [...this.#members.values()]) this.#end(member);
    this.#digest.close();
    this.#changed.complete();
  }

  #ask(connection: MqttConnection, packet: MqttConnectPacket): void {
    const fault = this.#faultOf(packet);
    if (fault) {
      connection.refuse(...fault);
      return;
    }
    const { username } = packet;
    const token = tokenOf(packet);
    const name = packet.clientId || 'mqtt';
    const hello = {
      type: 'HELLO',
      version: 1,
      name,
      features: [],
      token,
      username,
      ...connection.peer.arrival,
    } as const;
    askForGrant(this.#options.authenticate, hello).subscribe({
      next: (grant) => this.#admit(connection, packet, grant, token),
      error: (cause) => {
        const { reason } = ClaspError.from(cause, ErrorCode.NotAuthenticated);
        connection.refuse(token === undefined ? MqttReason.NotAuthorized : MqttReason.BadCredentials, reason);
      },
    });
  }

  /** What is wrong with a CONNECT. */
  #faultOf({
    clientId,
    clean,
    protocolVersion,
    will,
    properties,
  }: MqttConnectPacket): [MqttReason, string] | undefined {
    const { namespace = '/mqtt', maxClients = 10_000 } = this.#options;
    if (properties?.authenticationMethod !== undefined) {
      return [MqttReason.BadAuthenticationMethod, 'no authentication method but a password'];
    }
    if (properties?.receiveMaximum === 0 || properties?.maximumPacketSize === 0) {
      return [MqttReason.ProtocolError, 'a maximum of 0'];
    }
    if (
      clientId === ''
        ? protocolVersion === 3 || (protocolVersion === 4 && !clean)
        : clientId.length > MAX_CLIENT_ID || UNPRINTABLE.test(clientId)
    ) {
      return [MqttReason.BadClientId, `client id ${JSON.stringify(clientId.slice(0, 64))}`];
    }
    if (will && (fromMqttTopic(will.topic, namespace) === undefined || isServersTopic(will.topic))) {
      return [MqttReason.BadTopic, `will at ${JSON.stringify(will.topic.slice(0, 64))}`];
    }
    if (this.#members.size >= maxClients && !this.#members.has(clientId)) {
      return [MqttReason.QuotaExceeded, `more than ${maxClients} clients`];
    }
    return undefined;
  }

  #admit(connection: MqttConnection, packet: MqttConnectPacket, grant: CompiledGrant, token: string | undefined): void {
    if (connection.closed) return;
    const { scopes, expiresAt } = grant;
    if (expiresAt !== undefined && expiresAt <= this.#scheduler.now()) {
      connection.refuse(MqttReason.NotAuthorized, 'token expired');
      return;
    }
    const { maxSessionExpiry = 3_600, maxKeepalive = 0, maxInflight = 100, maxTopicAliases = 32 } = this.#options;
    const { maxPacketSize = 1_310_720 } = this.#options;
    const clientId = packet.clientId || this.#options.clientId();
    const permitted = scopes.list.map(({ action, pattern }) => `${action}:${pattern.source}`);
    const owner = JSON.stringify([packet.username, token, permitted]);

    let member = this.#members.get(clientId);
    member?.connection?.disconnect(MqttReason.SessionTakenOver);
    // Ending the connection may have ended the session.
    member = this.#members.get(clientId);
    if (member && (packet.clean || member.owner !== owner)) {
      this.#end(member);
      member = undefined;
    }
    const sessionPresent = member !== undefined;
    member ??= this.#begin(clientId, owner, grant);
    const asked = packet.protocolVersion < 5 ? (packet.clean ? 0 : maxSessionExpiry) : expiryOf(packet);
    member.waiting.unsubscribe();
    member.waiting = new Subscription();
    member.connection = connection;
    this.#connections.set(connection, member);
    member.will = packet.will;
    member.expiry = Math.min(asked, maxSessionExpiry);
    this.#watch(member, grant);
    // Withdrawn between the look at the token and now.
    if (connection.closed) return;
    const tooSilent = maxKeepalive > 0 && (packet.keepalive === 0 || packet.keepalive > maxKeepalive);
    const lowered = packet.protocolVersion === 5 && tooSilent;
    connection.welcome(packet, {
      session: member.session,
      sessionPresent,
      keepalive: lowered ? maxKeepalive : packet.keepalive,
      window: maxInflight,
      properties: {
        receiveMaximum: maxInflight,
        maximumPacketSize: maxPacketSize,
        topicAliasMaximum: maxTopicAliases,
        ...(asked > member.expiry && { sessionExpiryInterval: member.expiry }),
        ...(lowered && { serverKeepAlive: maxKeepalive }),
        ...(packet.clientId === '' && { assignedClientIdentifier: clientId }),
      },
    });
    this.#changed.next();
  }

  /** Ends a member with the grant that it came with last: what it left to say and to be told goes with it. */
  #watch(member: Member, { expiresAt, ended }: CompiledGrant): void {
    const withdrawn = () => {
      member.will = undefined;
      member.connection?.disconnect(MqttReason.NotAuthorized);
      if (this.#members.get(member.session.clientId) === member) this.#end(member);
    };
    member.granted.unsubscribe();
    member.granted = new Subscription();
    if (expiresAt !== undefined) this.#later(member.granted, expiresAt - this.#scheduler.now(), withdrawn);
    member.granted.add(ended?.subscribe({ next: withdrawn, error: withdrawn }));
  }

  #begin(clientId: string, owner: string, grant: CompiledGrant): Member {
    const { scopes, subject, id } = grant;
    const { join, namespace = '/mqtt', maxQueued = 10_000, maxFilters = 1_000 } = this.#options;
    // The member outlives a grant where it comes back with another one.
    const client = join(clientId, { scopes, subject, id, expiresAt: undefined });
    const session = new MqttSession({
      clientId,
      client,
      scopes,
      namespace,
      maxQueued,
      maxFilters,
      scheduler: this.#scheduler,
      publications: this.#publications,
      shares: this.#shares,
      report: (failure) => this.#digest.pass(failure),
    });
    const member: Member = {
      session,
      owner,
      waiting: new Subscription(),
      granted: new Subscription(),
      connection: undefined,
      will: undefined,
      expiry: 0,
    };
    this.#members.set(clientId, member);
    return member;
  }

  #gone(connection: MqttConnection, willful: boolean): void {
    const member = this.#connections.get(connection);
    this.#connections.delete(connection);
    if (member?.connection !== connection) return;
    member.connection = undefined;
    member.session.detach();
    member.waiting.unsubscribe();
    member.waiting = new Subscription();
    if (connection.expiry !== undefined) {
      member.expiry = Math.min(connection.expiry, this.#options.maxSessionExpiry ?? 3_600);
    }
    if (willful) member.will = undefined;
    this.#changed.next();
    if (member.expiry === 0) {
      this.#end(member);
      return;
    }
    const delay = member.will?.properties?.willDelayInterval ?? 0;
    if (delay === 0) this.#sayWill(member);
    else if (delay < member.expiry) this.#after(member, delay * 1_000, () => this.#sayWill(member));
    this.#after(member, member.expiry * 1_000, () => this.#end(member));
  }

  /** Forgets a client; what it left to say is said. */
  #end(member: Member): void {
    member.waiting.unsubscribe();
    member.granted.unsubscribe();
    if (this.#members.get(member.session.clientId) === member) this.#members.delete(member.session.clientId);
    this.#sayWill(member, () => member.session.close());
  }

  #sayWill(member: Member, then: () => void = () => undefined): void {
    const { will } = member;
    member.will = undefined;
    if (!will) {
      then();
      return;
    }
    const { topic, payload, qos = 0, retain = false } = will;
    // The delay is of the will, and no property of the message that it becomes.
    const { willDelayInterval, ...properties } = will.properties ?? {};
    member.session.publish({ topic, payload, qos, retain, properties }, (failure) => {
      if (failure) this.#digest.pass(failure);
      then();
    });
  }

  /** Does something later, unless the member comes back before; timers of hosts end after 24 days. */
  #after({ waiting }: Member, delay: number, work: () => void): void {
    this.#later(waiting, delay, work);
  }

  #later(waiting: Subscription, delay: number, work: () => void): void {
    const due = this.#scheduler.now() + delay;
    const wait = () => {
      const left = due - this.#scheduler.now();
      if (left <= 0) work();
      else waiting.add(this.#scheduler.schedule(wait, Math.min(left, LONGEST_TIMER)));
    };
    waiting.add(this.#scheduler.schedule(wait, Math.max(0, Math.min(delay, LONGEST_TIMER))));
  }
}

/** The password; many devices have a field for the user name only. */
function tokenOf({ username, password }: MqttConnectPacket): string | undefined {
  if (password) return new TextDecoder().decode(password);
  return username !== undefined && isNamedToken(username) ? username : undefined;
}

function expiryOf({ properties }: MqttConnectPacket): number {
  return properties?.sessionExpiryInterval ?? 0;
}
