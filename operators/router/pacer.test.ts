import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SignalKind } from '../../core/signal/signal.ts';
import type { Value } from '../../core/signal/value.ts';
import type { PublishMessage, SubscribeOptions } from '../../core/wire/message.ts';
import { deliveredTo, type Peer, routerRig } from '../../testing/router-rig.ts';

const rig = routerRig();
beforeEach(() => rig.start());
afterEach(() => rig.stop());

const subscriber = (options?: SubscribeOptions, pattern?: string, types?: readonly SignalKind[]): Peer =>
  rig.subscriber(pattern, options, types);
const set = (peer: Peer, address: string, value: Value) => peer.send({ type: 'SET', address, value });
const stream = (peer: Peer, address: string, rest: Partial<PublishMessage>) =>
  peer.send({ type: 'PUBLISH', signal: 'stream', address, ...rest });

describe('several subscriptions of a session', () => {
  const subscribe = (peer: Peer, id: number, pattern: string, options?: SubscribeOptions) => {
    peer.send({ type: 'SUBSCRIBE', id, pattern, options });
    peer.take();
  };

  it('bring one copy, under the loosest of their options', () => {
    const writer = rig.join();
    const peer = subscriber({ maxRate: 1 });
    subscribe(peer, 2, '/fast/**', { maxRate: 10 });
    for (const address of ['/slow/a', '/fast/a']) for (const value of [1, 2]) set(writer, address, value);
    expect(deliveredTo(peer)).toEqual([1, 1]);
    rig.pass(100);
    expect(peer.take()).toEqual([expect.objectContaining({ address: '/fast/a', value: 2 })]);
    rig.pass(900);
    expect(peer.take()).toEqual([expect.objectContaining({ address: '/slow/a', value: 2 })]);
  });

  it('are unpaced where one has no options, or none in common', () => {
    const writer = rig.join();
    const peer = subscriber({ maxRate: 1 });
    subscribe(peer, 2, '/free/**');
    subscribe(peer, 3, '/other/**', { epsilon: 100 });
    for (const address of ['/free/a', '/other/a']) for (const value of [1, 2, 3]) set(writer, address, value);
    expect(deliveredTo(peer)).toEqual([1, 2, 3, 1, 2, 3]);
  });

  it('never deliver what waited behind something newer, when one is added or ends', () => {
    const writer = rig.join();
    const peer = subscriber({ maxRate: 1 }, '/**', ['stream']);
    stream(writer, '/a', { value: 1 });
    stream(writer, '/a', { value: 2 });
    expect(deliveredTo(peer)).toEqual([1]);
    subscribe(peer, 2, '/a');
    stream(writer, '/a', { value: 3 });
    peer.send({ type: 'UNSUBSCRIBE', id: 2 });
    stream(writer, '/a', { value: 4 });
    stream(writer, '/a', { value: 5 });
    rig.pass(5000);
    expect(deliveredTo(peer)).toEqual([2, 3, 4, 5]);
  });

  it('deliver nothing more after the last has ended', () => {
    const writer = rig.join();
    const peer = subscriber({ maxRate: 1 });
    subscribe(peer, 2, '/b', { maxRate: 1 });
    for (const address of ['/a', '/b']) for (const value of [1, 2]) set(writer, address, value);
    peer.take();
    peer.send({ type: 'UNSUBSCRIBE', id: 1 }, { qos: 1 });
    rig.pass(5000);
    expect(peer.take()).toEqual([
      { type: 'ACK', correlationId: 1 },
      expect.objectContaining({ address: '/b', value: 2 }),
    ]);
  });

  it('deliver at once what waits when only some without options are left', () => {
    const writer = rig.join();
    const peer = subscriber({ maxRate: 1 }, '/**', ['stream']);
    for (const address of ['/a', '/b']) for (const value of [1, 2]) stream(writer, address, { value });
    subscribe(peer, 2, '/b');
    peer.send({ type: 'UNSUBSCRIBE', id: 1 });
    expect(peer.take()).toEqual([expect.objectContaining({ address: '/b', value: 2 })]);
    rig.pass(5000);
    expect(peer.take()).toEqual([]);
  });

  it('without options set their addresses free, also when they came first', () => {
    const writer = rig.join();
    const peer = subscriber(undefined, '/a');
    subscribe(peer, 2, '/**', { maxRate: 1 });
    for (const value of [1, 2, 3]) set(writer, '/a', value);
    expect(deliveredTo(peer)).toEqual([1, 2, 3]);
    peer.send({ type: 'UNSUBSCRIBE', id: 1 });
    for (const value of [4, 5]) set(writer, '/a', value);
    expect(deliveredTo(peer)).toEqual([4]);
  });
});

describe('what a session that paces holds', () => {
  it('is bounded: beyond it the oldest goes out early, and the newest of each address still arrives', () => {
    const writer = rig.join();
    const peer = subscriber({ maxRate: 1 });
    const large = 'x'.repeat(60_000);
    for (let i = 0; i < 200; i++) {
      set(writer, `/${i}`, 'first');
      set(writer, `/${i}`, large + i);
    }
    expect(peer.take().length).toBeGreaterThan(300);
    rig.pass(1000);
    expect(peer.take().length).toBeGreaterThan(50);
    expect(rig.relay.stats().messagesOut).toBe(400);
  });

  it('is gone with the session, timer and all', () => {
    const writer = rig.join();
    const peer = subscriber({ maxRate: 1 });
    set(writer, '/a', 1);
    set(writer, '/a', 2);
    peer.close();
    rig.pass(10_000);
    expect(rig.relay.stats()).toMatchObject({ subscriptions: 0, sessions: 1 });
  });

  it('counts as delivered only what was', () => {
    const writer = rig.join();
    subscriber({ maxRate: 1 });
    for (let i = 0; i < 10; i++) set(writer, '/a', i);
    expect(rig.relay.stats().messagesOut).toBe(1);
    rig.pass(1000);
    expect(rig.relay.stats().messagesOut).toBe(2);
  });
});
