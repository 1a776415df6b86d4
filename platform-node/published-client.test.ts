import { Clasp } from '@clasp-to/core';
import { firstValueFrom, Subject, type Subscription } from 'rxjs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { ClaspError } from '../core/errors.ts';
import { type Router, type RouterOptions, router } from '../operators/router/router.ts';
import { webSocketListener } from './web-socket/web-socket-listener.ts';

// The published JavaScript client, unmodified, against our relay over a real socket.

let relay: Router;
let running: Subscription;
let url: string;
const clients: Clasp[] = [];

async function start(options: RouterOptions = {}): Promise<void> {
  const bound = new Subject<string>();
  const ready = firstValueFrom(bound);
  relay = router(options);
  const listener = webSocketListener({
    port: 0,
    onListening: ({ port }) => bound.next(`ws://127.0.0.1:${port}/clasp`),
  });
  running = relay(listener).subscribe();
  url = await ready;
}

async function connect(options: ConstructorParameters<typeof Clasp>[1] = {}): Promise<Clasp> {
  const client = new Clasp(url, { reconnect: false, ...options });
  clients.push(client);
  await client.connect();
  return client;
}

beforeAll(() => {
  vi.stubGlobal('WebSocket', WebSocket);
  vi.spyOn(console, 'debug').mockReturnValue();
  vi.spyOn(console, 'error').mockReturnValue();
});
afterAll(() => vi.unstubAllGlobals());
beforeEach(() => start());
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
  running.unsubscribe();
});

describe('the published JavaScript client', () => {
  it('connects, and knows its session and the relay time', async () => {
    running.unsubscribe();
    const day = 86_400_000_000;
    await start({ now: () => Date.now() * 1000 + day });
    const client = await connect({ name: 'published' });
    expect(client.connected).toBe(true);
    expect(client.session).toMatch(/^[0-9a-f-]{36}$/);
    expect((client.time() - Date.now() * 1000) / day).toBeCloseTo(1);
  });

  it('sets params that another one hears, with value then address', async () => {
    const [writer, reader] = [await connect(), await connect()];
    const heard: unknown[] = [];
    reader.on('/mixer/**', (value, address) => heard.push([value, address]));
    await vi.waitFor(() => expect(relay.stats().subscriptions).toBe(1));
    writer.set('/mixer/1', 0.75);
    writer.set('/mixer/2', { name: 'bass', mute: false, gains: [1, -2, 0.5] });
    await vi.waitFor(() =>
      expect(heard).toEqual([
        [0.75, '/mixer/1'],
        [{ name: 'bass', mute: false, gains: [1, -2, 0.5] }, '/mixer/2'],
      ]),
    );
  });

  it('joins late and has everything in its cache', async () => {
    const writer = await connect();
    for (let i = 0; i < 3_000; i++) writer.set(`/many/${i}`, i);
    await vi.waitFor(() => expect(relay.stats().params).toBe(3_000));
    const late = await connect();
    await vi.waitFor(() => expect(late.cached('/many/2999')).toBe(2999));
    expect(await late.get('/many/0')).toBe(0);
  });

  it('gets null for an address that nobody wrote, without waiting for its timeout', async () => {
    const client = await connect();
    expect(await client.get('/nothing')).toBeNull();
  });

  it('sends events and streams to others and never to itself', async () => {
    const [sender, receiver] = [await connect(), await connect()];
    const heard: unknown[] = [];
    const echoed: unknown[] = [];
    sender.on('/**', (value) => echoed.push(value));
    receiver.on('/**', (value, address) => heard.push([address, value]));
    await vi.waitFor(() => expect(relay.stats().subscriptions).toBe(2));
    sender.emit('/cue', { name: 'intro' });
    sender.stream('/level', 0.25);
    sender.gesture('/touch', 7, 'start', { x: 1 });
    await vi.waitFor(() =>
      expect(heard).toEqual([
        ['/cue', { name: 'intro' }],
        ['/level', 0.25],
        ['/touch', { x: 1, phase: 'start', gestureId: 7 }],
      ]),
    );
    expect(echoed).toEqual([]);
  });

  it('stops hearing after it unsubscribed', async () => {
    const client = await connect();
    const heard: unknown[] = [];
    const stop = client.on('/a', (value) => heard.push(value));
    client.set('/a', 1);
    await vi.waitFor(() => expect(heard).toEqual([1]));
    stop();
    client.set('/a', 2);
    await vi.waitFor(() => expect(relay.stats().subscriptions).toBe(0));
    expect(heard).toEqual([1]);
  });

  it('rejects at once with the reason when its token is refused', async () => {
    running.unsubscribe();
    await start({
      authenticate: () => {
        throw new ClaspError(300, 'token is not known here');
      },
    });
    await expect(connect({ token: 'wrong' })).rejects.toThrow('token is not known here');
  });

  it('is told of errors and goes on', async () => {
    const client = await connect();
    client.set('/bad//address', 1);
    await vi.waitFor(() => expect(client.getLastError()).toMatchObject({ code: 200, address: '/bad//address' }));
    client.set('/good', 1);
    await vi.waitFor(() => expect(relay.stats().params).toBe(1));
  });

  it('hears our in-process client, and is heard by it', async () => {
    const ours = relay.client('ours');
    const theirs = await connect();
    const heard: unknown[] = [];
    theirs.on('/from/ours', (value) => heard.push(value));
    ours.on('/from/theirs').subscribe((signal) => heard.push(signal.kind === 'param' && signal.value));
    await vi.waitFor(() => expect(relay.stats().subscriptions).toBe(2));
    ours.set('/from/ours', 5n);
    theirs.set('/from/theirs', 6);
    await vi.waitFor(() => expect(heard.sort()).toEqual([5, 6]));
  });
});
