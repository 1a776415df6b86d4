import { beforeEach, describe, expect, it } from 'vitest';
import type { Client } from '../../core/client/client.ts';
import { answerOf, type ClientOnScript, clientOnScript, welcomedClient } from '../../testing/client-on-script.ts';
import type { ScriptedRelay } from '../../testing/scripted-relay.ts';

let made: ClientOnScript;
let relay: ScriptedRelay;
let client: Client;

/** A client that has been welcomed, unless told otherwise, and a relay with nothing left to read. */
function start(how: typeof clientOnScript = welcomedClient): void {
  made = how();
  ({ relay, client } = made);
}

beforeEach(() => start());

describe('set', () => {
  it('sends at QoS 1 with what was asked for, and answers with the ACK', () => {
    const plain = answerOf(client.set('/a', 1));
    const locked = answerOf(client.set('/a', 2, { lock: true, revision: 1, ttl: 30 }));
    const absolute = answerOf(client.set('/b', 3, { unlock: true, ttl: { seconds: 5, mode: 'absolute' } }));
    expect(relay.peer.take()).toEqual([
      { type: 'SET', address: '/a', value: 1 },
      { type: 'SET', address: '/a', value: 2, lock: true, revision: 1, ttl: { seconds: 30, mode: 'sliding' } },
      { type: 'SET', address: '/b', value: 3, unlock: true, ttl: { seconds: 5, mode: 'absolute' } },
    ]);
    expect(plain).toEqual([]);
    relay.peer.send({ type: 'ACK', address: '/a', revision: 1 });
    relay.peer.send({ type: 'ACK', address: '/a', revision: 2, locked: true, holder: 'session-1' });
    relay.peer.send({ type: 'ACK', address: '/b', revision: 9, locked: false });
    expect(plain).toEqual([{ address: '/a', revision: 1 }]);
    expect(locked).toEqual([{ address: '/a', revision: 2, locked: true, holder: 'session-1' }]);
    expect(absolute).toEqual([{ address: '/b', revision: 9, locked: false }]);
  });

  it('fails with the error of the relay, which also appears on errors', () => {
    const refused = answerOf(client.set('/a', 1));
    const accepted = answerOf(client.set('/a', 2));
    relay.peer.send({ type: 'ERROR', code: 401, message: 'held by x', address: '/a' });
    relay.peer.send({ type: 'ACK', address: '/a', revision: 2 });
    expect(refused).toEqual([401]);
    expect(accepted).toEqual([{ address: '/a', revision: 2 }]);
    expect(made.errors).toEqual([expect.objectContaining({ code: 401, reason: 'held by x', address: '/a' })]);
  });

  it('is not answered by what the relay says of a value there that no frame holds; a get is', () => {
    const written = answerOf(client.set('/a', 1));
    const said = answerOf(client.emit('/a', 1));
    const asked = answerOf(client.get('/a'));
    relay.peer.send({ type: 'ERROR', code: 501, message: 'the value of /a takes 70000 bytes', address: '/a' });
    expect([written, said, asked]).toEqual([[], [], [501]]);
    relay.peer.send({ type: 'ACK', address: '/a', revision: 2 });
    relay.peer.send({ type: 'ACK', address: '/a' });
    expect([written, said]).toEqual([[{ address: '/a', revision: 2 }], [{ address: '/a' }]]);
    expect(made.codes()).toEqual([501]);
  });

  it('fails at once with 200 for what is no address and 402 for what is no value, and sends nothing', () => {
    relay.peer.take();
    expect(answerOf(client.set('no-slash', 1))).toEqual([200]);
    expect(answerOf(client.set('/a', (() => 1) as never))).toEqual([402]);
    expect(answerOf(client.set('/a', 'x'.repeat(70_000)))).toEqual([402]);
    expect(answerOf(client.get('/a/*'))).toEqual([200]);
    expect(answerOf(client.emit('/a//b'))).toEqual([200]);
    expect(answerOf(client.query('nothing'))).toEqual([202]);
    expect(answerOf(client.bundle([{ set: ['/a', 1] }, { emit: ['b', 1] }]))).toEqual([200]);
    expect(relay.peer.take()).toEqual([]);
    expect(made.codes()).toEqual([200, 402, 402, 200, 200, 202, 200]);
  });

  it('fails with 502 when no ACK comes within 10 s, and the late ACK is not taken for the next one', () => {
    const slow = answerOf(client.set('/a', 1));
    relay.pass(9_999);
    expect(slow).toEqual([]);
    relay.pass(1);
    expect(slow).toEqual([502]);
    const next = answerOf(client.set('/a', 2));
    relay.peer.send({ type: 'ACK', address: '/a', revision: 1 });
    expect(next).toEqual([]);
    relay.peer.send({ type: 'ACK', address: '/a', revision: 2 });
    expect(next).toEqual([{ address: '/a', revision: 2 }]);
    expect(made.codes()).toEqual([502]);
  });

  it('forgets an unanswered request in the end, so that a relay which never acknowledges costs no memory', () => {
    client.set('/a', 1);
    relay.pass(70_000);
    const next = answerOf(client.set('/a', 2));
    relay.peer.send({ type: 'ACK', address: '/a', revision: 2 });
    expect(next).toEqual([{ address: '/a', revision: 2 }]);
  });

  it('is known to cached once it is acknowledged, where the param is known', () => {
    relay.peer.send({ type: 'SET', address: '/a', value: 4, revision: 2 });
    client.set('/a', 5);
    expect(client.cached('/a')).toBe(4);
    relay.peer.send({ type: 'ACK', address: '/a', revision: 3 });
    expect(client.cached('/a')).toBe(5);
    client.set('/a', 6);
    relay.peer.send({ type: 'SET', address: '/a', value: 8, revision: 5 });
    relay.peer.send({ type: 'ACK', address: '/a', revision: 4 });
    expect(client.cached('/a')).toBe(8);
    client.set('/a', null);
    relay.peer.send({ type: 'ACK', address: '/a', revision: 6 });
    expect(client.cached('/a')).toBeUndefined();
  });

  it('is not kept where nobody listens: what others write there later would never be heard', () => {
    for (const address of ['/log/1', '/log/2']) {
      client.set(address, 5);
      relay.peer.send({ type: 'ACK', address, revision: 1 });
      expect(client.cached(address)).toBeUndefined();
    }
  });

  it('of a map makes the cache forget: the relay may have merged it', () => {
    relay.peer.send({ type: 'SET', address: '/a', value: { x: 1 }, revision: 1 });
    client.set('/a', { y: 2 });
    relay.peer.send({ type: 'ACK', address: '/a', revision: 2 });
    expect(client.cached('/a')).toBeUndefined();
  });
});

describe('get', () => {
  it('is not failed by the end of a timeline at its address, which may come before the answer', () => {
    const played = answerOf(client.timeline('/fade', [{ time: 0, value: 0 }]));
    const got = answerOf(client.get('/fade'));
    relay.peer.send({ type: 'ACK', address: '/fade' });
    relay.peer.send({ type: 'ERROR', code: 401, message: '/fade is locked', address: '/fade' });
    expect([played, got, made.codes()]).toEqual([[{ address: '/fade' }], [], [401]]);
    relay.peer.send({ type: 'SNAPSHOT', params: [{ address: '/fade', value: 1, revision: 1 }] });
    expect(got).toEqual([1]);
  });

  it('answers with the value of the SNAPSHOT, and null for a param that does not exist', () => {
    const there = answerOf(client.get('/a'));
    const missing = answerOf(client.get('/b'));
    expect(relay.peer.take().slice(-2)).toEqual([
      { type: 'GET', address: '/a' },
      { type: 'GET', address: '/b' },
    ]);
    relay.peer.send({ type: 'SNAPSHOT', params: [{ address: '/a', value: 0.5, revision: 2 }] });
    relay.peer.send({ type: 'SNAPSHOT', params: [{ address: '/b', value: null, revision: 0 }] });
    expect(there).toEqual([0.5]);
    expect(missing).toEqual([null]);
    expect(client.cached('/a')).toBe(0.5);
    expect(client.cached('/b')).toBeUndefined();
  });

  it('fails with the error of the relay, and with 502 after 5 s', () => {
    const refused = answerOf(client.get('/a'));
    relay.peer.send({ type: 'ERROR', code: 301, message: 'not readable', address: '/a' });
    expect(refused).toEqual([301]);
    const silent = answerOf(client.get('/a'));
    relay.pass(4_999);
    expect(silent).toEqual([]);
    relay.pass(1);
    expect(silent).toEqual([502]);
  });

  it('after a set answers with what was set, not with a snapshot that is older than the set', () => {
    start(clientOnScript);
    client.set('/a', 2);
    const reply = answerOf(client.get('/a'));
    relay.welcome([{ address: '/a', value: 1, revision: 1 }]);
    expect(reply).toEqual([]);
    relay.peer.send({ type: 'ACK', address: '/a', revision: 2 });
    relay.peer.send({ type: 'SNAPSHOT', params: [{ address: '/a', value: 2, revision: 2 }] });
    expect(reply).toEqual([2]);
  });
});
