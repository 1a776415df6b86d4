import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MemoryConnection } from '../../core/connection/memory-pair.ts';
import type { Message, SetMessage, SnapshotMessage } from '../../core/wire/message.ts';
import { routerRig, set } from '../../testing/router-rig.ts';
import type { WirePeer } from '../../testing/wire-peer.ts';

const get = (address: string): Message => ({ type: 'GET', address });
const deletion = (address: string, revision: number) => ({ type: 'SET', address, value: null, revision });

const rig = routerRig({ sessionTimeout: 0 });
beforeEach(() => rig.start());
afterEach(() => rig.stop());

describe('a limit of params', () => {
  const creations = (peer: WirePeer<MemoryConnection>, count: number) => {
    for (let i = 1; i <= count; i++) peer.send(set(`/p/${i}`, i));
  };

  it('deletes the one that was not used for longest, as a write of the relay', () => {
    rig.start({ maxParams: 3 });
    const peer = rig.join();
    const reader = rig.subscriber();
    creations(peer, 3);
    peer.send(get('/p/1'));
    peer.send(set('/p/2', 0));
    peer.take();
    reader.take();
    peer.send(set('/p/4', 4), { qos: 1 });
    expect(reader.take()).toEqual([{ type: 'SET', address: '/p/4', value: 4, revision: 1 }, deletion('/p/3', 2)]);
    expect(peer.take()).toEqual([{ type: 'ACK', address: '/p/4', revision: 1 }]);
    peer.send(set('/p/5', 5));
    expect(reader.take()[1]).toEqual(deletion('/p/1', 2));
    expect(rig.relay.stats().params).toBe(3);
  });

  it('deletes the one that was created first when told so', () => {
    rig.start({ maxParams: 2, onFull: 'oldest' });
    const peer = rig.join();
    const reader = rig.subscriber();
    creations(peer, 2);
    peer.send(set('/p/1', 9));
    reader.take();
    creations(peer, 3);
    expect(reader.take().at(-1)).toEqual(deletion('/p/1', 4));
  });

  it('refuses a new param with 503 when told so, and takes writes to those there are', () => {
    rig.start({ maxParams: 2, onFull: 'reject' });
    const peer = rig.join();
    creations(peer, 3);
    expect(peer.take()).toEqual([
      { type: 'ERROR', code: 503, address: '/p/3', message: 'no room for /p/3, at most 2 params' },
    ]);
    peer.send(set('/p/1', 9), { qos: 1 });
    peer.send(set('/p/2', null), { qos: 1 });
    peer.send(set('/p/3', 3), { qos: 1 });
    expect(peer.take().map(({ type }) => type)).toEqual(['ACK', 'ACK', 'ACK']);
  });

  it('deletes nothing when told to refuse, also where bundles that wait for their time are params too many', () => {
    rig.start({ maxParams: 2, onFull: 'reject' });
    const peer = rig.join();
    const reader = rig.subscriber();
    creations(peer, 2);
    reader.take();
    const messages = [set('/p/1', 9) as SetMessage];
    peer.send({ type: 'BUNDLE', timestamp: 1_000_000, messages }, { qos: 1 });
    expect(peer.take()).toEqual([{ type: 'ACK', address: '/clasp/schedule/1', revision: 1 }]);
    expect(reader.take().map((message) => (message as SetMessage).address)).toEqual(['/clasp/schedule/1']);
    rig.pass(2_000);
    expect(reader.take()).toEqual([
      { type: 'SET', address: '/p/1', value: 9, revision: 2 },
      deletion('/clasp/schedule/1', 2),
    ]);
    expect(rig.relay.stats().params).toBe(2);
  });

  it('spares what is locked, and refuses with 503 when everything is', () => {
    rig.start({ maxParams: 2 });
    const peer = rig.join();
    peer.send(set('/p/1', 1, { lock: true }));
    creations(peer, 3);
    const late = rig.connect();
    late.hello();
    expect((late.take()[1] as SnapshotMessage).params.map(({ address }) => address).sort()).toEqual(['/p/1', '/p/3']);
    peer.send(set('/p/3', 3, { lock: true }));
    peer.send(set('/p/4', 4));
    expect(peer.take()).toEqual([expect.objectContaining({ code: 503, address: '/p/4' })]);
    peer.close();
    rig.join().send(set('/p/4', 4));
    expect(rig.relay.stats().params).toBe(2);
  });

  it('takes a bundle of more params than there may be, and deletes the first of them after all were heard of', () => {
    rig.start({ maxParams: 2 });
    const peer = rig.join();
    const reader = rig.subscriber();
    const messages = [1, 2, 3].map((i) => set(`/p/${i}`, i) as SetMessage);
    peer.send({ type: 'BUNDLE', messages }, { qos: 1 });
    const heard = reader.take();
    expect(heard.filter((message) => message.type === 'SET' && message.value === null)).toEqual([deletion('/p/1', 2)]);
    expect(heard.at(-1)).toEqual(deletion('/p/1', 2));
  });
});
