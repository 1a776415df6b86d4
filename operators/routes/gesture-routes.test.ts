import { NEVER, type Subscription } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Client } from '../../core/client/client.ts';
import type { ClaspError } from '../../core/errors.ts';
import { compileRoute, type RouteConfig } from '../../core/transforms/route.ts';
import { router } from '../router/router.ts';
import { followRoute } from './follow-route.ts';
import { HopBudget } from './hop-budget.ts';

let running: Subscription;
let desk: Client;
let follow: (...configs: RouteConfig[]) => void;
let failures: ClaspError[];
/** The gestures that are heard, as text. */
let heard: string[];

beforeEach(() => {
  const relay = router();
  const budget = new HopBudget();
  running = relay(NEVER).subscribe();
  failures = [];
  heard = [];
  follow = (...configs) => {
    for (const config of configs) {
      const failing = followRoute(relay.client('route'), compileRoute(config), { budget });
      running.add(failing.subscribe((failure) => failures.push(failure)));
    }
  };
  const ear = relay.client('ear').on('/**', { types: ['gesture'] });
  ear.subscribe((signal) => {
    if (signal.kind === 'gesture') heard.push(`${signal.address} ${signal.phase} ${signal.value}`);
  });
  desk = relay.client('desk');
});
afterEach(() => running.unsubscribe());

describe('a gesture on a route', () => {
  it('ends at the target if it has begun there, also where its end is held back or has no result', async () => {
    follow(
      { from: '/in/*', to: '/out/$1', transform: [{ type: 'gate', min: 0.5 }] },
      { from: '/root', to: '/out/root', transform: [{ type: 'expression', expression: '1 / x' }] },
    );
    desk.gesture('/in/a', 1, 'start', 0.9);
    desk.gesture('/in/a', 1, 'end', 0.1);
    desk.gesture('/in/b', 1, 'start', 0.1);
    desk.gesture('/in/b', 1, 'end', 0.9);
    desk.gesture('/root', 1, 'start', 2);
    desk.gesture('/root', 1, 'end', 0);
    await desk.get('/in/a');
    const arrived = heard.filter((text) => text.startsWith('/out/'));
    expect(arrived).toEqual(['/out/a start 0.9', '/out/a end 0.9', '/out/root start 0.5', '/out/root end 0.5']);
    expect(failures.map(({ code }) => code)).toEqual([402]);
  });

  it('does not come back by its end alone, where its start did not', async () => {
    const gate = [{ type: 'gate', min: 0.5 }] as const;
    follow({ from: '/a', to: '/b', transform: gate }, { from: '/b', to: '/a', transform: gate });
    desk.gesture('/a', 1, 'start', 0.9);
    desk.gesture('/a', 1, 'end', 0.1);
    await desk.get('/a');
    expect(heard).toEqual(['/a start 0.9', '/b start 0.9', '/a end 0.1', '/b end 0.9']);
  });

  it('ends where it came back, also when its end only echoes', async () => {
    follow({ from: '/a', to: '/b', transform: [{ type: 'round' }] }, { from: '/b', to: '/a' });
    desk.gesture('/a', 1, 'start', 0.4);
    desk.gesture('/a', 1, 'end', 0);
    await desk.get('/a');
    expect(heard).toEqual(['/a start 0.4', '/b start 0', '/a start 0', '/a end 0', '/b end 0', '/a end 0']);
  });
});
