import { of, Subject } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Client } from '../../core/client/client.ts';
import type { Connection } from '../../core/connection/connection.ts';
import { sink } from '../../core/signal/sink.ts';
import { decodeMessage, encodeMessage } from '../../core/wire/index.ts';
import type { Message } from '../../core/wire/message.ts';
import {
  answerOf,
  type ClientOnScript,
  change,
  clientOnScript,
  heardBy,
  redial,
  snapshot,
  state,
  welcomedClient,
} from '../../testing/client-on-script.ts';
import type { ScriptedRelay } from '../../testing/scripted-relay.ts';
import { createClient } from './client.ts';
import type { ClientOptions } from './relay-client.ts';

let made: ClientOnScript;
let relay: ScriptedRelay;
let client: Client;

function start(options: ClientOptions = {}, how: typeof clientOnScript = welcomedClient): void {
  made = how(options);
  ({ relay, client } = made);
}

beforeEach(() => start());

describe('after a reconnect', () => {
  it('subscribes again in the same order with the same ids and options, then repeats what was not answered', () => {
    client.on('/a/*', { maxRate: 10 }).subscribe();
    client.on('/b', { types: ['event'] }).subscribe();
    client.on('/left').subscribe().unsubscribe();
    client.set('/x', 1);
    client.get('/y');
    const said = relay.peer.take();
    relay.peer.close();
    client.set('/z', 2);
    redial(made);
    expect(relay.welcome()).toHaveLength(1);
    const [first, second] = said;
    expect(relay.peer.take()).toEqual([
      ...[first, second],
      { type: 'SET', address: '/x', value: 1 },
      { type: 'GET', address: '/y' },
      { type: 'SET', address: '/z', value: 2 },
    ]);
  });

  it('tells the snapshot anew, what is gone as null, and then that it is synced', () => {
    const heard: string[] = [];
    client.on('/a/*', { synced: () => heard.push('synced') }).subscribe((signal) => {
      if (signal.kind === 'param') heard.push(`${signal.address} ${signal.value} ${signal.snapshot === true}`);
    });
    relay.peer.send(snapshot(state('/a/1', 1, 40), state('/a/2', 2, 40), state('/b', 3, 40)));
    relay.confirm();
    heard.length = 0;
    relay.peer.close();
    expect(client.cached('/a/2')).toBe(2);
    redial(made);
    relay.welcome([state('/a/1', 5, 1)]);
    relay.peer.send(snapshot(state('/a/1', 5, 1)));
    relay.confirm();
    expect(heard).toEqual(['/a/1 5 true', '/a/2 null true', 'synced']);
    expect(client.cached('/a/2')).toBeUndefined();
    expect(client.cached('/b')).toBeUndefined();
    relay.peer.send(change('/a/2', 9, 1));
    expect(heard.at(-1)).toBe('/a/2 9 false');
  });

  it('does not tell what is gone to a subscriber that never heard it', () => {
    heardBy(client, '/a');
    relay.peer.send(snapshot(state('/a', 1, 1)));
    relay.confirm();
    relay.peer.close();
    const late = heardBy(client, '/**');
    redial(made);
    relay.welcome();
    relay.confirm();
    expect(late).toEqual([]);
  });

  it('has a new session and takes over the new time', () => {
    relay.pass(10_000);
    relay.peer.close();
    expect(client.session).toBeNull();
    redial(made);
    relay.welcome([], 'another');
    expect(client.session).toBe('another');
    expect(client.time()).toBe(1_000_000);
  });
});

describe('what is sent into a lost connection', () => {
  it('of writes repeats the newest to each address; the earlier ones are answered as it is', () => {
    const replies = [1, 2, 3].map((value) => answerOf(client.set('/a', value)));
    relay.peer.send({ type: 'ACK', address: '/a', revision: 1 });
    relay.peer.take();
    relay.peer.close();
    const offline = [4, 5].map((value) => client.set('/a', value));
    expect(offline[0]).toBe(offline[1]);
    replies.push(...offline.map(answerOf));
    redial(made);
    relay.welcome();
    expect(relay.confirm(8)).toEqual([{ type: 'SET', address: '/a', value: 5 }]);
    const acks = [1, 8, 8, 8, 8].map((revision) => [{ address: '/a', revision }]);
    expect(replies).toEqual(acks);
  });

  it('keeps a lock and a TTL that an earlier write asked for, and has nothing left to unlock', () => {
    client.set('/a', 1, { lock: true, ttl: 9 });
    client.set('/b', 1, { unlock: true });
    relay.peer.take();
    relay.peer.close();
    client.set('/a', 2);
    client.set('/c', 1, { lock: true });
    client.set('/c', 2, { unlock: true });
    redial(made);
    relay.welcome();
    expect(relay.peer.take()).toEqual([
      { type: 'SET', address: '/b', value: 1 },
      { type: 'SET', address: '/a', value: 2, lock: true, ttl: { seconds: 9, mode: 'sliding' } },
      { type: 'SET', address: '/c', value: 2, lock: true },
    ]);
  });

  it('fails a write that compared a revision when a newer one takes its place', () => {
    const compared = answerOf(client.set('/a', 1, { revision: 5 }));
    relay.peer.close();
    const newer = answerOf(client.set('/a', 2));
    expect(compared).toEqual([400]);
    redial(made);
    relay.welcome();
    expect(relay.confirm()).toEqual([{ type: 'SET', address: '/a', value: 2 }]);
    expect(newer).toEqual([{ address: '/a', revision: 1 }]);
  });

  it('does not repeat a write that failed with 502 before', () => {
    const late = answerOf(client.set('/a', 1));
    relay.pass(10_000);
    relay.peer.close();
    redial(made);
    relay.welcome();
    expect([relay.peer.take(), late]).toEqual([[], [502]]);
  });

  it('writes wait as long as it takes; gets until their 5 s are over', () => {
    const write = answerOf(client.set('/a', 1));
    const get = answerOf(client.get('/b'));
    relay.peer.close();
    relay.pass(4_000);
    const offline = answerOf(client.get('/c'));
    expect([write, get, offline]).toEqual([[], [], []]);
    relay.pass(1_000);
    expect([write, get, offline]).toEqual([[], [502], []]);
    relay.pass(4_000);
    expect(offline).toEqual([502]);
    relay.pass(3_600_000);
    expect(write).toEqual([]);
  });

  it('a query asks again, and forgets what it had found', () => {
    const query = answerOf(client.query('/**'));
    relay.peer.send({ type: 'RESULT', signals: [{ address: '/a', type: 'param' }] });
    relay.peer.close();
    redial(made);
    relay.welcome();
    relay.peer.send({ type: 'RESULT', signals: [{ address: '/b', type: 'param' }] });
    relay.peer.send({ type: 'PONG' });
    expect(query).toEqual([[{ address: '/b', type: 'param' }]]);
  });

  it('events, timelines and bundles are repeated in the order they were asked for', () => {
    const sent = [client.emit('/a'), client.timeline('/b', []), client.bundle([{ set: ['/c', 1] }])].map(answerOf);
    const said = relay.peer.take();
    relay.peer.close();
    const offline = answerOf(client.emit('/d'));
    redial(made);
    relay.welcome();
    const repeated = relay.peer.take();
    expect(repeated.slice(0, 3)).toEqual(said);
    for (const address of ['/a', '/b', '/c', '/d']) relay.peer.send({ type: 'ACK', address });
    expect([...sent, offline]).toEqual(['/a', '/b', '/c', '/d'].map((address) => [{ address }]));
    relay.peer.close();
    redial(made);
    relay.welcome();
    expect(relay.peer.take()).toEqual([]);
  });

  it('events and bundles wait for 290 s since they were asked for, however often the connection was lost', () => {
    const event = answerOf(client.emit('/a'));
    const bundle = answerOf(client.bundle([{ set: ['/b', 1] }]));
    relay.pass(5_000);
    relay.peer.close();
    relay.pass(284_999);
    expect([event, bundle]).toEqual([[], []]);
    relay.pass(1);
    expect([event, bundle]).toEqual([[502], [502]]);
  });
});

describe('what is asked before the first connection', () => {
  it('waits for it and is sent in order, events too', () => {
    start({}, clientOnScript);
    client.emit('/cue');
    client.set('/a', 1);
    client.get('/a');
    client.set('/b', 1);
    client.set('/a', 2);
    relay.welcome();
    expect(
      relay.peer.take().map((message) => `${message.type} ${'address' in message ? message.address : ''}`),
    ).toEqual([...['PUBLISH /cue', 'GET /a', 'SET /b', 'SET /a']]);
  });

  it('fails with 503 beyond the limit, except a write to an address that waits already', () => {
    start({ maxWaiting: 2 }, clientOnScript);
    const replies = ['/a', '/b', '/c', '/a'].map((address) => answerOf(client.set(address, 1)));
    const event = answerOf(client.emit('/d'));
    expect([...replies, event]).toEqual([[], [], [503], [], [503]]);
    expect(made.codes()).toEqual([503, 503]);
    relay.welcome();
    expect(relay.confirm()).toHaveLength(2);
  });

  it('stays in order when an answer brings a new request while it is being sent', () => {
    const incoming = new Subject<Uint8Array>();
    const written: string[] = [];
    const answering: Connection = {
      id: 'answers-from-within',
      incoming,
      saturated: of(false),
      outgoing: sink({
        write: (frame: Uint8Array) => {
          const { message } = decodeMessage(frame);
          const answer = (said: Message) => incoming.next(encodeMessage(said));
          if (message.type === 'HELLO') {
            answer({ type: 'WELCOME', version: 1, session: 's', name: 'r', features: [], time: 0 });
          } else if (message.type === 'SET') {
            written.push(`${message.address} ${message.value}`);
            answer({ type: 'ACK', address: message.address, revision: written.length });
          }
        },
      }),
    };
    const dial = new Subject<Connection>();
    const early = createClient(dial, { scheduler: relay.time, acknowledges: true });
    early.set('/a', 1).subscribe(() => early.set('/b', 9));
    early.set('/b', 1);
    dial.next(answering);
    expect(written).toEqual(['/a 1', '/b 9']);
  });
});
