import { ClaspError, ErrorCode } from '../../errors.ts';
import type { Event, Param, Signal } from '../../signal/signal.ts';
import { fromMqttPayload, fromRetainedPayload, toMqttPayload } from './mqtt-payload.ts';
import { badMqttTopic, fromMqttTopic, toMqttTopic } from './mqtt-topic.ts';

/** How often MQTT delivers: 0 at most once, 1 at least once, 2 exactly once. */
export type MqttQos = 0 | 1 | 2;

/** A message of MQTT, without its packet. */
export interface MqttMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  /** Kept by the broker for late subscribers; empty with an empty payload. */
  readonly retain: boolean;
  readonly qos: MqttQos;
}

export interface MqttMappingOptions {
  /** Where topics live: `a/b` is `/mqtt/a/b`. `''` adds nothing. @defaultValue '/mqtt' */
  readonly namespace?: string;
}

/**
 * The signal that an MQTT message stands for: a param if it is retained, else an event. An empty retained payload is the
 * param's end, null, and no other is: the word `null` stays text there. Throws a `ClaspError` (200) for a topic without an address.
 *
 * @example
 * ```ts
 * const payload = new TextEncoder().encode('21.5');
 * fromMqtt({ topic: 'sensors/temp', payload, retain: true, qos: 0 }); // param /mqtt/sensors/temp, 21.5
 * ```
 */
export function fromMqtt(
  message: Omit<MqttMessage, 'qos'> & { readonly qos?: MqttQos },
  { namespace = '/mqtt' }: MqttMappingOptions = {},
): Param | Event {
  const address = fromMqttTopic(message.topic, namespace);
  if (address === undefined) throw badMqttTopic(message.topic);
  if (!message.retain) return { kind: 'event', address, value: fromMqttPayload(message.payload) };
  return { kind: 'param', address, value: fromRetainedPayload(message.payload) };
}

/**
 * The MQTT message for a param (retained; null is an empty payload), an event or a stream's newest sample (neither
 * retained, the sample at QoS 0). Throws a `ClaspError`: 200 for an address without a topic, 402 for gestures and
 * timelines, which have no form in MQTT.
 *
 * @example
 * ```ts
 * toMqtt({ kind: 'param', address: '/mqtt/lamp/on', value: true }); // lamp/on, `true`, retained
 * ```
 */
export function toMqtt(
  signal: Signal,
  { namespace = '/mqtt', qos = 1 }: MqttMappingOptions & { readonly qos?: MqttQos } = {},
): MqttMessage {
  const { address, kind } = signal;
  if (kind === 'gesture' || kind === 'timeline') {
    throw new ClaspError(ErrorCode.BadValue, `${address}: a ${kind} has no form in MQTT`, { address });
  }
  const topic = toMqttTopic(address, namespace);
  const { value } = signal;
  if (kind === 'param') {
    return { topic, payload: value === null ? NOTHING : toMqttPayload(value), retain: true, qos };
  }
  return { topic, payload: toMqttPayload(value), retain: false, qos: kind === 'stream' ? 0 : qos };
}

const NOTHING = new Uint8Array(0);
