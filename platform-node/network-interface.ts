import { BlockList, isIP } from 'node:net';
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import { ClaspError, ErrorCode } from '../core/errors.ts';

interface LocalAddress {
  readonly name: string;
  readonly address: string;
  readonly family: 'IPv4' | 'IPv6';
}

/**
 * The one local address that `wanted` means: an interface's name (`eth0`), an address of this machine
 * (`192.168.1.20`), or a network in CIDR notation that this machine is in (`192.168.1.0/24`). A name means the
 * interface's IPv4 address, where it has one.
 *
 * Throws a `ClaspError` with code 402 that lists the choices when nothing fits, or more than one address does.
 *
 * @example
 * ```ts
 * resolveInterface('127.0.0.0/8'); // '127.0.0.1'
 * ```
 */
export function resolveInterface(
  wanted: string,
  interfaces: NodeJS.Dict<NetworkInterfaceInfo[]> = networkInterfaces(),
): string {
  const local: LocalAddress[] = Object.entries(interfaces).flatMap(([name, addresses = []]) =>
    addresses.map(({ address, family }) => ({ name, address, family })),
  );
  const fitting = candidates(wanted, local);
  const [only, another] = fitting;
  if (only && !another) return only.address;

  const problem = only ? 'means more than one address' : 'is no interface, address or network of this machine';
  const choices = (only ? fitting : local).map(({ name, address }) => `${address} (${name})`).join(', ');
  throw new ClaspError(ErrorCode.BadValue, `interface ${JSON.stringify(wanted)} ${problem}; choose one of ${choices}`, {
    value: wanted,
  });
}

function candidates(wanted: string, local: readonly LocalAddress[]): readonly LocalAddress[] {
  if (isIP(wanted) !== 0) return local.filter(({ address }) => address === wanted);
  if (wanted.includes('/')) {
    const network = networkOf(wanted);
    return local.filter(({ address, family }) => network.check(address, family === 'IPv4' ? 'ipv4' : 'ipv6'));
  }
  const named = local.filter(({ name }) => name === wanted);
  const four = named.filter(({ family }) => family === 'IPv4');
  return four.length > 0 ? four : named;
}

function networkOf(cidr: string): BlockList {
  const [network = '', bits = ''] = cidr.split('/');
  const family = isIP(network);
  const prefix = /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
  if (family === 0 || !(prefix <= (family === 4 ? 32 : 128))) {
    throw new ClaspError(ErrorCode.BadValue, `${JSON.stringify(cidr)} is not a network such as 192.168.1.0/24`, {
      value: cidr,
    });
  }
  const list = new BlockList();
  list.addSubnet(network, prefix, family === 4 ? 'ipv4' : 'ipv6');
  return list;
}
