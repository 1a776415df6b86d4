import { describe, expect, it } from 'vitest';
import { isOwnName, type OriginRules, pageMay } from './origins.ts';

const open: OriginRules = { authenticated: false, host: 'localhost' };
const network: OriginRules = { ...open, host: '0.0.0.0' };
const tokens: OriginRules = { ...open, authenticated: true };

/** Where a page of an origin may connect, log in and use HTTP: open, open to the network, with tokens. */
const may = (origin: string | undefined, more: Partial<OriginRules> = {}) =>
  [open, network, tokens].map((rules) =>
    (['socket', 'auth', 'http'] as const)
      .map((wish) => (pageMay(wish, { origin, host: 'relay.example:7330' }, { ...rules, ...more }) ? wish[0] : '-'))
      .join(''),
  );

describe('which pages may use a relay (attack 14)', () => {
  it.each<[string | undefined, string[]]>([
    [undefined, ['sah', 'sah', 'sah']],
    ['http://relay.example:7330', ['sah', 'sah', 'sah']],
    ['http://localhost:5173', ['sa-', 'sa-', 'sa-']],
    ['http://127.0.0.1', ['sa-', 'sa-', 'sa-']],
    ['http://[::1]:3000', ['sa-', 'sa-', 'sa-']],
    ['http://192.168.1.20', ['---', 'sa-', 's--']],
    ['http://desk.local', ['---', 'sa-', 's--']],
    ['http://[fd00::1]', ['---', 'sa-', 's--']],
    ['https://evil.example', ['---', '---', 's--']],
    ['https://localhost.evil.example', ['---', '---', 's--']],
    ['https://127.0.0.1.evil.example', ['---', '---', 's--']],
    ['http://172.32.0.1', ['---', '---', 's--']],
    ['null', ['---', '---', 's--']],
    ['file://', ['---', '---', 's--']],
    ['nonsense', ['---', '---', 's--']],
  ])('by themselves: %s', (origin, expected) => expect(may(origin)).toEqual(expected));

  it('lets in those that "cors" names everywhere, those of "origins" where a token is needed or a socket opened', () => {
    const origin = 'https://desk.example';
    expect(may(origin, { cors: [origin] })).toEqual(['sah', 'sah', 'sah']);
    expect(may(origin, { origins: [origin] })).toEqual(['sa-', 'sa-', 'sa-']);
    expect(may(origin, { origins: '*' })).toEqual(['sa-', 'sa-', 'sa-']);
    expect(may(origin, { cors: ['*'] })).toEqual(['sah', 'sah', 'sah']);
  });

  it('a list of "origins" shuts out all others, also of this machine, but not those of the relay', () => {
    const list = { origins: ['https://desk.example'] };
    expect(may('http://localhost:5173', list)).toEqual(['---', '---', '---']);
    expect(may('http://relay.example:7330', list)).toEqual(['sah', 'sah', 'sah']);
  });
});

describe('the name that an open relay is asked for (attack 15)', () => {
  it.each([
    '127.0.0.1:7330',
    '[::1]:7330',
    'localhost',
    '10.1.2.3:80',
    'venue',
    'venue.local:7330',
    'x.home.arpa',
    'a.lan.',
  ])('may be %s', (host) => expect(isOwnName(host, [], 'machine')).toBe(true));

  it.each([
    'evil.example',
    'localhost.evil.example:7330',
    '127.0.0.1.evil.example',
    'local.evil',
    '[::1].evil.example',
  ])('may not be %s', (host) => expect(isOwnName(host, [], 'machine')).toBe(false));

  it('may be one of "hosts", and that of the machine', () => {
    expect(isOwnName('Relay.Example:7330', ['relay.example'], 'm')).toBe(true);
    expect(isOwnName('box.example.org', [], 'box.example.org')).toBe(true);
  });
});
