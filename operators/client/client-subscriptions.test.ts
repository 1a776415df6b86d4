import { take } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Client, OnOptions } from '../../core/client/client.ts';
import type { Signal } from '../../core/signal/signal.ts';
import type { Message } from '../../core/wire/message.ts';
import {
  type ClientOnScript,
  change,
  heardBy,
  inShort,
  snapshot,
  state,
  welcomedClient,
} from '../../testing/client-on-script.ts';
import type { ScriptedRelay } from '../../testing/scripted-relay.ts';

let made: ClientOnScript;
let relay: ScriptedRelay;
let client: Client;

const hear = (pattern: string, options?: OnOptions) => heardBy(client, pattern, options);

beforeEach(() => {
  made = welcomedClient();
  ({ relay, client } = made);
  relay.peer.take();
});

describe('on', () => {
  it('subscribes on subscription, with kinds and options, at QoS 1, and unsubscribes with the last who leaves', () => {
    const faders = client.on('/faders/*', { types: ['param'], maxRate: 30, epsilon: 0.01, history: 5, window: 20 });
    expect(relay.peer.take()).toEqual([]);
    const first = faders.subscribe();
    const second = faders.subscribe();
    expect(relay.peer.take()).toEqual([
      {
        ...{ type: 'SUBSCRIBE', id: 1, pattern: '/faders/*', types: ['param'] },
        options: { maxRate: 30, epsilon: 0.01, history: 5, window: 20 },
      },
    ]);
    first.unsubscribe();
    expect(relay.peer.take()).toEqual([]);
    second.unsubscribe();
    expect(relay.peer.take()).toEqual([{ type: 'UNSUBSCRIBE', id: 1 }]);
    faders.subscribe();
    expect(relay.peer.take()).toEqual([expect.objectContaining({ type: 'SUBSCRIBE', id: 2 })]);
  });

  it('shares one subscription between equal patterns and options only, the order of kinds aside', () => {
    client.on('/a', { types: ['param', 'event'] }).subscribe();
    client.on('/a', { types: ['event', 'param'], synced: () => undefined }).subscribe();
    client.on('/a', () => undefined, { types: ['param', 'event'] });
    expect(relay.peer.take()).toHaveLength(1);
    client.on('/a').subscribe();
    client.on('/a', { types: ['param', 'event'], maxRate: 1 }).subscribe();
    client.on('/b', { types: ['param', 'event'] }).subscribe();
    expect(relay.peer.take()).toHaveLength(3);
  });

  it('brings each signal to every matching subscriber of its kind, in the order they came', () => {
    const order: string[] = [];
    client.on('/a/*').subscribe(() => order.push('1'));
    client.on('/**', { types: ['event'] }).subscribe(() => order.push('2'));
    client.on('/a/*').subscribe(() => order.push('3'));
    client.on('/b').subscribe(() => order.push('4'));
    client.on('/a/x').subscribe(() => order.push('5'));
    relay.peer.send(change('/a/x', 1, 1));
    relay.peer.send({ type: 'PUBLISH', signal: 'event', address: '/a/y', value: 1 });
    relay.peer.send({ type: 'PUBLISH', signal: 'event', address: '/c', value: 1 });
    expect(order.join('')).toBe('135' + '123' + '2');
  });

  it('makes a signal of every kind of message', () => {
    const signals: Signal[] = [];
    client.on('/**').subscribe((signal) => signals.push(signal));
    relay.peer.send({ type: 'SET', address: '/p', value: 1, revision: 4 }, { timestamp: 9 });
    relay.peer.send({ type: 'PUBLISH', signal: 'param', address: '/q', value: 2 });
    relay.peer.send({ type: 'PUBLISH', signal: 'event', address: '/e', value: null, timestamp: 5 });
    relay.peer.send({ type: 'PUBLISH', signal: 'stream', address: '/s', samples: [1, 2.5], rate: 100 });
    relay.peer.send({ type: 'PUBLISH', signal: 'gesture', address: '/g', value: { x: 1 }, id: 7, phase: 'move' });
    const keyframe = { time: 10, value: 1, easing: 'step' as const };
    const timeline = { keyframes: [keyframe, { value: 2 }, 3], loop: true, startTime: 8 };
    relay.peer.send({ type: 'PUBLISH', signal: 'timeline', address: '/t', value: timeline });
    relay.peer.send({ type: 'PUBLISH', signal: 'timeline', address: '/empty' });
    expect(signals).toEqual([
      { kind: 'param', address: '/p', value: 1, revision: 4, at: 9 },
      { kind: 'param', address: '/q', value: 2 },
      { kind: 'event', address: '/e', value: null, at: 5 },
      { kind: 'stream', address: '/s', value: 2.5, samples: [1, 2.5], rate: 100 },
      { kind: 'gesture', address: '/g', value: { x: 1 }, id: 7, phase: 'move' },
      { kind: 'timeline', address: '/t', keyframes: [keyframe], loop: true, startTime: 8 },
      { kind: 'timeline', address: '/empty', keyframes: [] },
    ]);
  });

  it('hears what is in a BUNDLE, in order', () => {
    const heard = hear('/**');
    const cue: Message = { type: 'PUBLISH', signal: 'event', address: '/cue', value: 'go' };
    relay.peer.send({ type: 'BUNDLE', messages: [change('/a', 1, 1), cue, change('/a', 2, 2)] });
    expect(heard).toEqual(['/a param 1', '/cue event "go"', '/a param 2']);
  });

  it('errors with the refusal of the relay, for those it concerns', () => {
    const refused = [hear('/secret/**'), hear('/secret/**')];
    const other = hear('/a');
    relay.peer.send({ type: 'ERROR', code: 301, message: 'no', address: '/secret/**', correlationId: 1 });
    expect([...refused, other]).toEqual([['error 301'], ['error 301'], []]);
    expect(made.codes()).toEqual([301]);
    relay.peer.take();
    hear('/secret/**');
    expect(relay.peer.take()).toEqual([expect.objectContaining({ type: 'SUBSCRIBE', id: 3 })]);
  });

  it('errors with 202 for what is no pattern and 402 for options that cannot travel, and sends nothing', () => {
    expect(hear('no-slash')).toEqual(['error 202']);
    expect(hear('/a', { maxRate: -1 })).toEqual(['error 402']);
    expect(hear('/a', { types: ['noise' as 'event'] })).toEqual(['error 402']);
    expect(relay.peer.take()).toEqual([]);
    expect(made.codes()).toEqual([202, 402, 402]);
  });

  it('stops at once for a subscriber that has enough', () => {
    hear('/**');
    relay.peer.send(snapshot(state('/a', 1, 1), state('/b', 2, 1)));
    relay.confirm();
    const heard: string[] = [];
    client
      .on('/**')
      .pipe(take(1))
      .subscribe((signal) => heard.push(inShort(signal)));
    relay.peer.send(change('/a', 3, 2));
    expect(heard).toEqual(['/a param 1!']);
  });

  it('delivers to those who were there, when subscribers come and go while they hear', () => {
    const heard: string[] = [];
    const second = () => client.on('/**').subscribe(() => heard.push('late'));
    client.on('/**').subscribe(() => {
      heard.push('first');
      if (heard.length === 1) second();
      leaving.unsubscribe();
    });
    const leaving = client.on('/**').subscribe(() => heard.push('leaving'));
    relay.peer.send({ type: 'PUBLISH', signal: 'event', address: '/a', value: 1 });
    expect(heard).toEqual(['first']);
    relay.peer.send({ type: 'PUBLISH', signal: 'event', address: '/a', value: 1 });
    expect(heard).toEqual(['first', 'first', 'late']);
  });
});

describe('on with a callback', () => {
  it('gives value, address and for a snapshot what is known, and ends with the function it returns', () => {
    const calls: unknown[][] = [];
    const end = client.on('/**', (...call) => calls.push(call));
    relay.peer.send(snapshot({ ...state('/a', 1, 3), writer: 'w', timestamp: 7 }, state('/b', 2, 1)));
    relay.peer.send(change('/a', 2, 4));
    relay.peer.send({ type: 'PUBLISH', signal: 'gesture', address: '/g', value: { x: 1 }, id: 7, phase: 'move' });
    relay.peer.send({ type: 'PUBLISH', signal: 'gesture', address: '/g', value: 5, id: 7, phase: 'end' });
    relay.peer.send({ type: 'PUBLISH', signal: 'timeline', address: '/t', value: { keyframes: [] } });
    end();
    relay.peer.send(change('/a', 3, 5));
    expect(calls).toEqual([
      [1, '/a', { address: '/a', value: 1, revision: 3, writer: 'w', timestamp: 7 }],
      [2, '/b', { address: '/b', value: 2, revision: 1 }],
      [2, '/a'],
      [{ x: 1, phase: 'move', gestureId: 7 }, '/g'],
      [{ phase: 'end', gestureId: 7 }, '/g'],
      [{ keyframes: [] }, '/t'],
    ]);
    expect(Object.keys(calls[1]?.[2] as object)).toEqual(['address', 'value', 'revision']);
  });

  it('that throws is told on errors with 500 and keeps hearing, as do the others', () => {
    let calls = 0;
    client.on('/a', () => {
      calls++;
      throw new Error('broken');
    });
    const other = hear('/**');
    relay.peer.send(change('/a', 1, 1));
    relay.peer.send(change('/a', 2, 2));
    expect(calls).toBe(2);
    expect(other).toHaveLength(2);
    expect(made.codes()).toEqual([500, 500]);
  });

  it('tells what is known already only behind the call that subscribes, the newest of it, and not who left', () => {
    hear('/a');
    relay.confirm();
    relay.peer.send(change('/a', 1, 1));
    const heard: string[] = [];
    const once = client.on('/a', (value) => {
      heard.push(`once ${value}`);
      once();
    });
    client.on('/a', (value, address, meta) => heard.push(`${address} ${value} ${meta?.revision}`));
    client.on('/a', () => heard.push('left'))();
    expect(heard).toEqual([]);
    relay.peer.send(change('/a', 2, 2));
    relay.pass(0);
    expect(heard).toEqual(['once 2', '/a 2 undefined', '/a 2 2']);
    expect(made.codes()).toEqual([]);
  });
});
