import { firstValueFrom, Subject, type Subscription } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { encodeMessage } from '../core/wire/index.ts';
import { type Router, router } from '../operators/router/router.ts';
import { Clasp } from './clasp.ts';
import { webSocketListener } from './web-socket/web-socket-listener.ts';

let relay: Router;
let running: Subscription;
let url: string;

const until = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 5 });

beforeEach(async () => {
  const bound = new Subject<string>();
  const ready = firstValueFrom(bound);
  relay = router();
  const onListening = ({ port }: { port: number }) => bound.next(`ws://127.0.0.1:${port}`);
  running = relay(webSocketListener({ port: 0, host: '127.0.0.1', onListening })).subscribe();
  url = await ready;
});
afterEach(() => running.unsubscribe());

describe('Clasp, beyond the published client', () => {
  it('takes what is asked before connect, and what was subscribed before close after the next connect', async () => {
    const log: string[] = [];
    const client = new Clasp(url, { reconnect: false });
    client.on('/a', (value) => log.push(`heard ${value}`));
    client.set('/a', 1);
    await client.connect();
    await until(() => expect(log).toEqual(['heard 1']));
    client.close();
    await client.connect();
    relay.client('desk').set('/a', 2);
    await until(() => expect(log.at(-1)).toBe('heard 2'));
    await client.connect(); // is connected already
    expect(client.connected).toBe(true);
    client.close();
  });

  it('tells onError what failed on this side, and keeps relay errors for getLastError', async () => {
    const errors: Error[] = [];
    const client = new Clasp(url, { reconnect: false });
    client.onError((error) => errors.push(error));
    await client.connect();
    client.on('/a', () => {
      throw new Error('broken callback');
    });
    client.set('/a', 1);
    client.set('no-slash', 1);
    await until(() => expect(errors).toHaveLength(2));
    expect(errors).toEqual([
      expect.objectContaining({ code: 200 }),
      expect.objectContaining({ code: 500, reason: 'broken callback' }),
    ]);
    expect(client.getLastError()).toBeNull();
    client.close();
  });

  it('gets what somebody else wrote after its own write', async () => {
    const client = new Clasp(url, { reconnect: false });
    await client.connect();
    client.set('/a', 1);
    await until(() => expect(relay.stats().params).toBe(1));
    await relay.client('desk').set('/a', 2);
    expect(await client.get('/a')).toBe(2);
    client.close();
  });

  it('lets a callback unsubscribe at the first value, also where its pattern is subscribed to already', async () => {
    const client = new Clasp(url, { reconnect: false });
    await client.connect();
    const heard: unknown[] = [];
    client.on('/a', (value) => heard.push(value));
    client.set('/a', 1);
    await until(() => expect(heard).toEqual([1]));
    const first = await new Promise((resolve) => {
      const leave = client.on('/a', (value) => {
        leave();
        resolve(value);
      });
    });
    expect(first).toBe(1);
    client.close();
  });

  it('tells onError what another callback throws, and goes on', async () => {
    const log: string[] = [];
    const client = new Clasp(url, { reconnect: false });
    const broken = (what: string) => () => {
      throw new Error(what);
    };
    client.onError(({ message }) => log.push(message));
    client.onConnect(broken('in onConnect'));
    client.onConnect(() => log.push('connected'));
    client.onDisconnect(broken('in onDisconnect'));
    client.onDisconnect(() => log.push('disconnected'));
    await client.connect();
    client.close();
    await until(() => expect(log.at(-1)).toBe('disconnected'));
    expect(log).toEqual(['[500] in onConnect', 'connected', '[500] in onDisconnect', 'disconnected']);
  });

  it('gathers what was announced', async () => {
    const client = new Clasp(url, { reconnect: false });
    await client.connect();
    client.on('/dev/**', () => undefined);
    await until(() => expect(relay.stats().subscriptions).toBe(1));
    const bridge = new WebSocket(url, 'clasp');
    await new Promise((resolve) => bridge.on('open', resolve));
    bridge.send(encodeMessage({ type: 'HELLO', version: 1, name: 'bridge', features: [] }));
    const signals = [
      { address: '/dev/a', type: 'param' as const },
      { address: '/dev/b', type: 'event' as const },
    ];
    bridge.send(encodeMessage({ type: 'ANNOUNCE', signals }, { qos: 1 }));
    await until(() => expect(client.getSignals()).toEqual(signals.map((signal) => expect.objectContaining(signal))));
    expect(client.querySignals('/dev/b')).toHaveLength(1);
    expect(client.querySignals('/dev/*')).toHaveLength(2);
    bridge.close();
    client.close();
  });
});
