import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ErrorMessage, Message, SetMessage, Ttl } from '../../core/wire/message.ts';
import { routerRig, set } from '../../testing/router-rig.ts';

const sliding = (seconds: number): { ttl: Ttl } => ({ ttl: { seconds, mode: 'sliding' } });
const absolute = (seconds: number): { ttl: Ttl } => ({ ttl: { seconds, mode: 'absolute' } });
const get = (address: string): Message => ({ type: 'GET', address });
const deletion = (address: string, revision: number) => ({ type: 'SET', address, value: null, revision });

const rig = routerRig({ sessionTimeout: 0 });
beforeEach(() => rig.start());
afterEach(() => rig.stop());

describe('a TTL', () => {
  it('ends with a delete under the next revision that subscribers see, and GET answers null', () => {
    const peer = rig.join();
    const reader = rig.subscriber();
    peer.send(set('/a', 1, sliding(2)));
    rig.pass(1_999);
    expect(reader.take()).toEqual([{ type: 'SET', address: '/a', value: 1, revision: 1 }]);
    rig.pass(1);
    expect(reader.take()).toEqual([deletion('/a', 2)]);
    expect(rig.relay.stats().params).toBe(0);
    peer.send(get('/a'));
    expect(peer.take()).toEqual([{ type: 'SNAPSHOT', params: [{ address: '/a', value: null, revision: 2 }] }]);
    peer.send(set('/a', 2));
    rig.pass(60_000);
    expect(reader.take()).toEqual([{ type: 'SET', address: '/a', value: 2, revision: 3 }]);
  });

  it('begins anew with each write and GET when it is sliding', () => {
    const peer = rig.join();
    const reader = rig.subscriber();
    peer.send(set('/a', 1, sliding(2)));
    rig.pass(1_500);
    peer.send(set('/a', 2));
    rig.pass(1_500);
    peer.send(get('/a'));
    rig.pass(1_999);
    reader.take();
    rig.pass(1);
    expect(reader.take()).toEqual([deletion('/a', 3)]);
  });

  it('counts from the SET that gave it when it is absolute, whatever is written and read later', () => {
    const peer = rig.join();
    const reader = rig.subscriber();
    peer.send(set('/a', 1, absolute(2)));
    rig.pass(1_000);
    peer.send(set('/a', 2));
    peer.send(get('/a'));
    rig.pass(999);
    reader.take();
    rig.pass(1);
    expect(reader.take()).toEqual([deletion('/a', 3)]);
  });

  it('is replaced by a new one, shorter or longer, and taken away by 0', () => {
    const peer = rig.join();
    const reader = rig.subscriber();
    peer.send(set('/shorter', 1, sliding(100)));
    peer.send(set('/shorter', 1, absolute(1)));
    peer.send(set('/longer', 1, sliding(1)));
    peer.send(set('/longer', 1, sliding(3)));
    peer.send(set('/ever', 1, sliding(1)));
    peer.send(set('/ever', 1, sliding(0)));
    reader.take();
    rig.pass(1_000);
    expect(reader.take()).toEqual([deletion('/shorter', 3)]);
    rig.pass(2_000);
    expect(reader.take()).toEqual([deletion('/longer', 3)]);
    rig.pass(1_000_000);
    expect(reader.take()).toEqual([]);
  });

  it('does not outlive a delete', () => {
    const peer = rig.join();
    const reader = rig.subscriber();
    peer.send(set('/a', 1, absolute(2)));
    peer.send(set('/a', null));
    peer.send(set('/a', 3));
    reader.take();
    rig.pass(10_000);
    expect(reader.take()).toEqual([]);
  });

  it('comes from the rule of the address where the SET that creates the param gives none', () => {
    rig.start({ params: [{ pattern: '/presence/*', ttl: 5 }] });
    const peer = rig.join();
    const reader = rig.subscriber();
    peer.send(set('/presence/ann', true));
    peer.send(set('/presence/bob', true, sliding(0)));
    peer.send(set('/presence/bob', false));
    peer.send(set('/elsewhere', true));
    rig.pass(4_000);
    peer.send(set('/presence/ann', true));
    reader.take();
    rig.pass(5_000);
    expect(reader.take()).toEqual([deletion('/presence/ann', 3)]);
    peer.send(set('/presence/ann', true));
    reader.take();
    rig.pass(5_000);
    expect(reader.take()).toEqual([deletion('/presence/ann', 5)]);
    rig.pass(100_000);
    expect(reader.take()).toEqual([]);
  });

  it('takes the value of a locked param and leaves the lock to its holder', () => {
    const holder = rig.join('desk');
    const other = rig.join('other');
    holder.send(set('/a', 1, { lock: true, ...sliding(1) }));
    rig.pass(1_000);
    expect(rig.relay.stats().params).toBe(0);
    other.send(set('/a', 2));
    expect((other.take()[0] as ErrorMessage).code).toBe(401);
    holder.send(set('/a', 3, { unlock: true }), { qos: 1 });
    expect(holder.take()).toEqual([expect.objectContaining({ type: 'ACK', revision: 3, locked: false })]);
  });

  it('does not end while a timeline of the param waits or plays if it is sliding; an absolute one ends both', () => {
    const peer = rig.join();
    const reader = rig.subscriber();
    const keyframes = [0, 5_000_000, 6_000_000].map((time) => ({ time, value: time === 6_000_000 ? 1 : 0 }));
    for (const address of ['/sliding', '/absolute']) {
      peer.send(set(address, 0.5, address === '/sliding' ? sliding(1) : absolute(3)));
      peer.send({ type: 'PUBLISH', signal: 'timeline', address, value: { keyframes } });
    }
    const last = (address: string) =>
      reader.received
        .filter((message): message is SetMessage => message.type === 'SET' && message.address === address)
        .at(-1)?.value;
    rig.pass(4_000);
    expect([last('/sliding'), last('/absolute')]).toEqual([0, null]);
    rig.pass(2_000);
    expect([last('/sliding'), last('/absolute')]).toEqual([1, null]);
    rig.pass(1_100);
    expect(last('/sliding')).toBe(null);
  });

  it('ends what a naive list of deadlines says, at its millisecond, and revisions rise by one', () => {
    const address = fc.constantFrom('/a', '/b');
    const given = fc.record({ seconds: fc.nat(3), mode: fc.constantFrom<Ttl['mode'][]>('sliding', 'absolute') });
    const ttl = fc.oneof(fc.constant(undefined), given);
    const step = fc.oneof(
      fc.record({ do: fc.constant('set' as const), address, value: fc.constantFrom(1, 2, 3, 4, null), ttl }),
      fc.record({ do: fc.constant('get' as const), address }),
      fc.record({ do: fc.constant('pass' as const), milliseconds: fc.constantFrom(1, 400, 600, 999, 1_000, 1_400) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => {
        rig.start();
        const peer = rig.join();
        const reader = rig.subscriber();
        const params = new Map<string, { ttl: Ttl; from: number }>();
        const expected: (readonly [number, string, SetMessage['value'], number])[] = [];
        const heard: typeof expected = [];
        const revisions: Record<string, number> = { '/a': 0, '/b': 0 };
        let now = 0;
        const dueAt = ({ ttl, from }: { ttl: Ttl; from: number }) =>
          ttl.seconds === 0 ? Number.POSITIVE_INFINITY : from + ttl.seconds * 1000;
        const write = (to: string, value: SetMessage['value']) => {
          revisions[to] = (revisions[to] ?? 0) + 1;
          expected.push([now, to, value, revisions[to] ?? 0]);
        };
        const listen = () => {
          for (const message of reader.take() as SetMessage[])
            heard.push([now, message.address, message.value, message.revision ?? 0]);
        };
        const advance = (to: number) => {
          rig.pass(Math.max(0, to - now));
          now = Math.max(now, to);
          listen();
        };
        for (const one of steps) {
          if (one.do === 'pass') {
            const until = now + one.milliseconds;
            const dues = () => [...params.values()].map(dueAt).filter((due) => due <= until);
            for (let due = Math.min(...dues()); due <= until; due = Math.min(...dues())) {
              advance(due - 1);
              advance(due);
              for (const [to, known] of params) {
                if (dueAt(known) !== due) continue;
                params.delete(to);
                write(to, null);
              }
            }
            advance(until);
            continue;
          }
          const known = params.get(one.address);
          if (one.do === 'get') {
            peer.send(get(one.address));
            if (known?.ttl.mode === 'sliding') known.from = now;
            continue;
          }
          peer.send(set(one.address, one.value, one.ttl ? { ttl: one.ttl } : {}));
          listen();
          write(one.address, one.value);
          if (one.value === null) params.delete(one.address);
          else if (one.ttl) params.set(one.address, { ttl: one.ttl, from: now });
          else if (!known) params.set(one.address, { ttl: { seconds: 0, mode: 'absolute' }, from: now });
          else if (known.ttl.mode === 'sliding') known.from = now;
        }
        expect(heard.sort(order)).toEqual(expected.sort(order));
        expect(rig.relay.stats().params).toBe(params.size);
      }),
    );
  });
  const order = (a: readonly unknown[], b: readonly unknown[]) =>
    String(a[1]).localeCompare(String(b[1])) || Number(a[3]) - Number(b[3]);

  it('lets others have their turn while 100 000 params expire at the same time', () => {
    const peer = rig.join();
    for (let i = 0; i < 100_000; i++) peer.send(set(`/a/${i}`, 1, absolute(1)));
    const other = rig.subscriber();
    let answered = 0;
    let most = 0;
    let before = 0;
    // Asks in every free moment how many params are left.
    const ask = () => {
      const { params } = rig.relay.stats();
      most = Math.max(most, before - params);
      before = params;
      other.take();
      answered++;
      if (params > 0) rig.time.schedule(ask, 0);
    };
    before = rig.relay.stats().params;
    rig.time.schedule(ask, 1_000);
    rig.pass(1_000);
    expect(before).toBe(0);
    expect(most).toBeLessThanOrEqual(500);
    expect(answered).toBeGreaterThanOrEqual(200);
  }, 60_000);
});
