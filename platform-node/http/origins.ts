import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { isLocal } from '../host-port.ts';

/** Which web pages may use a relay (security.md §4.3). */
export interface OriginRules {
  /** `auto`: see {@link pageMay}; a list: only these, and pages of the relay itself. @defaultValue 'auto' */
  readonly origins?: 'auto' | '*' | readonly string[] | undefined;
  /** Origins that may use HTTP too, or `*`. @defaultValue none */
  readonly cors?: readonly string[] | undefined;
  /** Whether a token is needed to come in. */
  readonly authenticated: boolean;
  /** The address that the relay is bound to. */
  readonly host: string;
}

/** What a page wants: a WebSocket, to log in, or to read and write over HTTP. */
export type PageWish = 'socket' | 'auth' | 'http';

/** Networks that nobody outside reaches. */
const PRIVATE = /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|169\.254\.|f[cd][0-9a-f]{2}:|fe[89ab][0-9a-f]:)/i;
const LOCAL_ENDINGS = /\.(localhost|local|lan|internal|home\.arpa)$/i;

/**
 * Whether a page of this origin may do what it wants, of a request for `host`. What is no browser has none. A page of this
 * machine may connect and log in; one of the network where the relay is open to that; any other may connect only where a
 * token is needed, which no page has without being given it.
 */
export function pageMay(
  wish: PageWish,
  { origin, host }: { readonly origin?: string | undefined; readonly host?: string | undefined },
  { origins = 'auto', cors = [], authenticated, host: bound }: OriginRules,
): boolean {
  if (origin === undefined) return true;
  const url = URL.canParse(origin) ? new URL(origin) : undefined;
  if (url !== undefined && host !== undefined && url.host === host.toLowerCase().replace(/:(80|443)$/, '')) return true;
  if (cors.includes('*') || cors.includes(origin)) return true;
  if (wish === 'http') return false;
  if (origins === '*') return true;
  if (origins !== 'auto') return origins.includes(origin);
  if (wish === 'socket' && authenticated) return true;
  const name = url?.hostname.replace(/^\[|\]$/g, '').toLowerCase() ?? '';
  if (name === '') return false;
  if (isLocal(name) || name.endsWith('.localhost')) return true;
  return !isLocal(bound) && isPrivate(name);
}

/**
 * Whether an open relay may be asked for under this name, the `Host` of a request: an address, this machine, a local name, or
 * one of `hosts`. Any other may be one that a foreign page has had point here (DNS rebinding).
 */
export function isOwnName(header: string | undefined, hosts: readonly string[], own: string): boolean {
  if (header === undefined) return true;
  const name = header
    .replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
  if (isIP(name) !== 0 || isLocal(name) || isLocalName(name) || name === own.toLowerCase()) return true;
  return hosts.some((host) => host.toLowerCase() === name);
}

function isPrivate(name: string): boolean {
  return isIP(name) === 0 ? isLocalName(name) : PRIVATE.test(name) || isOfThisMachine(name);
}

function isLocalName(name: string): boolean {
  return !name.includes('.') || LOCAL_ENDINGS.test(name);
}

function isOfThisMachine(address: string): boolean {
  return Object.values(networkInterfaces()).some((all) => all?.some((one) => one.address === address));
}
