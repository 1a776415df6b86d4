import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatHostPort, parseHostPort } from './host-port.ts';

describe('parseHostPort', () => {
  it('reads back what formatHostPort writes', () => {
    const host = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain());
    fc.assert(
      fc.property(host, fc.integer({ min: 0, max: 65_535 }), (some, port) => {
        expect(parseHostPort(formatHostPort(some, port))).toEqual({ host: some, port });
      }),
    );
  });

  it.each([
    ['9000', { host: '0.0.0.0', port: 9000 }],
    [':9000', { host: '0.0.0.0', port: 9000 }],
    ['desk.local:9000', { host: 'desk.local', port: 9000 }],
    ['[::1]:9000', { host: '::1', port: 9000 }],
  ])('reads %s where there is a default host', (text, expected) => {
    expect(parseHostPort(text, '0.0.0.0')).toEqual(expected);
  });

  it.each(['', 'desk', '9000', ':9000', 'desk:', 'desk:65536', 'desk:-1', 'desk:9000x', '::1:9000', 'a b:1', '[::1]'])(
    'refuses %j with 402',
    (text) => {
      expect(() => parseHostPort(text)).toThrow(`[402] ${JSON.stringify(text)} is not host:port`);
    },
  );
});
