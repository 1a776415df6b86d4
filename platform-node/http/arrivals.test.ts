import type { IncomingMessage } from 'node:http';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arrivals, networks } from './arrivals.ts';

const request = (remoteAddress: string, headers: Record<string, string> = {}, encrypted = false): IncomingMessage =>
  ({ socket: { remoteAddress, encrypted }, headers }) as unknown as IncomingMessage;

describe('who a request comes from', () => {
  it('is the address of the connection, whatever anybody writes who is no proxy (attack 15)', () => {
    const lie = { 'x-forwarded-for': '10.0.0.1', 'x-forwarded-proto': 'https' };
    for (const of of [arrivals(), arrivals(['192.0.2.1'])]) {
      expect(of(request('::ffff:203.0.113.9', lie))).toEqual({ peer: '203.0.113.9', secure: false, proxied: false });
    }
  });

  it('is the last that is no proxy of ours, as each proxy adds whom it heard it from', () => {
    const of = arrivals(['127.0.0.1', '10.0.0.0/8', '2001:db8::/32']);
    const headers = { 'x-forwarded-for': '1.1.1.1, 203.0.113.9, 10.1.2.3', 'x-forwarded-proto': 'https' };
    expect(of(request('127.0.0.1', headers))).toEqual({ peer: '203.0.113.9', secure: true, proxied: true });
    expect(of(request('2001:db8::7', { 'x-forwarded-for': '[2001:db9::1]:4711' })).peer).toBe('2001:db9::1');
    expect(of(request('10.0.0.1', { 'x-forwarded-for': 'unknown' })).peer).toBe('10.0.0.1');
    expect(of(request('10.0.0.1'))).toEqual({ peer: '10.0.0.1', secure: false, proxied: true });
  });

  it('knows a connection that is encrypted', () => {
    expect(arrivals()(request('10.0.0.1', {}, true)).secure).toBe(true);
  });

  it('refuses what is no network', () => {
    for (const wrong of ['', 'proxy', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', '::1/129', '10.0.0.0/-1']) {
      expect(() => networks([wrong]), wrong).toThrow('is no network');
    }
  });

  it('finds every IPv4 address in the network of its first bits', () => {
    const octet = fc.integer({ min: 0, max: 255 });
    fc.assert(
      fc.property(fc.tuple(octet, octet, octet, octet), fc.integer({ min: 0, max: 32 }), (octets, bits) => {
        expect(networks([`${octets.join('.')}/${bits}`])(octets.join('.'))).toBe(true);
      }),
    );
  });
});
