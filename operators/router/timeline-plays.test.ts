import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Keyframe } from '../../core/signal/signal.ts';
import { interpolate } from '../../core/timeline/timeline.ts';
import { writeTimeline } from '../../core/timeline/timeline-value.ts';
import type { Message } from '../../core/wire/message.ts';
import { virtualRelay } from '../../testing/virtual-relay.ts';

const MILLISECOND = 1000;

const easings = fc.oneof(
  fc.constantFrom('linear' as const, 'ease-in', 'ease-out', 'ease-in-out', 'step').map((easing) => ({ easing })),
  fc
    .tuple(...Array.from({ length: 4 }, () => fc.double({ min: 0, max: 1, noNaN: true })))
    .map((bezier) => ({ easing: 'cubic-bezier' as const, bezier: bezier as [number, number, number, number] })),
);
const curves: fc.Arbitrary<Keyframe[]> = fc
  .array(fc.tuple(fc.nat(300), fc.integer({ min: -100, max: 100 }), easings), { minLength: 1, maxLength: 6 })
  .map((list) => list.sort(([a], [b]) => a - b))
  .map((list) => list.map(([time, value, easing]) => ({ time: time * MILLISECOND, value, ...easing })));

interface Frame {
  readonly at: number;
  readonly value: number;
}

/** A relay at a rate, somebody who publishes, and what a subscriber saw, with its millisecond. */
function stage(timelineRate: number) {
  const rig = virtualRelay({ timelineRate });
  const [desk, reader] = [rig.join(), rig.join()];
  reader.send({ type: 'SUBSCRIBE', id: 1, pattern: '/**', types: ['param'] });
  reader.take();
  const seen: Frame[] = [];
  const look = () => {
    for (const message of reader.take()) {
      if (message.type === 'SET') seen.push({ at: rig.time.frame, value: message.value as number });
    }
  };
  return {
    seen,
    now: () => rig.time.frame,
    stop: () => rig.stop(),
    publish(keyframes: readonly Keyframe[], loop = false, startTime?: number) {
      const value = writeTimeline({ keyframes, loop, startTime });
      desk.send({ type: 'PUBLISH', signal: 'timeline', address: '/fade', value } satisfies Message);
      look();
    },
    set(value: number) {
      desk.send({ type: 'SET', address: '/fade', value });
      look();
    },
    pass(milliseconds: number) {
      for (let n = 0; n < milliseconds; n++) {
        rig.pass(1);
        look();
      }
    },
  };
}

it('at every frame the value is that of the curve, between its neighbouring keyframes, and the last is exact', () => {
  const offset = fc.integer({ min: -350, max: 100 });
  fc.assert(
    fc.property(curves, offset, fc.integer({ min: 1, max: 200 }), fc.boolean(), (keyframes, shift, rate, loops) => {
      const last = keyframes.at(-1) as Keyframe;
      const loop = loops && last.time > 0;
      const show = stage(rate);
      show.pass(400);
      const startTime = (400 + shift) * MILLISECOND;
      show.publish(keyframes, loop, startTime);
      show.pass(500);
      show.stop();
      for (const { at, value } of show.seen) {
        const elapsed = at * MILLISECOND - startTime;
        expect(value).toBe(interpolate({ keyframes, loop }, elapsed));
        const time = loop ? elapsed % last.time : elapsed;
        const index = keyframes.filter((keyframe) => keyframe.time <= time).length - 1;
        const from = (keyframes[index] ?? last).value as number;
        const to = (keyframes[index + 1]?.value ?? from) as number;
        expect(value).toBeGreaterThanOrEqual(Math.min(from, to));
        expect(value).toBeLessThanOrEqual(Math.max(from, to));
      }
      if (loop) return;
      expect(show.seen.at(-1)?.value).toBe(last.value);
      expect(show.seen.at(-1)?.at).toBeLessThanOrEqual(Math.max(400, 400 + shift + last.time / MILLISECOND));
    }),
  );
});

it('play, pause by takeover and replay give the same curve', () => {
  fc.assert(
    fc.property(
      curves,
      fc.integer({ min: 1, max: 300 }),
      fc.integer({ min: 1, max: 100 }),
      (keyframes, pause, rest) => {
        const show = stage(60);
        /** What was seen from now on, counted from now, which is a tick: there is one at every 50 ms. */
        const during = (milliseconds: number): Frame[] => {
          show.pass((50 - (show.now() % 50)) % 50);
          const [from, zero] = [show.seen.length, show.now()];
          show.publish(keyframes);
          show.pass(milliseconds);
          return show.seen.slice(from).map(({ at, value }) => ({ at: at - zero, value }));
        };
        const whole = during(400);
        const part = during(pause);
        show.set(1000);
        const taken = show.seen.length;
        show.pass(rest);
        expect(show.seen.slice(taken)).toEqual([]);
        expect(show.seen.at(-1)?.value).toBe(1000);
        const again = during(400);
        show.stop();
        expect(again).toEqual(whole);
        expect(part).toEqual(whole.filter(({ at }) => at <= pause));
      },
    ),
  );
});
