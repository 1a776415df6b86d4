import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { messages } from '../../testing/arbitraries.ts';
import { encodeMessage } from './encode.ts';
import { decodeFrame, decodeMessage } from './frame.ts';
import type { Message, QoS } from './message.ts';

const TYPES: readonly Message['type'][] = [
  'HELLO',
  'WELCOME',
  'ANNOUNCE',
  'FEDERATION_SYNC',
  'SUBSCRIBE',
  'UNSUBSCRIBE',
  'PUBLISH',
  'SET',
  'GET',
  'SNAPSHOT',
  'REPLAY',
  'BUNDLE',
  'SYNC',
  'PING',
  'PONG',
  'ACK',
  'ERROR',
  'QUERY',
  'RESULT',
];

const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const unchecked = (message: unknown): Message => message as Message;
const framed = (payload: string): Uint8Array => {
  const hex = payload.replaceAll(' ', '');
  return bytesOf(`5301${(hex.length / 2).toString(16).padStart(4, '0')}${hex}`);
};

/** What a reader should see: each layout of the protocol once, with every optional field. */
const EXAMPLES: readonly [Message, string][] = [
  [
    { type: 'HELLO', version: 1, name: 'desk', features: ['param', 'event', 'federation'], token: 'tk' },
    '01 01 c4 0004 6465736b 0002 746b',
  ],
  [
    { type: 'WELCOME', version: 1, session: 's1', name: 'relay', features: ['param', 'timeline'], time: 258 },
    '02 01 88 0000000000000102 0002 7331 0005 72656c6179 0000',
  ],
  [
    {
      type: 'ANNOUNCE',
      namespace: '/n',
      signals: [
        {
          address: '/a',
          type: 'stream',
          datatype: 'f',
          access: 'r',
          meta: { unit: 'V', range: [0, 1], default: true, description: 'd' },
        },
      ],
    },
    '03 0002 2f6e 0001 0002 2f61 02 07 0001 66 0001 72 0f 0001 56 0000000000000000 3ff0000000000000 01 01 0001 64',
  ],
  [
    {
      type: 'FEDERATION_SYNC',
      op: 'revision-vector',
      patterns: ['/a/**'],
      revisions: [{ address: '/a', revision: 3 }],
      since: 2,
      origin: 'o',
    },
    '04 03 0001 0005 2f612f2a2a 0001 0002 2f61 0000000000000003 c0 0000000000000002 0001 6f',
  ],
  [
    {
      type: 'SUBSCRIBE',
      id: 7,
      pattern: '/a/*',
      types: ['param', 'timeline'],
      options: { maxRate: 60, epsilon: 0.5, history: 1, window: 20 },
    },
    '10 00000007 0004 2f612f2a 11 0f 0000003c 3fe0000000000000 00000001 00000014',
  ],
  [{ type: 'SUBSCRIBE', id: 0, pattern: '/**' }, '10 00000000 0003 2f2a2a ff 00'],
  [{ type: 'UNSUBSCRIBE', id: 4294967295 }, '11 ffffffff'],
  [
    { type: 'PUBLISH', address: '/g', signal: 'gesture', phase: 'end', id: 5, timestamp: 1, rate: 9, value: false },
    '20 7a 0002 2f67 01 01 00 0000000000000001 00000005 00000009',
  ],
  [
    { type: 'PUBLISH', address: '/s', signal: 'stream', samples: [1, -1] },
    '20 40 0002 2f73 02 0002 3ff0000000000000 bff0000000000000',
  ],
  [{ type: 'PUBLISH', address: '/e', signal: 'event' }, '20 20 0002 2f65 00'],
  [
    { type: 'PUBLISH', address: '/t', signal: 'timeline', value: { keyframes: [], loop: true } },
    '20 80 0002 2f74 01 0b 0002 0009 6b65796672616d6573 0a 0000 0004 6c6f6f70 01 01',
  ],
  [
    {
      type: 'SET',
      address: '/a',
      value: 0.5,
      revision: 2,
      lock: true,
      unlock: true,
      ttl: { seconds: 30, mode: 'absolute' },
    },
    '21 f7 0002 2f61 3fe0000000000000 0000000000000002 8000001e',
  ],
  [{ type: 'SET', address: '/a', value: null, ttl: { seconds: 5, mode: 'sliding' } }, '21 10 0002 2f61 00000005'],
  [{ type: 'GET', address: '/a' }, '22 0002 2f61'],
  [
    { type: 'SNAPSHOT', params: [{ address: '/a', value: 'x', revision: 1, writer: 'w', timestamp: 9 }] },
    '23 0001 0002 2f61 08 0001 78 0000000000000001 03 0001 77 0000000000000009',
  ],
  [{ type: 'SNAPSHOT', params: [] }, '23 0000'],
  [
    { type: 'REPLAY', pattern: '/a', from: 1, to: 2, limit: 3, types: ['event'] },
    '24 e0 0002 2f61 0000000000000001 0000000000000002 00000003 02',
  ],
  [
    { type: 'BUNDLE', timestamp: 1, messages: [{ type: 'SET', address: '/a', value: true }, { type: 'PING' }] },
    '30 80 0002 0000000000000001 0007 21 01 0002 2f61 01 0001 41',
  ],
  [{ type: 'SYNC', t1: 1, t2: 2, t3: 3 }, '40 03 0000000000000001 0000000000000002 0000000000000003'],
  [{ type: 'PING' }, '41'],
  [{ type: 'PONG' }, '42'],
  [
    { type: 'ACK', address: '/a', revision: 1, locked: true, holder: 'h', correlationId: 2 },
    '50 1f 0002 2f61 0000000000000001 01 0001 68 00000002',
  ],
  [{ type: 'ACK' }, '50 00'],
  [
    { type: 'ERROR', code: 401, message: 'no', address: '/a', correlationId: 2 },
    '51 0191 0002 6e6f 03 0002 2f61 00000002',
  ],
  [{ type: 'QUERY', pattern: '/a' }, '60 0002 2f61'],
  [
    { type: 'RESULT', signals: [{ address: '/a', type: 'param', datatype: 'f', access: 'rw' }] },
    '61 0001 0002 2f61 00 03 0001 66 0002 7277',
  ],
];

describe('messages', () => {
  it.each(TYPES)('%s comes back as it was', (type) => {
    const header = fc.record({
      qos: fc.constantFrom<QoS[]>(0, 1, 2),
      timestamp: fc.option(fc.maxSafeNat(), { nil: undefined }),
    });
    fc.assert(
      fc.property(messages(type), header, (message, options) => {
        expect(decodeMessage(encodeMessage(message, options))).toEqual({ message, ...options });
      }),
    );
  });

  it.each(EXAMPLES)('%j has the layout of the protocol', (message, payload) => {
    expect(hexOf(encodeMessage(message))).toBe(hexOf(framed(payload)));
    expect(decodeMessage(framed(payload)).message).toEqual(message);
  });

  it('may have a longer payload than this version knows', () => {
    // Except where the layout goes on: a token that may be missing, the rate of a PUBLISH.
    const closed = EXAMPLES.filter(([{ type }]) => type !== 'HELLO' && type !== 'PUBLISH');
    for (const [message, payload] of closed) {
      expect(decodeMessage(framed(`${payload} aabbccddeeff00112233`)).message).toEqual(message);
    }
    expect(decodeMessage(framed('20 20 0002 2f65 00 aabbcc')).message).toEqual({
      type: 'PUBLISH',
      address: '/e',
      signal: 'event',
    });
    expect(decodeMessage(framed('20 20 0002 2f65 00 00000009')).message).toMatchObject({ rate: 9 });
  });

  it('take a HELLO without a token field', () => {
    expect(decodeMessage(framed('01 01 80 0001 61')).message).toEqual({
      type: 'HELLO',
      version: 1,
      name: 'a',
      features: ['param'],
    });
  });

  it('leave federation to HELLO: the bit means nothing in a WELCOME', () => {
    const welcome = { type: 'WELCOME', version: 1, session: 's', name: 'r', time: 0 } as const;
    const wire = encodeMessage({ ...welcome, features: ['param', 'federation'] });
    expect(wire[6]).toBe(0x80);
    wire[6] = 0x84;
    expect(decodeMessage(wire).message).toEqual({ ...welcome, features: ['param'] });
  });

  it('read masks 00 and FF as every kind', () => {
    for (const mask of ['00', 'ff']) {
      expect(decodeMessage(framed(`10 00000001 0002 2f61 ${mask} 00`)).message).toEqual({
        type: 'SUBSCRIBE',
        id: 1,
        pattern: '/a',
      });
    }
  });

  it('round numbers beyond 2^53 instead of failing, and can encode them again', () => {
    const { message } = decodeMessage(framed('40 03 0020000000000001 ffffffffffffffff fffffffffffffc00'));
    expect(message).toEqual({ type: 'SYNC', t1: 2 ** 53, t2: 2 ** 64 - 2048, t3: 2 ** 64 - 2048 });
    expect(decodeMessage(encodeMessage(message)).message).toEqual(message);
  });

  it.each([
    ['an unknown type', '7f'],
    ['a SET of an unknown value code', '21 0c 0002 2f61'],
    ['a SET without its revision', '21 80 0002 2f61 00000000'],
    ['a SET without its TTL', '21 10 0002 2f61'],
    ['an address that is not UTF-8', '22 0002 2fff'],
    ['an unknown signal kind', '20 a0 0002 2f61 00'],
    ['an unknown phase', '20 64 0002 2f61 00'],
    ['an unknown value indicator', '20 20 0002 2f61 03'],
    ['fewer samples than announced', '20 40 0002 2f61 02 0002 3ff0000000000000'],
    ['a PUBLISH without its timestamp', '20 30 0002 2f61 00 00'],
    ['a SUBSCRIBE without its options', '10 00000001 0002 2f61 ff 02 00000000'],
    ['a REPLAY without its mask', '24 00 0002 2f61'],
    ['a map that is invalid deep inside', '21 0b 0002 2f61 0001 0001 61 0a 0001 08 0001 ff'],
  ])('refuse %s at the first step with 101', (_, payload) => {
    expect(() => decodeFrame(framed(payload))).toThrow(expect.objectContaining({ name: 'ClaspError', code: 101 }));
  });

  it.each([
    ['a bundle in a bundle', '30 00 0001 0004 30 00 0000'],
    ['a bundled message of no length', '30 00 0001 0000'],
    ['a bundled message that goes on after the bundle', '30 00 0001 0002 41'],
    ['fewer bundled messages than announced', '30 00 0002 0001 41'],
    ['an unknown federation operation', '04 05 0000 0000 00'],
    ['an unknown kind in an ANNOUNCE', '03 0000 0001 0001 61 05 00'],
    ['a snapshot that claims 65535 params', '23 ffff'],
    ['an ACK without its revision', '50 02 00'],
  ])('refuse %s at the second step with 101', (_, payload) => {
    const frame = decodeFrame(framed(payload));
    expect(() => frame.message).toThrow(expect.objectContaining({ name: 'ClaspError', code: 101 }));
  });

  it.each<[string, unknown]>([
    ['a negative revision', { type: 'SET', address: '/a', value: 1, revision: -1 }],
    ['a fractional revision', { type: 'SET', address: '/a', value: 1, revision: 0.5 }],
    ['a fractional timestamp', { type: 'PUBLISH', address: '/a', timestamp: 1.5 }],
    ['a TTL of 2^31 seconds', { type: 'SET', address: '/a', value: 1, ttl: { seconds: 2 ** 31, mode: 'sliding' } }],
    ['an unknown kind', { type: 'PUBLISH', address: '/a', signal: 'smoke' }],
    ['an unknown kind in a mask', { type: 'SUBSCRIBE', id: 1, pattern: '/a', types: ['smoke'] }],
    ['an unknown phase', { type: 'PUBLISH', address: '/a', phase: 'pause' }],
    ['an unknown operation', { type: 'FEDERATION_SYNC', op: 'x', patterns: [], revisions: [] }],
    ['an unknown type', { type: 'SMOKE' }],
    ['a bundle in a bundle', { type: 'BUNDLE', messages: [{ type: 'BUNDLE', messages: [] }] }],
    ['an address over 65535 bytes', { type: 'GET', address: '/'.repeat(65536) }],
    ['more than 65535 bytes', { type: 'SET', address: '/a', value: ['x'.repeat(40_000), 'x'.repeat(40_000)] }],
  ])('refuse to encode %s with 402', (_, message) => {
    expect(() => encodeMessage(unchecked(message))).toThrow(expect.objectContaining({ name: 'ClaspError', code: 402 }));
  });
});
