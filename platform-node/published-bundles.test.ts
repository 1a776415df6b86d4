import { Clasp } from '@clasp-to/core';
import { firstValueFrom, Subject, type Subscription } from 'rxjs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { type Router, router } from '../operators/router/router.ts';
import { clock } from './clock.ts';
import { webSocketListener } from './web-socket/web-socket-listener.ts';

// Bundles of the published JavaScript client, unmodified, against our relay over a real socket.

let relay: Router;
let running: Subscription;
let url: string;
const clients: Clasp[] = [];
/** How long to wait on a machine that is busy. */
const SOON = { timeout: 4_000 };

async function connect(name: string): Promise<Clasp> {
  const client = new Clasp(url, { reconnect: false, name });
  clients.push(client);
  await client.connect();
  return client;
}

/** What a client hears under a pattern, with the relay's time of hearing; one that has confirmed something before. */
async function listen(pattern: string) {
  const reader = await connect('reader');
  const heard: { address: string; value: unknown; at: number }[] = [];
  const subscriptions = relay.stats().subscriptions;
  reader.on(pattern, (value, address) => heard.push({ address, value, at: clock() }));
  reader.set('/reader', 1);
  await vi.waitFor(() => expect(relay.stats().subscriptions).toBe(subscriptions + 1), SOON);
  await vi.waitFor(async () => expect(await reader.get('/reader')).toBe(1), SOON);
  return { reader, heard, pairs: () => heard.map(({ address, value }) => [address, value]) };
}

beforeAll(() => {
  vi.stubGlobal('WebSocket', WebSocket);
  vi.spyOn(console, 'debug').mockReturnValue();
  vi.spyOn(console, 'error').mockReturnValue();
});
afterAll(() => vi.unstubAllGlobals());
beforeEach(async () => {
  const bound = new Subject<string>();
  const ready = firstValueFrom(bound);
  relay = router({ now: clock });
  const onListening = ({ port }: { port: number }) => bound.next(`ws://127.0.0.1:${port}/clasp`);
  running = relay(webSocketListener({ port: 0, onListening })).subscribe();
  url = await ready;
});
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
  running.unsubscribe();
});

describe('the published JavaScript client', () => {
  it('sends a bundle that another one hears in order', async () => {
    const { pairs } = await listen('/show/**');
    const desk = await connect('desk');
    desk.bundle([{ set: ['/show/a', 1] }, { emit: ['/show/go', { n: 2 }] }, { set: ['/show/b', 'x'] }]);
    await vi.waitFor(() => expect(pairs()).toHaveLength(3), SOON);
    expect(pairs()).toEqual([
      ['/show/a', 1],
      ['/show/go', { n: 2 }],
      ['/show/b', 'x'],
    ]);
  });

  it('sends a bundle with a part that fails, and nobody hears any of it', async () => {
    const { pairs } = await listen('/show/**');
    const desk = await connect('desk');
    desk.bundle([{ set: ['/show/a', 1] }, { set: ['/show/*', 2] }]);
    desk.set('/show/after', 1);
    await vi.waitFor(() => expect(pairs()).toEqual([['/show/after', 1]]), SOON);
    expect(relay.stats().refused).toBe(1);
  });

  it('sends a bundle with a time, which runs at it, and sees it wait', async () => {
    const { heard, pairs } = await listen('/show/**');
    const { reader, pairs: waiting } = await listen('/clasp/schedule/*');
    const desk = await connect('desk');
    const at = desk.time() + 250_000;
    desk.bundle([{ set: ['/show/a', 1] }, { emit: ['/show/go', 2] }], { at });
    await vi.waitFor(
      () => expect(reader.cached('/clasp/schedule/1')).toMatchObject({ at, name: 'desk', messages: 2 }),
      SOON,
    );
    await vi.waitFor(() => expect(heard).toHaveLength(2), SOON);
    expect(pairs()).toEqual([
      ['/show/a', 1],
      ['/show/go', 2],
    ]);
    // A millisecond of tolerance, and one because its clock has whole milliseconds.
    for (const one of heard) expect(one.at).toBeGreaterThanOrEqual(at - 2_000);
    await vi.waitFor(() => expect(waiting().at(-1)).toEqual(['/clasp/schedule/1', null]), SOON);
  });

  it('cancels a bundle by a SET of null', async () => {
    const { pairs } = await listen('/show/**');
    const desk = await connect('desk');
    desk.bundle([{ set: ['/show/a', 1] }], { at: desk.time() + 200_000 });
    desk.bundle([{ set: ['/show/b', 1] }], { at: desk.time() + 201_000 });
    desk.set('/clasp/schedule/1', null);
    await vi.waitFor(() => expect(pairs()).toEqual([['/show/b', 1]]), SOON);
  });
});
