import { decode, encode } from '@clasp-to/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { messages } from '../../testing/arbitraries.ts';
import { encodeMessage } from './encode.ts';
import { decodeMessage } from './frame.ts';
import type { Message, QoS } from './message.ts';

/** What `@clasp-to/core` 3.3.2 knows. */
const KNOWN = [
  'HELLO',
  'WELCOME',
  'ANNOUNCE',
  'SUBSCRIBE',
  'UNSUBSCRIBE',
  'PUBLISH',
  'SET',
  'GET',
  'SNAPSHOT',
  'BUNDLE',
  'SYNC',
  'PING',
  'PONG',
  'ACK',
  'ERROR',
  'QUERY',
  'RESULT',
] as const;

type Their = Parameters<typeof encode>[0];
type Rewrite = (value: unknown, key: string) => unknown;

/** Rebuilds plain data with every leaf and field passed through `rewrite`; a field that becomes undefined is left out. */
function rewritten(data: unknown, rewrite: Rewrite, key = ''): unknown {
  const value = rewrite(data, key);
  if (Array.isArray(value)) return value.map((item) => rewritten(item, rewrite));
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  const entries = Object.entries(value).map(([name, item]) => [name, rewritten(item, rewrite, name)] as const);
  return Object.fromEntries(entries.filter(([, item]) => item !== undefined));
}

/** The part of a message that both can express: no bigint, no TTL, no federation, no optional string that is empty. */
const common = (message: Message): Message =>
  rewritten(message, (value, key) => {
    if (typeof value === 'bigint') return Number(value);
    if (key === 'ttl' || (value === '' && OPTIONAL.has(key))) return undefined;
    if (key === 'features' && Array.isArray(value)) return value.filter((feature) => feature !== 'federation');
    if (key === 'messages' && Array.isArray(value)) return value.filter(({ type }) => KNOWN.includes(type));
    return value;
  }) as Message;

const OPTIONAL = new Set(['datatype', 'access', 'unit', 'description', 'writer', 'holder']);

/** What their decoder makes of it: it strips byte order marks, loses the key `__proto__` and fills in some fields. */
const asTheyRead = (message: Message): unknown =>
  rewritten(message, (value) => {
    if (typeof value === 'string') return value.replace(/^\ufeff/, '');
    if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array)
      return value;
    const { __proto__: _, ...rest } = value as Record<string, unknown>;
    if (rest['type'] === 'PUBLISH') return { phase: 'start', ...rest };
    if (rest['type'] === 'ANNOUNCE') return { namespace: '', ...rest };
    return rest;
  });

const qualities = fc.constantFrom<QoS[]>(0, 1, 2);

/** Their encoder writes into a buffer of an estimated size and throws a RangeError when the estimate was too low. */
const withinTheirBuffer = (bytes: Uint8Array): void => fc.pre(bytes.length < 2000);

describe('beside the codec of @clasp-to/core', () => {
  it.each(KNOWN)('%s is the same bytes in both', (type) => {
    fc.assert(
      fc.property(messages(type).map(common), qualities, (message, qos) => {
        const ours = encodeMessage(message, { qos });
        withinTheirBuffer(ours);
        expect(ours).toEqual(encode(message as Their, qos));
      }),
    );
  });

  it.each(KNOWN)('%s of ours is understood by theirs', (type) => {
    fc.assert(
      fc.property(messages(type).map(common), (message) => {
        expect(decode(encodeMessage(message))).toEqual(asTheyRead(message));
      }),
    );
  });

  it.each(KNOWN)('%s of theirs is understood by ours', (type) => {
    fc.assert(
      fc.property(messages(type).map(common), qualities, (message, qos) => {
        withinTheirBuffer(encodeMessage(message));
        expect(decodeMessage(encode(message as Their, qos))).toEqual({ message, qos, timestamp: undefined });
      }),
    );
  });

  it('has a bigint and a TTL arrive there as a number and as nothing', () => {
    const bytes = encodeMessage({ type: 'SET', address: '/a', value: 5n, ttl: { seconds: 1, mode: 'sliding' } });
    expect(decode(bytes)).toEqual({ type: 'SET', address: '/a', value: 5 });
  });

  it('reads the empty timeline that they send', () => {
    const bytes = encode({
      type: 'PUBLISH',
      address: '/t',
      signal: 'timeline',
      keyframes: [{ time: 0, value: 1 }],
    });
    expect(decodeMessage(bytes).message).toEqual({ type: 'PUBLISH', address: '/t', signal: 'timeline' });
  });
});
