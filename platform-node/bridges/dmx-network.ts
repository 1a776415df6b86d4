import { isIP } from 'node:net';
import { isLocal } from '../host-port.ts';

/** What an entry of the configuration says about the network of a DMX bridge. */
interface DmxNetwork {
  readonly host?: string | undefined;
  readonly interface?: string | undefined;
  readonly listen?: number | string | false | undefined;
  readonly targets?: readonly string[] | undefined;
}

/**
 * What binds a bridge to the network of its relay: a relay that only this machine reaches shall not be written to from
 * the network by way of its bridge. A target elsewhere, a chosen interface, or that it only sends, opens it.
 *
 * @param local what binds the bridge to this machine
 */
export function dmxNetwork<Local extends object>(
  { host, interface: chosen, listen, targets = [] }: DmxNetwork,
  relayHost: string,
  local: Local,
): Local | { readonly interface?: string } {
  if (host !== undefined || chosen !== undefined || listen === false) return {};
  if (isLocal(relayHost)) return targets.every(isLocal) ? local : {};
  return isIP(relayHost) === 0 || relayHost === '0.0.0.0' || relayHost === '::' ? {} : { interface: relayHost };
}
