import * as published from '@clasp-to/core';
import { describe, expect, it } from 'vitest';
import type { Message } from '../wire/message.ts';
import { PROTOCOL_VERSION } from '../wire/message.ts';
import * as frames from './frames.ts';
import * as names from './names.ts';

const ours = { ...names, ...frames, PROTOCOL_VERSION };

const SAMPLES: Message[] = [
  { type: 'HELLO', version: 1, name: 'n', features: ['param'] },
  { type: 'WELCOME', version: 1, session: 's', name: 'n', features: [], time: 5 },
  { type: 'SUBSCRIBE', id: 1, pattern: '/a/*' },
  { type: 'UNSUBSCRIBE', id: 1 },
  { type: 'SET', address: '/a', value: 0.5 },
  ...(['param', 'event', 'stream', 'gesture', 'timeline'] as const).map((signal) => ({
    ...{ type: 'PUBLISH' as const, signal, address: '/a', value: 1 },
  })),
  { type: 'GET', address: '/a' },
  { type: 'BUNDLE', messages: [{ type: 'SET', address: '/a', value: true }] },
  { type: 'PING' },
  { type: 'ERROR', code: 400, message: 'm', address: '/a' },
  { type: 'ACK', address: '/a', revision: 2 },
];

/** Bound to a platform. */
const ELSEWHERE = ['Clasp', 'ClaspBuilder'];

describe('the names of @clasp-to/core', () => {
  it('are all here, but for the client', () => {
    expect([...Object.keys(ours), ...ELSEWHERE].sort()).toEqual(Object.keys(published).sort());
  });

  it('have the published values', () => {
    const theirs: Record<string, unknown> = { ...published };
    for (const [name, value] of Object.entries(ours)) {
      if (typeof value !== 'function') expect(value, name).toEqual(theirs[name]);
    }
  });

  it('tell messages apart as published', () => {
    const guards = Object.entries(ours).filter(([name]) => name.startsWith('is')) as [
      string,
      (of: unknown) => boolean,
    ][];
    const theirs = published as unknown as Record<string, (of: unknown) => boolean>;
    expect(guards).toHaveLength(7);
    for (const [name, guard] of guards) {
      for (const sample of [...SAMPLES, null, undefined, 'SET', {}]) expect(guard(sample)).toBe(theirs[name]?.(sample));
    }
  });

  it('encode to the published bytes with the usual QoS, and decode them', () => {
    for (const message of SAMPLES) {
      const bytes = published.encode(message as published.Message);
      expect(ours.encode(message), message.type).toEqual(bytes);
      expect(ours.encode(message, 0)).toEqual(published.encode(message as published.Message, published.QoS.Fire));
      expect(ours.decode(bytes)).toMatchObject(message);
    }
  });
});
