import type { ArtnetBridgeConfig } from './artnet-bridge-type.ts';
import type { BridgeType } from './bridge-type.ts';
import type { DmxBridgeConfig } from './dmx-bridge-type.ts';
import type { HttpBridgeConfig } from './http-bridge-type.ts';
import type { MidiBridgeConfig } from './midi-bridge-type.ts';
import type { MqttBridgeConfig } from './mqtt-bridge-type.ts';
import type { MqttServerBridgeConfig } from './mqtt-server-bridge-type.ts';
import type { OscBridgeConfig } from './osc-bridge-type.ts';
import type { SacnBridgeConfig } from './sacn-bridge-type.ts';
import type { WebsocketJsonBridgeConfig } from './websocket-json-bridge.ts';

/** One entry of `bridges`, told apart by `type`. */
export type BridgeConfig =
  | ArtnetBridgeConfig
  | DmxBridgeConfig
  | HttpBridgeConfig
  | MidiBridgeConfig
  | MqttBridgeConfig
  | MqttServerBridgeConfig
  | OscBridgeConfig
  | SacnBridgeConfig
  | WebsocketJsonBridgeConfig;

/** Any kind of bridge. */
export type AnyBridgeType = BridgeType<{ readonly type: string; readonly name?: string | undefined }>;

/**
 * Every kind of bridge by the `type` of its entry. A kind is loaded when the first of it is wanted, so that nobody
 * pays for what is not used. A type stands apart from its bridge where an app may open that by itself: the schema would
 * load zod for every import of `clasp-rx/platform-node`.
 */
export const bridgeTypes: { readonly [Type in BridgeConfig['type']]: () => Promise<AnyBridgeType> } = {
  artnet: async () => (await import('./artnet-bridge-type.ts')).artnetBridgeType,
  dmx: async () => (await import('./dmx-bridge-type.ts')).dmxBridgeType,
  http: async () => (await import('./http-bridge-type.ts')).httpBridgeType,
  midi: async () => (await import('./midi-bridge-type.ts')).midiBridgeType,
  mqtt: async () => (await import('./mqtt-bridge-type.ts')).mqttBridgeType,
  'mqtt-server': async () => (await import('./mqtt-server-bridge-type.ts')).mqttServerBridgeType,
  osc: async () => (await import('./osc-bridge-type.ts')).oscBridgeType,
  sacn: async () => (await import('./sacn-bridge-type.ts')).sacnBridgeType,
  'websocket-json': async () => (await import('./websocket-json-bridge.ts')).websocketJsonBridgeType,
};

/** Whether there is a kind of bridge of that name. */
export function isBridgeType(type: string): type is BridgeConfig['type'] {
  return Object.hasOwn(bridgeTypes, type);
}
