import * as published from '@clasp-to/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClaspError } from '../errors.ts';
import * as ours from './frames.ts';

/** What a function gives, or that it throws. */
function outcome<T>(call: () => T): T | 'an error' {
  try {
    return call();
  } catch (cause) {
    expect(cause).toBeInstanceOf(Error);
    return 'an error';
  }
}

/** The same without fields that are undefined: theirs has others of them, and `phase: 'start'` in every PUBLISH. */
function defined(data: unknown): unknown {
  if (Array.isArray(data)) return data.map(defined);
  if (typeof data !== 'object' || data === null) return data;
  const fields = Object.entries(data).filter(([, value]) => value !== undefined);
  return Object.fromEntries(fields.map(([name, value]) => [name, defined(value)]));
}

const options = fc.record(
  {
    qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
    timestamp: fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.maxSafeNat()),
    sequence: fc.nat(),
  },
  { requiredKeys: [] },
);
/** Bytes within a larger buffer, often almost a frame. */
const bytes = fc
  .tuple(fc.boolean(), fc.uint8Array({ maxLength: 40 }), fc.nat(40), fc.nat(3))
  .map(([frame, some, size, at]) => {
    const data = Uint8Array.from([9, 9, 9, ...(frame ? [83, some[0] ?? 0, 0, size] : []), ...some]);
    return data.subarray(frame ? 3 : at);
  });

describe('the codec of @clasp-to/core', () => {
  it('has the same flags', () => {
    fc.assert(
      fc.property(fc.nat(255), (byte) => {
        const flags = published.decodeFlags(byte);
        expect(ours.decodeFlags(byte)).toEqual(flags);
        expect(ours.encodeFlags(ours.decodeFlags(byte))).toBe(published.encodeFlags(flags));
      }),
    );
    const flags = { qos: 1, hasTimestamp: false, encrypted: false, compressed: false } as const;
    expect(ours.encodeFlags(flags)).toBe(published.encodeFlags(flags as published.FrameFlagsV3));
  });

  it('makes the same frames and takes them apart', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), options, (payload, given) => {
        const frame = ours.encodeFrame(payload, given);
        expect(frame).toEqual(published.encodeFrame(payload, given as published.FrameOptions));
        expect(ours.decodeFrame(frame)).toStrictEqual(published.decodeFrame(frame));
      }),
    );
    expect(ours.encodeFrame(new Uint8Array(65_535))).toHaveLength(65_539);
    for (const timestamp of [-1, 1.5, -1n, 2 ** 64, 2n ** 64n]) {
      expect(() => ours.encodeFrame(new Uint8Array(1), { timestamp })).toThrow(ClaspError);
    }
    expect(() => ours.encodeFrame(new Uint8Array(65_536))).toThrow(ClaspError);
    expect(() => published.encodeFrame(new Uint8Array(65_536))).toThrow();
  });

  it('finds the same frames in any bytes', () => {
    fc.assert(
      fc.property(bytes, (data) => {
        // Theirs looks beyond the bytes it was given when they are cut within the header.
        fc.pre(data.length < 4 || data.length >= 12);
        expect(ours.checkComplete(data)).toBe(published.checkComplete(data));
        expect(outcome(() => ours.decodeFrame(data))).toEqual(outcome(() => published.decodeFrame(data)));
      }),
    );
  });

  it('has the same messages in the same bytes', () => {
    const signal = fc.constantFrom('param', 'event', 'stream', 'gesture', 'timeline', undefined);
    const publish = fc
      .tuple(signal, fc.constantFrom({ value: 1 }, { payload: { a: 'x' } }, { value: null, payload: 2 }, {}))
      .map(([kind, carried]) => ({
        type: 'PUBLISH' as const,
        address: '/a',
        ...(kind && { signal: kind }),
        ...carried,
      }));
    const set = fc.double({ noNaN: true }).map((value) => ({ type: 'SET' as const, address: '/a', value }));
    const subscribe = fc.constant({ type: 'SUBSCRIBE' as const, id: 1, pattern: '/**', options: { maxRate: 30 } });
    const single = fc.oneof(publish, set, subscribe);
    const bundle = fc.array(single, { maxLength: 3 }).map((messages) => ({ type: 'BUNDLE' as const, messages }));
    fc.assert(
      fc.property(fc.oneof(single, bundle), options, (message, given) => {
        const theirs = message as published.Message;
        const payload = ours.encodeMessageBinary(message);
        expect(payload).toEqual(published.encodeMessageBinary(theirs));
        expect(published.decodeMessageBinary(payload)).toMatchObject(
          defined(ours.decodeMessageBinary(payload)) as object,
        );
        const frame = ours.encodeMessage(message, given);
        expect(frame).toEqual(published.encodeMessage(theirs, given as published.FrameOptions));
        expect(ours.encode(message)).toEqual(published.encode(theirs));
        expect(published.decodeMessage(frame)).toMatchObject(defined(ours.decodeMessage(frame)) as object);
        const longer = Uint8Array.from([...frame, 83, 1]);
        expect(published.decode(longer)).toMatchObject(defined(ours.decode(longer)) as object);
      }),
    );
  });

  it('refuses what is no message, as theirs does', () => {
    for (const data of [[], [0], [83], [83, 1, 0, 0], [83, 1, 0, 9, 1], [83, 1, 0, 1, 0xff]].map((it) =>
      Uint8Array.from(it),
    )) {
      expect(outcome(() => published.decodeMessage(data))).toBe('an error');
      for (const decode of [ours.decode, ours.decodeMessage]) expect(() => decode(data)).toThrow(ClaspError);
    }
    expect(() => ours.decodeMessageBinary(new Uint8Array())).toThrow(ClaspError);
    expect(() => ours.encode({ type: 'NONE' } as never)).toThrow(ClaspError);
  });
});
