import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Easing, Keyframe } from '../signal/signal.ts';
import type { Value } from '../signal/value.ts';
import { decodeValue, encodeValue } from '../wire/index.ts';
import { checkTimeline, interpolate } from './timeline.ts';
import { countKeyframes, readCurve } from './timeline-curve.ts';
import { readTimeline, writeTimeline } from './timeline-value.ts';

const easings: readonly Easing[] = ['linear', 'ease-in', 'ease-out', 'ease-in-out', 'step', 'cubic-bezier'];
const keyframes = fc
  .array(
    fc.record(
      {
        time: fc.nat(1000),
        value: fc.integer(),
        easing: fc.constantFrom(...easings),
        bezier: fc.constant([0.1, -1, 0.9, 2] as const),
      },
      { requiredKeys: ['time', 'value', 'bezier'] },
    ),
    { minLength: 1, maxLength: 6 },
  )
  .map((list) => list.sort((a, b) => a.time - b.time) as Keyframe[]);

it('plays what was written, whatever the order of its keys', () => {
  fc.assert(
    fc.property(keyframes, fc.nat(1100), fc.boolean(), (list, elapsed, turned) => {
      const written = writeTimeline({ keyframes: list, startTime: 5 }) as { keyframes: Record<string, Value>[] };
      const turn = (one: Record<string, Value>) => Object.fromEntries(Object.entries(one).reverse());
      const value = { ...written, keyframes: turned ? written.keyframes.map(turn) : written.keyframes };
      const came = decodeValue(encodeValue(value));
      expect(checkTimeline(came, '/fade')).toBeUndefined();
      const curve = readCurve(came);
      expect(curve).toMatchObject({ loop: false, startTime: 5 });
      expect(curve.keyframes).toHaveLength(countKeyframes(came));
      expect(interpolate(curve, elapsed)).toBe(interpolate(readTimeline(came), elapsed));
    }),
  );
});

it('takes null for what is not given, and keeps nothing that is not played', () => {
  const value = {
    keyframes: [{ time: 0, value: 1, easing: null, bezier: 'none', note: 'x'.repeat(100) }],
    loop: null,
    startTime: null,
  };
  expect(checkTimeline(value, '/fade')).toBeUndefined();
  const { keyframes: read, loop, startTime } = readCurve(value);
  expect([loop, startTime]).toEqual([false, undefined]);
  expect({ ...read[0] }).toEqual({ time: 0, value: 1, easing: 'linear', bezier: undefined });
});
