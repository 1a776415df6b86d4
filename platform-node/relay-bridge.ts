import { isIP } from 'node:net';
import type { Observable } from 'rxjs';
import type { BridgeEvent } from '../core/bridge-event.ts';
import type { Client } from '../core/client.ts';
import { parseHostPort } from './host-port.ts';
import { oscBridge } from './osc-bridge.ts';
import type { BridgeConfig } from './relay-config.ts';

/** The name of a bridge, in events and as a client. */
export function bridgeName({ name, type }: BridgeConfig): string {
  return name ?? type;
}

/** Joins a bridge to the relay that `client` belongs to and that is bound to `relayHost`. */
export function relayBridge(client: Client, bridge: BridgeConfig, relayHost: string): Observable<BridgeEvent> {
  const host = bindHost(bridge, relayHost);
  return oscBridge(client, { ...bridge, name: bridgeName(bridge), ...(host !== undefined && { host }) });
}

/**
 * A relay that only this machine reaches shall not be written to from the network by way of its bridge. But a socket
 * of this machine only cannot send elsewhere, so a target elsewhere opens it.
 */
function bindHost(
  { host, interface: network, broadcast, multicast, targets = [] }: BridgeConfig,
  relayHost: string,
): string | undefined {
  if (host !== undefined || network !== undefined || broadcast || (multicast ?? []).length > 0) return host;
  if (!isLocal(relayHost)) return isIP(relayHost) === 0 ? undefined : relayHost;
  const receivers = targets.map((target) => parseHostPort(typeof target === 'string' ? target : target.to).host);
  return receivers.every(isLocal) ? '127.0.0.1' : undefined;
}

function isLocal(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}
