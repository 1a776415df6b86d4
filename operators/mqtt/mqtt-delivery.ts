import type { SchedulerLike, Subscription } from 'rxjs';
import type { MqttQos } from '../../core/protocols/mqtt/mqtt.ts';
import {
  type MqttConfirmPacket,
  type MqttPublishPacket,
  type MqttPublishProperties,
  MqttReason,
  type MqttVersion,
} from '../../core/protocols/mqtt/mqtt-packet.ts';
import { toMqttPayload } from '../../core/protocols/mqtt/mqtt-payload.ts';
import type { Signal } from '../../core/signal/signal.ts';
import type { Value } from '../../core/signal/value.ts';
import type { MqttPeer } from './mqtt-peer.ts';
import { type MqttPublication, mqttMessageBytes } from './mqtt-publications.ts';
import type { FilterSubscription } from './mqtt-subscriptions.ts';

/** A message on its way to one MQTT client. */
export interface MqttOutgoing {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: MqttQos;
  readonly retain: boolean;
  /** Params: while one waits, a newer value of its topic takes its place, if nothing else of the topic waits behind it. */
  readonly conflate: boolean;
  readonly properties: MqttPublishProperties | undefined;
  /** When it is of no use any more, milliseconds. */
  readonly expires: number;
}

/** What a connection allows. */
export interface MqttDeliveryLimits {
  readonly version: MqttVersion;
  /** Unconfirmed messages at a time. */
  readonly window: number;
  /** Bytes of a packet. */
  readonly maxPacket: number;
  /** Topics that may be told by number. */
  readonly maxAliases: number;
}

export interface MqttDeliveryOptions {
  readonly scheduler: SchedulerLike;
  /** Messages that may wait; and as many params, for a client that is away. */
  readonly maxQueued: number;
  /** Called when one more would have to wait for a client that is connected. */
  readonly overflow: () => void;
  /** Called for each message that is dropped, with why. */
  readonly dropped: (topic: string, why: string) => void;
}

/** Bytes of messages that may wait; and as many of params, for a client that is away. */
const MAX_BYTES = 8 * 1024 * 1024;

interface Sent {
  readonly message: MqttOutgoing;
  /** It was received; what is left is its release. */
  released: boolean;
  /** It is under way on the connection of the moment. */
  underWay: boolean;
}

/**
 * Messages to one MQTT client, across its connections: in order, within what it allows, repeated on a new connection
 * until confirmed.
 */
export class MqttDelivery {
  readonly #options: MqttDeliveryOptions;
  readonly #sent = new Map<number, Sent>();
  readonly #waiting = new Map<string | number, MqttOutgoing>();
  /** Topics of waiting params behind which something else of the topic waits, or did. */
  readonly #followed = new Set<string>();
  readonly #aliases = new Map<string, number>();
  #peer: MqttPeer | undefined;
  #limits: MqttDeliveryLimits = { version: 4, window: 1, maxPacket: 0, maxAliases: 0 };
  #saturation: Subscription | undefined;
  #saturated = false;
  /** Waiting messages that are no params, and their bytes. */
  #queued = 0;
  #bytes = 0;
  #paramBytes = 0;
  #nextKey = 0;
  #lastId = 0;
  /** Of those sent: how many this connection has seen, and how many it has still to see. */
  #underWay = 0;
  #toRepeat = 0;

  constructor(options: MqttDeliveryOptions) {
    this.#options = options;
  }

  /** Unconfirmed and waiting messages. */
  get size(): number {
    return this.#sent.size + this.#waiting.size;
  }

  /** There is a connection: repeats what is unconfirmed, then sends what waits. */
  attach(peer: MqttPeer, limits: MqttDeliveryLimits): void {
    this.#peer = peer;
    this.#limits = limits;
    this.#aliases.clear();
    this.#underWay = 0;
    this.#toRepeat = this.#sent.size;
    for (const sent of this.#sent.values()) sent.underWay = false;
    this.#saturated = false;
    this.#saturation = peer.saturated.subscribe((saturated) => {
      this.#saturated = saturated;
      if (!saturated) this.#pump();
    });
    this.#pump();
  }

  /** It is gone. What cannot be repeated is forgotten. */
  detach(): void {
    this.#peer = undefined;
    this.#saturation?.unsubscribe();
    for (const [key, { qos }] of this.#waiting) if (qos === 0) this.#take(key);
  }

  /** Sends a message, or has it wait. */
  offer(message: MqttOutgoing): void {
    if (!this.#peer && message.qos === 0) return;
    if (this.#peer && this.#waiting.size === 0 && this.#toRepeat === 0 && this.#mayNow(message)) {
      this.#begin(message);
      return;
    }
    if (message.conflate) {
      const older = this.#waiting.get(message.topic);
      // In its place it would overtake what has been said at the topic since.
      if (older && this.#followed.delete(message.topic)) this.#waiting.delete(message.topic);
      this.#paramBytes += mqttMessageBytes(message) - (older ? mqttMessageBytes(older) : 0);
      this.#waiting.set(message.topic, message);
      if (!this.#peer) this.#limitParams();
      return;
    }
    while (this.#isFull(message)) if (!this.#makeRoom()) return;
    this.#queued++;
    this.#bytes += mqttMessageBytes(message);
    if (this.#waiting.has(message.topic)) this.#followed.add(message.topic);
    this.#waiting.set(this.#nextKey++, message);
  }

  /** Takes a confirmation of the client. */
  confirmed({ cmd, messageId, reasonCode = 0 }: MqttConfirmPacket): void {
    const sent = this.#sent.get(messageId);
    const expected = sent?.released ? 'pubcomp' : sent?.message.qos === 2 ? 'pubrec' : 'puback';
    if (cmd === 'pubrec' && reasonCode < 0x80) {
      // Also for one that is unknown here, or is released already: the client waits for it.
      if (sent && expected === 'pubrec') sent.released = true;
      const known = sent?.message.qos === 2;
      this.#confirm({ cmd: 'pubrel', messageId, ...(!known && { reasonCode: MqttReason.PacketIdNotFound }) });
      return;
    }
    if (!sent || cmd !== expected) return;
    this.#forget(messageId, sent);
    this.#pump();
  }

  #isFull(message: MqttOutgoing): boolean {
    if (this.#queued >= this.#options.maxQueued) return true;
    return this.#queued > 0 && this.#bytes + mqttMessageBytes(message) > MAX_BYTES;
  }

  /** A client that is away loses its oldest message; one that is there has had its time. */
  #makeRoom(): boolean {
    if (this.#peer) {
      this.#options.overflow();
      return false;
    }
    for (const [key, message] of this.#waiting) {
      if (message.conflate) continue;
      this.#take(key);
      this.#options.dropped(message.topic, 'too many wait already');
      return true;
    }
    return false;
  }

  /** A client that is away loses the params that have waited longest; one that is there may get all there are. */
  #limitParams(): void {
    for (const [key, { conflate, topic }] of this.#waiting) {
      const params = this.#waiting.size - this.#queued;
      if (params <= this.#options.maxQueued && (params === 1 || this.#paramBytes <= MAX_BYTES)) return;
      if (!conflate) continue;
      this.#take(key);
      this.#options.dropped(topic, 'too many wait already');
    }
  }

  #mayNow({ qos }: MqttOutgoing): boolean {
    return !this.#saturated && (qos === 0 || this.#underWay < this.#limits.window);
  }

  /** Repeats what the last connection left unconfirmed, in its order. False while there is more of it. */
  #repeat(): boolean {
    if (this.#toRepeat === 0) return true;
    for (const [messageId, sent] of this.#sent) {
      if (sent.underWay) continue;
      if (!this.#peer || !this.#mayNow(sent.message)) return false;
      sent.underWay = true;
      this.#underWay++;
      this.#toRepeat--;
      if (sent.released) this.#confirm({ cmd: 'pubrel', messageId });
      else if (!this.#transmit(sent.message, messageId, true)) this.#forget(messageId, sent);
    }
    return true;
  }

  #forget(messageId: number, sent: Sent): void {
    this.#sent.delete(messageId);
    if (sent.underWay) this.#underWay--;
    else this.#toRepeat--;
  }

  #pump(): void {
    if (!this.#repeat()) return;
    for (const [key, message] of this.#waiting) {
      if (!this.#peer || !this.#mayNow(message)) return;
      this.#take(key);
      this.#begin(message);
    }
  }

  #take(key: string | number): void {
    const message = this.#waiting.get(key);
    const bytes = message ? mqttMessageBytes(message) : 0;
    if (typeof key === 'number') {
      this.#queued--;
      this.#bytes -= bytes;
    } else {
      this.#paramBytes -= bytes;
      this.#followed.delete(key);
    }
    this.#waiting.delete(key);
  }

  #begin(message: MqttOutgoing): void {
    if (message.expires <= this.#options.scheduler.now()) return;
    if (message.qos === 0) {
      this.#transmit(message, undefined, false);
      return;
    }
    const messageId = this.#freeId();
    const sent = { message, released: false, underWay: true };
    this.#sent.set(messageId, sent);
    this.#underWay++;
    if (!this.#transmit(message, messageId, false)) this.#forget(messageId, sent);
  }

  #freeId(): number {
    do this.#lastId = (this.#lastId % 65_535) + 1;
    while (this.#sent.has(this.#lastId));
    return this.#lastId;
  }

  #transmit(message: MqttOutgoing, messageId: number | undefined, dup: boolean): boolean {
    const { topic, payload, qos, retain } = message;
    const packet: MqttPublishPacket = {
      cmd: 'publish',
      topic,
      payload,
      qos,
      dup,
      retain,
      ...(messageId !== undefined && { messageId }),
      ...(this.#limits.version === 5 && { properties: this.#propertiesOf(message) }),
    };
    // A topic that is told by number is empty, but for the first time.
    const alias = packet.properties?.topicAlias;
    const known = alias !== undefined && this.#aliases.get(topic) === alias;
    const sent = this.#peer?.send(known ? { ...packet, topic: '' } : packet, this.#limits.maxPacket) ?? false;
    if (sent && alias !== undefined) this.#aliases.set(topic, alias);
    if (!sent) this.#options.dropped(topic, 'longer than the client takes');
    return sent;
  }

  #propertiesOf({ topic, properties, expires }: MqttOutgoing): MqttPublishProperties {
    const alias = this.#aliases.get(topic) ?? this.#aliases.size + 1;
    const left = Math.max(1, Math.ceil((expires - this.#options.scheduler.now()) / 1_000));
    return {
      ...properties,
      ...(expires < Number.POSITIVE_INFINITY && { messageExpiryInterval: left }),
      ...(alias <= this.#limits.maxAliases && { topicAlias: alias }),
    };
  }

  #confirm(packet: MqttConfirmPacket): void {
    this.#peer?.send(packet);
  }
}

const NOTHING = new Uint8Array(0);

/** A value of the relay as the message that an MQTT client gets: as another client published it, if one did. */
export function mqttOutgoing(
  topic: string,
  kind: Signal['kind'],
  value: Value,
  granted: number,
  retain: boolean,
  subscriptions: readonly FilterSubscription[],
  publication: MqttPublication | undefined,
): MqttOutgoing {
  const ids = subscriptions.flatMap(({ id }) => (id === undefined ? [] : [id]));
  const { properties } = publication ?? {};
  const subscriptionIdentifier = ids.length === 1 ? (ids[0] as number) : ids;
  return {
    topic,
    payload: publication?.payload ?? (kind === 'param' && value === null ? NOTHING : toMqttPayload(value)),
    qos: Math.min(granted, publication?.qos ?? granted) as MqttQos,
    retain,
    conflate: kind === 'param',
    properties: ids.length === 0 ? properties : { ...properties, subscriptionIdentifier },
    expires: publication?.expires ?? Number.POSITIVE_INFINITY,
  };
}
