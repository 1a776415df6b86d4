import { type SchedulerLike, Subscription } from 'rxjs';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import {
  type MqttConnackProperties,
  type MqttConnectPacket,
  type MqttDisconnectPacket,
  type MqttPacket,
  type MqttPublishPacket,
  MqttReason,
  type MqttSubscribePacket,
  type MqttSubscription,
  type MqttVersion,
} from '../../core/protocols/mqtt/mqtt-packet.ts';
import { monotonicScheduler } from '../../core/time/monotonic-scheduler.ts';
import { scheduleOnce } from '../../core/time/schedule-once.ts';
import type { MqttPeer } from './mqtt-peer.ts';
import type { MqttSession } from './mqtt-session.ts';

/** What the server decides about a connection. */
export interface MqttConnectionOptions {
  readonly scheduler: SchedulerLike;
  /** Milliseconds until CONNECT must have come. */
  readonly connectTimeout: number;
  /** Unconfirmed messages that a client may have. */
  readonly receiveMaximum: number;
  readonly topicAliasMaximum: number;
  /** A client says who it is: calls `welcome` or `refuse` of the connection, now or later. */
  readonly connect: (connection: MqttConnection, packet: MqttConnectPacket) => void;
  /** It is over. `willful` if the client said goodbye, and so wants no will published. */
  readonly ended: (connection: MqttConnection, willful: boolean) => void;
  /** Hears what the client did wrong. */
  readonly report: (failure: ClaspError) => void;
}

/** What a client is told when it is accepted, and how it is served. */
export interface MqttWelcome {
  readonly session: MqttSession;
  readonly sessionPresent: boolean;
  /** Seconds of silence, half as much again being granted; 0 for any. */
  readonly keepalive: number;
  readonly properties: MqttConnackProperties;
  /** Unconfirmed messages to it at a time. */
  readonly window: number;
}

/** Packets that a client may send before it is told whether it is accepted. */
const MAX_EARLY = 100;
/** The return codes of 3.1.1; for what has none, it wants the connection closed without an answer. */
const RETURN_CODES: Readonly<Record<number, number>> = {
  [MqttReason.UnsupportedVersion]: 1,
  [MqttReason.BadClientId]: 2,
  [MqttReason.ServerBusy]: 3,
  [MqttReason.QuotaExceeded]: 3,
  [MqttReason.BadCredentials]: 4,
  [MqttReason.NotAuthorized]: 5,
};

/** One connection of an MQTT client: from its first packet to its end. */
export class MqttConnection {
  readonly peer: MqttPeer;
  /** Asked for with DISCONNECT: seconds for which the session is to stay. */
  expiry: number | undefined;
  readonly #options: MqttConnectionOptions;
  readonly #life = new Subscription();
  readonly #aliases = new Map<number, string>();
  #early: MqttPacket[] | undefined;
  #session: MqttSession | undefined;
  #version: MqttVersion = 4;
  /** Bytes of a packet that the client takes. */
  #maxPacket: number = Number.POSITIVE_INFINITY;
  /** It asked for a session that is there longer than the connection. */
  #mayStay = false;
  /** It is a bridge, see `bridgeMode`. */
  #isBridge = false;
  #lastHeard = 0;
  #closed = false;

  constructor(peer: MqttPeer, options: MqttConnectionOptions) {
    this.peer = peer;
    this.#options = options;
    const { scheduler = monotonicScheduler, connectTimeout } = options;
    this.#life.add(scheduler.schedule(() => this.#session || this.#end(false), connectTimeout));
    this.#life.add(
      peer.packets.subscribe({
        next: (packet) => this.#packet(packet),
        error: (cause) => this.#malformed(ClaspError.from(cause, ErrorCode.BadFrame)),
        complete: () => this.#end(false),
      }),
    );
  }

  get version(): MqttVersion {
    return this.#version;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Lets the client in, and serves it from now on. */
  welcome(connect: MqttConnectPacket, { session, sessionPresent, keepalive, properties, window }: MqttWelcome): void {
    if (this.#closed) return;
    const wishes = connect.properties ?? {};
    const told = this.peer.send(
      this.#version === 5
        ? { cmd: 'connack', sessionPresent, reasonCode: MqttReason.Success, properties }
        : // 3.1 has no flag for it.
          { cmd: 'connack', sessionPresent: sessionPresent && this.#version > 3, returnCode: 0 },
      this.#maxPacket,
    );
    if (!told) {
      this.#report(`no packet of more than ${this.#maxPacket} bytes: too few to be told that it is connected`);
      this.#end(true);
      return;
    }
    this.#session = session;
    session.attach({
      peer: this.peer,
      limits: {
        version: this.#version,
        window: Math.min(window, wishes.receiveMaximum ?? window),
        maxPacket: this.#maxPacket,
        maxAliases: Math.min(this.#options.topicAliasMaximum, wishes.topicAliasMaximum ?? 0),
      },
      explain: wishes.requestProblemInformation !== false,
      disconnect: (reason) => this.disconnect(reason),
    });
    if (keepalive > 0) this.#watch(keepalive * 1_500);
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const packet of early) this.#packet(packet);
  }

  /** Turns the client away. */
  refuse(reason: MqttReason, why: string): void {
    if (this.#closed) return;
    this.#options.report(new ClaspError(ErrorCode.NotAuthenticated, `${this.peer.peer}: ${why}`));
    const answer = { cmd: 'connack', sessionPresent: false } as const;
    const returnCode = RETURN_CODES[reason];
    if (this.#version === 5) {
      const bare = { ...answer, reasonCode: reason };
      const explained = this.peer.send({ ...bare, properties: { reasonString: why } }, this.#maxPacket);
      if (!explained) this.peer.send(bare, this.#maxPacket);
    } else if (returnCode !== undefined) this.peer.send({ ...answer, returnCode });
    this.#end(true);
  }

  /** Ends it, saying why where the client can hear it. */
  disconnect(reason: MqttReason): void {
    if (this.#closed) return;
    if (this.#version === 5 && this.#session) this.peer.send({ cmd: 'disconnect', reasonCode: reason });
    this.#end(false);
  }

  #packet(packet: MqttPacket): void {
    if (this.#closed) return;
    this.#lastHeard = this.#options.scheduler.now();
    if (this.#early) {
      if (packet.cmd === 'connect' || this.#early.length >= MAX_EARLY)
        this.#wrong(MqttReason.ProtocolError, 'too early');
      else this.#early.push(packet);
    } else if (this.#session) {
      this.#serve(this.#session, packet);
    } else if (packet.cmd === 'connect') {
      this.#version = packet.protocolVersion;
      this.#isBridge = packet.bridgeMode ?? false;
      this.#maxPacket = packet.properties?.maximumPacketSize ?? Number.POSITIVE_INFINITY;
      this.#mayStay = (packet.properties?.sessionExpiryInterval ?? 0) > 0;
      this.#early = [];
      this.#options.connect(this, packet);
    } else {
      this.#wrong(MqttReason.ProtocolError, `${packet.cmd} before connect`);
    }
  }

  #serve(session: MqttSession, packet: MqttPacket): void {
    switch (packet.cmd) {
      case 'publish':
        this.#publish(session, packet);
        break;
      case 'subscribe':
      case 'unsubscribe': {
        const wishes = packet.cmd === 'subscribe' ? packet.subscriptions : packet.unsubscriptions;
        if (wishes.length === 0 || packet.messageId === 0) this.#wrong(MqttReason.ProtocolError, `empty ${packet.cmd}`);
        else if (packet.cmd === 'subscribe' && packet.subscriptions.some(isSharedAndNotLocal))
          this.#wrong(MqttReason.ProtocolError, 'a shared subscription that is not local');
        else session.handle(this.#isBridge && packet.cmd === 'subscribe' ? asBridge(packet) : packet);
        break;
      }
      case 'puback':
      case 'pubrec':
      case 'pubrel':
      case 'pubcomp':
        session.handle(packet);
        break;
      case 'pingreq':
        this.peer.send({ cmd: 'pingresp' });
        break;
      case 'disconnect':
        this.#goodbye(packet);
        break;
      default:
        this.#wrong(MqttReason.ProtocolError, `${packet.cmd} from a client that is connected`);
    }
  }

  #publish(session: MqttSession, packet: MqttPublishPacket): void {
    const { qos, messageId, properties } = packet;
    if (qos > 0 && !messageId) {
      this.#wrong(MqttReason.ProtocolError, 'publish with packet id 0');
      return;
    }
    if (this.#version === 5 && qos > 0 && session.unconfirmed >= this.#options.receiveMaximum) {
      this.#wrong(MqttReason.ReceiveMaximumExceeded, `more than ${this.#options.receiveMaximum} messages unconfirmed`);
      return;
    }
    let { topic } = packet;
    const alias = properties?.topicAlias;
    if (alias !== undefined) {
      if (alias < 1 || alias > this.#options.topicAliasMaximum) {
        this.#wrong(MqttReason.BadTopicAlias, `topic alias ${alias}`);
        return;
      }
      if (topic === '') topic = this.#aliases.get(alias) ?? '';
      else this.#aliases.set(alias, topic);
    }
    if (topic === '') this.#wrong(MqttReason.ProtocolError, 'publish without a topic');
    else if (WILDCARD.test(topic))
      this.#wrong(MqttReason.BadTopic, `publish to ${JSON.stringify(topic.slice(0, 256))}`);
    else if (properties?.subscriptionIdentifier !== undefined || WILDCARD.test(properties?.responseTopic ?? '')) {
      this.#wrong(MqttReason.ProtocolError, 'publish with a subscription identifier, or a wildcard to respond to');
    } else session.handle(topic === packet.topic ? packet : { ...packet, topic });
  }

  #goodbye({ reasonCode = 0, properties }: MqttDisconnectPacket): void {
    const expiry = properties?.sessionExpiryInterval;
    if (expiry && !this.#mayStay) {
      this.#wrong(MqttReason.ProtocolError, 'an expiry for a session that was to end with its connection');
      return;
    }
    this.expiry = expiry;
    this.#end(reasonCode === 0);
  }

  /** Ends it when nothing has been heard for so long. */
  #watch(silence: number): void {
    const { scheduler } = this.#options;
    const check = () => {
      const left = this.#lastHeard + silence - scheduler.now();
      if (left > 0) scheduleOnce(this.#life, scheduler, left, check);
      else this.#wrong(MqttReason.KeepAliveTimeout, 'silent');
    };
    scheduleOnce(this.#life, scheduler, silence, check);
  }

  #malformed(failure: ClaspError): void {
    const reason = typeof failure.value === 'number' ? failure.value : MqttReason.Malformed;
    if (!this.#session && !this.#early && reason === MqttReason.UnsupportedVersion) this.refuse(reason, failure.reason);
    else this.#wrong(reason, failure.reason);
  }

  /** The client breaks the rules: it is told, and cut off; nobody else notices. */
  #wrong(reason: MqttReason, what: string): void {
    this.#report(what);
    this.disconnect(reason);
  }

  #report(what: string): void {
    this.#options.report(new ClaspError(ErrorCode.BadMessage, `MQTT client at ${this.peer.peer}: ${what}`));
  }

  #end(willful: boolean): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#life.unsubscribe();
    this.peer.close();
    this.#options.ended(this, willful);
  }
}

const WILDCARD = /[+#\0]/;

/** Before MQTT 5 a bridge cannot say so in its SUBSCRIBE. */
function asBridge(packet: MqttSubscribePacket): MqttSubscribePacket {
  const subscriptions = packet.subscriptions.map((wish) => ({
    ...wish,
    nl: !wish.topic.startsWith('$share/'),
    rap: true,
  }));
  return { ...packet, subscriptions };
}

function isSharedAndNotLocal({ topic, nl }: MqttSubscription): boolean {
  return nl === true && topic.startsWith('$share/');
}
