import { createSocket, type Socket } from 'node:dgram';
import type { AddressInfo } from 'node:net';
import { filter, firstValueFrom } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import type { Client } from '../core/client/client.ts';
import { createClient } from '../operators/client/client.ts';
import type { RelayConfig } from './config/relay-config.ts';
import { createRelay, type Relay, type RelayEvent } from './relay.ts';
import { webSocketDial } from './web-socket/web-socket-dial.ts';

const relays = new Set<Relay>();
const clients = new Set<Client>();
const sockets = new Set<Socket>();

afterEach(async () => {
  for (const client of clients) client.close();
  for (const socket of sockets) socket.close();
  await Promise.all([...relays].map((relay) => relay.close()));
  for (const set of [relays, clients, sockets]) set.clear();
});

const open = (config: RelayConfig) => {
  const relay = createRelay({ port: 0, ...config });
  relays.add(relay);
  const events: RelayEvent[] = [];
  relay.events.subscribe((event) => events.push(event));
  return { relay, events };
};

const dial = (port: number): Client => {
  const client = createClient(webSocketDial(`ws://127.0.0.1:${port}`), { name: 'probe', reconnect: false });
  clients.add(client);
  return client;
};

/** A UDP socket with the messages that came, as text. */
const udp = async (): Promise<{ port: number; heard: Buffer[]; next: () => Promise<void>; socket: Socket }> => {
  const socket = createSocket('udp4');
  sockets.add(socket);
  const heard: Buffer[] = [];
  socket.on('message', (bytes) => heard.push(bytes));
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const next = () => new Promise<void>((resolve) => socket.once('message', () => resolve()));
  return { port: (socket.address() as AddressInfo).port, heard, next, socket };
};

const valueAt = (client: Client, address: string, wanted: (value: unknown) => boolean): Promise<unknown> =>
  firstValueFrom(client.on(address).pipe(filter((signal) => 'value' in signal && wanted(signal.value))));

describe('the state of bridges', () => {
  it('is a param that only the relay writes', async () => {
    const { relay } = open({ bridges: [{ type: 'osc', name: 'desk', listen: 0 }] });
    const { port, bridges } = await relay.ready;
    const client = dial(port);
    expect(await client.get('/clasp/bridges/desk/status')).toEqual({ state: 'ready', address: bridges[0]?.address });
    await expect(client.set('/clasp/bridges/desk/status', 1)).rejects.toMatchObject({ code: 301 });
    await expect(relay.client('own').set('/clasp/bridges/desk/status', 1)).rejects.toMatchObject({ code: 301 });
  });

  it('is failed, with the reason, for one that cannot work; the others do not notice', async () => {
    const taken = await udp();
    const { relay, events } = open({ bridges: [{ type: 'osc', name: 'a', listen: 0 }] });
    const { port, bridges } = await relay.ready;
    const client = dial(port);
    await relay.change({
      bridges: [
        { type: 'osc', name: 'a', listen: 0 },
        { type: 'osc', name: 'b', listen: taken.port },
      ],
    });
    const reason = `UDP port ${taken.port} on 127.0.0.1 is in use`;
    expect(await client.get('/clasp/bridges/b/status')).toEqual({ state: 'failed', reason });
    expect(await client.get('/clasp/bridges/a/status')).toEqual({ state: 'ready', address: bridges[0]?.address });
    expect(events).toContainEqual(expect.objectContaining({ type: 'bridge-ended', bridge: 'b' }));
    expect(events.filter(({ type }) => type === 'bridge-ended')).toHaveLength(1);
  });
});

describe('changing a running relay', () => {
  it('exchanges bridges one by one, and no session ends', async () => {
    const [first, second] = [await udp(), await udp()];
    const kept = {
      type: 'osc',
      name: 'kept',
      listen: 0,
      targets: [`127.0.0.1:${first.port}`],
      namespace: '/kept',
    } as const;
    const { relay, events } = open({
      bridges: [kept, { type: 'osc', name: 'old', listen: 0 }, { type: 'osc', name: 'moved', listen: 0 }],
    });
    const { port, bridges } = await relay.ready;
    const client = dial(port);
    await client.set('/before', 1);
    const session = client.session;

    const change = await relay.change({
      port: 0,
      bridges: [
        { ...kept },
        { type: 'osc', name: 'moved', listen: 0, targets: [`127.0.0.1:${second.port}`], namespace: '/moved' },
      ],
    });
    expect(change).toMatchObject({ opened: ['moved'], closed: ['old'], restart: [] });
    for (const [address, target] of [
      ['/kept/a', first],
      ['/moved/b', second],
    ] as const) {
      const came = target.next();
      await client.set(address, 1);
      await came;
      expect(target.heard.at(-1)?.toString('latin1')).toMatch(/^\/[ab]\0/);
    }
    expect(client.session).toBe(session);
    expect(await client.get('/clasp/bridges/old/status')).toBeNull();
    expect(await client.get('/clasp/bridges/kept/status')).toMatchObject({ address: bridges[0]?.address });
    expect(events.filter((event) => 'bridge' in event && event.bridge === 'kept')).toHaveLength(1);
    expect(events.some((event) => event.type === 'bridge-ended')).toBe(false);
  });

  it('takes the same port again for a bridge that has changed', async () => {
    const { relay, events } = open({ bridges: [{ type: 'osc', listen: 0 }] });
    const { port, bridges } = await relay.ready;
    const listen = Number(bridges[0]?.address.split(':').at(-1));
    for (const namespace of ['/one', '/two', '/three']) {
      await relay.change({ bridges: [{ type: 'osc', listen, namespace }] });
    }
    expect(events.filter(({ type }) => type === 'bridge-ended')).toEqual([]);
    const client = dial(port);
    const came = valueAt(client, '/three/x', (value) => value === null || value === 1);
    const { socket } = await udp();
    socket.send(Buffer.from('/x\0\0,i\0\0\0\0\0\u0001', 'latin1'), listen, '127.0.0.1');
    expect(await came).toMatchObject({ address: '/three/x' });
  });

  it('closes with a bridge whom it has let in', async () => {
    const { relay } = open({ bridges: [{ type: 'http', port: 0 }] });
    const { bridges } = await relay.ready;
    const before = relay.stats().sessions;
    const url = `${bridges[0]?.address}/v1/state/a`;
    const events = await fetch(`${bridges[0]?.address}/v1/events`);
    expect((await fetch(url, { method: 'PUT', body: '{"value":1}' })).status).toBe(200);
    expect(relay.stats().sessions).toBeGreaterThan(before);
    await relay.change({ port: 0 });
    // What is left is who tells how the bridges are.
    expect(relay.stats().sessions).toBe(1);
    await expect(fetch(url)).rejects.toThrow();
    await events.body?.cancel().catch(() => undefined);
  });

  it('tries a bridge again that has ended', async () => {
    const taken = await udp();
    const { relay } = open({});
    const { port } = await relay.ready;
    const config: RelayConfig = { bridges: [{ type: 'osc', listen: taken.port }] };
    await relay.change(config);
    const client = dial(port);
    expect(await client.get('/clasp/bridges/osc/status')).toMatchObject({ state: 'failed' });
    await new Promise<void>((closed) => taken.socket.close(() => closed()));
    sockets.delete(taken.socket);
    expect(await relay.change(config)).toMatchObject({ opened: ['osc'] });
    expect(await client.get('/clasp/bridges/osc/status')).toMatchObject({ state: 'ready' });
    expect(await relay.change(config)).toMatchObject({ opened: [] });
  });

  it('starts and stops routes, and those that stay keep their state', async () => {
    const toggle = { from: '/button', to: '/light', transform: [{ type: 'toggle' }], as: 'param' } as const;
    const { relay, events } = open({ routes: [toggle, { from: '/a', to: '/b' }] });
    const { port } = await relay.ready;
    const client = dial(port);
    await client.emit('/button', 1);
    await client.emit('/button', 0);
    expect(await relay.change({ routes: [{ from: '/a', to: '/c' }, { ...toggle }] })).toMatchObject({
      routesStarted: 1,
      routesStopped: 1,
    });
    await client.emit('/button', 1);
    await client.set('/a', 5);
    expect(await client.get('/light')).toBe(0);
    expect(await client.get('/b')).toBeNull();
    expect(await client.get('/c')).toBe(5);
    expect(events.at(-1)).toMatchObject({ type: 'changed' });
  });

  it('leaves everything as it is when the new configuration makes no sense', async () => {
    const { relay } = open({ bridges: [{ type: 'osc', listen: 0 }], routes: [{ from: '/a', to: '/b' }] });
    const { port } = await relay.ready;
    const client = dial(port);
    const wrong: [RelayConfig, string][] = [
      [{ bridges: [], routes: [{ from: '/a/*', to: '/b/$2' }] }, 'routes[0]: $2 names a wildcard'],
      [{ bridges: [{ type: 'osc', listen: 70_000 }] }, 'bridge osc: listen must be at most 65535, not 70000'],
      [{ bridges: [{ type: 'osc', listn: 1 } as never] }, 'bridge osc: unknown key "listn"; did you mean "listen"?'],
    ];
    for (const [config, reason] of wrong) {
      await expect(relay.change(config)).rejects.toMatchObject({ code: 402, reason: expect.stringContaining(reason) });
    }
    expect(await client.get('/clasp/bridges/osc/status')).toMatchObject({ state: 'ready' });
    await client.set('/a', 1);
    expect(await client.get('/b')).toBe(1);
  });

  it('names what takes a restart', async () => {
    const { relay } = open({ name: 'Venue', maxSessions: 5 });
    await relay.ready;
    const { restart } = await relay.change({ port: 0, name: 'Hall', authenticate: () => ({ scopes: [] }) });
    expect(restart).toEqual(['name', 'maxSessions']);
  });

  it('comes after the opening, and not after the end', async () => {
    const { relay } = open({});
    expect(await relay.change({ port: 0, routes: [{ from: '/a', to: '/b' }] })).toMatchObject({ routesStarted: 1 });
    await relay.close();
    await expect(relay.change({ port: 0 })).rejects.toMatchObject({ code: 503 });
  });
});

describe('a loop over routes of a relay', () => {
  it('is told once', async () => {
    const transform = [{ type: 'expression', expression: 'x + 1' }] as const;
    const { relay, events } = open({
      routes: [
        { from: '/a', to: '/b', transform },
        { from: '/b', to: '/a', transform },
      ],
    });
    const { port } = await relay.ready;
    const client = dial(port);
    await client.set('/a', 0);
    await client.set('/a', 50);
    expect(await client.get('/a')).toBe(58);
    expect(events.filter(({ type }) => type === 'loop')).toEqual([{ type: 'loop', addresses: ['/b', '/a', '/b'] }]);
  });
});
