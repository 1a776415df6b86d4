import fc from 'fast-check';
import { type SchedulerLike, Subscription, VirtualTimeScheduler } from 'rxjs';
import { expect, it } from 'vitest';
import { TimerHeap } from './timer-heap.ts';

interface Bell {
  readonly name: number;
  due: number;
  place: number;
}

it('rings every bell once, at the first millisecond that is not before its last time, the earliest first', () => {
  const action = fc.record({
    bell: fc.nat(9),
    /** Microseconds from now; undefined takes the alarm back. */
    wait: fc.option(fc.nat(50_000), { nil: undefined }),
    pass: fc.nat(10),
  });
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const time = new VirtualTimeScheduler();
      const now = () => time.frame * 1000;
      const rung: { name: number; at: number; due: number }[] = [];
      const expected = new Map<number, number>();
      const bells: Bell[] = Array.from({ length: 10 }, (_, name) => ({ name, due: 0, place: -1 }));
      const timers = new TimerHeap<Bell>(time, now, ({ name, due }) => {
        rung.push({ name, at: time.frame, due });
        expect(expected.get(name)).toBe(due);
        expected.delete(name);
      });
      const pass = (milliseconds: number) => {
        time.maxFrames = time.frame + milliseconds;
        time.flush();
        time.frame = time.maxFrames;
      };
      for (const { bell, wait, pass: milliseconds } of actions) {
        const one = bells[bell] as Bell;
        if (wait === undefined) {
          timers.delete(one);
          expected.delete(bell);
        } else {
          timers.set(one, now() + wait);
          expected.set(bell, now() + wait);
        }
        pass(milliseconds);
      }
      pass(100);
      expect(expected.size).toBe(0);
      for (const [index, { at, due }] of rung.entries()) {
        expect(at).toBe(Math.ceil(due / 1000));
        const before = rung[index - 1];
        if (before?.at === at) expect(before.due).toBeLessThanOrEqual(due);
      }
    }),
  );
});

it('stops its timer when nothing waits any more', () => {
  const time = new VirtualTimeScheduler();
  const timers = new TimerHeap<Bell>(
    time,
    () => time.frame * 1000,
    () => undefined,
  );
  const bell: Bell = { name: 1, due: 0, place: -1 };
  timers.set(bell, 5000);
  timers.delete(bell);
  expect(time.actions.filter(({ closed }) => !closed)).toEqual([]);
});

it('lets others have their turn after a while, and goes on as soon as the scheduler can', () => {
  const works: (() => void)[] = [];
  const scheduler = {
    now: () => 0,
    schedule: (work: () => void) => {
      works.push(work);
      return new Subscription();
    },
  };
  let now = 0;
  const rung: number[] = [];
  const ring = ({ name }: Bell) => {
    now += 500;
    rung.push(name);
  };
  const bells: Bell[] = Array.from({ length: 100 }, (_, name) => ({ name, due: 0, place: -1 }));
  const timers = new TimerHeap<Bell>(
    scheduler as unknown as SchedulerLike,
    () => now,
    ring,
    Number.POSITIVE_INFINITY,
    4000,
  );
  for (const bell of bells) timers.set(bell, -100 + bell.name);
  for (let before = -1, work = works.shift(); work; work = works.shift()) {
    work();
    expect(rung.length - before).toBeLessThanOrEqual(17);
    before = rung.length;
  }
  expect(rung).toEqual(bells.map(({ name }) => name));
});
