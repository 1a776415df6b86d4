import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { ClaspError, ErrorCode } from '../../core/errors.ts';

/** Who a request comes from, as far as that can be believed. */
export interface HttpArrival {
  /** The address of the peer, or of the one for whom a trusted proxy asks; undefined when the connection is gone. */
  readonly peer: string | undefined;
  /** Whether what it sends is encrypted on the way, up to a trusted proxy at least. */
  readonly secure: boolean;
  /** Whether a trusted proxy asks. */
  readonly proxied: boolean;
}

/** What tells who a request comes from. */
export type Arrivals = (request: IncomingMessage) => HttpArrival;

/**
 * Believes what proxies of these networks (`10.0.0.0/8`, `::1`) say of whom they ask for, and nobody else: anybody can
 * write the headers. Throws a `ClaspError` 402 for what is no network.
 */
export function arrivals(trustProxy: readonly string[] = []): Arrivals {
  const trusted = networks(trustProxy);
  return ({ socket, headers }) => {
    const { remoteAddress } = socket;
    const secure = (socket as TLSSocket).encrypted === true;
    const direct = remoteAddress === undefined ? undefined : plainAddress(remoteAddress);
    if (direct === undefined || !trusted(direct)) return { peer: direct, secure, proxied: false };
    const chain = listOf(headers['x-forwarded-for']).map(plainAddress);
    // Each proxy adds whom it heard it from at the end: the last that is none of ours is as far as we can see.
    const peer = [...chain].reverse().find((address) => !trusted(address)) ?? chain[0] ?? direct;
    const protocol = listOf(headers['x-forwarded-proto']).at(-1)?.toLowerCase();
    const known = isIP(peer) !== 0;
    return {
      peer: known ? peer : direct,
      secure: protocol === undefined ? secure : protocol === 'https',
      proxied: true,
    };
  };
}

/** Tells whether an address lies in one of the networks. Throws a `ClaspError` 402 for what is no network. */
export function networks(list: readonly string[]): (address: string) => boolean {
  const blocks = new BlockList();
  for (const entry of list) {
    const [address = '', length, ...rest] = entry.split('/');
    const family = isIP(address);
    const bits = length === undefined ? (family === 6 ? 128 : 32) : /^\d{1,3}$/.test(length) ? Number(length) : -1;
    if (family === 0 || rest.length > 0 || bits < 0 || bits > (family === 6 ? 128 : 32)) {
      throw new ClaspError(ErrorCode.BadValue, `${JSON.stringify(entry)} is no network such as 10.0.0.0/8 or ::1`);
    }
    blocks.addSubnet(address, bits, family === 6 ? 'ipv6' : 'ipv4');
  }
  return (address) => {
    const family = isIP(address);
    return list.length > 0 && family !== 0 && blocks.check(address, family === 6 ? 'ipv6' : 'ipv4');
  };
}

/** An IPv4 address inside IPv6 is the IPv4 one; without port and zone. */
export function plainAddress(text: string): string {
  const bare = /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(text)?.[1] ?? text;
  return bare.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
}

function listOf(header: string | readonly string[] | undefined): readonly string[] {
  const text = typeof header === 'string' ? header : (header?.join(',') ?? '');
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
