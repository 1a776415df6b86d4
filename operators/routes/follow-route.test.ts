import { NEVER, Subscription } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ClaspError } from '../../core/errors.ts';
import type { Signal } from '../../core/signal/signal.ts';
import type { Value } from '../../core/signal/value.ts';
import { compileRoute, type RouteConfig } from '../../core/transforms/route.ts';
import { type Router, router } from '../router/router.ts';
import { countHops } from './count-hops.ts';
import { followRoute } from './follow-route.ts';
import { HopBudget } from './hop-budget.ts';

let relay: Router;
let budget: HopBudget;
let running: Subscription;
let loops: string[];
let failures: ClaspError[];

beforeEach(() => {
  relay = router();
  budget = new HopBudget();
  running = relay(NEVER).subscribe();
  loops = [];
  failures = [];
  running.add(budget.loops.subscribe(({ addresses }) => loops.push(addresses.join(' '))));
});
afterEach(() => running.unsubscribe());

const follow = (...configs: RouteConfig[]): Subscription => {
  const all = new Subscription();
  for (const config of configs) {
    const client = relay.client('route');
    all.add(followRoute(client, compileRoute(config), { budget }).subscribe((failure) => failures.push(failure)));
  }
  return all;
};

/** Everything that is heard from now on, as text. */
const hear = (pattern = '/**'): string[] => {
  const heard: string[] = [];
  relay
    .client('ear')
    .on(pattern, { snapshot: false } as object)
    .subscribe((signal: Signal) => {
      if (signal.kind === 'param' && signal.snapshot) return;
      heard.push(`${signal.kind} ${signal.address} ${JSON.stringify('value' in signal ? signal.value : null)}`);
    });
  return heard;
};

describe('a route', () => {
  it('writes params as params, events as events, samples as samples, gestures as gestures', async () => {
    follow({ from: '/in/*', to: '/out/$1' });
    const heard = hear('/out/*');
    const desk = relay.client('desk');
    await desk.set('/in/a', 1);
    await desk.emit('/in/b', 'go');
    desk.stream('/in/c', 0.5);
    desk.gesture('/in/d', 7, 'start', [0, 1]);
    await desk.set('/in/a', null);
    expect(heard).toEqual([
      'param /out/a 1',
      'event /out/b "go"',
      'stream /out/c 0.5',
      'gesture /out/d [0,1]',
      'param /out/a null',
    ]);
    expect(await desk.get('/out/a')).toBeNull();
  });

  it('fills in what the wildcards stood for, and transforms the value', async () => {
    follow(
      { from: '/midi/ch/*/cc/*', to: '/artnet/$1/$2', transform: [{ type: 'scale', to: [0, 255] }, { type: 'round' }] },
      { from: '/deep/**', to: '/copy/$1/end' },
    );
    const desk = relay.client('desk');
    await desk.set('/midi/ch/3/cc/17', 0.5);
    await desk.set('/deep/a/b', 'text');
    await desk.set('/deep', 1);
    expect(await desk.get('/artnet/3/17')).toBe(128);
    expect(await desk.get('/copy/a/b/end')).toBe('text');
    expect(await desk.get('/copy/end')).toBe(1);
  });

  it('writes what was there before it, but does not take it for something that happens', async () => {
    const desk = relay.client('desk');
    await desk.set('/in/a', 1);
    follow(
      { from: '/in/*', to: '/out/$1' },
      { from: '/in/*', to: '/event/$1', as: 'event' },
      { from: '/in/*', to: '/toggle/$1', transform: [{ type: 'toggle' }] },
    );
    expect(await desk.get('/out/a')).toBe(1);
    const heard = hear('/event/*');
    expect(await desk.get('/toggle/a')).toBeNull();
    await desk.set('/in/a', 0);
    await desk.set('/in/a', 1);
    expect(await desk.get('/toggle/a')).toBe(1);
    expect(heard).toEqual(['event /event/a 0', 'event /event/a 1']);
  });

  it('converts the kind when it is told to', async () => {
    follow(
      { from: '/button', to: '/light', as: 'param', transform: [{ type: 'toggle' }] },
      { from: '/fader', to: '/samples', as: 'stream' },
    );
    const heard = hear('/samples');
    const desk = relay.client('desk');
    await desk.emit('/button', 1);
    await desk.set('/fader', 0.25);
    await desk.set('/fader', null);
    expect(await desk.get('/light')).toBe(1);
    expect(heard).toEqual(['stream /samples 0.25']);
  });

  it('passes an event without a value, also as an event or a sample', async () => {
    follow(
      { from: '/go', to: '/same' },
      { from: '/go', to: '/event', as: 'event' },
      { from: '/go', to: '/s', as: 'stream' },
    );
    const heard = hear('/*');
    await relay.client('desk').emit('/go');
    expect(heard).toEqual(['event /go null', 'event /same null', 'event /event null', 'stream /s null']);
  });

  it('takes an event without a value for a press where the transform waits for one', async () => {
    follow(
      { from: '/go', to: '/light', as: 'param', transform: [{ type: 'toggle' }, { type: 'scale', to: [0, 255] }] },
      { from: '/go', to: '/fired', transform: [{ type: 'trigger', value: 'now' }] },
    );
    const heard = hear('/*');
    const desk = relay.client('desk');
    for (let n = 0; n < 3; n++) await desk.emit('/go');
    expect(heard.filter((text) => text.startsWith('param'))).toEqual(
      [255, 0, 255].map((level) => `param /light ${level}`),
    );
    expect(heard.filter((text) => text.endsWith('/fired "now"'))).toHaveLength(3);
  });

  it('keeps the state of each address apart', async () => {
    follow({ from: '/in/*', to: '/out/$1', transform: [{ type: 'smooth', factor: 0.5 }] });
    const desk = relay.client('desk');
    for (const [address, value] of [
      ['a', 0],
      ['b', 100],
      ['a', 1],
      ['b', 0],
    ] as const)
      await desk.set(`/in/${address}`, value);
    expect([await desk.get('/out/a'), await desk.get('/out/b')]).toEqual([0.5, 50]);
  });

  it('tells what has no result, writes nothing then, and goes on', async () => {
    follow({ from: '/in', to: '/out', transform: [{ type: 'expression', expression: '1 / x' }] });
    const desk = relay.client('desk');
    await desk.set('/in', 0);
    expect(await desk.get('/out')).toBeNull();
    await desk.set('/in', 2);
    expect(await desk.get('/out')).toBe(0.5);
    expect(failures.map(({ code, reason }) => `${code} ${reason}`)).toEqual([
      '402 /in -> /out: the result is no finite number ("/in")',
    ]);
  });

  it('ends when it is unsubscribed', async () => {
    const all = follow({ from: '/in', to: '/out' });
    const desk = relay.client('desk');
    await desk.set('/in', 1);
    all.unsubscribe();
    await desk.set('/in', 2);
    expect(await desk.get('/out')).toBe(1);
  });
});

describe('routes in a circle', () => {
  const plusOne = [{ type: 'expression', expression: 'x + 1' }] as const;

  it('stop after 8 hops, which is told once', async () => {
    follow({ from: '/a', to: '/b', transform: plusOne }, { from: '/b', to: '/a', transform: plusOne });
    const heard = hear();
    const desk = relay.client('desk');
    await desk.set('/a', 0);
    expect(heard).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8].map((value) => `param /${value % 2 === 0 ? 'a' : 'b'} ${value}`));
    expect(loops).toEqual(['/b /a /b']);
    await desk.set('/a', 100);
    expect(await desk.get('/a')).toBe(108);
    expect(loops).toHaveLength(1);
    expect(budget.dropped).toBe(2);
    expect(relay.stats().refused).toBe(0);
  });

  it('stop for events and samples too', async () => {
    follow({ from: '/a', to: '/b', transform: plusOne }, { from: '/b', to: '/a', transform: plusOne });
    const heard = hear();
    const desk = relay.client('desk');
    await desk.emit('/a', 0);
    expect(heard.at(-1)).toBe('event /a 8');
    desk.stream('/a', 50);
    await desk.get('/a');
    expect(heard.at(-1)).toBe('stream /a 58');
  });

  it('stop for a route into itself, and for a circle of three', async () => {
    follow(
      { from: '/self/*', to: '/self/x', transform: plusOne },
      { from: '/p', to: '/q', transform: plusOne },
      { from: '/q', to: '/r', transform: plusOne },
      { from: '/r', to: '/p', transform: plusOne },
    );
    const desk = relay.client('desk');
    await desk.set('/self/y', 0);
    expect(await desk.get('/self/x')).toBe(8);
    await desk.set('/p', 0);
    expect(await desk.get('/r')).toBe(8);
    expect(loops).toEqual(['/self/x /self/x', '/p /q /r /p']);
  });

  it('stop where an address grows with each hop, which is told once for all of them', async () => {
    follow({ from: '/**', to: '/copy/$1' });
    const desk = relay.client('desk');
    await desk.set('/a', 1);
    await desk.set('/b/c', 1);
    expect(await desk.get(`${'/copy'.repeat(8)}/a`)).toBe(1);
    expect(await desk.get(`${'/copy'.repeat(9)}/a`)).toBeNull();
    expect(loops).toHaveLength(1);
  });

  it('keep two params alike, in both directions and without a word, when they change nothing', async () => {
    follow({ from: '/a', to: '/b' }, { from: '/b', to: '/a' });
    const heard = hear();
    const desk = relay.client('desk');
    await desk.set('/a', 1);
    await desk.set('/b', 2);
    await desk.set('/b', 2);
    expect(heard).toEqual(['param /a 1', 'param /b 1', 'param /b 2', 'param /a 2', 'param /b 2', 'param /a 2']);
    expect(loops).toEqual([]);
  });

  it('do not hold back a writer who is none of them', async () => {
    follow({ from: '/a', to: '/b', transform: plusOne }, { from: '/b', to: '/a', transform: plusOne });
    const desk = relay.client('desk');
    for (let i = 0; i < 50; i++) {
      await desk.set('/a', i * 100);
      expect(await desk.get('/a')).toBe(i * 100 + 8);
    }
  });
});

describe('bridges in a circle', () => {
  /** A bridge whose device answers each value with the next one, as an event of the other bridge. */
  const answering = (mine: string, theirs: string, next: (value: Value) => Value): void => {
    const client = countHops(relay.client(mine), budget);
    client.on(`${mine}/**`).subscribe((signal) => {
      if ('value' in signal) client.set(`${theirs}${signal.address.slice(mine.length)}`, next(signal.value));
    });
  };

  it('stop after 8 hops, which is told once', async () => {
    answering('/midi', '/osc', (value) => Number(value) + 1);
    answering('/osc', '/midi', (value) => Number(value) + 1);
    const heard = hear();
    await relay.client('desk').set('/midi/cc/1', 0);
    expect(heard).toHaveLength(9);
    expect(heard.at(-1)).toBe('param /midi/cc/1 8');
    expect(loops).toEqual(['/osc/cc/1 /midi/cc/1 /osc/cc/1']);
  });

  it('get nothing back that did not change on the way', async () => {
    answering('/midi', '/osc', (value) => value);
    answering('/osc', '/midi', (value) => value);
    const heard = hear();
    await relay.client('desk').set('/midi/cc/1', 0.5);
    expect(heard).toEqual(['param /midi/cc/1 0.5', 'param /osc/cc/1 0.5']);
    expect(loops).toEqual([]);
  });
});
