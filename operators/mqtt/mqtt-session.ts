import type { SchedulerLike } from 'rxjs';
import type { Scopes } from '../../core/address/scope.ts';
import type { Client } from '../../core/client/client.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import {
  type MqttConfirmPacket,
  type MqttPacket,
  type MqttPublishPacket,
  MqttReason,
  type MqttSubscribePacket,
  type MqttUnsubscribePacket,
} from '../../core/protocols/mqtt/mqtt-packet.ts';
import { toMqttTopic } from '../../core/protocols/mqtt/mqtt-topic.ts';
import type { Param, Signal } from '../../core/signal/signal.ts';
import { MqttDelivery, type MqttDeliveryLimits, mqttOutgoing } from './mqtt-delivery.ts';
import type { MqttPeer } from './mqtt-peer.ts';
import type { MqttPublications } from './mqtt-publications.ts';
import { type MqttPublishing, publishMqtt } from './mqtt-publications.ts';
import type { MqttSharer, MqttShares } from './mqtt-shares.ts';
import { type FilterSubscription, MqttSubscriptions, reasonOf } from './mqtt-subscriptions.ts';

export interface MqttSessionOptions {
  readonly clientId: string;
  /** Its participant at the relay; closed with the session. */
  readonly client: Client;
  readonly scopes: Scopes;
  readonly namespace: string;
  readonly scheduler: SchedulerLike;
  readonly publications: MqttPublications;
  readonly shares: MqttShares;
  readonly maxQueued: number;
  readonly maxFilters: number;
  /** Hears what did not get through. */
  readonly report: (failure: ClaspError) => void;
}

/** A connection that the session has at the moment. */
export interface MqttSessionLink {
  readonly peer: MqttPeer;
  readonly limits: MqttDeliveryLimits;
  /** Whether the client wants to hear why something failed. */
  readonly explain: boolean;
  /** Ends the connection with a reason code. */
  readonly disconnect: (reason: MqttReason) => void;
}

/** Why the relay refuses what it may take later. */
const PASSING: readonly ErrorCode[] = [ErrorCode.TooMany, ErrorCode.Internal, ErrorCode.Timeout, ErrorCode.Overloaded];

/** A confirmation that waits for the relay, and for those before it. */
interface Confirmation {
  packet: MqttConfirmPacket | undefined;
}

/**
 * What an MQTT server knows of one client across its connections: subscriptions, messages on their way, and its
 * participant at the relay.
 */
export class MqttSession implements MqttSharer {
  readonly clientId: string;
  readonly #options: MqttSessionOptions;
  readonly #delivery: MqttDelivery;
  readonly #subscriptions: MqttSubscriptions;
  /** Packet ids of QoS 2 that were published here and are not released yet. */
  readonly #received = new Set<number>();
  /** Those of earlier connections, at most. */
  #receivedBefore = 0;
  /** QoS 1 messages that the relay has not answered. */
  #unanswered = 0;
  /** In the order of their PUBLISH, as MQTT wants them answered. */
  #confirmations: Confirmation[] = [];
  #link: MqttSessionLink | undefined;

  constructor(options: MqttSessionOptions) {
    const { clientId, client, namespace, maxFilters, maxQueued, scheduler, shares } = options;
    this.clientId = clientId;
    this.#options = options;
    this.#delivery = new MqttDelivery({
      scheduler,
      maxQueued,
      overflow: () => this.#link?.disconnect(MqttReason.QuotaExceeded),
      dropped: (topic, why) => this.#fail(ErrorCode.Overloaded, `${topic} not sent: ${why}`),
    });
    this.#subscriptions = new MqttSubscriptions({
      client,
      namespace,
      maxFilters,
      live: (signal) => this.#live(signal),
      retained: (param, subscription) => this.#retained(param, subscription),
      share: (filter, subscription, settle) => shares.join(filter, subscription, this, settle),
    });
  }

  get scopes(): Scopes {
    return this.#options.scopes;
  }

  get connected(): boolean {
    return this.#link !== undefined;
  }

  /** Messages of this connection that are not confirmed yet. */
  get unconfirmed(): number {
    return this.#unanswered + this.#received.size - this.#receivedBefore;
  }

  /** The client is there. */
  attach(link: MqttSessionLink): void {
    this.#link = link;
    this.#confirmations = [];
    this.#unanswered = 0;
    this.#receivedBefore = this.#received.size;
    this.#delivery.attach(link.peer, link.limits);
  }

  /** It is gone; the session stays. */
  detach(): void {
    this.#link = undefined;
    this.#delivery.detach();
  }

  /** Ends everything. */
  close(): void {
    this.detach();
    this.#subscriptions.close();
    this.#options.client.close();
  }

  /** Takes a packet of a connected client. */
  handle(packet: MqttPacket): void {
    switch (packet.cmd) {
      case 'publish':
        this.#published(packet);
        break;
      case 'pubrel': {
        const known = this.#received.delete(packet.messageId);
        this.#receivedBefore = Math.min(this.#receivedBefore, this.#received.size);
        this.#confirm('pubcomp', packet.messageId, known ? MqttReason.Success : MqttReason.PacketIdNotFound);
        break;
      }
      case 'puback':
      case 'pubrec':
      case 'pubcomp':
        this.#delivery.confirmed(packet);
        break;
      case 'subscribe':
        this.#subscribe(packet);
        break;
      case 'unsubscribe':
        this.#unsubscribe(packet);
        break;
    }
  }

  /** Publishes in the client's name; `done` is called once, with what went wrong if it did. */
  publish(message: MqttPublishing, done: (failure?: ClaspError) => void): void {
    publishMqtt(message, this, this.#options, (failure, event) => {
      // The relay sends events to everybody but the sender; MQTT wants the sender to hear itself.
      if (event && this.#options.scopes.allows('read', event.address)) this.#live(event);
      done(failure);
    });
  }

  #published(packet: MqttPublishPacket): void {
    const { qos, messageId = 0 } = packet;
    if (qos === 0) {
      this.publish(packet, (failure) => failure && this.#options.report(failure));
      return;
    }
    const cmd = qos === 1 ? 'puback' : 'pubrec';
    if (qos === 2 && this.#received.has(messageId)) {
      this.#confirm('pubrec', messageId, MqttReason.Success);
      return;
    }
    if (qos === 2) this.#received.add(messageId);
    else this.#unanswered++;
    const confirmation: Confirmation = { packet: undefined };
    this.#confirmations.push(confirmation);
    const waiting = this.#confirmations;
    this.publish(packet, (failure) => {
      if (failure) {
        this.#options.report(failure);
        // With 3.1.1 there is no way to say so: it is confirmed, and goes on as if it had been accepted.
        if (this.#link?.limits.version === 5) this.#received.delete(messageId);
        else if (PASSING.includes(failure.code)) {
          // Confirmed it would be lost: cut off, the client says it again.
          this.#received.delete(messageId);
          if (waiting === this.#confirmations) this.#link?.disconnect(reasonOf(failure));
          return;
        }
      }
      confirmation.packet = this.#confirmation(cmd, messageId, failure);
      if (waiting === this.#confirmations) this.#flush();
    });
  }

  #flush(): void {
    for (;;) {
      const packet = this.#confirmations[0]?.packet;
      if (!packet) return;
      this.#confirmations.shift();
      if (packet.cmd === 'puback') this.#unanswered--;
      this.#send(packet);
    }
  }

  /** Sends a confirmation: without the reason, where that makes it longer than the client takes. */
  #send(packet: MqttConfirmPacket): void {
    if (!this.#link) return;
    const { peer, limits } = this.#link;
    if (peer.send(packet, limits.maxPacket) || !packet.properties) return;
    const { properties, ...bare } = packet;
    peer.send(bare, limits.maxPacket);
  }

  #confirmation(cmd: 'puback' | 'pubrec', messageId: number, failure: ClaspError | undefined): MqttConfirmPacket {
    if (this.#link?.limits.version !== 5) return { cmd, messageId };
    if (!failure) return { cmd, messageId, reasonCode: MqttReason.Success };
    const reasonCode = reasonOf(failure);
    if (!this.#link.explain) return { cmd, messageId, reasonCode };
    return { cmd, messageId, reasonCode, properties: { reasonString: failure.message } };
  }

  #confirm(cmd: 'pubrec' | 'pubcomp', messageId: number, reasonCode: MqttReason): void {
    const version = this.#link?.limits.version;
    this.#link?.peer.send(version === 5 ? { cmd, messageId, reasonCode } : { cmd, messageId });
  }

  #subscribe(packet: MqttSubscribePacket): void {
    const link = this.#link;
    this.#subscriptions.subscribe(packet, (granted) => {
      if (!link || link !== this.#link) return;
      // 3.1.1 knows one failure.
      const codes = link.limits.version === 5 ? granted : granted.map((code) => Math.min(code, 0x80));
      link.peer.send({ cmd: 'suback', messageId: packet.messageId, granted: codes });
    });
  }

  #unsubscribe({ messageId, unsubscriptions }: MqttUnsubscribePacket): void {
    const granted = unsubscriptions.map((filter) =>
      this.#subscriptions.unsubscribe(filter) ? MqttReason.Success : MqttReason.NoSubscriptionExisted,
    );
    this.#link?.peer.send({ cmd: 'unsuback', messageId, granted });
  }

  share(signal: Signal, subscription: FilterSubscription): void {
    const topic = this.#topicOf(signal.address);
    if (topic === undefined || (topic.startsWith('$') && !subscription.dollar)) return;
    this.#deliver(signal, topic, [subscription]);
  }

  #live(signal: Signal): void {
    const topic = this.#topicOf(signal.address);
    const matching = topic === undefined ? [] : this.#subscriptions.matching(signal.address, topic);
    if (topic !== undefined && matching.length > 0) this.#deliver(signal, topic, matching);
  }

  #deliver(signal: Signal, topic: string, matching: readonly FilterSubscription[]): void {
    if (signal.kind === 'gesture' || signal.kind === 'timeline') return;
    const { kind, value } = signal;
    const publication = this.#options.publications.find(signal.tag);

    const wanted = matching.filter(({ wish }) => !(wish.nl && publication?.publisher === this));
    if (wanted.length === 0) return;
    const granted = kind === 'stream' ? 0 : Math.max(...wanted.map(({ wish }) => wish.qos));
    const retain = kind === 'param' && wanted.some(({ wish }) => wish.rap);
    this.#delivery.offer(mqttOutgoing(topic, kind, value, granted, retain, wanted, publication));
  }

  #retained({ address, value, revision }: Param, subscription: FilterSubscription): void {
    const topic = this.#topicOf(address);
    if (topic === undefined || (topic.startsWith('$') && !subscription.dollar)) return;
    const { publications, scheduler } = this.#options;
    const known = publications.findRetained(address, revision);
    const publication = known && known.expires > scheduler.now() ? known : undefined;
    const { qos } = subscription.wish;
    this.#delivery.offer(mqttOutgoing(topic, 'param', value, qos, true, [subscription], publication));
  }

  #topicOf(address: string): string | undefined {
    const { namespace } = this.#options;
    if (address === namespace) return undefined; // `#` finds the parent level too, and that is no topic
    try {
      return toMqttTopic(address, namespace);
    } catch (cause) {
      this.#options.report(ClaspError.from(cause, ErrorCode.BadAddress));
      return undefined;
    }
  }

  #fail(code: ErrorCode, reason: string): void {
    this.#options.report(new ClaspError(code, `MQTT client ${this.clientId}: ${reason}`));
  }
}
