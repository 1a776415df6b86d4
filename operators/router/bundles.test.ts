import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MemoryConnection } from '../../core/connection/memory-pair.ts';
import type { Message } from '../../core/wire/message.ts';
import { type BundleRig, bundle, bundleRig, cue, errors, send, set } from '../../testing/bundle-rig.ts';
import type { WirePeer } from '../../testing/wire-peer.ts';

let rig: BundleRig;
let desk: WirePeer<MemoryConnection>;

const lagging = () => {
  const peer = rig.connect({ highWater: 1 });
  peer.hello();
  send(peer, { type: 'SUBSCRIBE', id: 1, pattern: '/**' });
  peer.take();
  return peer;
};

beforeEach(() => {
  rig = bundleRig();
  desk = rig.join('desk');
});
afterEach(() => rig.stop());

describe('a bundle', () => {
  it('is delivered as one BUNDLE, in order, with the revisions its writes got, and acknowledged with the last', () => {
    const peer = rig.reader();
    send(desk, set('/a', 1));
    peer.take();
    desk.take();
    send(desk, bundle(set('/a', 2), cue('/go'), set('/b', 'x'), set('/a', 3)), 2);
    expect(peer.take()).toEqual([
      bundle(set('/a', 2, { revision: 2 }), cue('/go'), set('/b', 'x', { revision: 1 }), set('/a', 3, { revision: 3 })),
    ]);
    expect(desk.take()).toEqual([{ type: 'ACK', address: '/a', revision: 3 }]);
    expect([rig.param('/a'), rig.param('/b')]).toEqual([
      [3, 3],
      ['x', 1],
    ]);
  });

  it('gives each subscriber the messages that it matches', () => {
    const [a, b, none] = [rig.reader('/a/*'), rig.reader('/b/**', { types: ['param'] }), rig.reader('/c')];
    desk.send(bundle(set('/a/1', 1), cue('/b/go'), set('/b/1', 2), set('/a/2', 3)));
    expect(a.take()).toEqual([bundle(set('/a/1', 1, { revision: 1 }), set('/a/2', 3, { revision: 1 }))]);
    expect(b.take()).toEqual([bundle(set('/b/1', 2, { revision: 1 }))]);
    expect(none.take()).toEqual([]);
  });

  it('comes as single frames, one after another, to a session that never confirmed anything', () => {
    const peer = rig.reader('/**', { confirms: false });
    desk.send(bundle(set('/a', 1), cue('/go')));
    expect(peer.take()).toEqual([set('/a', 1, { revision: 1 }), cue('/go')]);
  });

  it('comes back to its sender without its events', () => {
    desk.send({ type: 'SUBSCRIBE', id: 1, pattern: '/**' });
    desk.take();
    send(desk, bundle(cue('/go'), set('/a', 1)));
    expect(desk.take()).toEqual([bundle(set('/a', 1, { revision: 1 })), { type: 'ACK', address: '/a', revision: 1 }]);
    send(desk, bundle(cue('/go')));
    expect(desk.take()).toEqual([{ type: 'ACK', address: '/go' }]);
  });

  it('may be empty', () => {
    send(desk, bundle());
    expect(desk.take()).toEqual([{ type: 'ACK' }]);
  });

  it('takes a PUBLISH of a param as the SET that it means', () => {
    const peer = rig.reader();
    desk.send(bundle({ type: 'PUBLISH', signal: 'param', address: '/a', value: 5 }));
    expect(peer.take()).toEqual([bundle(set('/a', 5, { revision: 1 }))]);
  });

  it('is cut into several where it does not fit a frame, in order', () => {
    const peer = rig.reader();
    const long = 'x'.repeat(30_000);
    // 65 522 bytes as it comes; with revisions it no longer fits.
    desk.send(bundle(set('/a', long), set('/b', long), set('/c', 'x'.repeat(5_470)), set('/d', 1)));
    const got = peer.take();
    expect(got.map((message) => (message.type === 'BUNDLE' ? message.messages.length : 0))).toEqual([3, 1]);
    const small = rig.connect({ maxFrame: 70 });
    small.hello();
    send(small, { type: 'SUBSCRIBE', id: 1, pattern: '/small/*' });
    small.take();
    desk.send(bundle(...[1, 2, 3, 4].map((n) => set(`/small/${n}`, n))));
    expect(small.take().map((message) => message.type === 'BUNDLE' && message.messages.length)).toEqual([2, 2]);
  });
});

describe('locks and revisions within a bundle', () => {
  it('build on each other', () => {
    send(
      desk,
      bundle(set('/a', 1, { lock: true, revision: 0 }), set('/a', 2, { revision: 1 }), set('/a', 3, { unlock: true })),
    );
    expect(desk.take()).toEqual([{ type: 'ACK', address: '/a', revision: 3, locked: false }]);
  });
});

describe('timelines and gestures in a bundle', () => {
  const timeline = (address: string, to: number): Message => ({
    type: 'PUBLISH',
    signal: 'timeline',
    address,
    value: {
      keyframes: [
        { time: 0, value: 0 },
        { time: 100_000, value: to },
      ],
      startTime: 0,
    },
  });

  it('a timeline begins to play when the whole bundle has been delivered', () => {
    const peer = rig.reader();
    desk.send(bundle(timeline('/fade', 10), set('/a', 1)));
    expect(peer.take()).toEqual([
      bundle(timeline('/fade', 10), set('/a', 1, { revision: 1 })),
      set('/fade', 0, { revision: 1 }),
    ]);
    rig.pass(100);
    expect(peer.take().at(-1)).toMatchObject({ address: '/fade', value: 10 });
  });

  it('a SET behind a timeline takes it over, one before it does not', () => {
    desk.send(bundle(set('/before', 5), timeline('/before', 10), timeline('/behind', 10), set('/behind', 5)));
    rig.pass(100);
    expect([rig.param('/before')?.[0], rig.param('/behind')]).toEqual([10, [5, 1]]);
  });

  it('of two timelines for one address the last plays', () => {
    desk.send(bundle(timeline('/fade', 10), timeline('/fade', 20)));
    rig.pass(100);
    expect(rig.param('/fade')?.[0]).toBe(20);
  });

  it('a SET in a bundle takes a playing timeline over', () => {
    desk.send(timeline('/fade', 10));
    rig.pass(50);
    desk.send(bundle(set('/fade', 77)));
    rig.pass(100);
    expect(rig.param('/fade')?.[0]).toBe(77);
  });

  it('gestures keep to start, move and end, and are acknowledged with the bundle only', () => {
    const peer = rig.reader();
    const gesture = (phase: 'move' | 'end', n: number): Message => ({
      type: 'PUBLISH',
      signal: 'gesture',
      address: '/pad',
      id: 1,
      phase,
      value: n,
    });
    send(desk, bundle(gesture('move', 1), gesture('move', 2), set('/a', 1), gesture('end', 3)));
    const [got] = peer.take();
    expect(
      got?.type === 'BUNDLE' && got.messages.map((inner) => (inner.type === 'PUBLISH' ? inner.phase : inner.type)),
    ).toEqual(['start', 'move', 'SET', 'move', 'end']);
    expect(desk.take()).toEqual([{ type: 'ACK', address: '/a', revision: 1 }]);
  });

  it('too many gestures or timelines leave all of it undone', () => {
    rig.stop();
    rig = bundleRig({ maxGestures: 1, maxTimelines: 1 });
    const peer = rig.join();
    const start = (id: number): Message => ({
      type: 'PUBLISH',
      signal: 'gesture',
      address: '/pad',
      id,
      phase: 'start',
      value: 0,
    });
    const end = (id: number): Message => ({
      type: 'PUBLISH',
      signal: 'gesture',
      address: '/pad',
      id,
      phase: 'end',
      value: 0,
    });
    send(peer, bundle(set('/a', 1), start(1), start(2)));
    send(peer, bundle(set('/a', 1), timeline('/f', 1), timeline('/g', 1)));
    expect(errors(peer)).toMatchObject([
      { code: 429, address: '/pad' },
      { code: 429, address: '/g' },
    ]);
    expect(rig.param('/a')).toEqual([null, 0]);
    send(peer, bundle(start(1), end(1), start(2), timeline('/f', 1), timeline('/f', 2)));
    expect(errors(peer)).toEqual([]);
  });
});

describe('a lagging receiver', () => {
  it('gets a bundle behind what came before it, and what came after it behind it', () => {
    const peer = lagging();
    peer.connection.pause();
    for (let n = 1; n <= 3; n++) desk.send(set('/a', n));
    desk.send(bundle(set('/a', 4), set('/b', 1)));
    for (let n = 5; n <= 7; n++) desk.send(set('/a', n));
    peer.connection.resume();
    const got = peer.take();
    const seen = got.flatMap((message) => (message.type === 'BUNDLE' ? message.messages : [message]));
    const revisions = seen.flatMap((message) =>
      message.type === 'SET' && message.address === '/a' ? [message.revision] : [],
    );
    expect(revisions).toEqual([1, 3, 4, 7]);
    expect(got.filter(({ type }) => type === 'BUNDLE')).toHaveLength(1);
  });
});

describe('a paced subscriber', () => {
  it('gets a bundle at once, and nothing older afterwards', () => {
    const peer = rig.reader('/**', { options: { maxRate: 10, epsilon: 5 } });
    desk.send(set('/a', 0));
    desk.send(set('/a', 100));
    desk.send(bundle(set('/a', 50), set('/b', 1)));
    expect(peer.take()).toEqual([
      set('/a', 0, { revision: 1 }),
      bundle(set('/a', 50, { revision: 3 }), set('/b', 1, { revision: 1 })),
    ]);
    rig.pass(1000);
    desk.send(set('/a', 54));
    rig.pass(1000);
    expect(peer.take()).toEqual([]);
    desk.send(set('/a', 60));
    expect(peer.take()).toEqual([set('/a', 60, { revision: 5 })]);
  });

  it('gets samples that wait before those of a bundle', () => {
    const peer = rig.reader('/**', { options: { window: 100 } });
    const sample = (n: number): Message => ({ type: 'PUBLISH', signal: 'stream', address: '/level', value: n });
    desk.send(sample(1));
    desk.send(bundle(sample(2), set('/a', 1)));
    rig.pass(200);
    const got = peer.take();
    expect(got).toMatchObject([{ type: 'PUBLISH', samples: [1] }, { type: 'BUNDLE' }]);
  });
});
