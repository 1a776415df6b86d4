import type { MqttQos } from '../../core/protocols/mqtt.ts';
import { toMqttPayload } from '../../core/protocols/mqtt-payload.ts';
import type { Signal } from '../../core/signal.ts';
import type { Value } from '../../core/value.ts';
import type { MqttOutgoing } from './mqtt-delivery.ts';
import type { MqttPublication } from './mqtt-publications.ts';
import type { FilterSubscription } from './mqtt-subscriptions.ts';

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
