import { type SchedulerAction, type SchedulerLike, type Subscription, VirtualTimeScheduler } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import { endAll, listen, serveHttp } from '../../peers/http-rig.ts';
import { atExpiry } from './bearer-clients.ts';

const DAY = 86_400_000;

afterEach(endAll);

describe('the end of a token', () => {
  it.each([0, 1, 24, 25, 60, 365])('in %i days comes then, and not before', (days) => {
    const time = new VirtualTimeScheduler();
    const delays: number[] = [];
    const scheduler: SchedulerLike = {
      now: () => time.now(),
      schedule<T>(work: (this: SchedulerAction<T>, state?: T) => void, delay = 0, state?: T): Subscription {
        delays.push(delay);
        return time.schedule(work, delay, state as T);
      },
    };
    let ended: number | undefined;
    atExpiry(days * DAY, scheduler, () => {
      ended = time.now();
    });
    time.flush();
    expect(ended).toBe(days * DAY);
    // What Node's timers can wait for.
    for (const delay of delays) expect(delay).toBeLessThan(2 ** 31);
  });

  it('never comes for one that has none, and not after it was unsubscribed', () => {
    const time = new VirtualTimeScheduler();
    const ends: string[] = [];
    atExpiry(undefined, time, () => ends.push('none'));
    atExpiry(60 * DAY, time, () => ends.push('left')).unsubscribe();
    time.flush();
    expect(ends).toEqual([]);
  });
});

describe('a stream of events', () => {
  it('goes on for a token that ends in two months, and ends with one that ends', async () => {
    const lives: Readonly<Record<string, number>> = { long: 60 * DAY, short: 1_500 };
    const authenticate = (token = '') => ({ scopes: ['read:/**'], expiresAt: Date.now() + (lives[token] ?? 0) });
    const { base } = await serveHttp({ authenticate });
    const [long, short] = ['long', 'short'].map((token) => listen(`${base}/v1/events?token=${token}`).opened);
    await expect.poll(async () => (await short)?.readableEnded).toBe(true);
    expect((await long)?.readableEnded).toBe(false);
  });
});
