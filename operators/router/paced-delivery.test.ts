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

describe('maxRate', () => {
  it('delivers the first at once and then the newest, also when the source stops', () => {
    const writer = rig.join();
    const peer = subscriber({ maxRate: 10 });
    for (let value = 1; value <= 5; value++) set(writer, '/a', value);
    expect(deliveredTo(peer)).toEqual([1]);
    rig.pass(99);
    expect(deliveredTo(peer)).toEqual([]);
    rig.pass(1);
    expect(deliveredTo(peer)).toEqual([5]);
    rig.pass(10_000);
    expect(deliveredTo(peer)).toEqual([]);
  });

  it('keeps each address and kind apart', () => {
    const writer = rig.join();
    const peer = subscriber({ maxRate: 10 });
    set(writer, '/a', 1);
    set(writer, '/b', 2);
    stream(writer, '/a', { value: 3 });
    expect(deliveredTo(peer)).toEqual([1, 2, 3]);
  });

  it('keeps the rate of a steady source, whose interval is no whole number of milliseconds', () => {
    const writer = rig.join();
    const peer = subscriber({ maxRate: 60 });
    for (let at = 0; at < 10_000; at++) {
      stream(writer, '/a', { value: at });
      rig.pass(1);
    }
    expect(Math.abs(peer.take().length - 600)).toBeLessThanOrEqual(1);
  });

  it('delivers the deletion of a param last', () => {
    const writer = rig.join();
    const peer = subscriber({ maxRate: 1, epsilon: 100 });
    set(writer, '/a', 1);
    set(writer, '/a', null);
    rig.pass(1000);
    expect(deliveredTo(peer)).toEqual([1, null]);
  });

  it('lets events, gestures and timelines pass', () => {
    const writer = rig.join();
    const peer = subscriber({ maxRate: 1, epsilon: 1000, window: 1000 });
    for (let i = 0; i < 3; i++) writer.send({ type: 'PUBLISH', signal: 'event', address: '/e', value: i });
    writer.send({ type: 'PUBLISH', signal: 'gesture', address: '/g', id: 1, phase: 'start', value: 1 });
    writer.send({ type: 'PUBLISH', signal: 'gesture', address: '/g', id: 1, phase: 'end', value: 1 });
    expect(peer.take()).toHaveLength(5);
  });

  it('counts a snapshot as a delivery, which nothing older follows', () => {
    const writer = rig.join();
    set(writer, '/a', 1);
    const peer = subscriber({ maxRate: 1 });
    set(writer, '/a', 2);
    expect(deliveredTo(peer)).toEqual([]);
    rig.pass(400);
    peer.send({ type: 'GET', address: '/a' });
    expect(peer.take()).toEqual([{ type: 'SNAPSHOT', params: [expect.objectContaining({ value: 2 })] }]);
    rig.pass(10_000);
    expect(peer.take()).toEqual([]);
  });

  it('holds nothing longer because the clock was put back', () => {
    let clock = 10_000_000;
    rig.stop();
    rig.start({ now: () => clock });
    const writer = rig.join();
    const peer = subscriber({ maxRate: 1 });
    set(writer, '/a', 1);
    clock -= 5_000_000;
    set(writer, '/a', 2);
    clock += 1_200_000;
    rig.pass(1_200);
    expect(deliveredTo(peer)).toEqual([1, 2]);
  });

  it('of nonsense is no limit', () => {
    const writer = rig.join();
    const peer = subscriber({ maxRate: 0, epsilon: Number.NaN, window: 0 });
    for (let value = 1; value <= 3; value++) set(writer, '/a', value);
    expect(deliveredTo(peer)).toEqual([1, 2, 3]);
  });
});

describe('epsilon', () => {
  it('holds back numbers near the last delivered, not the last that came', () => {
    const writer = rig.join();
    const peer = subscriber({ epsilon: 1 });
    for (const value of [10, 10.5, 11, 11.5, 12, 12.5, 12.6, 10]) set(writer, '/a', value);
    expect(deliveredTo(peer)).toEqual([10, 11.5, 12.6, 10]);
  });

  it('compares arrays of numbers by element', () => {
    const writer = rig.join();
    const peer = subscriber({ epsilon: 1 });
    const written = [[0, 0], [1, 1], [0, 2], [0, 2, 0], [0, 2, 'x'], [0, 2, 'x'], 5, [5]];
    for (const value of written) set(writer, '/a', value);
    expect(deliveredTo(peer)).toEqual([[0, 0], [0, 2], [0, 2, 0], [0, 2, 'x'], [0, 2, 'x'], 5, [5]]);
  });

  it('never holds back deletions, texts, bigints and NaN', () => {
    const writer = rig.join();
    const peer = subscriber({ epsilon: 1000 });
    const written = [1, null, 1, 'a', 'a', 2n ** 60n, 2n ** 60n, Number.NaN, Number.NaN, true, true];
    for (const value of written) set(writer, '/a', value);
    expect(deliveredTo(peer)).toEqual(written);
  });

  it('compares with what a snapshot told, numbers and arrays', () => {
    const writer = rig.join();
    set(writer, '/a', 1);
    set(writer, '/b', [1, 2]);
    const peer = subscriber({ epsilon: 0.5 });
    set(writer, '/a', 1.5);
    set(writer, '/b', [1.5, 2]);
    expect(deliveredTo(peer)).toEqual([]);
    set(writer, '/a', 1.6);
    set(writer, '/b', [1, 3]);
    expect(deliveredTo(peer)).toEqual([1.6, [1, 3]]);
  });

  it('of a value that waits for its rate drops it when the source returns to what was delivered', () => {
    const writer = rig.join();
    const peer = subscriber({ maxRate: 1, epsilon: 1 });
    for (const value of [0, 10, 0.5]) set(writer, '/a', value);
    rig.pass(5000);
    expect(deliveredTo(peer)).toEqual([0]);
  });

  it('holds back a frame of samples only if all of them are near', () => {
    const writer = rig.join();
    const peer = subscriber({ epsilon: 1 });
    for (const samples of [[0, 0], [1, 0.5], [5, 0], []]) stream(writer, '/a', { samples });
    expect(deliveredTo(peer)).toEqual([[0, 0], [5, 0], []]);
  });
});

describe('window', () => {
  it('brings the samples of a window as one PUBLISH with their rate', () => {
    const writer = rig.join();
    const peer = subscriber({ window: 50 });
    for (let at = 0; at < 10; at++) {
      stream(writer, '/a', { value: at, timestamp: at });
      rig.pass(10);
    }
    const publish = { type: 'PUBLISH', signal: 'stream', address: '/a', rate: 100 };
    expect(peer.take()).toEqual([
      expect.objectContaining({ ...publish, samples: [0, 1, 2, 3, 4], timestamp: 4 }),
      expect.objectContaining({ ...publish, samples: [5, 6, 7, 8, 9], timestamp: 9 }),
    ]);
  });

  it('keeps the rate that the sender said', () => {
    const writer = rig.join();
    const peer = subscriber({ window: 50 });
    stream(writer, '/a', { samples: [1, 2], rate: 44_100 });
    stream(writer, '/a', { samples: [3], rate: 44_100 });
    rig.pass(50);
    expect(peer.take()).toEqual([expect.objectContaining({ samples: [1, 2, 3], rate: 44_100 })]);
  });

  it('lets params pass, and what is no number, behind the samples before it', () => {
    const writer = rig.join();
    const peer = subscriber({ window: 50 });
    set(writer, '/p', 1);
    set(writer, '/p', 2);
    stream(writer, '/a', { value: 3 });
    stream(writer, '/a', { value: 'x' });
    stream(writer, '/a', { value: 4 });
    expect(deliveredTo(peer)).toEqual([1, 2, [3], 'x']);
    rig.pass(50);
    expect(deliveredTo(peer)).toEqual([[4]]);
  });

  it('gives more samples than a frame holds in several, and loses none', () => {
    const writer = rig.join();
    const peer = subscriber({ window: 1000 });
    for (let i = 0; i < 20; i++) stream(writer, '/a', { samples: new Array(1000).fill(i) });
    stream(writer, '/a', { samples: new Array(8150).fill(20) });
    rig.pass(1000);
    const all = deliveredTo(peer).flat();
    expect(all).toHaveLength(28_150);
    expect(all.every((sample, i) => i === 0 || Number(sample) >= Number(all[i - 1]))).toBe(true);
  });

  it('with maxRate gathers for as long as the rate demands', () => {
    const writer = rig.join();
    const peer = subscriber({ window: 50, maxRate: 10 });
    for (let at = 0; at < 30; at++) {
      stream(writer, '/a', { value: at });
      rig.pass(10);
    }
    rig.pass(1000);
    expect(deliveredTo(peer).map((samples) => (samples as number[]).length)).toEqual([5, 10, 10, 5]);
  });

  it('with epsilon holds back a window in which nothing happened', () => {
    const writer = rig.join();
    const peer = subscriber({ window: 10, epsilon: 1 });
    for (const value of [0, 0.5, 1, 0, 9, 0]) {
      stream(writer, '/a', { value });
      rig.pass(5);
    }
    rig.pass(10);
    expect(deliveredTo(peer)).toEqual([
      [0, 0.5],
      [9, 0],
    ]);
  });
});
