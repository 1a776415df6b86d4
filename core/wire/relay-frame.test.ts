import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { messages, values } from '../../testing/arbitraries.ts';
import { ClaspError } from '../errors.ts';
import { stampFrame } from './forward.ts';
import { decodeMessage, encodeMessage } from './index.ts';
import type { Message } from './message.ts';
import { decodeRelayFrame } from './relay-frame.ts';

const FROM_RELAY = [
  ...['WELCOME', 'ANNOUNCE', 'SET', 'PUBLISH', 'SNAPSHOT', 'BUNDLE'],
  ...['SYNC', 'PING', 'PONG', 'ACK', 'ERROR', 'RESULT'],
];

const parts = (message: Message): readonly Message[] => (message.type === 'BUNDLE' ? message.messages : [message]);

const isRelays = (message: Message): boolean =>
  FROM_RELAY.includes(message.type) && parts(message).every((part) => FROM_RELAY.includes(part.type));

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

describe('stampFrame', () => {
  it('gives a frame a timestamp as encodeMessage writes it', () => {
    fc.assert(
      fc.property(messages(), fc.maxSafeNat(), (message, timestamp) => {
        const frame = encodeMessage(message, { qos: 2 });
        expect(stampFrame(frame, timestamp)).toEqual(encodeMessage(message, { qos: 2, timestamp }));
      }),
    );
  });
});

describe('decodeRelayFrame', () => {
  it('reads the message that decodeMessage reads', () => {
    const timestamps = fc.option(fc.maxSafeNat(), { nil: undefined });
    fc.assert(
      fc.property(messages().filter(isRelays), timestamps, (message, timestamp) => {
        const bytes = encodeMessage(message, { timestamp });
        const expected = decodeMessage(bytes);
        expect(decodeRelayFrame(bytes)).toEqual({ message: expected.message, timestamp });
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
          expect(actual).toEqual(expected);
        },
      ),
      { numRuns: 4_000 },
    );
  });
});
