import { type SchedulerLike, Subscription, VirtualTimeScheduler } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import { scheduleOnce } from './schedule-once.ts';

let time: VirtualTimeScheduler;
let life: Subscription;
/** Every action that was asked for. */
let actions: Subscription[];
let watched: SchedulerLike;

beforeEach(() => {
  time = new VirtualTimeScheduler();
  life = new Subscription();
  actions = [];
  watched = {
    now: () => time.now(),
    schedule: (...given: Parameters<SchedulerLike['schedule']>) => {
      const action = time.schedule(...given);
      actions.push(action);
      return action;
    },
  } as SchedulerLike;
});

describe('later', () => {
  it('does it once, at its time, and lets go of what is done', () => {
    const done: number[] = [];
    const again = () => {
      done.push(time.now());
      if (done.length < 1_000) scheduleOnce(life, watched, 10, again);
    };
    scheduleOnce(life, watched, 10, again);
    time.flush();
    expect(done).toEqual(Array.from({ length: 1_000 }, (_, n) => 10 * (n + 1)));
    expect(actions.filter(({ closed }) => !closed)).toEqual([]);
    expect(life.closed).toBe(false);
  });

  it('does nothing when the life has ended, before or meanwhile', () => {
    const done: string[] = [];
    scheduleOnce(life, watched, 10, () => done.push('meanwhile'));
    life.unsubscribe();
    scheduleOnce(life, watched, 10, () => done.push('before'));
    time.flush();
    expect(done).toEqual([]);
  });
});
