import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readUtf8 } from '../../core/wire/bytes.ts';
import { encodeMessage } from '../../core/wire/index.ts';
import type { Message, SetMessage } from '../../core/wire/message.ts';
import { decodeRelayFrame } from '../../core/wire/relay-frame.ts';
import { messages } from '../../testing/arbitraries.ts';
import { relaySignals } from './relay-signals.ts';

const read = relaySignals(readUtf8);

/** A write as a relay delivers it. */
const told = messages('SET').map((set): SetMessage => {
  return { type: 'SET', address: set.address, value: set.value, revision: set.revision ?? 1 };
});

describe('what a relay tells clients in its own process', () => {
  it('is read as it would be elsewhere: writes, whatever else there is, and bundles of any of them', () => {
    const bundled = (parts: fc.Arbitrary<Message>) =>
      fc.array(parts, { maxLength: 6 }).map((all): Message => ({ type: 'BUNDLE', messages: all }));
    const publish = messages('PUBLISH');
    const written = told.map(({ address, revision }: SetMessage): Message => ({ type: 'ACK', address, revision }));
    const any = fc.oneof(
      told,
      written,
      publish,
      bundled(told),
      bundled(fc.oneof(told, publish)),
      messages('SNAPSHOT', 'ACK'),
    );
    fc.assert(
      fc.property(any, fc.constantFrom(0, 1, 2), fc.option(fc.maxSafeNat(), { nil: undefined }), (message, qos, at) => {
        const frame = encodeMessage(message, { qos, timestamp: at });
        expect(read(frame)).toEqual(decodeRelayFrame(frame));
      }),
    );
  });

  it('shares nothing with the frame', () => {
    const frame = encodeMessage({ type: 'SET', address: '/a', value: Uint8Array.of(1, 2), revision: 1 });
    const { message } = read(frame);
    frame.fill(0);
    expect(message).toEqual({ type: 'SET', address: '/a', value: Uint8Array.of(1, 2), revision: 1 });
  });
});
