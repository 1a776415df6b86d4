import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MemoryConnection } from '../../core/connection/memory-pair.ts';
import { encodeMessage } from '../../core/wire/index.ts';
import type { Message } from '../../core/wire/message.ts';
import { type BundleRig, bundle, bundleRig, cue, errors, send, set } from '../../testing/bundle-rig.ts';
import type { WirePeer } from '../../testing/wire-peer.ts';

let rig: BundleRig;
let desk: WirePeer<MemoryConnection>;

beforeEach(() => {
  rig = bundleRig();
  desk = rig.join('desk');
});
afterEach(() => rig.stop());

describe('a bundle with a part that fails', () => {
  it.each<[string, number, Message]>([
    ['a lock of somebody else', 401, set('/locked', 1)],
    ['an unexpected revision', 400, set('/a', 1, { revision: 7 })],
    [
      'a timeline with its keyframes out of order',
      400,
      {
        type: 'PUBLISH',
        signal: 'timeline',
        address: '/fade',
        value: {
          keyframes: [
            { time: 9, value: 1 },
            { time: 3, value: 0 },
          ],
        },
      },
    ],
    ['an address that is none', 200, set('/a/*', 1)],
    ['a param that is published without a value', 101, { type: 'PUBLISH', signal: 'param', address: '/b' }],
    ['something that is neither SET nor PUBLISH', 101, { type: 'GET', address: '/b' }],
  ])('changes nothing and is refused once, with the address: %s', (_, code, part) => {
    const other = rig.join('other');
    other.send(set('/locked', 0, { lock: true }));
    desk.send(set('/a', 0));
    const peer = rig.reader();
    send(desk, bundle(set('/a', 1, { lock: true }), cue('/go'), set('/b', 2), set('/a', null), part, set('/a', 9)));
    const [error, ...more] = errors(desk);
    expect(error).toMatchObject({ code, address: (part as { address: string }).address });
    expect(more).toEqual([]);
    expect(peer.take()).toEqual([]);
    expect([rig.param('/a'), rig.param('/b'), rig.param('/locked')]).toEqual([
      [0, 1],
      [null, 0],
      [0, 1],
    ]);
    other.take();
    send(other, set('/a', 1));
    expect(other.take()).toEqual([{ type: 'ACK', address: '/a', revision: 2 }]);
    expect(rig.events.filter(({ type }) => type === 'refused')).toHaveLength(1);
  });

  it('gives back what a strategy, a TTL and an eviction had changed', () => {
    rig.stop();
    rig = bundleRig({ maxParams: 3, params: [{ pattern: '/max', strategy: 'max' }] });
    desk = rig.join('desk');
    const peer = rig.reader();
    for (const address of ['/max', '/a', '/b']) desk.send(set(address, 5));
    peer.take();
    const ttl = { seconds: 1, mode: 'absolute' };
    send(desk, bundle(set('/new', 1), set('/a', 6, { ttl }), set('/max', 9), set('/max', 8)));
    expect(errors(desk)).toMatchObject([{ code: 400, address: '/max' }]);
    rig.pass(5_000);
    expect(peer.take()).toEqual([]);
    expect(['/max', '/a', '/b'].map((address) => rig.param(address))).toEqual([
      [5, 1],
      [5, 1],
      [5, 1],
    ]);
  });

  it('is refused for a scope as a whole', () => {
    rig.stop();
    rig = bundleRig({ authenticate: () => ({ scopes: ['write:/mine/**', 'read:/**'] }) });
    const peer = rig.join();
    send(peer, bundle(set('/mine/1', 1), set('/yours/1', 1)));
    expect(errors(peer)).toMatchObject([{ code: 301, address: '/yours/1' }]);
    expect(rig.param('/mine/1')).toEqual([null, 0]);
  });

  it.each([
    ['a bundle in a bundle', [0x30, 0, 0, 1, 0, 4, 0x30, 0, 0, 0]],
    ['something that is neither SET nor PUBLISH', [0x30, 0, 0, 1, 0, 1, 0x41]],
    ['a part that cannot be read', [0x30, 0, 0, 1, 0, 3, 0x21, 0x07, 0]],
    ['fewer parts than it says', [0x30, 0, 0, 2, 0, 1, 0x41]],
    ['nothing after its type', [0x30]],
  ])('is refused with 101: %s', (_, payload) => {
    desk.sendBytes(Uint8Array.from([0x53, 0x81, 0, payload.length, ...payload]));
    expect(errors(desk)).toMatchObject([{ code: 101 }]);
  });

  it('leaves a timeline alone that one of its writes would have ended', () => {
    const keyframes = [
      { time: 0, value: 0 },
      { time: 100_000, value: 100 },
    ];
    desk.send({ type: 'PUBLISH', signal: 'timeline', address: '/fade', value: { keyframes } });
    rig.pass(50);
    send(desk, bundle(set('/fade', 7), set('/fade', 8, { revision: 0 })));
    expect(errors(desk)).toMatchObject([{ code: 400, address: '/fade' }]);
    rig.pass(50);
    expect(rig.param('/fade')?.[0]).toBe(100);
  });
});

describe('limits', () => {
  it('a bundle counts as its messages', () => {
    rig.stop();
    rig = bundleRig({ maxMessagesPerSecond: 10 });
    const peer = rig.join();
    send(peer, bundle(...Array.from({ length: 6 }, (_, n) => set(`/a/${n}`, n))));
    send(peer, bundle(...Array.from({ length: 6 }, (_, n) => set(`/b/${n}`, n))));
    expect(errors(peer)).toMatchObject([{ code: 429 }]);
    rig.pass(500);
    send(peer, bundle(...Array.from({ length: 6 }, (_, n) => set(`/b/${n}`, n))));
    expect(errors(peer)).toEqual([]);
  });

  it('params that a bundle pushes out go when it has been delivered, also those of its own', () => {
    rig.stop();
    rig = bundleRig({ maxParams: 1 });
    desk = rig.join();
    const peer = rig.reader();
    desk.send(bundle(set('/a', 1), set('/b', 1)));
    expect(peer.take()).toEqual([
      bundle(set('/a', 1, { revision: 1 }), set('/b', 1, { revision: 1 })),
      set('/a', null, { revision: 2 }),
    ]);
  });

  it('an ill-formed bundle is remembered as a bad frame', () => {
    const bad = encodeMessage(bundle({ type: 'GET', address: '/a' }));
    for (let n = 0; n < 10; n++) desk.sendBytes(bad);
    expect(desk.ended).toMatchObject({ code: 101 });
  });
});
