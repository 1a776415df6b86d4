import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ClaspError } from '../../core/errors.ts';
import type { MergeValues } from '../../core/param/param-rules.ts';
import type { Value } from '../../core/signal/value.ts';
import { encodeValue } from '../../core/wire/index.ts';
import type { ErrorMessage, Message, SetMessage } from '../../core/wire/message.ts';
import { routerRig, set } from '../../testing/router-rig.ts';

const holds = (frame: Uint8Array | undefined, part: Uint8Array) => String(frame).includes(`,${String(part)},`);
const errors = (messages: readonly Message[]) =>
  (messages as ErrorMessage[]).map(({ code, address, message }) => [code, address, message]);

const rig = routerRig();
beforeEach(() =>
  rig.start({
    params: [
      { pattern: '/bids/**', strategy: 'max', range: [0, 1000] },
      { pattern: '/best/**', strategy: 'min' },
      { pattern: '/desk/**', strategy: 'lock' },
      { pattern: '/scene/**', strategy: 'merge' },
      { pattern: '/sum', range: [0, 10], merge: (current, written) => Number(current) + Number(written) },
      { pattern: '/fault/*', merge: (_, written) => faults[String(written)]?.() as Value },
    ],
  }),
);
afterEach(() => rig.stop());
const faults: Record<string, () => unknown> = {
  throw: () => {
    throw new Error('no idea');
  },
  refuse: () => {
    throw new ClaspError(403, 'not today');
  },
  nothing: () => undefined,
  long: () => 'x'.repeat(65_500),
};

describe('a strategy', () => {
  it('refuses a write that loses with 400 and changes nothing; a number outside the range with 402 before that', () => {
    const peer = rig.join();
    const reader = rig.subscriber();
    for (const bid of [100, 99, 100, 1001, Number.NaN, 101n]) peer.send(set('/bids/1', bid));
    expect(errors(peer.take())).toEqual([
      [400, '/bids/1', '/bids/1 keeps the max of its numbers, 100; 99 loses'],
      [402, '/bids/1', '/bids/1 must be 0 to 1000, not 1001'],
      [402, '/bids/1', '/bids/1 must be 0 to 1000, not NaN'],
    ]);
    expect(reader.take()).toEqual([
      { type: 'SET', address: '/bids/1', value: 100, revision: 1 },
      { type: 'SET', address: '/bids/1', value: 100, revision: 2 },
      { type: 'SET', address: '/bids/1', value: 101, revision: 3 },
    ]);
  });

  it('checks in the order of the protocol: range, lock, revision, strategy', () => {
    const holder = rig.join('desk');
    const other = rig.join('other');
    holder.send(set('/bids/1', 500, { lock: true }));
    other.send(set('/bids/1', 2000, { revision: 7 }));
    other.send(set('/bids/1', 400, { revision: 7 }));
    holder.send(set('/bids/1', 400, { revision: 7 }));
    holder.send(set('/bids/1', 400, { revision: 1 }));
    expect(errors(other.take()).map(([code]) => code)).toEqual([402, 401]);
    expect(errors(holder.take()).map(([code, , text]) => [code, text])).toEqual([
      [400, '/bids/1 is at revision 1, not 7'],
      [400, '/bids/1 keeps the max of its numbers, 500; 400 loses'],
    ]);
  });

  it('max or min leaves the extreme of what anybody wrote, with revisions that rise by one', () => {
    const bids = fc.array(fc.tuple(fc.nat(2), fc.integer({ min: 0, max: 20 })), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(fc.constantFrom('/bids/1', '/best/1'), bids, (address, all) => {
        rig.stop();
        rig.start({
          params: [
            { pattern: '/bids/*', strategy: 'max' },
            { pattern: '/best/*', strategy: 'min' },
          ],
        });
        const peers = [rig.join(), rig.join(), rig.join()];
        const reader = rig.subscriber();
        for (const [who, bid] of all) peers[who]?.send(set(address, bid));
        const heard = reader.take() as SetMessage[];
        const extreme = address === '/bids/1' ? Math.max : Math.min;
        expect(heard.at(-1)?.value).toBe(extreme(...all.map(([, bid]) => bid)));
        expect(heard.map(({ revision }) => revision)).toEqual(heard.map((_, i) => i + 1));
        expect(heard.length + peers.flatMap((peer) => peer.take()).length).toBe(all.length);
      }),
    );
  });

  it('lock makes the first writer the holder until it unlocks or leaves', () => {
    const first = rig.join('first');
    const second = rig.join('second');
    first.send(set('/desk/1', 1));
    second.send(set('/desk/1', 2));
    expect(errors(second.take())).toEqual([[401, '/desk/1', expect.stringContaining('locked by first')]]);
    first.send(set('/desk/1', 3, { unlock: true }));
    second.send(set('/desk/1', 4));
    first.send(set('/desk/1', 5));
    expect(errors(first.take()).map(([code]) => code)).toEqual([401]);
    second.close();
    first.send(set('/desk/1', 6), { qos: 1 });
    expect(first.take()).toEqual([expect.objectContaining({ type: 'ACK', revision: 4 })]);
  });

  it('lock holds nothing for a session that has left while its timeline plays on', () => {
    const first = rig.join('first');
    const second = rig.join('second');
    const keyframes = [
      { time: 0, value: 0 },
      { time: 1_000_000, value: 1 },
    ];
    first.send({ type: 'PUBLISH', signal: 'timeline', address: '/desk/1', value: { keyframes } });
    first.close();
    rig.pass(500);
    second.send(set('/desk/1', 9), { qos: 1 });
    expect(second.take()).toEqual([expect.objectContaining({ type: 'ACK' })]);
  });

  it('merge stores and sends what comes out, and keeps QoS, lock and TTL of the write', () => {
    const peer = rig.join('desk');
    const reader = rig.subscriber();
    peer.send(set('/scene/1', { a: 1, b: { c: 1 } }));
    const ttl = { seconds: 1, mode: 'absolute' } as const;
    peer.send(set('/scene/1', { b: { d: 2 } }, { lock: true, ttl }), { qos: 1 });
    peer.send(set('/scene/2', 5n));
    peer.send(set('/scene/2', { a: 1 }));
    const merged = { a: 1, b: { c: 1, d: 2 } };
    expect(reader.take()).toEqual([
      expect.objectContaining({ revision: 1 }),
      { type: 'SET', address: '/scene/1', value: merged, revision: 2 },
      { type: 'SET', address: '/scene/2', value: 5, revision: 1 },
      { type: 'SET', address: '/scene/2', value: { a: 1 }, revision: 2 },
    ]);
    expect(peer.take()).toEqual([expect.objectContaining({ type: 'ACK', revision: 2, locked: true })]);
    peer.send({ type: 'GET', address: '/scene/1' });
    expect(peer.take()).toEqual([
      { type: 'SNAPSHOT', params: [expect.objectContaining({ value: merged, revision: 2 })] },
    ]);
    rig.pass(1_000);
    expect(reader.take()).toEqual([{ type: 'SET', address: '/scene/1', value: null, revision: 3 }]);
  });

  it('merge of maps leaves integers integers on the wire, those of both sides', () => {
    const peer = rig.join();
    const reader = rig.subscriber();
    const bytes: Uint8Array[] = [];
    reader.connection.incoming.subscribe((frame) => bytes.push(frame.slice()));
    peer.send(set('/scene/1', { kept: 1n, replaced: 2n, inner: { kept: 3n } }));
    peer.send(set('/scene/1', { replaced: 4, inner: { added: 5n } }));
    const merged = { kept: 1n, replaced: 4, inner: { kept: 3n, added: 5n } };
    const body = encodeValue(merged).subarray(1);
    expect(holds(bytes[1], body)).toBe(true);
    peer.connection.incoming.subscribe((frame) => bytes.push(frame.slice()));
    peer.send({ type: 'GET', address: '/scene/1' });
    expect(holds(bytes[2], body)).toBe(true);
  });

  it('merge may be a function, whose result keeps to the range', () => {
    const peer = rig.join();
    const reader = rig.subscriber();
    for (const part of [4, 5, 2, null, 2]) peer.send(set('/sum', part));
    expect((reader.take() as SetMessage[]).map(({ value }) => value)).toEqual([4, 9, null, 2]);
    expect(errors(peer.take())).toEqual([[402, '/sum', '/sum must be 0 to 10, not 11']]);
  });

  it('merge that fails refuses the write and changes nothing', () => {
    const peer = rig.join();
    const reader = rig.subscriber();
    peer.send(set('/fault/1', 'first'));
    reader.take();
    for (const fault of Object.keys(faults)) peer.send(set('/fault/1', fault));
    expect(errors(peer.take()).map(([code, , text]) => [code, text])).toEqual([
      [400, 'could not merge into /fault/1: no idea'],
      [403, 'could not merge into /fault/1: not today'],
      [402, expect.stringMatching(/^could not merge into \/fault\/1: /)],
      [402, expect.stringContaining('too large')],
    ]);
    expect(reader.take()).toEqual([]);
  });

  it('merge folds maps as the same function does outside of the relay', () => {
    const key = fc.constantFrom('a', 'b', 'c');
    const leaf = fc.oneof(fc.integer(), fc.string({ maxLength: 3 }), fc.constant(null), fc.array(fc.integer()));
    const map = fc.dictionary(key, fc.oneof(leaf, fc.dictionary(key, leaf)), { minKeys: 1 });
    const naive: MergeValues = (current, written) => {
      const isMap = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
      if (!isMap(current) || !isMap(written)) return written;
      const [old, given] = [current as Record<string, Value>, written as Record<string, Value>];
      const names = [...new Set([...Object.keys(old), ...Object.keys(given)])];
      return Object.fromEntries(
        names.map((name) => {
          if (!(name in given)) return [name, old[name] as Value];
          return [name, name in old ? naive(old[name] as Value, given[name] as Value, '') : (given[name] as Value)];
        }),
      );
    };
    fc.assert(
      fc.property(fc.array(map, { minLength: 1, maxLength: 8 }), (maps) => {
        rig.start({ params: [{ pattern: '/scene', strategy: 'merge' }] });
        const peer = rig.join();
        const reader = rig.subscriber();
        for (const one of maps) peer.send(set('/scene', one));
        const heard = reader.take() as SetMessage[];
        expect(heard).toHaveLength(maps.length);
        expect(heard.at(-1)?.value).toEqual(maps.reduce<Value>((kept, one) => naive(kept, one, ''), {}));
      }),
    );
  });

  it('is taken into account by bundles: one part that loses, or is out of range, undoes all', () => {
    const peer = rig.join();
    const reader = rig.subscriber();
    peer.send(set('/bids/1', 100));
    peer.send(set('/scene/1', { a: 1 }));
    reader.take();
    const parts = [
      set('/scene/1', { b: 2 }),
      set('/desk/1', 1),
      set('/new', 1, { ttl: { seconds: 1, mode: 'sliding' } }),
    ];
    peer.send({ type: 'BUNDLE', messages: [...parts, set('/bids/1', 50)] });
    expect(errors(peer.take()).map(([code, address]) => [code, address])).toEqual([[400, '/bids/1']]);
    rig.pass(2_000);
    expect(reader.take()).toEqual([]);
    const other = rig.join('other');
    other.send(set('/desk/1', 2), { qos: 1 });
    other.send(set('/scene/1', { c: 3 }), { qos: 1 });
    other.send(set('/new', 2), { qos: 1 });
    expect((other.take() as { revision?: number }[]).map(({ revision }) => revision)).toEqual([1, 2, 1]);
    expect((reader.take() as SetMessage[]).map(({ value }) => value)).toEqual([2, { a: 1, c: 3 }, 2]);
  });
});
