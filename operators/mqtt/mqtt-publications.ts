import type { SchedulerLike } from 'rxjs';
import type { Client, SetOptions } from '../../core/client/client.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { MqttQos } from '../../core/protocols/mqtt/mqtt.ts';
import type { MqttPublishPacket, MqttPublishProperties } from '../../core/protocols/mqtt/mqtt-packet.ts';
import { fromMqttPayload, fromRetainedPayload } from '../../core/protocols/mqtt/mqtt-payload.ts';
import { badMqttTopic, fromMqttTopic } from '../../core/protocols/mqtt/mqtt-topic.ts';
import type { Event } from '../../core/signal/signal.ts';
import { nextTag } from '../../core/signal/tag.ts';
import type { Value } from '../../core/signal/value.ts';

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
  /** Whose it is. */
  readonly publisher: object;
  readonly payload: Uint8Array;
  readonly qos: MqttQos;
  readonly properties: MqttPublishProperties | undefined;
  /** When it is of no use any more, milliseconds; `Infinity` for never. */
  readonly expires: number;
}

/** What made a param what it is. */
interface MqttRetained {
  readonly revision: number;
  readonly publication: MqttPublication;
}

/** By tag, and by address. */
type Remembered = Map<number | string, MqttPublication | MqttRetained>;

/**
 * Remembers how MQTT clients published what passes through the relay, which carries the value only: so that other MQTT
 * clients receive the payload byte by byte, its properties, and at its QoS, and it is known whose a message is. A signal is
 * known by its tag, what is retained by its revision, and neither by its value: others say the same. Bounded by bytes;
 * what is forgotten arrives as the relay has it.
 */
export class MqttPublications {
  readonly #halfOfBytes: number;
  #young: Remembered = new Map();
  #old: Remembered = new Map();
  #youngBytes = 0;

  /** @param maxBytes - that may be remembered, about. */
  constructor(maxBytes: number = 8 * 1024 * 1024) {
    this.#halfOfBytes = maxBytes / 2;
  }

  /** Something is about to be published. Gives the tag by which it is known again. */
  note(publication: MqttPublication): number {
    const tag = nextTag();
    this.#keep(tag, publication, 200 + mqttMessageBytes(publication));
    return tag;
  }

  /** The publication of a signal; undefined for what no MQTT client has published. */
  find(tag: number | undefined): MqttPublication | undefined {
    if (tag === undefined) return undefined;
    return (this.#young.get(tag) ?? this.#old.get(tag)) as MqttPublication | undefined;
  }

  /** What was published under a tag is what the relay has at an address, from this revision on. */
  retained(address: string, revision: number, publication: MqttPublication): void {
    const known = this.#retainedAt(address);
    if (known && known.revision > revision) return;
    this.#keep(address, { revision, publication }, 200 + 2 * address.length + mqttMessageBytes(publication));
  }

  /** The publication that made a param what it is; undefined where somebody else did. */
  findRetained(address: string, revision: number | undefined): MqttPublication | undefined {
    const known = this.#retainedAt(address);
    return known && known.revision === revision ? known.publication : undefined;
  }

  /** Whether the newest publication at the address was to end by itself. */
  expires(address: string): boolean {
    const known = this.#retainedAt(address);
    return known !== undefined && known.publication.expires < Number.POSITIVE_INFINITY;
  }

  /** What was retained at the address is not any more. */
  forget(address: string): void {
    this.#young.delete(address);
    this.#old.delete(address);
  }

  #retainedAt(address: string): MqttRetained | undefined {
    return (this.#young.get(address) ?? this.#old.get(address)) as MqttRetained | undefined;
  }

  #keep(key: number | string, known: MqttPublication | MqttRetained, bytes: number): void {
    this.#young.set(key, known);
    this.#youngBytes += bytes;
    if (this.#youngBytes < this.#halfOfBytes) return;
    this.#old = this.#young;
    this.#young = new Map();
    this.#youngBytes = 0;
  }
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
  const publication: MqttPublication = {
    publisher,
    payload: Uint8Array.from(payload),
    qos,
    properties: forwarded(properties),
    expires: expiry === undefined ? Number.POSITIVE_INFINITY : scheduler.now() + expiry * 1_000,
  };
  // Before the relay is asked: it tells the others before it answers.
  const tag = publications.note(publication);
  const answer = retain
    ? client.set(address, value, { ...lifeOf(value, expiry, wasToEnd), tag })
    : client.emit(address, value, { tag });
  answer.subscribe({
    next: ({ revision }) => {
      if (retain && value === null) publications.forget(address);
      else if (retain && revision !== undefined) publications.retained(address, revision, publication);
      done(undefined, retain ? undefined : { kind: 'event', address, value, tag });
    },
    error: (cause) => done(ClaspError.from(cause, ErrorCode.Internal, { address })),
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
