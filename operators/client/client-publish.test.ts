import { beforeEach, describe, expect, it } from 'vitest';
import type { Client } from '../../core/client/client.ts';
import type { Message } from '../../core/wire/message.ts';
import { answerOf, type ClientOnScript, welcomedClient } from '../../testing/client-on-script.ts';
import type { ScriptedRelay } from '../../testing/scripted-relay.ts';

let made: ClientOnScript;
let relay: ScriptedRelay;
let client: Client;

beforeEach(() => {
  made = welcomedClient();
  ({ relay, client } = made);
});

const types = (messages: readonly Message[]) => messages.map(({ type }) => type);

describe('emit, timeline, bundle and query', () => {
  it('emit sends an event at QoS 1 with the time, and answers with the ACK', () => {
    relay.peer.take();
    const reply = answerOf(client.emit('/cue', { go: 1 }));
    client.emit('/cue');
    expect(relay.peer.take()).toEqual([
      { type: 'PUBLISH', signal: 'event', address: '/cue', value: { go: 1 }, timestamp: 1_000_000 },
      { type: 'PUBLISH', signal: 'event', address: '/cue', value: null, timestamp: 1_000_000 },
    ]);
    relay.peer.send({ type: 'ACK', address: '/cue' });
    expect(reply).toEqual([{ address: '/cue' }]);
  });

  it('an ACK with a revision answers the write, one without answers the event, whatever came first', () => {
    const event = answerOf(client.emit('/a', 1));
    const write = answerOf(client.set('/a', 1));
    relay.peer.send({ type: 'ACK', address: '/a', revision: 4 });
    expect([event, write]).toEqual([[], [{ address: '/a', revision: 4 }]]);
    relay.peer.send({ type: 'ACK', address: '/a' });
    expect(event).toEqual([{ address: '/a' }]);
  });

  it('timeline sends the keyframes as the value, at QoS 1', () => {
    relay.peer.take();
    client.timeline(
      '/fade',
      [
        { time: 0, value: 0, easing: 'ease-in' },
        { time: 1_000, value: 1 },
      ],
      { loop: true },
    );
    client.timeline('/fade', [], { startTime: 7 });
    expect(relay.peer.take()).toEqual([
      {
        type: 'PUBLISH',
        signal: 'timeline',
        address: '/fade',
        value: {
          keyframes: [
            { time: 0, value: 0, easing: 'ease-in' },
            { time: 1_000, value: 1 },
          ],
          loop: true,
        },
        timestamp: 1_000_000,
      },
      { type: 'PUBLISH', signal: 'timeline', address: '/fade', value: { keyframes: [], startTime: 7 }, timestamp: 7 },
    ]);
  });

  it('bundle sends all parts in one frame at QoS 2, answered by the ACK of its last write', () => {
    relay.peer.take();
    const parts = [{ set: ['/a', 1] }, { set: ['/b', 2] }, { emit: ['/cue', 'go'] }] as const;
    const reply = answerOf(client.bundle(parts, { at: 5_000_000 }));
    const later = answerOf(client.set('/b', 3));
    expect(relay.peer.take()[0]).toEqual({
      type: 'BUNDLE',
      timestamp: 5_000_000,
      messages: [
        { type: 'SET', address: '/a', value: 1 },
        { type: 'SET', address: '/b', value: 2 },
        { type: 'PUBLISH', signal: 'event', address: '/cue', value: 'go' },
      ],
    });
    relay.peer.send({ type: 'ACK', address: '/b', revision: 12 });
    expect(reply).toEqual([{ address: '/b', revision: 12 }]);
    expect(later).toEqual([]);
  });

  it('bundle is answered by an ACK without an address, and fails as a whole with the ERROR of one part', () => {
    const unnamed = answerOf(client.bundle([{ set: ['/a', 1] }, { set: ['/b', 2] }]));
    relay.peer.send({ type: 'ACK', revision: 3 });
    expect(unnamed).toEqual([{ address: '/b', revision: 3 }]);
    const refused = answerOf(client.bundle([{ set: ['/a', 1] }, { set: ['/b', 2] }]));
    const after = answerOf(client.set('/b', 3));
    relay.peer.send({ type: 'ERROR', code: 401, message: 'held', address: '/b' });
    relay.peer.send({ type: 'ACK', address: '/b', revision: 4 });
    expect(refused).toEqual([401]);
    expect(after).toEqual([{ address: '/b', revision: 4 }]);
  });

  it('query gathers every RESULT up to the PONG that ends them', () => {
    relay.peer.take();
    const first = answerOf(client.query('/**'));
    const second = answerOf(client.query('/x/**'));
    expect(types(relay.peer.take())).toEqual(['QUERY', 'PING', 'QUERY', 'PING']);
    const found = (address: string) => ({ address, type: 'param' as const });
    relay.peer.send({ type: 'RESULT', signals: [found('/a'), found('/b')] });
    relay.peer.send({ type: 'RESULT', signals: [found('/c')] });
    expect(first).toEqual([]);
    relay.peer.send({ type: 'PONG' });
    relay.peer.send({ type: 'PONG' });
    expect(first).toEqual([[found('/a'), found('/b'), found('/c')]]);
    expect(second).toEqual([[]]);
  });

  it('a refused query leaves its PONG to itself', () => {
    const refused = answerOf(client.query('/x/**'));
    const accepted = answerOf(client.query('/a/**'));
    relay.peer.send({ type: 'ERROR', code: 301, message: 'no', address: '/x/**' });
    relay.peer.send({ type: 'PONG' });
    expect([refused, accepted]).toEqual([[301], []]);
    relay.peer.send({ type: 'PONG' });
    expect(accepted).toEqual([[]]);
  });
});

describe('stream and gesture', () => {
  it('are sent at QoS 0 with the time', () => {
    relay.peer.take();
    client.stream('/level', 0.5);
    client.gesture('/pen', 7, 'move', { x: 1 });
    client.gesture('/pen', 7, 'end');
    expect(relay.peer.take()).toEqual([
      { type: 'PUBLISH', signal: 'stream', address: '/level', value: 0.5, timestamp: 1_000_000 },
      {
        ...{ type: 'PUBLISH', signal: 'gesture', address: '/pen', value: { x: 1 }, id: 7 },
        ...{ phase: 'move', timestamp: 1_000_000 },
      },
      expect.objectContaining({ phase: 'end', value: null }),
    ]);
    expect(client.counts).toEqual({ dropped: 0, badFrames: 0 });
  });

  it('are dropped and counted without a connection, and when they cannot travel', () => {
    client.stream('/level', (() => 1) as never);
    client.gesture('/pen', -1, 'move');
    expect(made.codes()).toEqual([402, 402]);
    relay.peer.close();
    client.stream('/level', 1);
    client.gesture('/pen', 1, 'start');
    expect(client.counts.dropped).toBe(4);
  });

  it('keep only the newest sample of each address while the way is congested, and lose no gesture', () => {
    relay.peer.take();
    relay.peer.connection.pause();
    for (let i = 0; i < 40; i++) client.emit('/fill', 'x'.repeat(30_000));
    client.stream('/level', 1);
    client.stream('/level', 2);
    client.stream('/other', 3);
    client.gesture('/pen', 1, 'move', 4);
    expect(client.counts.dropped).toBe(1);
    relay.peer.connection.resume();
    const sent = relay.peer.take().flatMap((message) => (message.type === 'PUBLISH' ? [message] : []));
    const small = sent.filter(({ signal }) => signal !== 'event').map(({ signal, value }) => `${signal} ${value}`);
    expect(small).toEqual(['gesture 4', 'stream 2', 'stream 3']);
  });
});
