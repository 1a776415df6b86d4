import type { SchedulerLike } from 'rxjs';
import type { Client, SetOptions } from '../../core/client.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { MqttPublishPacket, MqttPublishProperties } from '../../core/protocols/mqtt-packet.ts';
import { fromMqttPayload } from '../../core/protocols/mqtt-payload.ts';
import { badMqttTopic, fromMqttTopic } from '../../core/protocols/mqtt-topic.ts';
import type { Event } from '../../core/signal.ts';
import type { Value } from '../../core/value.ts';
import type { MqttPublications } from './mqtt-publications.ts';

/** What is published: a PUBLISH, or a will. */
export type MqttPublishing = Pick<MqttPublishPacket, 'topic' | 'payload' | 'qos' | 'retain' | 'properties'>;

interface PublishContext {
  readonly client: Client;
  readonly namespace: string;
  readonly publications: MqttPublications;
  readonly scheduler: SchedulerLike;
}

/**
 * Brings what an MQTT client publishes to the relay: retained as a param, which lives as long as the message would, else as
 * an event. `done` is called once, with what went wrong, or with the event that the relay has accepted.
 */
export function publishMqtt(
  { topic, payload, qos, retain, properties }: MqttPublishing,
  publisher: object,
  { client, namespace, publications, scheduler }: PublishContext,
  done: (failure?: ClaspError, event?: Event) => void,
): void {
  const address = fromMqttTopic(topic, namespace);
  if (address === undefined || topic.startsWith('$SYS')) {
    done(badMqttTopic(topic));
    return;
  }
  const value = retain && payload.length === 0 ? null : fromMqttPayload(payload);
  if (properties?.payloadFormatIndicator && value instanceof Uint8Array) {
    done(new ClaspError(ErrorCode.BadValue, `${topic}: the payload is said to be UTF-8 and is not`, { address }));
    return;
  }
  const expiry = properties?.messageExpiryInterval;
  const wasToEnd = retain && expiry === undefined && publications.expires(address);
  const kind = retain ? 'param' : 'event';
  const publication = {
    value,
    publisher,
    payload: Uint8Array.from(payload),
    qos,
    properties: forwarded(properties),
    expires: expiry === undefined ? Number.POSITIVE_INFINITY : scheduler.now() + expiry * 1_000,
  };
  // Before the relay is asked: it tells the others before it answers.
  publications.note(kind, address, publication);
  const answer = retain ? client.set(address, value, lifeOf(value, expiry, wasToEnd)) : client.emit(address, value);
  answer.subscribe({
    next: () => done(undefined, retain ? undefined : { kind: 'event', address, value }),
    error: (cause) => {
      publications.remove(kind, address, publication);
      done(ClaspError.from(cause, ErrorCode.Internal, { address }));
    },
  });
}

const MAX_TTL = 2 ** 31 - 1;

/** What goes on to every receiver; the rest concerns one hop. */
function forwarded(properties: MqttPublishProperties | undefined): MqttPublishProperties | undefined {
  if (!properties) return undefined;
  const { topicAlias, subscriptionIdentifier, messageExpiryInterval, ...rest } = properties;
  return rest;
}

/** One that does not end by itself must end the lease of the one before. */
function lifeOf(value: Value, expiry: number | undefined, wasToEnd: boolean): SetOptions {
  if (value === null) return {};
  if (expiry !== undefined) return { ttl: { seconds: Math.min(Math.max(expiry, 1), MAX_TTL), mode: 'absolute' } };
  return wasToEnd ? { ttl: 0 } : {};
}
