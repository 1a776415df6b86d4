import { asyncScheduler, NEVER, type SchedulerLike, type Subscription } from 'rxjs';
import { expect, it, vi } from 'vitest';
import { router } from '../../operators/router/router.ts';
import { poll } from './http-poll.ts';

it('reads again and again, and keeps no timer that has run', async () => {
  const relay = router();
  const running = relay(NEVER).subscribe();
  const client = relay.client('http');
  const timers: Subscription[] = [];
  const scheduler = {
    now: () => asyncScheduler.now(),
    schedule: (...given: Parameters<SchedulerLike['schedule']>) => {
      const timer = asyncScheduler.schedule(...given);
      timers.push(timer);
      return timer;
    },
  } as SchedulerLike;
  const often = { url: 'data:text/plain,7', to: '/seven', every: 0.001 };
  const polling = poll(client, often, { failed: () => undefined, scheduler });
  await vi.waitFor(() => expect(timers.length).toBeGreaterThan(50), 10_000);
  expect(timers.slice(0, -1).filter(({ closed }) => !closed)).toEqual([]);
  polling.unsubscribe();
  expect(await client.get('/seven')).toBe(7);
  running.unsubscribe();
});
