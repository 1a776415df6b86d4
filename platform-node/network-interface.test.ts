import type { NetworkInterfaceInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import { resolveInterface } from './network-interface.ts';

const four = (address: string) => ({ address, family: 'IPv4' }) as NetworkInterfaceInfo;
const six = (address: string) => ({ address, family: 'IPv6' }) as NetworkInterfaceInfo;
const machine = {
  lo: [four('127.0.0.1'), six('::1')],
  eth0: [four('192.168.1.20'), six('fe80::1')],
  wlan0: [four('192.168.1.31'), four('10.0.0.5')],
  tun0: [six('fd00::5')],
};

describe('resolveInterface', () => {
  it.each([
    ['eth0', '192.168.1.20'],
    ['tun0', 'fd00::5'],
    ['10.0.0.5', '10.0.0.5'],
    ['::1', '::1'],
    ['10.0.0.0/8', '10.0.0.5'],
    ['192.168.1.16/29', '192.168.1.20'],
    ['fd00::/16', 'fd00::5'],
  ])('takes %s for %s', (wanted, address) => {
    expect(resolveInterface(wanted, machine)).toBe(address);
  });

  it.each([
    ['wlan0', 'interface "wlan0" means more than one address; choose one of 192.168.1.31 (wlan0), 10.0.0.5 (wlan0)'],
    [
      '192.168.1.0/24',
      'interface "192.168.1.0/24" means more than one address; choose one of 192.168.1.20 (eth0), 192.168.1.31 (wlan0)',
    ],
    [
      'eth9',
      'interface "eth9" is no interface, address or network of this machine; choose one of 127.0.0.1 (lo), ::1 (lo), ',
    ],
    [
      '172.16.0.1',
      'interface "172.16.0.1" is no interface, address or network of this machine; choose one of 127.0.0.1 (lo)',
    ],
    ['10.0.0.0/33', '"10.0.0.0/33" is not a network such as 192.168.1.0/24'],
    ['10.0/8', '"10.0/8" is not a network such as 192.168.1.0/24'],
    ['10.0.0.0/', '"10.0.0.0/" is not a network such as 192.168.1.0/24'],
  ])('refuses %s with 402 and says what there is', (wanted, reason) => {
    expect(() => resolveInterface(wanted, machine)).toThrow(`[402] ${reason}`);
  });

  it('knows the loopback of this machine', () => {
    expect(resolveInterface('127.0.0.0/8')).toBe('127.0.0.1');
  });
});
