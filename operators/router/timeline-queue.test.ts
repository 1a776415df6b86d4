import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { ActiveTimeline } from './timeline-scheduler.ts';
import { TimelineQueue } from './timeline-scheduler.ts';

it('gives what it was given, in that order, however much of it', () => {
  const step = fc.record({ pushed: fc.nat(2_000), taken: fc.nat(2_000) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
      const queue = new TimelineQueue();
      const model: ActiveTimeline[] = [];
      let taken = 0;
      for (const { pushed, taken: take } of steps) {
        for (let n = 0; n < pushed; n++) {
          const one = { due: model.length } as ActiveTimeline;
          queue.push(one);
          model.push(one);
        }
        for (let n = 0; n < take && queue.first; n++) {
          if (queue.first !== model[taken]) expect(queue.first.due).toBe(taken);
          queue.shift();
          taken++;
        }
        expect(queue.first).toBe(model[taken]);
      }
    }),
  );
});
