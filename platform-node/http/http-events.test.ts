import { NEVER, type Subscription, VirtualTimeScheduler } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import type { Grant } from '../../operators/router/authenticate.ts';
import { router } from '../../operators/router/router.ts';
import { BearerClients } from './bearer-clients.ts';
import { eventFeeds } from './http-events.ts';

let running: Subscription | undefined;
afterEach(() => running?.unsubscribe());

const MINUTE = 60_000;

/** The feeds of a relay whose time stands still between calls of `pass`. */
function rig(authenticate?: (token: string | undefined) => Grant) {
  const time = new VirtualTimeScheduler();
  const relay = router();
  running = relay(NEVER).subscribe();
  const join = relay.client;
  const feeds = eventFeeds(new BearerClients({ join, authenticate, name: 'http', scheduler: time }), time);
  const ask = (pattern: string, method = 'GET') => {
    const text = () => Promise.resolve('');
    const query = new URLSearchParams({ pattern });
    return feeds.answer({ method, path: '/v1/events', rest: '', query, headers: {}, peer: undefined, text }, 'token');
  };
  const pass = (milliseconds: number) => {
    time.maxFrames = time.frame + milliseconds;
    time.flush();
    time.frame = time.maxFrames;
  };
  return { ask, pass, app: relay.client('app') };
}

describe('feeds of events', () => {
  it('that only HEAD asked for end after a minute, so that a thousand of them keep nobody out', async () => {
    const { ask, pass } = rig();
    for (let i = 0; i < 1000; i++) expect((await ask(`/p/${i}`, 'HEAD')).status).toBe(200);
    await expect(ask('/other')).rejects.toMatchObject({ code: 503 });
    pass(MINUTE);
    expect((await ask('/other')).status).toBe(200);
  });
});
