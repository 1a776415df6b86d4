import fc from 'fast-check';
import { expect, it } from 'vitest';
import { signals, values } from '../../testing/arbitraries.ts';
import type { Timeline } from '../signal/signal.ts';
import { decodeValue, encodeValue } from '../wire/index.ts';
import { readTimeline, writeTimeline } from './timeline-value.ts';

it('a timeline survives as a value on the wire', () => {
  const timelines = signals().filter((signal): signal is Timeline => signal.kind === 'timeline');
  fc.assert(
    fc.property(timelines, (timeline) => {
      const { keyframes, loop, startTime } = timeline;
      const value = decodeValue(encodeValue(writeTimeline(timeline)));
      expect(readTimeline(value)).toEqual({ keyframes, loop, startTime });
    }),
  );
});

it('any value reads as some timeline: what has the wrong shape is left out', () => {
  fc.assert(
    fc.property(values(), (value) => {
      expect(Array.isArray(readTimeline(value).keyframes)).toBe(true);
    }),
  );
  const bezier = [0, 0.1, 1, 1];
  const value = {
    keyframes: [
      { time: 1, value: 2, easing: 'cubic-bezier', bezier },
      { time: 2, easing: 'bounce', bezier: [1, 2, 3] },
      { value: 3 },
      7,
    ],
    loop: 1,
    startTime: 'now',
  };
  expect(readTimeline(value)).toEqual({
    keyframes: [
      { time: 1, value: 2, easing: 'cubic-bezier', bezier },
      { time: 2, value: null },
    ],
    loop: undefined,
    startTime: undefined,
  });
});
