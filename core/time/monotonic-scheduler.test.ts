import { take, timer } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { afterEach, expect, it, vi } from 'vitest';
import { monotonicScheduler } from './monotonic-scheduler.ts';

afterEach(() => vi.useRealTimers());

it('tells the time since 1970 and goes on as time passes, whatever the wall clock is set to', () => {
  vi.useFakeTimers({ now: 1_700_000_000_000 });
  expect(monotonicScheduler.now()).toBe(1_700_000_000_000);
  vi.advanceTimersByTime(250);
  for (const wrong of [0, 1_600_000_000_000, 4_000_000_000_000]) {
    vi.setSystemTime(wrong);
    expect(monotonicScheduler.now()).toBe(1_700_000_000_250);
  }
});

it('does what is scheduled after so much time, again and again where that is asked, with the state given', () => {
  vi.useFakeTimers({ now: 1_700_000_000_000 });
  const done: string[] = [];
  timer(10, 20, monotonicScheduler).subscribe((count) => done.push(`tick ${count} ${performance.now()}`));
  const scheduled = monotonicScheduler.schedule<string>((state) => void done.push(`once ${state}`), 15, 'state');
  monotonicScheduler.schedule(() => done.push('never'), 50).unsubscribe();
  vi.advanceTimersByTime(60);
  expect(done).toEqual(['tick 0 10', 'once state', 'tick 1 30', 'tick 2 50']);
  scheduled.unsubscribe();
});

it('is virtual within TestScheduler.run', () => {
  const times: number[] = [];
  new TestScheduler(() => undefined).run(({ flush }) => {
    timer(100, 50, monotonicScheduler)
      .pipe(take(3))
      .subscribe(() => times.push(monotonicScheduler.now()));
    flush();
  });
  expect(times).toEqual([100, 150, 200]);
});
