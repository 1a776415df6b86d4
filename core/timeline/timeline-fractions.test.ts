import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Keyframe } from '../signal/signal.ts';
import { nextMoment, ticksAround } from './timeline.ts';

it('a timeline whose times are fractions of a microsecond, however small, is never due again at the same moment', () => {
  const time = fc.oneof(
    fc.double({ min: 0, max: 1e6, noNaN: true }),
    fc.double({ min: 0, max: 2, noNaN: true }),
    fc.constantFrom(0, 5e-310, 0.1, 0.5),
  );
  const times = fc.array(time, { minLength: 1, maxLength: 5 }).map((list) => list.sort((a, b) => a - b));
  const show = fc.record({ times, loop: fc.boolean(), startTime: fc.constantFrom(0, 1.7e15, 2 ** 53 - 1e7) });
  fc.assert(
    fc.property(show, ({ times: list, loop, startTime }) => {
      const keyframes = list.map((at, value): Keyframe => ({ time: at, value }));
      let at = startTime;
      for (let moments = 0; moments < 100; moments++) {
        const curve = { keyframes, loop: loop && list.at(-1) !== 0 };
        const next = nextMoment(curve, startTime, at, ticksAround(at, 1e6 / 60));
        if (next === undefined) return;
        expect(next).toBeGreaterThan(at);
        // The relay's clock has whole microseconds.
        at = Math.ceil(next);
      }
    }),
  );
});
