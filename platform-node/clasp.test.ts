import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import * as published from '@clasp-to/core';
import { firstValueFrom, Subject, type Subscription } from 'rxjs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { ClaspError } from '../core/errors.ts';
import { decodeMessage, encodeMessage } from '../core/wire/index.ts';
import type { Message } from '../core/wire/message.ts';
import { CallbackClient } from '../operators/client/callback-client.ts';
import { type Router, type RouterOptions, router } from '../operators/router/router.ts';
import * as ours from './clasp.ts';
import { webSocketDial } from './web-socket/web-socket-dial.ts';
import { webSocketListener } from './web-socket/web-socket-listener.ts';

// The same program, once with the published client and once with ours, has to tell the same story.

type Library = Pick<typeof published, 'Clasp' | 'ClaspBuilder'>;
type Program = (library: Library, log: string[]) => Promise<void>;

let relay: Router;
let running: Subscription;
let url: string;

async function start(options: RouterOptions = {}, port = 0): Promise<void> {
  const bound = new Subject<string>();
  const ready = firstValueFrom(bound);
  relay = router(options);
  const listener = webSocketListener({
    port,
    host: '127.0.0.1',
    onListening: (at) => bound.next(`ws://127.0.0.1:${at.port}/clasp`),
  });
  running = relay(listener).subscribe();
  url = await ready;
}

/** A WebSocket server that is no relay. */
async function bareServer(): Promise<[WebSocketServer, port: number]> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'clasp' });
  await once(server, 'listening');
  return [server, (server.address() as AddressInfo).port];
}

/** Runs a program with both libraries, each against a fresh relay, and gives both logs. */
async function both(program: Program, options?: RouterOptions): Promise<[published: string[], ours: string[]]> {
  const logs: string[][] = [];
  for (const library of [published, ours as unknown as Library]) {
    running.unsubscribe();
    await start(options);
    const log: string[] = [];
    await program(library, log);
    logs.push(log);
  }
  return logs as [string[], string[]];
}

const until = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 5 });
const logged = (log: string[], line: string, times = 1) =>
  until(() => expect(log.filter((said) => said === line).length).toBeGreaterThanOrEqual(times));
/** Without the code that our errors put before their reason. */
const reasonOf = (error: unknown) => (error as Error).message.replace(/^\[\d+\] /, '');

beforeAll(() => {
  vi.stubGlobal('WebSocket', WebSocket);
  for (const method of ['debug', 'error', 'warn'] as const) vi.spyOn(console, method).mockReturnValue();
});
afterAll(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});
beforeEach(() => start());
afterEach(() => running.unsubscribe());

describe('a program written for the published client', () => {
  it('subscribes, writes, emits, streams and gestures', async () => {
    const [expected, actual] = await both(async ({ Clasp, ClaspBuilder }, log) => {
      const desk = await new ClaspBuilder(url).withName('desk').withReconnect(false).connect();
      const show = await Clasp.builder(url).name('show').features(['param', 'event']).reconnect(false).connect();
      log.push(`${desk.connected} ${typeof desk.session} ${Math.abs(desk.time() - Date.now() * 1000) < 3_600_000_000}`);

      const say = (name: string) => (value: unknown, address: string, meta?: { revision: number }) =>
        log.push(`${name} ${address} ${JSON.stringify(value)} ${meta?.revision}`);
      desk.set('/mixer/1', 0.5);
      await until(() => expect(relay.stats().params).toBe(1));
      const leave = show.on('/mixer/*', say('mixer'), { maxRate: 1_000 });
      await logged(log, 'mixer /mixer/1 0.5 1');
      show.subscribe('/**', say('all'));
      await logged(log, 'all /mixer/1 0.5 1');

      desk.set('/mixer/2', { name: 'bass', gains: [1, -2.5, true, null] });
      desk.set('/mixer/2', null);
      desk.emit('/cue', { go: 1 });
      desk.emit('/cue');
      desk.stream('/level', 0.25);
      desk.gesture('/pen', 7, 'start', { x: 1 });
      desk.gesture('/pen', 7, 'end', { x: 2 });
      desk.set('/done', 'now');
      await logged(log, 'all /done "now" undefined');
      leave();
      await until(() => expect(relay.stats().subscriptions).toBe(1));
      desk.set('/mixer/3', 'after');
      await logged(log, 'all /mixer/3 "after" undefined');

      log.push(`get ${await show.get('/mixer/1')} ${await show.get('/mixer/none')}`);
      log.push(`cached ${show.cached('/mixer/3')} ${show.cached('/never')} ${show.getLastError()}`);
      desk.close();
      show.close();
    });
    // The published client tells every snapshot to everybody: to those who know it, and that a GET found nothing.
    expected.splice(expected.indexOf('mixer /mixer/1 0.5 1', expected.indexOf('mixer /mixer/1 0.5 1') + 1), 1);
    expected.splice(expected.indexOf('all /mixer/none null 0'), 1);
    expect(actual).toEqual(expected);
    expect(actual).toContain('all /pen {"x":2,"phase":"end","gestureId":7} undefined');
  });

  it('builds with every option, and reads them back', async () => {
    const [expected, actual] = await both(async ({ ClaspBuilder }, log) => {
      const builder = new ClaspBuilder(url.replace(/\d+/g, '0'))
        .withName('a')
        .withFeatures(['param'])
        .withToken('t')
        .withReconnect(false, 70)
        .reconnectInterval(80)
        .reconnect(true);
      log.push(JSON.stringify([builder.getUrl(), builder.getName(), builder.getFeatures(), builder.getToken()]));
      log.push(JSON.stringify([builder.getReconnect(), builder.getReconnectInterval(), builder.getOptions()]));
      log.push(JSON.stringify(new ClaspBuilder('x').name('n').features([]).token('t').getOptions()));
    });
    expect(actual).toEqual(expected);
  });

  it('hears connect before its await goes on, and disconnect after close', async () => {
    const [expected, actual] = await both(async ({ Clasp }, log) => {
      const client = new Clasp(url, { reconnect: false });
      log.push(`${client.connected} ${client.session}`);
      client.onConnect(() => log.push('connect 1'));
      client.onConnect(() => log.push('connect 2'));
      client.onDisconnect((reason) => log.push(`disconnect "${reason}"`));
      await client.connect();
      log.push('connected');
      client.close();
      log.push(`closed ${client.connected}`);
      await logged(log, 'disconnect ""');
    });
    expect(actual).toEqual(expected);
  });

  it('is told in order when nobody listens', async () => {
    const [expected, actual] = await both(async ({ Clasp }, log) => {
      running.unsubscribe();
      const client = new Clasp('ws://127.0.0.1:9', { reconnect: false });
      client.onError(() => log.push('error'));
      client.onDisconnect(() => log.push('disconnect'));
      await client.connect().catch(() => log.push('rejected'));
    });
    expect(actual).toEqual(expected);
    expect(actual).toEqual(['error', 'disconnect', 'rejected']);
  });

  it('is told in order, and with the reason, when the relay refuses it', async () => {
    const refuse = () => {
      throw new ClaspError(300, 'unknown token');
    };
    const program: Program = async ({ Clasp }, log) => {
      const client = new Clasp(url, { reconnect: false, token: 'wrong' });
      client.onError(() => log.push('error'));
      client.onDisconnect((reason) => log.push(`disconnect "${reason}"`));
      await client.connect().catch((error) => log.push(`rejected ${reasonOf(error)}`));
      const { code, message } = client.getLastError() ?? {};
      log.push(`last ${code} ${message}`);
      client.clearError();
      log.push(`last ${client.getLastError()}`);
    };
    const [expected, actual] = await both(program, { authenticate: refuse });
    expect(actual).toEqual(expected);
    expect(actual).toEqual([
      'disconnect "unknown token"',
      'rejected unknown token',
      'last 300 unknown token',
      'last null',
    ]);
  });

  it('is told when the relay does not answer in time', async () => {
    const [silent, port] = await bareServer();
    const [expected, actual] = await both(async ({ Clasp }, log) => {
      const client = new Clasp(`ws://127.0.0.1:${port}`, { reconnect: false });
      client.onError((error) => log.push(`error ${reasonOf(error)}`));
      client.onDisconnect((reason) => log.push(`disconnect "${reason}"`));
      await client.connect(300).catch((error) => log.push(`rejected ${reasonOf(error)}`));
      await logged(log, 'disconnect ""');
    });
    silent.close();
    expect(actual).toEqual(expected);
  });

  it('comes back after the relay restarts, and hears again', async () => {
    const [expected, actual] = await both(async ({ Clasp }, log) => {
      // With all of the wait, as the published client has it.
      const platform = { dial: webSocketDial, random: () => 1 };
      const client =
        Clasp === published.Clasp
          ? new Clasp(url, { reconnectInterval: 300 })
          : new CallbackClient(url, { reconnectInterval: 300 }, platform);
      client.onConnect(() => log.push('connect'));
      client.onDisconnect(() => log.push('disconnect'));
      client.onReconnect((attempt) => log.push(`reconnect ${attempt}`));
      await client.connect();
      client.on('/a', (value) => log.push(`heard ${value}`));
      await until(() => expect(relay.stats().subscriptions).toBe(1));

      const port = Number(new URL(url).port);
      running.unsubscribe();
      await logged(log, 'disconnect');
      await start({}, port);
      await logged(log, 'connect', 2);
      await until(() => expect(relay.stats().subscriptions).toBe(1));
      relay.client('desk').set('/a', 1);
      await logged(log, 'heard 1');
      client.close();
      await logged(log, 'disconnect', 2);
    });
    expect(actual).toEqual(expected);
    expect(actual).toEqual(['connect', 'disconnect', 'reconnect 1', 'connect', 'heard 1', 'disconnect']);
  });

  it('connects again out of onDisconnect, and is told that it has', async () => {
    const [expected, actual] = await both(async ({ Clasp }, log) => {
      const client = new Clasp(url, { reconnect: false });
      await client.connect();
      client.onDisconnect(() => {
        if (log.push('disconnect') > 1) return;
        const told = (what: string) => () => log.push(what);
        client.connect().then(told('connected'), told('rejected'));
      });
      running.unsubscribe();
      await start({}, Number(new URL(url).port));
      await until(() => expect(log).toHaveLength(2));
      client.close();
      await logged(log, 'disconnect', 2);
    });
    expect(actual).toEqual(expected);
    expect(actual).toEqual(['disconnect', 'connected', 'disconnect']);
  });

  it('says the same on the wire', async () => {
    const [expected, actual] = await both(async ({ Clasp }, log) => {
      const [server, port] = await bareServer();
      server.on('connection', (socket) => {
        socket.on('message', (data: Buffer) => {
          const { message, qos } = decodeMessage(new Uint8Array(data));
          if (message.type === 'SYNC' || message.type === 'PING') return; // only ours asks for the time, and for ACKs
          log.push(`${onTheWire(message)} qos ${message.type === 'SUBSCRIBE' ? 'any' : qos}`);
          const welcome = { type: 'WELCOME', version: 1, session: 's', name: 'r', features: [], time: 1 } as const;
          if (message.type === 'HELLO') socket.send(encodeMessage(welcome));
        });
      });
      const client = new Clasp(`ws://127.0.0.1:${port}`, { name: 'n', token: 't', reconnect: false });
      await client.connect();
      const leave = client.on('/a/*', () => undefined, { maxRate: 30, epsilon: 0.5 });
      client.set('/a', [1, 'x', { y: null }]);
      client.emit('/e', { z: 1 });
      client.emit('/e');
      client.stream('/s', 2);
      client.gesture('/g', 4_000_000_000, 'cancel', { x: 1 });
      client.timeline('/t', [{ time: 0, value: 1 }], { startTime: 77 });
      client.bundle([{ set: ['/b', 1] }, { emit: ['/e', 2] }], { at: 99 });
      void client.get('/missing').catch(() => undefined);
      leave();
      await until(() => expect(log.at(-1)).toContain('UNSUBSCRIBE'));
      client.close();
      server.close();
    });
    expect(actual).toEqual(expected);
  });

  it('reports a bundle part that is none', async () => {
    const [expected, actual] = await both(async ({ Clasp }, log) => {
      const client = new Clasp(url, { reconnect: false });
      try {
        client.bundle([{}]);
      } catch (error) {
        log.push(reasonOf(error));
      }
    });
    expect(actual).toEqual(expected);
  });
});

/** A message without what differs by design: when it was said, and the keyframes that the published codec leaves out. */
function onTheWire(message: Message): string {
  if (message.type !== 'PUBLISH') return JSON.stringify(message);
  const { timestamp, ...rest } = message;
  const isTimeline = message.signal === 'timeline';
  return JSON.stringify(
    isTimeline ? { ...rest, value: undefined, timestamp } : { ...rest, timed: timestamp !== undefined },
  );
}
