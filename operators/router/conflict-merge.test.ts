import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AckMessage, ErrorMessage, Message, SnapshotMessage } from '../../core/wire/message.ts';
import { routerRig, set, subscribe, TOKENS } from '../../testing/router-rig.ts';

const rig = routerRig();
beforeEach(() => rig.start());
afterEach(() => rig.stop());

describe('a param', () => {
  it('gets revision 1, 2, 3 …, is broadcast with its bytes untouched, and acknowledged to the writer', () => {
    const writer = rig.join();
    const reader = rig.join();
    reader.send(subscribe('/mixer/**'));
    reader.take();
    writer.send(set('/mixer/1', 5n), { qos: 1 });
    writer.send(set('/mixer/1', 0.5), { qos: 1 });
    expect(reader.take()).toEqual([
      { type: 'SET', address: '/mixer/1', value: 5, revision: 1 },
      { type: 'SET', address: '/mixer/1', value: 0.5, revision: 2 },
    ]);
    expect(writer.take()).toEqual([
      { type: 'ACK', address: '/mixer/1', revision: 1 },
      { type: 'ACK', address: '/mixer/1', revision: 2 },
    ]);
  });

  it('is echoed to its writer when subscribed, once however many subscriptions match', () => {
    const peer = rig.join();
    peer.send(subscribe('/a/**', 1));
    peer.send(subscribe('/a/*', 2));
    peer.send(subscribe('/a/b', 0));
    peer.send(subscribe('/**', 0));
    peer.take();
    peer.send(set('/a/b', 1));
    expect(peer.take()).toEqual([expect.objectContaining({ type: 'SET', revision: 1 })]);
  });

  it('is not acknowledged at QoS 0', () => {
    const peer = rig.join();
    peer.send(set('/a', 1));
    expect(peer.take()).toEqual([]);
  });

  it('is in the snapshot of a late joiner and of a subscriber, with writer and time', () => {
    rig.pass(1_234);
    const writer = rig.join('writer');
    writer.send(set('/a', 'x'));
    writer.send(set('/b/c', { deep: [1, 2] }));
    const late = rig.connect();
    late.hello();
    const [, snapshot] = late.take() as [Message, SnapshotMessage];
    expect([...snapshot.params].sort((x, y) => x.address.localeCompare(y.address))).toEqual([
      { address: '/a', value: 'x', revision: 1, writer: expect.any(String), timestamp: 1_234_000 },
      { address: '/b/c', value: { deep: [1, 2] }, revision: 1, writer: expect.any(String), timestamp: 1_234_000 },
    ]);
    late.send(subscribe('/b/**', 7), { qos: 1 });
    expect(late.take()).toEqual([
      { type: 'SNAPSHOT', params: [expect.objectContaining({ address: '/b/c' })] },
      { type: 'ACK', address: '/b/**', correlationId: 7 },
    ]);
  });

  it('is deleted by null: broadcast with the next revision, gone from snapshots, null to GET, and never goes back', () => {
    const peer = rig.join();
    peer.send(subscribe('/a'));
    peer.send(set('/a', 1));
    peer.take();
    peer.send(set('/a', null));
    peer.send({ type: 'GET', address: '/a' });
    expect(peer.take()).toEqual([
      { type: 'SET', address: '/a', value: null, revision: 2 },
      { type: 'SNAPSHOT', params: [expect.objectContaining({ address: '/a', value: null })] },
    ]);
    const late = rig.connect();
    late.hello();
    expect(late.take()[1]).toEqual({ type: 'SNAPSHOT', params: [] });
    peer.send(set('/a', 2));
    expect(peer.take()).toEqual([expect.objectContaining({ value: 2, revision: 3 })]);
  });

  it('answers GET of an unknown address with null at revision 0', () => {
    const peer = rig.join();
    peer.send({ type: 'GET', address: '/nothing' });
    expect(peer.take()).toEqual([{ type: 'SNAPSHOT', params: [{ address: '/nothing', value: null, revision: 0 }] }]);
  });

  it('is written only at the expected revision when one is given', () => {
    const peer = rig.join();
    peer.send(set('/a', 1, { revision: 0 }), { qos: 1 });
    peer.send(set('/a', 2, { revision: 0 }), { qos: 1 });
    peer.send(set('/a', 3, { revision: 1 }), { qos: 1 });
    const [first, second, third] = peer.take();
    expect(first).toMatchObject({ type: 'ACK', revision: 1 });
    expect(second).toMatchObject({ type: 'ERROR', code: 400, address: '/a' });
    expect(third).toMatchObject({ type: 'ACK', revision: 2 });
  });

  it('can be locked: others get 401 with the holder, only the holder unlocks, and disconnecting unlocks', () => {
    const holder = rig.join('desk');
    const other = rig.join('other');
    holder.send(set('/a', 1, { lock: true }), { qos: 1 });
    const ack = holder.take()[0] as AckMessage;
    expect(ack).toMatchObject({ locked: true, holder: expect.any(String) });

    other.send(set('/a', 2));
    other.send(set('/a', 2, { lock: true }));
    other.send(set('/a', 2, { unlock: true }));
    const errors = other.take() as ErrorMessage[];
    expect(errors.map(({ code, address }) => [code, address])).toEqual(Array(3).fill([401, '/a']));
    expect(errors[0]?.message).toContain('desk');

    holder.send(set('/a', 3, { unlock: true }), { qos: 1 });
    expect(holder.take()).toEqual([expect.objectContaining({ type: 'ACK', revision: 2, locked: false })]);
    other.send(set('/a', 4, { lock: true }), { qos: 1 });
    expect(other.take()[0]).toMatchObject({ locked: true, revision: 3 });
    other.close();
    holder.send(set('/a', 5), { qos: 1 });
    expect(holder.take()).toEqual([expect.objectContaining({ type: 'ACK', revision: 4 })]);
  });

  it('can be unlocked by an admin', () => {
    rig.start({ authenticate: (token) => ({ scopes: TOKENS[token ?? 'x'] ?? [] }) });
    const holder = rig.join('desk', 'lights');
    const admin = rig.join('chief', 'admin');
    holder.send(set('/lights/1', 1, { lock: true }));
    admin.send(set('/lights/1', 0, { unlock: true }), { qos: 1 });
    expect(admin.take()).toEqual([expect.objectContaining({ type: 'ACK', locked: false })]);
  });

  it('is refused with 402 when a snapshot could not hold it', () => {
    const peer = rig.join();
    peer.send(set('/a', 'x'.repeat(65_500)), { qos: 1 });
    expect(peer.take()).toEqual([expect.objectContaining({ type: 'ERROR', code: 402, address: '/a' })]);
    peer.send(set('/a', 'x'.repeat(65_000)), { qos: 1 });
    expect(peer.take()).toEqual([expect.objectContaining({ type: 'ACK', revision: 1 })]);
  });

  it('may be written by a PUBLISH, as some published clients do', () => {
    const peer = rig.join();
    peer.send(subscribe('/a'));
    peer.take();
    peer.send({ type: 'PUBLISH', signal: 'param', address: '/a', value: 7 });
    expect(peer.take()).toEqual([{ type: 'SET', address: '/a', value: 7, revision: 1 }]);
  });
});
