import { throwError } from 'rxjs';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Client, ClientStatus } from '../../core/client/client.ts';
import { ClaspError } from '../../core/errors.ts';
import {
  answerOf,
  type ClientOnScript,
  clientOnScript,
  heardBy,
  redial,
  welcomedClient,
} from '../../testing/client-on-script.ts';
import { type ScriptedRelay, scriptedRelay } from '../../testing/scripted-relay.ts';
import { createClient } from './client.ts';
import type { ClientOptions } from './relay-client.ts';

let made: ClientOnScript;
let relay: ScriptedRelay;
let client: Client;

function start(options: ClientOptions = {}, how: typeof clientOnScript = welcomedClient): void {
  made = how(options);
  ({ relay, client } = made);
}

const inWords = (status: ClientStatus): string => {
  if (status.state === 'connecting') return `connecting ${status.attempt}`;
  if (status.state === 'disconnected') return `disconnected ${status.reason?.code} ${status.retryInMs}`;
  return status.state === 'closed' ? `closed ${status.reason?.code}` : status.state;
};

beforeEach(() => start());

describe('reconnecting', () => {
  it('waits longer after each failure, and begins anew after a session', () => {
    start({ reconnect: { initial: 100, max: 350 } }, clientOnScript);
    for (let i = 0; i < 4; i++) {
      relay.peer.close();
      redial(made);
    }
    relay.welcome();
    relay.peer.close();
    redial(made);
    expect(made.states.map(inWords)).toEqual([
      ...['connecting 1', 'disconnected undefined 100', 'connecting 2', 'disconnected undefined 200'],
      ...['connecting 3', 'disconnected undefined 350', 'connecting 4', 'disconnected undefined 350'],
      ...['connecting 5', 'connected', 'disconnected undefined 100', 'connecting 1'],
    ]);
  });

  it('waits a random part of the time, so that many clients do not come back at once', () => {
    const randoms = [0.5, 0.25, 0.75];
    start({ reconnect: { initial: 1_000 }, random: () => randoms.shift() ?? 0 }, clientOnScript);
    for (let i = 0; i < 3; i++) {
      relay.peer.close();
      redial(made);
    }
    expect(made.states.flatMap((status) => ('retryInMs' in status ? [status.retryInMs] : []))).toEqual([
      500, 500, 3_000,
    ]);
  });

  it('dials only when the wait is over', () => {
    relay.peer.close();
    relay.pass(499);
    expect(relay.peers).toHaveLength(1);
    relay.pass(1);
    expect(relay.peers).toHaveLength(2);
  });

  it('never gives up', () => {
    for (let i = 0; i < 200; i++) {
      relay.peer.close();
      redial(made);
    }
    expect(relay.peers).toHaveLength(201);
  });

  it('lets go of each wait that is over', () => {
    const schedule = vi.spyOn(relay.time, 'schedule');
    for (let i = 0; i < 50; i++) {
      relay.peer.close();
      redial(made);
      if (i % 2) relay.welcome();
    }
    expect(relay.peers).toHaveLength(51);
    expect(schedule.mock.results.filter(({ value }) => !value.closed)).toHaveLength(0);
  });

  it('also follows a dial that fails, and tells why', () => {
    const { time, pass } = scriptedRelay();
    const states: string[] = [];
    let dials = 0;
    const dial = throwError(() => {
      dials++;
      return new ClaspError(502, 'cannot reach');
    });
    const lost = createClient(dial, { scheduler: time, random: () => 1 });
    lost.status.subscribe((status) => states.push(inWords(status)));
    pass(1_600);
    expect(dials).toBe(3);
    expect(states).toEqual([
      'disconnected 502 500',
      'connecting 2',
      'disconnected 502 1000',
      'connecting 3',
      'disconnected 502 2000',
    ]);
    lost.close();
  });

  it.each([102, 300, 301, 302])('stops when the relay refuses with %i', (code) => {
    start({}, clientOnScript);
    const write = answerOf(client.set('/a', 1));
    const heard = heardBy(client, '/a');
    relay.peer.send({ type: 'ERROR', code, message: 'no' });
    expect(made.states.at(-1)).toMatchObject({ state: 'closed', reason: { code, reason: 'no' } });
    expect([write, heard, made.codes()]).toEqual([[code], ['complete'], [code]]);
    relay.pass(100_000);
    expect(relay.peers).toHaveLength(1);
  });

  it('stops when the connection is ended with such a code later, or the URL is none', () => {
    relay.peer.connection.outgoing.error(new ClaspError(302, 'token expired'));
    expect(made.states.at(-1)).toMatchObject({ state: 'closed', reason: { code: 302 } });
    const bad = createClient(throwError(() => new ClaspError(402, 'not a URL')));
    const states: string[] = [];
    bad.status.subscribe((status) => states.push(inWords(status)));
    expect(states).toEqual(['closed 402']);
  });

  it('goes on when the relay is full', () => {
    start({}, clientOnScript);
    relay.peer.send({ type: 'ERROR', code: 503, message: 'too many sessions' });
    expect(made.states.at(-1)).toMatchObject({ state: 'disconnected', reason: { code: 503 } });
  });

  it('does not happen when it is off', () => {
    start({ reconnect: false });
    const write = answerOf(client.set('/a', 1));
    relay.peer.close();
    expect(made.states.at(-1)).toEqual({ state: 'closed', reason: undefined });
    expect(write).toEqual([503]);
  });

  it('ends when the client is closed while it waits', () => {
    relay.peer.close();
    client.close();
    relay.pass(100_000);
    expect(relay.peers).toHaveLength(1);
  });
});
