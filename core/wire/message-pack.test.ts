import { encode as messagePack } from '@msgpack/msgpack';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { messages } from '../../testing/arbitraries.ts';
import { ValueCode } from './codes.ts';
import { encodeMessage } from './encode.ts';
import { bundledFrames, decodeFrame } from './frame.ts';
import type { Message, QoS } from './message.ts';
import { decodeAnyFrame } from './message-pack.ts';
import { Writer } from './writer.ts';

/** A frame around a payload, with the flags that the Python client sends. */
function framed(payload: Uint8Array, { qos = 0, timestamp }: { qos?: QoS; timestamp?: number | undefined } = {}) {
  const flags = (qos << 6) | 1;
  const writer = new Writer().u8(0x53);
  if (timestamp === undefined) writer.u8(flags).u16(payload.length);
  else
    writer
      .u8(flags | 0x20)
      .u16(payload.length)
      .u64(timestamp);
  return writer.bytes(payload).finish();
}

const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const packed = (map: object): Uint8Array => framed(messagePack(map, { useBigInt64: true }));

const RENAMED = new Map([
  ['maxRate', 'max_rate'],
  ['correlationId', 'correlation_id'],
  ['since', 'since_revision'],
]);

/** The MessagePack form: snake_case, revisions of FEDERATION_SYNC as a map, a TTL as Rust writes it. */
function snakeCase(message: Message): object {
  const fields = Object.entries(message).flatMap(([name, field]): [string, unknown][] => {
    if (field === undefined) return [];
    if (name === 'options') return [[name, snakeCase(field as Message)]];
    if (name === 'messages') return [[name, (field as Message[]).map(snakeCase)]];
    if (name === 'ttl') {
      return [[name, field.mode === 'absolute' ? { Absolute: field.seconds } : { Sliding: field.seconds }]];
    }
    if (name === 'revisions') {
      return [
        [
          name,
          Object.fromEntries((field as { address: string; revision: number }[]).map((r) => [r.address, r.revision])),
        ],
      ];
    }
    return [[RENAMED.get(name) ?? name, field]];
  });
  return Object.fromEntries(fields);
}

/** The encoder of MessagePack writes -0 as the integer 0. */
function positiveZero<T>(data: T): T {
  if (Object.is(data, -0)) return 0 as T;
  if (typeof data !== 'object' || data === null || data instanceof Uint8Array) return data;
  if (Array.isArray(data)) return data.map(positiveZero) as T;
  return Object.fromEntries(Object.entries(data).map(([key, item]) => [key, positiveZero(item)])) as T;
}

/** Two addresses alike cannot both be keys of a map, and nil is no value in a PUBLISH or a definition. */
const expressible = (message: Message): boolean => {
  if (message.type === 'BUNDLE') return message.messages.every(expressible);
  if (message.type === 'PUBLISH') return message.value !== null;
  if (message.type === 'ANNOUNCE') return message.signals.every(({ meta }) => meta?.default !== null);
  if (message.type !== 'FEDERATION_SYNC') return true;
  return new Set(message.revisions.map(({ address }) => address)).size === message.revisions.length;
};

describe('MessagePack', () => {
  it('means what the same message in binary means, with the same QoS and timestamp', () => {
    const header = fc.record({
      qos: fc.constantFrom<QoS[]>(0, 1, 2),
      timestamp: fc.option(fc.maxSafeNat(), { nil: undefined }),
    });
    fc.assert(
      fc.property(messages().map(positiveZero).filter(expressible), header, (message, options) => {
        const frame = decodeAnyFrame(framed(messagePack(snakeCase(message), { useBigInt64: true }), options));
        const binary = decodeFrame(encodeMessage(message, options));
        expect(frame.message).toEqual(binary.message);
        expect(frame).toMatchObject({ qos: options.qos, timestamp: options.timestamp, type: binary.type });
      }),
    );
  });

  it('leaves a binary frame as it is', () => {
    fc.assert(
      fc.property(messages(), (message) => {
        const bytes = encodeMessage(message);
        expect(decodeAnyFrame(bytes).bytes).toBe(bytes);
        expect(decodeAnyFrame(bytes).message).toEqual(message);
      }),
    );
  });

  it('keeps integers integers', () => {
    const set = (value: unknown) => decodeAnyFrame(packed({ type: 'SET', address: '/a', value }));
    for (const value of [0, 127, 128, 255, 256, 65536, 2n ** 40n, -1, -32, -33, -129, -32769, -(2n ** 40n)]) {
      expect(set(value).valueCode).toBe(ValueCode.I64);
      expect(set(value).value).toBe(Number(value));
    }
    expect(set(2n ** 60n).value).toBe(2n ** 60n);
    expect(set(0.5).valueCode).toBe(ValueCode.F64);
    // A u64 beyond i64 has no integer type on the wire.
    expect(set(2n ** 64n - 1n)).toMatchObject({ valueCode: ValueCode.F64, value: 2 ** 64 });
  });

  it('takes the bundle that the Python client sends: no timestamp is nil, an event has a payload', () => {
    const bundle = decodeAnyFrame(
      packed({
        type: 'BUNDLE',
        timestamp: null,
        messages: [
          { type: 'SET', address: '/a', value: 7 },
          { type: 'PUBLISH', address: '/e', signal: 'event', payload: { on: true } },
          { type: 'PUBLISH', address: '/e', signal: 'event', payload: null },
        ],
      }),
    );
    expect(bundle.message).toEqual({
      type: 'BUNDLE',
      messages: [
        { type: 'SET', address: '/a', value: 7 },
        { type: 'PUBLISH', address: '/e', signal: 'event', value: { on: true } },
        { type: 'PUBLISH', address: '/e', signal: 'event' },
      ],
    });
    expect(bundledFrames(bundle)[0]?.valueCode).toBe(ValueCode.I64);
  });

  it('takes the timeline, TTLs and operations of the Rust client', () => {
    const keyframes = [{ time: 1, value: 0.5, easing: 'ease-in' }];
    const timeline = { keyframes, loop_: true, start_time: 5 };
    expect(decodeAnyFrame(packed({ type: 'PUBLISH', address: '/t', signal: 'timeline', timeline })).value).toEqual({
      keyframes,
      loop: true,
      startTime: 5,
    });
    expect(decodeAnyFrame(packed({ type: 'SET', address: '/a', value: 1, ttl: 'Never' })).ttl).toBe(0);
    expect(decodeAnyFrame(packed({ type: 'SET', address: '/a', value: 1, ttl: 9, absolute: true })).ttl).toBe(
      0x8000_0009,
    );
    expect(decodeAnyFrame(packed({ type: 'FEDERATION_SYNC', op: 'RequestSync' })).message).toMatchObject({
      op: 'request-sync',
      patterns: [],
      revisions: [],
    });
  });

  it('ignores keys that it does not know, and reads map16 and map32', () => {
    const many = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`key${i}`, i]));
    expect(decodeAnyFrame(packed({ type: 'PING', ...many })).message).toEqual({ type: 'PING' });
    const map32 = framed(bytesOf('df 00000001 a4 74797065 a4 50494e47'));
    expect(decodeAnyFrame(map32).message).toEqual({ type: 'PING' });
  });

  it('reads f32, strings and binaries of every size', () => {
    const set = (value: string) =>
      decodeAnyFrame(framed(bytesOf(`83 a4 74797065 a3 534554 a7 61646472657373 a2 2f61 a5 76616c7565 ${value}`)))
        .value;
    expect(set('ca 3f000000')).toBe(0.5);
    for (const head of ['a1', 'd901', 'da0001', 'db00000001']) expect(set(`${head} 78`)).toBe('x');
    for (const head of ['c401', 'c50001', 'c600000001']) expect(set(`${head} 78`)).toEqual(Uint8Array.of(0x78));
    for (const head of ['91', 'dc0001', 'dd00000001']) expect(set(`${head} c3`)).toEqual([true]);
  });

  it.each([
    ['no type', packed({ address: '/a' })],
    ['an unknown type', packed({ type: 'SMOKE' })],
    ['a SET without a value', packed({ type: 'SET', address: '/a' })],
    ['an address that is not a string', packed({ type: 'GET', address: 1 })],
    ['an unknown kind', packed({ type: 'PUBLISH', address: '/a', signal: 'smoke' })],
    ['a negative id', packed({ type: 'UNSUBSCRIBE', id: -1 })],
    ['a fractional revision', packed({ type: 'SET', address: '/a', value: 1, revision: 0.5 })],
    ['a bundle in a bundle', packed({ type: 'BUNDLE', messages: [{ type: 'BUNDLE', messages: [] }] })],
    ['a date', packed({ type: 'SET', address: '/a', value: new Date(0) })],
    ['a key that is a number', framed(bytesOf('81 01 02'))],
    ['an array that claims 2^32 elements', framed(bytesOf('81 a4 74797065 dd ffffffff'))],
    ['a string that is not UTF-8', framed(bytesOf('81 a4 74797065 a1 ff'))],
    ['bytes after the map', framed(bytesOf('80 00'))],
    ['nesting without end', framed(new Uint8Array(60_000).fill(0x81))],
    ['deep arrays', framed(Uint8Array.of(0x81, 0xa1, 0x61, ...new Uint8Array(60_000).fill(0x91)))],
  ])('refuses %s with 101', (_, bytes) => {
    expect(() => decodeAnyFrame(bytes)).toThrow(expect.objectContaining({ name: 'ClaspError', code: 101 }));
  });

  it('refuses a bad frame with 100 before it looks at the payload', () => {
    const ping = packed({ type: 'PING' });
    expect(() => decodeAnyFrame(ping.subarray(0, 6))).toThrow(expect.objectContaining({ code: 100 }));
    expect(() => decodeAnyFrame(Uint8Array.of(0x54, ...ping.subarray(1)))).toThrow(
      expect.objectContaining({ code: 100 }),
    );
  });
});
