import { describe, expect, it } from 'vitest';
import { checkEntry } from '../config/check-entry.ts';
import { type OscBridgeOptions, oscHost } from './osc-bridge.ts';
import { oscBridgeType } from './osc-bridge-type.ts';

describe('oscBridgeType', () => {
  const check = (entry: object) => () => checkEntry(oscBridgeType.schema, { type: 'osc', ...entry }, 'osc');

  it('reads TCP and OSCQuery', () => {
    const entry = {
      tcp: { listen: 8001, connect: ['10.0.0.5:3032'], framing: 'length' },
      query: { port: 8002, signals: [{ address: '/osc/a', range: [0, 1] }] },
    };
    expect(check(entry)()).toEqual({ type: 'osc', ...entry });
  });

  it.each([
    ['TCP to nobody', { tcp: {} }, 'needs listen or connect'],
    ['a framing that does not exist', { tcp: { listen: 1, framing: 'cobs' } }, 'tcp.framing'],
    ['a message without arguments that is something else', { noArguments: 'cue' }, 'noArguments'],
    ['timetags that are something else', { timetags: 'late' }, 'timetags'],
    ['a message too often', { periodic: [{ address: '/xremote', every: 1 }] }, 'periodic.0.every'],
    ['a message to a pattern', { periodic: [{ address: '/x?', every: 9_000 }] }, 'periodic.0.address'],
    ['OSCQuery without a port', { query: {} }, 'query.port'],
    [
      'a description of what is no address',
      { query: { port: 1, signals: [{ address: 'a' }] } },
      'query.signals.0.address',
    ],
  ])('refuses %s', (_name, entry, text) => {
    expect(check(entry)).toThrow(text);
  });
});

describe('where OSC is heard', () => {
  it.each<[string, OscBridgeOptions, string | undefined, string | undefined]>([
    // what, options, with a relay of this machine (or in a program), with one that the network reaches
    ['nothing said', {}, '127.0.0.1', '0.0.0.0'],
    [
      'targets on this machine',
      { targets: ['localhost:9000', { to: '127.0.0.1:9001', hints: {} }] },
      '127.0.0.1',
      '0.0.0.0',
    ],
    ['a target elsewhere', { targets: ['127.0.0.1:9000', '10.0.0.20:9000'] }, '0.0.0.0', '0.0.0.0'],
    ['a host', { host: '0.0.0.0' }, '0.0.0.0', '0.0.0.0'],
    ['a network', { interface: 'eth0' }, undefined, undefined],
    ['a multicast group', { multicast: ['239.0.0.1'] }, undefined, undefined],
    ['broadcasts', { broadcast: true }, undefined, undefined],
  ])('%s', (_, options, local, open) => {
    expect(oscHost(options, 'localhost')).toBe(local);
    expect(oscHost(options, '0.0.0.0')).toBe(open);
    expect(oscHost(options, 'venue.example')).toBe(open);
  });
});
