import { z } from 'zod';
import { fromMqttFilter } from '../../core/protocols/mqtt/mqtt-topic.ts';
import { nameField, namespaceField, patternField, textReadBy } from '../config/config-fields.ts';
import type { BridgeType } from './bridge-type.ts';
import { type MqttBridgeOptions, mqttBridge } from './mqtt-bridge.ts';
import { brokerUrlFault } from './mqtt-dial.ts';

/** A broker, as a configuration file has it. */
export interface MqttBridgeConfig extends Omit<MqttBridgeOptions, 'scheduler'> {
  readonly type: 'mqtt';
}

const filterField = textReadBy((text) => fromMqttFilter(text, ''));

const schema = z.strictObject({
  type: z.literal('mqtt'),
  name: nameField
    .describe('named in the log, in the status and in the origin of signals; "mqtt" if absent')
    .exactOptional(),
  url: textReadBy(brokerUrlFault).describe('mqtt://host:1883, mqtts://host:8883, ws://host/mqtt or wss://host/mqtt'),
  subscribe: z
    .array(filterField)
    .describe('topic filters: what the relay hears of the broker; none if absent')
    .exactOptional(),
  publish: z
    .array(patternField)
    .describe('patterns: what the broker hears of the relay; everything below the namespace if absent')
    .exactOptional(),
  namespace: namespaceField
    .describe('where topics live in the relay, "" for the root; "/mqtt" if absent')
    .exactOptional(),
  qos: z
    .union([z.literal(0), z.literal(1), z.literal(2)])
    .describe('of subscriptions, params and events; 1 if absent')
    .exactOptional(),
  params: z
    .array(filterField)
    .describe('topic filters: what comes there is a param, retained or not; none if absent')
    .exactOptional(),
  sendState: z
    .boolean()
    .describe('whether the broker gets the current params at the start and when it returns; true if absent')
    .exactOptional(),
  protocolVersion: z
    .union([z.literal(4), z.literal(5), z.literal('auto')])
    .describe('4 is MQTT 3.1.1; "auto", which tries 5 first, if absent')
    .exactOptional(),
  clientId: z.string().min(1).describe('by which the broker knows this client; random if absent').exactOptional(),
  username: z.string().describe('user at the broker').exactOptional(),
  password: z.string().describe('password at the broker').exactOptional(),
  clean: z
    .boolean()
    .describe('whether the broker forgets this client when it goes; false wants a clientId; true if absent')
    .exactOptional(),
  keepalive: z.int().min(0).max(65_535).describe('seconds between signs of life; 30 if absent').exactOptional(),
  connectTimeout: z
    .number()
    .positive()
    .describe('milliseconds that the broker has to answer; 10000 if absent')
    .exactOptional(),
  ca: z.string().describe('certificate authority: a PEM file, or the PEM text').exactOptional(),
  cert: z.string().describe('certificate of this client: a PEM file, or the PEM text').exactOptional(),
  key: z.string().describe('its key: a PEM file, or the PEM text').exactOptional(),
  rejectUnauthorized: z
    .boolean()
    .describe('whether a certificate that cannot be verified ends the attempt; true if absent')
    .exactOptional(),
  status: z
    .string()
    .min(1)
    .describe('topic that says online, and offline (as the will) when the bridge is gone; none if absent')
    .exactOptional(),
  homeAssistant: z
    .union([z.boolean(), z.strictObject({ prefix: z.string().min(1).exactOptional() })])
    .describe(
      'whether Home Assistant is told of announced params; an object names its discovery prefix; false if absent',
    )
    .exactOptional(),
  echoWindow: z
    .number()
    .min(0)
    .describe('milliseconds for which a value is not sent back to where it came from; 1000 if absent')
    .exactOptional(),
});

/** An MQTT broker, as a configuration file has it. */
export const mqttBridgeType: BridgeType<MqttBridgeConfig> = {
  type: 'mqtt',
  summary: 'an MQTT broker: retained messages become params, others events, and back',
  schema,
  open: (client, config, { name, scheduler }) => mqttBridge(client, { ...config, name, scheduler }),
};
