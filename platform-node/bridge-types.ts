import type { BridgeType } from './bridge-type.ts';
import type { BridgeConfig } from './relay-config.ts';

/** Any kind of bridge. */
export type AnyBridgeType = BridgeType<{ readonly type: string; readonly name?: string }>;

/**
 * Every kind of bridge by the `type` of its entry. A kind is loaded when the first of it is wanted, so that nobody
 * pays for what is not used.
 */
export const bridgeTypes: { readonly [Type in BridgeConfig['type']]: () => Promise<AnyBridgeType> } = {
  http: async () => (await import('./http-bridge-type.ts')).httpBridgeType,
  osc: async () => (await import('./osc-bridge-type.ts')).oscBridgeType,
  'websocket-json': async () => (await import('./websocket-json-bridge.ts')).websocketJsonBridgeType,
};

/** Whether there is a kind of bridge of that name. */
export function isBridgeType(type: string): type is BridgeConfig['type'] {
  return Object.hasOwn(bridgeTypes, type);
}
