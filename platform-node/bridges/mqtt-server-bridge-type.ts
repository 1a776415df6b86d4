import { last, takeUntil } from 'rxjs';
import { z } from 'zod';
import { nameField, namespaceField, portField } from '../config/config-fields.ts';
import type { BridgeType } from './bridge-type.ts';
import { type MqttServerBridgeOptions, mqttServerBridge } from './mqtt-server-bridge.ts';

/** A server for MQTT clients, as a configuration file has it. */
export interface MqttServerBridgeConfig extends Omit<MqttServerBridgeOptions, 'scheduler' | 'webSockets'> {
  readonly type: 'mqtt-server';
  /** Address to bind to. @defaultValue that of the relay */
  readonly host?: string;
}

const limit = (text: string, min = 1) => z.int().min(min).describe(text).exactOptional();

const schema = z.strictObject({
  type: z.literal('mqtt-server'),
  name: nameField.describe('named in the log and in the status; "mqtt-server" if absent').exactOptional(),
  port: z
    .union([portField, z.literal(false)])
    .describe('TCP port; 0 takes a free one, false leaves WebSockets on the relay’s own port; 1883 if absent')
    .exactOptional(),
  host: z.string().min(1).describe('address to bind to; that of the relay if absent').exactOptional(),
  tls: z
    .strictObject({
      cert: z.string().describe('certificate: a PEM file, or the PEM text'),
      key: z.string().describe('its key: a PEM file, or the PEM text'),
    })
    .describe('makes it mqtts; plain TCP if absent')
    .exactOptional(),
  namespace: namespaceField
    .describe('where topics live in the relay, "" for the root; "/mqtt" if absent')
    .exactOptional(),
  maxClients: limit('clients with a session, connected or not; 10000 if absent'),
  maxSessionExpiry: limit('seconds for which a client that is gone is remembered, at most; 3600 if absent', 0),
  maxQueued: limit('messages that wait for one client, and as many params while it is away; 10000 if absent'),
  maxFilters: limit('topic filters of one client; 1000 if absent'),
  maxInflight: z
    .int()
    .min(1)
    .max(65_535)
    .describe('unconfirmed messages at a time, in either direction; 100 if absent')
    .exactOptional(),
  maxTopicAliases: z
    .int()
    .min(0)
    .max(65_535)
    .describe('topics that may be told by number, in either direction; 32 if absent')
    .exactOptional(),
  maxKeepalive: z
    .int()
    .min(0)
    .max(65_535)
    .describe('seconds of silence that a client of MQTT 5 may ask for; 0 = any; 0 if absent')
    .exactOptional(),
  connectTimeout: z
    .number()
    .positive()
    .describe('milliseconds in which a client must say who it is; 10000 if absent')
    .exactOptional(),
  maxPacketSize: limit('bytes of a packet from a client; 1310720 if absent', 64),
});

/** A server for MQTT clients, as a configuration file has it. */
export const mqttServerBridgeType: BridgeType<MqttServerBridgeConfig> = {
  type: 'mqtt-server',
  summary: 'MQTT clients connect to the relay itself: retained messages become params, others events, and back',
  schema,
  open: (client, config, { name, relayHost, scheduler, join, authenticate, webSockets }) =>
    mqttServerBridge(
      { join, authenticate },
      { host: relayHost, ...config, name, scheduler, ...(webSockets && { webSockets }) },
    ).pipe(takeUntil(client.status.pipe(last()))),
};
