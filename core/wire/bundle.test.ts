import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { messages } from '../../testing/arbitraries.ts';
import { bundleSize, copyBundle, joinFrames } from './bundle.ts';
import { encodeMessage } from './encode.ts';
import { decodeFrame, decodeMessage } from './frame.ts';

const parts = fc.array(messages('SET', 'PUBLISH'), { maxLength: 12 });

describe('joining messages into bundles', () => {
  it('keeps every message, in order, in frames that the peer can take', () => {
    fc.assert(
      fc.property(parts, fc.integer({ min: 40, max: 600 }), (given, maxFrame) => {
        const joined = joinFrames(
          given.map((message) => encodeMessage(message)),
          maxFrame,
        );
        const got = joined.flatMap((bytes) => {
          const { message, qos } = decodeMessage(bytes);
          if (message.type !== 'BUNDLE') return [message];
          expect(bytes.length).toBeLessThanOrEqual(maxFrame);
          expect(qos).toBe(2);
          return message.messages;
        });
        expect(got).toEqual(given);
      }),
    );
  });

  it('makes one bundle of what fits into one, and none of nothing', () => {
    fc.assert(
      fc.property(parts, (given) => {
        expect(joinFrames(given.map((message) => encodeMessage(message)))).toHaveLength(given.length > 0 ? 1 : 0);
      }),
    );
  });

  it('uses a frame up to its last byte', () => {
    const frames = [1, 2, 3].map((value) => encodeMessage({ type: 'SET', address: '/a', value }));
    const size = joinFrames(frames)[0]?.length ?? 0;
    expect(joinFrames(frames, size)).toHaveLength(1);
    expect(joinFrames(frames, size - 1)).toHaveLength(2);
  });
});

it('a copy of a bundle holds the same, at QoS 0 and without the time of its frame', () => {
  fc.assert(
    fc.property(messages('BUNDLE'), fc.nat(9), (bundle, at) => {
      const bytes = encodeMessage(bundle, { qos: 2, timestamp: 5 });
      const frame = decodeFrame(bytes);
      const end = at + bundleSize(frame);
      const memory = new Uint8Array(end + 3).fill(7);
      copyBundle(frame, memory, at);
      bytes.fill(0);
      const around = [...memory.subarray(0, at), ...memory.subarray(end)];
      expect(around).toEqual(new Array(at + 3).fill(7));
      expect(decodeMessage(memory.subarray(at, end))).toEqual({ message: bundle, qos: 0, timestamp: undefined });
    }),
  );
});
