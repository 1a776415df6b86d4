import { of } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Client } from '../../core/client/client.ts';
import { memoryPair } from '../../core/connection/memory-pair.ts';
import { encodeMessage } from '../../core/wire/index.ts';
import type { Message } from '../../core/wire/message.ts';
import { answerOf, type ClientOnScript, clientOnScript, welcomedClient } from '../../testing/client-on-script.ts';
import type { ScriptedRelay } from '../../testing/scripted-relay.ts';
import { wirePeer } from '../../testing/wire-peer.ts';
import { createClient } from './client.ts';
import type { ClientOptions } from './relay-client.ts';

let made: ClientOnScript;
let relay: ScriptedRelay;
let client: Client;

/** A client that has been welcomed, unless told otherwise, and a relay with nothing left to read. */
function start(how: typeof clientOnScript = welcomedClient, options: ClientOptions = {}): void {
  made = how(options);
  ({ relay, client } = made);
}

beforeEach(() => start());

const types = (messages: readonly Message[]) => messages.map(({ type }) => type);

describe('greeting', () => {
  it('sends HELLO with version, name, features and token, and nothing before WELCOME', () => {
    start(clientOnScript, { name: 'desk', token: 'secret', features: ['param'] });
    client.set('/a', 1);
    client.stream('/b', 1);
    client.on('/**').subscribe();
    expect(relay.peer.take()).toEqual([
      { type: 'HELLO', version: 1, name: 'desk', features: ['param', 'narrow'], token: 'secret' },
    ]);
    expect(client.session).toBeNull();
  });

  it('is connected from WELCOME on, under the session it names', () => {
    expect(made.states).toEqual([
      { state: 'connecting', attempt: 1 },
      { state: 'connected', session: 'session-1', relay: 'scripted' },
    ]);
    expect(client.session).toBe('session-1');
  });

  it('gives up a connection that is not welcomed within 10 s', () => {
    start(clientOnScript);
    relay.pass(9_999);
    expect(relay.peer.ended).toBeUndefined();
    relay.pass(1);
    expect(relay.peer.ended).toBe('closed');
    expect(made.states.at(-1)).toMatchObject({ state: 'disconnected', reason: { code: 502 }, retryInMs: 500 });
  });

  it('works over a connection that is just there', () => {
    const [here, there] = memoryPair();
    const peer = wirePeer(there);
    const direct = createClient(of(here), { scheduler: relay.time });
    peer.send({ type: 'WELCOME', version: 1, session: 's', name: 'r', features: [], time: 0 });
    direct.set('/a', 1);
    expect(types(peer.take())).toEqual(['HELLO', 'SYNC', 'SET']);
    direct.close();
    expect(peer.ended).toBe('closed');
  });
});

describe('the time', () => {
  it("is the relay's at WELCOME plus what has passed, in whole microseconds", () => {
    expect(client.time()).toBe(1_000_000);
    relay.pass(250);
    expect(client.time()).toBe(1_250_000);
  });

  it('does not go back while connected, whatever the clock does', () => {
    relay.pass(100);
    const before = client.time();
    relay.time.frame -= 90;
    expect(client.time()).toBe(before);
    relay.pass(200);
    expect(client.time()).toBe(1_210_000);
  });
});

describe('what the relay sends', () => {
  it('a PING is answered by PONG', () => {
    relay.peer.take();
    relay.peer.send({ type: 'PING' });
    expect(relay.peer.take()).toEqual([{ type: 'PONG' }]);
  });

  it('what cannot be understood is counted and told, and the session goes on', () => {
    relay.peer.sendBytes(new Uint8Array([1, 2, 3]));
    relay.peer.sendBytes(new Uint8Array([0x53, 1, 0, 1, 0x77]));
    expect(made.codes()).toEqual([100, 101]);
    expect(client.counts.badFrames).toBe(2);
    expect(client.session).toBe('session-1');
  });

  it('an ERROR about nothing in particular only appears on errors', () => {
    const reply = answerOf(client.set('/a', 1));
    relay.peer.send({ type: 'ERROR', code: 429, message: 'slow down' });
    expect(made.codes()).toEqual([429]);
    expect(reply).toEqual([]);
  });

  it('answers to nothing are ignored', () => {
    relay.peer.send({ type: 'ACK', address: '/a', revision: 1 });
    relay.peer.send({ type: 'ACK', correlationId: 99 });
    relay.peer.send({ type: 'PONG' });
    relay.peer.send({ type: 'RESULT', signals: [] });
    relay.peer.send({ type: 'ERROR', code: 400, message: 'x', correlationId: 99 });
    expect(made.codes()).toEqual([400]);
  });

  it('every message passes onMessage, and one that throws harms nobody', () => {
    const seen: string[] = [];
    start(welcomedClient, {
      onMessage: ({ type }) => {
        seen.push(type);
        throw new Error('tool is broken');
      },
    });
    relay.peer.sendBytes(encodeMessage({ type: 'BUNDLE', messages: [{ type: 'SET', address: '/a', value: 1 }] }));
    expect(seen).toEqual(['SNAPSHOT', 'BUNDLE']);
    expect(made.codes()).toEqual([500, 500]);
    expect(client.cached('/a')).toBe(1);
  });
});

describe('close', () => {
  it('says goodbye after what was handed over, fails what is open, completes what listens', () => {
    relay.peer.take();
    const reply = answerOf(client.set('/a', 1));
    let completed = 0;
    const count = { complete: () => completed++ };
    client.on('/**').subscribe(count);
    client.errors.subscribe(count);
    client.status.subscribe(count);
    client.close();
    expect(types(relay.peer.take())).toEqual(['SET', 'SUBSCRIBE']);
    expect(relay.peer.ended).toBe('closed');
    expect(reply).toEqual([503]);
    expect(completed).toBe(3);
    expect(made.states.at(-1)).toEqual({ state: 'closed', reason: undefined });
    expect(client.session).toBeNull();
    relay.pass(100_000);
    expect(relay.peers).toHaveLength(1);
  });

  it('is final, and tells those who come later', () => {
    client.close();
    client.close();
    const late: unknown[] = [];
    client.status.subscribe({ next: (status) => late.push(status), complete: () => late.push('complete') });
    client.on('/**').subscribe({ complete: () => late.push('complete') });
    expect(late).toEqual([{ state: 'closed', reason: undefined }, 'complete', 'complete']);
    expect(answerOf(client.set('/a', 1))).toEqual([503]);
    expect(answerOf(client.get('/a'))).toEqual([503]);
    client.stream('/a', 1);
    expect(client.counts.dropped).toBe(1);
  });

  it('leaves no timer behind', () => {
    client.set('/a', 1);
    client.get('/b');
    client.close();
    expect(relay.time.actions.filter(({ closed }) => !closed)).toEqual([]);
  });
});

describe('a failure that nobody asked about', () => {
  it('raises nothing', async () => {
    const raised: unknown[] = [];
    const raise = (error: unknown) => raised.push(error);
    process.on('unhandledRejection', raise).on('uncaughtException', raise);
    try {
      const quiet = createClient(relay.dial, { scheduler: relay.time });
      quiet.set('no-slash', 1);
      quiet.set('/a', 1);
      quiet.emit('/b', 1);
      quiet.get('/c');
      quiet.on('bad//pattern', () => undefined);
      relay.welcome();
      relay.peer.sendBytes(new Uint8Array(3));
      relay.peer.send({ type: 'ERROR', code: 401, message: 'held', address: '/a' });
      relay.pass(20_000);
      quiet.close();
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(raised).toEqual([]);
    } finally {
      process.off('unhandledRejection', raise).off('uncaughtException', raise);
    }
  });
});
