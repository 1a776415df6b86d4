import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { messages, values } from '../../testing/arbitraries.ts';
import { ClaspError } from '../errors.ts';
import type { Value } from '../signal/value.ts';
import { decodeRelayFrame } from './client-decode.ts';
import { type ClientMessage, encodeClientMessage, stampFrame } from './client-encode.ts';
import { decodeMessage, encodeMessage } from './index.ts';
import type { Message, SubscribeOptions } from './message.ts';

const FROM_CLIENT = [
  ...['HELLO', 'SUBSCRIBE', 'UNSUBSCRIBE', 'SET', 'PUBLISH', 'GET', 'QUERY', 'BUNDLE'],
  ...['ANNOUNCE', 'SYNC', 'PING', 'PONG'],
];
const FROM_RELAY = [
  ...['WELCOME', 'ANNOUNCE', 'SET', 'PUBLISH', 'SNAPSHOT', 'BUNDLE'],
  ...['SYNC', 'PING', 'PONG', 'ACK', 'ERROR', 'RESULT'],
];

const parts = (message: Message): readonly Message[] => (message.type === 'BUNDLE' ? message.messages : [message]);

/** Whether a client sends it: all parts are its own, and no stream comes with samples. */
const isClients = (message: Message): message is ClientMessage =>
  FROM_CLIENT.includes(message.type) &&
  parts(message).every((part) => FROM_CLIENT.includes(part.type) && !('samples' in part && part.samples));

const isRelays = (message: Message): boolean =>
  FROM_RELAY.includes(message.type) && parts(message).every((part) => FROM_RELAY.includes(part.type));

/** What a client has no use for in a SET of the relay. */
const withoutWishes = (message: Message): Message => {
  if (message.type === 'BUNDLE') return { ...message, messages: message.messages.map(withoutWishes) };
  return message.type === 'SET' ? { ...message, lock: undefined, unlock: undefined, ttl: undefined } : message;
};

/** What came out, or the code of the error. */
const outcome = <T>(run: () => T): T | number => {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof ClaspError)) throw error;
    return error.code;
  }
};

const runs = { numRuns: 1_000 };

const subscribe = (options: SubscribeOptions): ClientMessage => ({ type: 'SUBSCRIBE', id: 1, pattern: '/a', options });

describe('encodeClientMessage', () => {
  it('writes the bytes that encodeMessage writes', () => {
    fc.assert(
      fc.property(messages().filter(isClients), fc.constantFrom(0, 1, 2), (message, qos) => {
        expect(encodeClientMessage(message, qos)).toEqual(encodeMessage(message, { qos }));
      }),
      runs,
    );
  });

  it('gets a timestamp into its header as encodeMessage writes it', () => {
    fc.assert(
      fc.property(messages().filter(isClients), fc.maxSafeNat(), (message, timestamp) => {
        const frame = encodeClientMessage(message, 2);
        expect(stampFrame(frame, timestamp)).toEqual(encodeMessage(message, { qos: 2, timestamp }));
      }),
    );
  });

  it('refuses with the code that encodeMessage refuses with', () => {
    const nested = (levels: number): Value => (levels === 0 ? 1 : [nested(levels - 1)]);
    const set = (value: unknown, rest: object = {}) =>
      ({ type: 'SET', address: '/a', value: value as Value, ...rest }) as ClientMessage;
    const wrong: ClientMessage[] = [
      ...[undefined, () => 1, Symbol('x'), new Date(0), new Map(), [undefined], { a: undefined }].map((v) => set(v)),
      ...[2n ** 63n, nested(32), nested(33), 'x'.repeat(65_536), new Uint8Array(65_536)].map((v) => set(v)),
      ...[-1, 1.5, Number.NaN, 2 ** 64].map((revision) => set(1, { revision })),
      ...[-1, 0.5, 2 ** 31].map((seconds) => set(1, { ttl: { seconds, mode: 'sliding' } })),
      set(Object.assign(Object.create(null), { a: 1 })),
      { type: 'GET', address: `/${'x'.repeat(65_535)}` },
      { type: 'SUBSCRIBE', id: -1, pattern: '/a' },
      ...[-1, -0.5, Number.NaN, 2 ** 32].map((maxRate) => subscribe({ maxRate })),
      subscribe({ window: 2.5 }),
      { type: 'PUBLISH', address: '/a', signal: 'gesture', id: 2 ** 32 },
      { type: 'PUBLISH', address: '/a', signal: 'noise' as 'event' },
      { type: 'PUBLISH', address: '/a', signal: 'gesture', phase: 'begin' as 'start' },
      { type: 'BUNDLE', messages: [set('x'.repeat(65_000)), set('x'.repeat(65_000))] },
    ];
    for (const message of wrong) {
      const expected = outcome(() => encodeMessage(message));
      expect(
        outcome(() => encodeClientMessage(message)),
        message.type,
      ).toEqual(expected);
    }
    expect(outcome(() => encodeClientMessage(set(nested(33))))).toBe(402);
    expect(outcome(() => encodeClientMessage(set(undefined)))).toBe(402);
    expect(outcome(() => encodeClientMessage(subscribe({ maxRate: -0.5 })))).toBe(402);
  });

  it('cuts a maxRate to a whole number, of at least 1 where there is a limit at all, as encodeMessage does', () => {
    const rates = fc.oneof(
      fc.double({ min: 0, max: 2, noNaN: true }),
      fc.double({ min: 0, max: 2 ** 32 - 1, noNaN: true }),
    );
    fc.assert(
      fc.property(rates, (maxRate) => {
        const frame = encodeClientMessage(subscribe({ maxRate }));
        expect(frame).toEqual(encodeMessage(subscribe({ maxRate })));
        const whole = maxRate > 0 && maxRate < 1 ? 1 : Math.floor(maxRate);
        expect(decodeMessage(frame).message).toMatchObject({ options: { maxRate: whole } });
      }),
    );
    expect(encodeClientMessage(subscribe({ maxRate: 59.94 }))).toEqual(encodeClientMessage(subscribe({ maxRate: 59 })));
  });
});

describe('decodeRelayFrame', () => {
  it('reads the message that decodeMessage reads', () => {
    const timestamps = fc.option(fc.maxSafeNat(), { nil: undefined });
    fc.assert(
      fc.property(messages().filter(isRelays), timestamps, (message, timestamp) => {
        const bytes = encodeMessage(message, { timestamp });
        const expected = decodeMessage(bytes);
        expect(decodeRelayFrame(bytes)).toEqual({ message: withoutWishes(expected.message), timestamp });
      }),
      runs,
    );
  });

  it('shares nothing with the bytes', () => {
    fc.assert(
      fc.property(values(), (value) => {
        const bytes = encodeMessage({ type: 'SNAPSHOT', params: [{ address: '/a', value, revision: 1 }] });
        const expected: unknown = structuredClone(decodeMessage(bytes).message);
        const { message } = decodeRelayFrame(bytes);
        bytes.fill(0xff);
        expect(message).toEqual(expected);
      }),
    );
  });

  it('reads a frame that is part of a larger buffer', () => {
    const frame = encodeMessage({ type: 'SET', address: '/a', value: [0.5, 2n ** 60n, Uint8Array.of(1, 2)] });
    const buffer = new Uint8Array(frame.length + 20).fill(7);
    buffer.set(frame, 10);
    const { message } = decodeRelayFrame(buffer.subarray(10, 10 + frame.length));
    expect(message).toEqual(decodeRelayFrame(frame).message);
  });

  it('bounds nesting where decodeMessage does', () => {
    const nested = (levels: number) => {
      const body = [
        ...Array<number[]>(levels - 1)
          .fill([0, 1, 0x0a])
          .flat(),
        0,
        0,
      ];
      const payload = [0x21, 0x0a, 0, 2, 0x2f, 0x61, ...body];
      return Uint8Array.of(0x53, 1, payload.length >> 8, payload.length & 0xff, ...payload);
    };
    for (const levels of [1, 31, 32, 33, 20_000]) {
      const expected: unknown = outcome(() => decodeMessage(nested(levels)).message);
      expect(outcome(() => decodeRelayFrame(nested(levels)).message)).toEqual(expected);
      expect(typeof expected).toBe(levels > 32 ? 'number' : 'object');
    }
  });

  it('refuses what only clients send with 101', () => {
    fc.assert(
      fc.property(
        messages().filter((message) => !FROM_RELAY.includes(message.type)),
        (message) => {
          expect(outcome(() => decodeRelayFrame(encodeMessage(message)))).toBe(101);
        },
      ),
    );
  });

  it('agrees with decodeMessage about frames with wrong bytes', () => {
    const mutation = fc.tuple(fc.nat(200), fc.nat(255));
    fc.assert(
      fc.property(
        messages().filter(isRelays),
        fc.array(mutation, { minLength: 1, maxLength: 4 }),
        fc.option(fc.nat(60), { nil: 0 }),
        (message, mutations, cut) => {
          const whole = encodeMessage(message);
          const bytes = whole.slice(0, Math.max(1, whole.length - (cut > 50 ? cut - 50 : 0)));
          for (const [at, byte] of mutations) bytes[at % bytes.length] = byte;
          const expected = outcome(() => decodeMessage(bytes).message);
          const actual = outcome(() => decodeRelayFrame(bytes).message);
          if (typeof expected === 'number') expect(actual).toBe(expected);
          else if (isRelays(expected)) expect(actual).toEqual(withoutWishes(expected));
          else expect(actual).toBe(101);
        },
      ),
      { numRuns: 4_000 },
    );
  });
});
