import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ScheduleQueue } from './schedule-queue.ts';

interface Item {
  readonly id: number;
  readonly at: number;
}

const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('add' as const), n: fc.nat(30) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('delete' as const, 'take' as const), n: fc.nat(40) }) },
);

it('gives what is due in the order of time and arrival, and never what was deleted', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const queue = new ScheduleQueue<Item>();
      let waiting: Item[] = [];
      let id = 0;
      for (const { do: what, n } of steps) {
        if (what === 'add') {
          const item = { id: ++id, at: n };
          queue.add(item);
          waiting.push(item);
          waiting.sort((a, b) => a.at - b.at || a.id - b.id);
        } else if (what === 'delete') {
          const item = waiting[n % Math.max(1, waiting.length)];
          if (!item) continue;
          queue.delete(item);
          waiting = waiting.filter((one) => one !== item);
        } else {
          const due = waiting[0] && waiting[0].at <= n ? waiting.shift() : undefined;
          expect(queue.takeDue(n)).toBe(due);
        }
        expect(queue.size).toBe(waiting.length);
        expect(queue.next).toBe(waiting[0]?.at);
      }
    }),
  );
});
