import type { SchedulerLike } from 'rxjs';
import type { Client, SetOptions } from '../../core/client/client.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { MqttQos } from '../../core/protocols/mqtt/mqtt.ts';
import type { MqttPublishPacket, MqttPublishProperties } from '../../core/protocols/mqtt/mqtt-packet.ts';
import { fromMqttPayload, fromRetainedPayload } from '../../core/protocols/mqtt/mqtt-payload.ts';
import { badMqttTopic, fromMqttTopic } from '../../core/protocols/mqtt/mqtt-topic.ts';
import type { Event } from '../../core/signal/signal.ts';
import { sameValue, type Value } from '../../core/signal/value.ts';

/** What one text costs beside its characters. */
const TEXT = 32;

/** Bytes that keeping a message takes, about: its payload, and what its publisher said beside it, which may be more. */
export function mqttMessageBytes({
  payload,
  properties,
}: {
  readonly payload: Uint8Array;
  readonly properties: MqttPublishProperties | undefined;
}): number {
  if (properties === undefined) return payload.length;
  const { contentType = '', responseTopic = '', correlationData, userProperties = {} } = properties;
  let bytes = payload.length + 2 * (contentType.length + responseTopic.length) + (correlationData?.length ?? 0);
  for (const name of Object.keys(userProperties)) {
    const said = userProperties[name] ?? '';
    bytes += TEXT + 2 * name.length;
    for (const text of typeof said === 'string' ? [said] : said) bytes += TEXT + 2 * text.length;
  }
  return bytes;
}

/** What an MQTT client published, as it did. */
export interface MqttPublication {
  readonly value: Value;
  /** Whose it is. */
  readonly publisher: object;
  readonly payload: Uint8Array;
  readonly qos: MqttQos;
  readonly properties: MqttPublishProperties | undefined;
  /** When it is of no use any more, milliseconds; `Infinity` for never. */
  readonly expires: number;
}

/** The newest publications that are kept per address and kind. */
const LONGEST = 16;

/**
 * Remembers how MQTT clients published what passes through the relay, which carries the value only: so that other MQTT
 * clients receive the payload byte by byte, its properties, and at its QoS. Bounded by bytes; what is forgotten arrives
 * as the relay has it.
 */
export class MqttPublications {
  readonly #halfOfBytes: number;
  #young = new Map<string, MqttPublication[]>();
  #old = new Map<string, MqttPublication[]>();
  #youngBytes = 0;

  /** @param maxBytes - that may be remembered, about. */
  constructor(maxBytes: number = 8 * 1024 * 1024) {
    this.#halfOfBytes = maxBytes / 2;
  }

  note(kind: 'param' | 'event', address: string, publication: MqttPublication): void {
    const key = `${kind}${address}`;
    let list = this.#young.get(key);
    if (list === undefined) {
      list = [];
      this.#young.set(key, list);
      this.#youngBytes += 100 + 2 * key.length;
    }
    list.push(publication);
    if (list.length > LONGEST) list.shift();
    this.#youngBytes += 200 + mqttMessageBytes(publication);
    if (this.#youngBytes < this.#halfOfBytes) return;
    this.#old = this.#young;
    this.#young = new Map();
    this.#youngBytes = 0;
  }

  /** The newest publication of this value that is still good at `now`, milliseconds. */
  find(kind: 'param' | 'event', address: string, value: Value, now: number): MqttPublication | undefined {
    const key = `${kind}${address}`;
    return newest(this.#young.get(key), value, now) ?? newest(this.#old.get(key), value, now);
  }

  /** The relay has refused a publication: it never was. */
  remove(kind: 'param' | 'event', address: string, publication: MqttPublication): void {
    for (const generation of [this.#young, this.#old]) {
      const list = generation.get(`${kind}${address}`);
      const index = list?.indexOf(publication) ?? -1;
      if (index >= 0) list?.splice(index, 1);
    }
  }

  /** Whether the newest publication at the address was to end by itself. */
  expires(address: string): boolean {
    const list = this.#young.get(`param${address}`) ?? this.#old.get(`param${address}`);
    return (list?.at(-1)?.expires ?? Number.POSITIVE_INFINITY) < Number.POSITIVE_INFINITY;
  }

  /** The param has another value, which no MQTT client wrote. */
  forget(address: string): void {
    this.#young.delete(`param${address}`);
    this.#old.delete(`param${address}`);
  }
}

function newest(list: readonly MqttPublication[] | undefined, value: Value, now: number): MqttPublication | undefined {
  for (let i = (list?.length ?? 0) - 1; i >= 0; i--) {
    const publication = list?.[i];
    if (publication && publication.expires > now && sameValue(publication.value, value)) return publication;
  }
  return undefined;
}

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
  if (address === undefined || isServersTopic(topic)) {
    done(badMqttTopic(topic));
    return;
  }
  const value = retain ? fromRetainedPayload(payload) : fromMqttPayload(payload);
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

/**
 * Whether a topic is for the server itself to publish at: `$SYS`, but for `$SYS/broker/connection/`, where the bridges of
 * brokers say whether they are connected, by their will too.
 */
export function isServersTopic(topic: string): boolean {
  return topic.startsWith('$SYS') && !topic.startsWith('$SYS/broker/connection/');
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
