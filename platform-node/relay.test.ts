import { createSocket } from 'node:dgram';
import { createServer } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { connectAsync } from 'mqtt';
import { filter, firstValueFrom, toArray } from 'rxjs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import type { Client } from '../core/client/client.ts';
import { ClaspError, ErrorCode } from '../core/errors.ts';
import { createClient } from '../operators/client/client.ts';
import type { RelayConfig } from './config/relay-config.ts';
import { createRelay, type Relay, type RelayEvent } from './relay.ts';
import { version } from './version.ts';
import { webSocketDial } from './web-socket/web-socket-dial.ts';

const relays = new Set<Relay>();
const clients = new Set<Client>();

const open = (config: RelayConfig): Relay => {
  const relay = createRelay(config);
  relays.add(relay);
  return relay;
};

const dial = (port: number, token?: string): Client => {
  const client = createClient(webSocketDial(`ws://127.0.0.1:${port}`), { name: 'probe', reconnect: false, token });
  clients.add(client);
  return client;
};

afterEach(async () => {
  for (const client of clients) client.close();
  await Promise.all([...relays].map((relay) => relay.close()));
  relays.clear();
  clients.clear();
});

/** The error that `promise` rejects with. */
const failureOf = async (promise: Promise<unknown>): Promise<ClaspError> => {
  const error = await promise.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(ClaspError);
  return error as ClaspError;
};

/** Whether a TCP port can be bound. */
const isFree = (port: number, host = '127.0.0.1'): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createTcpServer();
    server.on('error', () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });

describe('createRelay', () => {
  it('passes values between clients over WebSocket and in the process', async () => {
    const relay = open({ port: 0, name: 'Venue' });
    const { port, urls } = await relay.ready;
    expect(urls).toEqual([`ws://localhost:${port}`]);

    const local = relay.client('desk');
    const heard = firstValueFrom(local.on('/fader/1').pipe(filter(({ kind }) => kind === 'param')));
    const remote = dial(port);
    expect((await remote.set('/fader/1', 0.5)).revision).toBe(1);
    expect(await heard).toMatchObject({ address: '/fader/1', value: 0.5 });
    expect(await firstValueFrom(remote.status.pipe(filter(({ state }) => state === 'connected')))).toMatchObject({
      relay: 'Venue',
    });
    expect(relay.stats()).toMatchObject({ sessions: 2, params: 1 });
  });

  it('lets a client of the process join before it listens', async () => {
    const relay = open({ port: 0 });
    const early = relay.client('early');
    expect((await early.set('/a', 1)).revision).toBe(1);
  });

  it('answers plain HTTP on the same port, on every address of localhost', async () => {
    const relay = open({ port: 0, name: 'Venue' });
    const { port } = await relay.ready;
    const hasIPv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'));
    for (const host of hasIPv6 ? ['127.0.0.1', '[::1]', 'localhost'] : ['127.0.0.1', 'localhost']) {
      expect(await (await fetch(`http://${host}:${port}/healthz`)).json()).toMatchObject({
        status: 'ok',
        name: 'Venue',
      });
    }
    const page = await fetch(`http://127.0.0.1:${port}/`, { headers: { accept: 'application/json' } });
    expect(await page.json()).toMatchObject({ name: 'Venue', version, urls: [`ws://localhost:${port}`], sessions: 0 });
  });

  it('counts who a person would count: with bridges, routes and HTTP requests, but nobody there, 0 sessions and 0 params', async () => {
    const relay = open({
      port: 0,
      bridges: [
        { type: 'osc', listen: '127.0.0.1:0' },
        { type: 'mqtt-server', port: 0 },
      ],
      routes: [{ from: '/a', to: '/b' }],
    });
    const { port, bridges } = await relay.ready;
    const told = async () =>
      (await fetch(`http://127.0.0.1:${port}/`, { headers: { accept: 'application/json' } })).json() as Promise<
        Record<string, unknown>
      >;
    const until = (expected: object) =>
      vi.waitFor(async () => expect(await told()).toMatchObject(expected), { timeout: 20_000, interval: 50 });
    await fetch(`http://127.0.0.1:${port}/v1/snapshot`);
    await until({ sessions: 0, params: 0, own: { sessions: expect.any(Number), params: 2 } });
    expect(Number(relay.stats().ownSessions)).toBeGreaterThan(2);
    expect((await (await fetch(`http://127.0.0.1:${port}/healthz`)).json()).sessions).toBe(0);

    const clasp = dial(port);
    await clasp.set('/fader', 1);
    await until({ sessions: 1, params: 1 });
    const json = new WebSocket(`ws://127.0.0.1:${port}/json`);
    await until({ sessions: 2 });
    const at = bridges.find(({ name }) => name === 'mqtt-server')?.address ?? '';
    const mqtt = await connectAsync(at, { clientId: 'lamp', reconnectPeriod: 0 });
    await until({ sessions: 3 });
    await mqtt.endAsync();
    json.close();
    clasp.close();
    await until({ sessions: 0, params: 1 });
  });

  it('tells what happens, from the start on', async () => {
    const relay = open({ port: 0, bridges: [{ type: 'osc', listen: '127.0.0.1:0' }] });
    const all = firstValueFrom(relay.events.pipe(toArray()));
    const { port, bridges } = await relay.ready;
    const client = dial(port);
    await client.set('/a', 1);
    const closed = firstValueFrom(relay.events.pipe(filter(({ type }) => type === 'session-closed')));
    client.close();
    await closed;
    await relay.close();

    const told = (await all).map((event: RelayEvent) => {
      if (event.type === 'bridge-ready') return `${event.type} ${event.bridge} ${event.address}`;
      return 'session' in event ? `${event.type} ${event.session.name}` : event.type;
    });
    expect(told).toContain(`bridge-ready osc ${bridges[0]?.address}`);
    expect(told).toContain('session-opened probe');
    expect(told).toContain('session-closed probe');
    expect(told).not.toContain('bridge-ended');
  });

  it('asks the given function what a token permits', async () => {
    const relay = open({
      port: 0,
      authenticate: (token) => {
        if (token !== 'secret') throw new ClaspError(ErrorCode.NotAuthenticated, 'not authenticated');
        return { scopes: ['write:/mine/**'] };
      },
    });
    const { port } = await relay.ready;
    expect((await dial(port, 'secret').set('/mine/a', 1)).revision).toBe(1);
    const closed = firstValueFrom(dial(port).status.pipe(filter(({ state }) => state === 'closed')));
    expect(await closed).toMatchObject({ reason: { code: ErrorCode.NotAuthenticated } });
  });

  it.each<[string, RelayConfig, unknown]>([
    ['a port', { port: 65_536 }, 'port must be from 0 to 65535, not 65536'],
    ['a limit', { port: 0, maxSessions: -1 }, 'maxSessions must be 0 or more, not -1'],
    [
      'a bridge',
      { port: 0, bridges: [{ type: 'carrier-pigeon' as 'osc' }] },
      expect.stringMatching(/^the type of a bridge must be .*osc.*, not "carrier-pigeon"$/),
    ],
    [
      'a name',
      {
        port: 0,
        bridges: [
          { type: 'osc', listen: 0 },
          { type: 'osc', listen: 0 },
        ],
      },
      'the name of a bridge must be used once, not "osc"',
    ],
  ])('throws at once when %s cannot work', (_, config, reason) => {
    expect(() => createRelay(config)).toThrow(expect.objectContaining({ code: ErrorCode.BadValue, reason }));
  });
});

describe('createRelay on a port in use', () => {
  it('says so in one line and leaves nothing open', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as AddressInfo;
    const osc = createSocket('udp4');
    await new Promise<void>((resolve) => osc.bind(0, '127.0.0.1', resolve));
    const oscPort = osc.address().port;
    await new Promise<void>((resolve) => osc.close(() => resolve()));

    const relay = open({ port, bridges: [{ type: 'osc', listen: oscPort }] });
    expect((await failureOf(relay.ready)).reason).toBe(`port ${port} on 127.0.0.1 is in use`);
    await new Promise((resolve) => taken.close(resolve));
    expect(await isFree(port)).toBe(true);
    await open({ port, bridges: [{ type: 'osc', listen: oscPort }] }).ready;
  });

  it('says so for the port of a bridge, and gives its own port back', async () => {
    const taken = createSocket('udp4');
    await new Promise<void>((resolve) => taken.bind(0, '127.0.0.1', resolve));
    const { port: oscPort } = taken.address();
    const probe = createServer();
    await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
    const { port } = probe.address() as AddressInfo;
    await new Promise((resolve) => probe.close(resolve));

    const relay = open({ port, bridges: [{ type: 'osc', listen: oscPort }] });
    expect((await failureOf(relay.ready)).reason).toBe(`bridge osc: UDP port ${oscPort} on 127.0.0.1 is in use`);
    expect(await isFree(port)).toBe(true);
    await new Promise<void>((resolve) => taken.close(() => resolve()));
  });
});

describe('the OSC bridge of a relay', () => {
  const addressOf = async (config: RelayConfig) => {
    const relay = open({ port: 0, ...config });
    return (await relay.ready).bridges[0]?.address ?? '';
  };

  it('is reached from this machine only while everything is on it', async () => {
    expect(await addressOf({ bridges: [{ type: 'osc', listen: 0, targets: ['localhost:9', '127.0.0.1:9'] }] })).toMatch(
      /^127\.0\.0\.1:\d+$/,
    );
  });

  it('is open to the network when the relay is, a target is elsewhere, or it is told so', async () => {
    for (const config of [
      { host: '0.0.0.0', bridges: [{ type: 'osc', listen: 0 }] },
      { bridges: [{ type: 'osc', listen: 0, targets: ['192.0.2.1:9'] }] },
      { bridges: [{ type: 'osc', listen: 0, host: '0.0.0.0' }] },
      { bridges: [{ type: 'osc', listen: '0.0.0.0:0' }] },
    ] as const) {
      expect(await addressOf(config)).toMatch(/^0\.0\.0\.0:\d+$/);
    }
  });
});

describe('closing a relay', () => {
  it('sends what was published, closes every session with 1001 and completes its events', async () => {
    const relay = open({ port: 0 });
    const { port } = await relay.ready;
    const remote = dial(port);
    const values: unknown[] = [];
    await new Promise<void>((synced) => {
      remote.on('/**', { synced }).subscribe((signal) => values.push('value' in signal && signal.value));
    });
    const peer = new Promise<string>((resolve) => {
      const webSocket = new WebSocket(`ws://127.0.0.1:${port}`, 'clasp');
      webSocket.on('close', (code, reason) => resolve(`${code} ${reason}`));
      webSocket.on('open', () => {
        const local = relay.client('local');
        for (let i = 0; i < 100; i++) local.set('/count', i);
        void relay.close();
      });
    });
    expect(await peer).toBe('1001 shutting down');
    await relay.close();
    expect(values.at(-1)).toBe(99);
    expect(await isFree(port)).toBe(true);
    await expect(firstValueFrom(relay.events, { defaultValue: 'completed' })).resolves.toBe('completed');
  });

  it('may come before it listens, and leaves nothing open', async () => {
    const relay = open({ port: 0, bridges: [{ type: 'osc', listen: 0 }] });
    const [addresses] = await Promise.all([relay.ready, relay.close()]);
    expect(await isFree(addresses.port)).toBe(true);
    expect(relay.close()).toBe(relay.close());
  });

  it('closes the clients of the process, also those made too late', async () => {
    const relay = open({ port: 0 });
    await relay.ready;
    const early = relay.client('early');
    await relay.close();
    const late = relay.client('late');
    for (const client of [early, late]) {
      expect(await firstValueFrom(client.status.pipe(filter(({ state }) => state === 'closed')))).toBeTruthy();
    }
  });

  it('cuts off a peer that does not answer', async () => {
    const relay = open({ port: 0 });
    const { port } = await relay.ready;
    const socket = connect(port, '127.0.0.1');
    await new Promise<void>((upgraded) => {
      socket.once('data', () => upgraded());
      socket.write(
        'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
          'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
      );
    });
    socket.on('error', () => socket.destroy());
    socket.pause();
    await relay.close();
    expect(await isFree(port)).toBe(true);
    socket.destroy();
  });

  it('cuts off a half-sent HTTP request', async () => {
    const relay = open({ port: 0 });
    const { port } = await relay.ready;
    const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost:'));
    socket.on('error', () => socket.destroy());
    await new Promise((connected) => socket.once('connect', connected));
    await relay.close();
    expect(await isFree(port)).toBe(true);
    socket.destroy();
  });
});
