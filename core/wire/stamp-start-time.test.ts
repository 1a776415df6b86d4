import fc from 'fast-check';
import { expect, it } from 'vitest';
import { values } from '../../testing/arbitraries.ts';
import { encodePublish } from './encode-signal.ts';
import { forwardPublish, stampStartTime } from './forward.ts';
import { decodeFrame } from './frame.ts';

it('adds the start time to the map, and changes nothing else', () => {
  fc.assert(
    fc.property(
      fc.record({ keyframes: values(), loop: values() }, { requiredKeys: [] }),
      fc.nat(),
      fc.option(fc.nat()),
      (map, startTime, timestamp) => {
        const frame = decodeFrame(encodePublish('timeline', '/a', map, { qos: 1, timestamp: timestamp ?? undefined }));
        const expected = encodePublish('timeline', '/a', { ...map, startTime }, { timestamp: timestamp ?? undefined });
        const stamped = decodeFrame(stampStartTime(frame, startTime));
        expect(stamped.message).toEqual(decodeFrame(expected).message);
        expect(stamped.qos).toBe(2);
      },
    ),
  );
});

it('leaves as it is what is no map, or has no room for it', () => {
  const full = { keyframes: 'x'.repeat(65_535 - 31) };
  for (const value of [full, 7, [1], null]) {
    const frame = decodeFrame(encodePublish('timeline', '/a', value));
    expect(Buffer.compare(stampStartTime(frame, 1), forwardPublish(frame))).toBe(0);
  }
});
