import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MemoryConnection } from '../../core/connection/memory-pair.ts';
import type { Message } from '../../core/wire/message.ts';
import { type BundleRig, bundle, bundleRig, cue, errors, send, set } from '../../testing/bundle-rig.ts';
import type { WirePeer } from '../../testing/wire-peer.ts';

const HOUR = 3_600_000;

let rig: BundleRig;
let desk: WirePeer<MemoryConnection>;

const restart = (options: Parameters<typeof bundleRig>[0] = {}) => {
  rig?.stop();
  rig = bundleRig(options);
  desk = rig.join('desk');
};
/** A bundle for a time in milliseconds. */
const at = (milliseconds: number, ...messages: Message[]): Message => ({
  type: 'BUNDLE',
  timestamp: milliseconds * 1000,
  messages,
});
const values = (address: string) => rig.param(address)?.[0];

beforeEach(() => restart());
afterEach(() => rig.stop());

describe('a bundle for the future', () => {
  it('is acknowledged when it is accepted, and runs at its time', () => {
    send(desk, at(100, set('/a', 1), cue('/go')), 2);
    expect(desk.take()).toEqual([{ type: 'ACK', address: '/clasp/schedule/1', revision: 1 }]);
    const peer = rig.reader('/a');
    rig.pass(99);
    expect(peer.take()).toEqual([]);
    rig.pass(1);
    expect(peer.take()).toEqual([bundle(set('/a', 1, { revision: 1 }))]);
    expect(desk.take()).toEqual([]);
  });

  it('runs at once when its time has come or gone', () => {
    rig.pass(100);
    send(desk, at(100, set('/a', 1)));
    send(desk, at(3, set('/b', 1)));
    expect(desk.take()).toEqual([
      { type: 'ACK', address: '/a', revision: 1 },
      { type: 'ACK', address: '/b', revision: 1 },
    ]);
  });

  it('runs in the order of time, then of arrival', () => {
    const peer = rig.reader('/**', { types: ['event'] });
    for (const [time, name] of [
      [20, 'c'],
      [10, 'a'],
      [20, 'd'],
      [10, 'b'],
    ] as const)
      desk.send(at(time, cue(`/${name}`)));
    rig.pass(10);
    expect(peer.take()).toEqual([bundle(cue('/a')), bundle(cue('/b'))]);
    rig.pass(10);
    expect(peer.take()).toEqual([bundle(cue('/c')), bundle(cue('/d'))]);
  });

  it('runs before the params of others that were due with it are deleted, however long they take', () => {
    let readings = 0;
    restart({ now: () => rig.time.frame * 1000 + 200 * readings++ });
    for (let n = 0; n < 100; n++) desk.send(at(2_000, set(`/a/${n}`, n)));
    const peer = rig.reader('/**', { types: ['param'] });
    rig.pass(3_000);
    const heard = peer.take().flatMap((message) => (message.type === 'BUNDLE' ? message.messages : [message]));
    const addresses = heard.map((message) => (message as { address: string }).address);
    expect(addresses.slice(0, 100)).toEqual(Array.from({ length: 100 }, (_, n) => `/a/${n}`));
    expect(addresses.slice(100)).toEqual(Array.from({ length: 100 }, (_, n) => `/clasp/schedule/${n + 1}`));
  });

  it('is not acknowledged when nobody asked for it', () => {
    desk.send(at(100, set('/a', 1)));
    expect(desk.take()).toEqual([]);
  });

  it('runs when its sender has left, and takes no lock for it', () => {
    desk.send(at(100, set('/a', 1, { lock: true })));
    desk.close();
    rig.pass(100);
    expect(values('/a')).toBe(1);
    const other = rig.join();
    send(other, set('/a', 2));
    expect(other.take()).toEqual([{ type: 'ACK', address: '/a', revision: 2 }]);
  });

  it('is checked again when it runs: what fails then is told to its sender, and changes nothing', () => {
    send(desk, at(100, set('/a', 1), set('/b', 1)));
    desk.take();
    const other = rig.join('other');
    other.send(set('/b', 0, { lock: true }));
    const peer = rig.reader('/*');
    rig.pass(100);
    expect(errors(desk)).toMatchObject([
      {
        code: 401,
        address: '/clasp/schedule/1',
        message: expect.stringContaining('in the bundle of /clasp/schedule/1: /b is locked'),
      },
    ]);
    expect(peer.take()).toEqual([]);
    expect(values('/a')).toBeNull();
    expect(rig.events.at(-1)).toMatchObject({ type: 'session-closed' });
    expect(rig.events.filter(({ type }) => type === 'refused')).toHaveLength(1);
    expect(values('/clasp/schedule/1')).toBeNull();
  });

  it('fails quietly for a sender that has left, but is an event', () => {
    desk.send(set('/b', 0));
    desk.send(at(100, set('/b', 1, { revision: 7 })));
    desk.close();
    rig.pass(100);
    expect(rig.events.at(-1)).toMatchObject({ type: 'refused', session: { name: 'desk' }, error: { code: 400 } });
  });

  it('starts a timeline without a start at its time', () => {
    const value = {
      keyframes: [
        { time: 0, value: 0 },
        { time: 100_000, value: 10 },
      ],
    };
    desk.send(at(100, { type: 'PUBLISH', signal: 'timeline', address: '/fade', value }));
    rig.pass(150);
    expect(values('/fade')).toBeCloseTo(5, 0);
    rig.pass(50);
    expect(values('/fade')).toBe(10);
  });

  it('waits as long as a day, and not longer', () => {
    send(desk, at(24 * HOUR, set('/a', 1)));
    expect(desk.take()).toMatchObject([{ type: 'ACK' }]);
    send(desk, at(24 * HOUR + 1, set('/a', 2)));
    send(desk, at(32_503_680_000_000, set('/a', 3)));
    expect(errors(desk)).toMatchObject([
      { code: 400, message: 'a bundle may wait for 24 h at most, not 25 h', address: '/a' },
      { code: 400, message: expect.stringContaining('24 h at most') },
    ]);
    rig.pass(24 * HOUR);
    expect(values('/a')).toBe(1);
  });
});

describe('what can be known before is refused before', () => {
  it.each<[string, number, Message]>([
    [
      'a bad timeline',
      400,
      { type: 'PUBLISH', signal: 'timeline', address: '/f', value: { keyframes: [{ time: -1, value: 0 }] } },
    ],
    ['a value out of range', 402, set('/ranged', 11)],
    ['an address that is none', 200, set('/a/**', 1)],
    ['a scope', 301, set('/theirs', 1)],
    ['a write to a bundle that waits', 301, set('/clasp/schedule/1', null)],
  ])('%s', (_, code, part) => {
    restart({
      params: [{ pattern: '/ranged', range: [0, 10] }],
      authenticate: () => ({ scopes: ['read:/**', 'write:/a', 'write:/f', 'write:/ranged', 'write:/clasp/**'] }),
    });
    send(desk, at(100, set('/a', 1), part));
    expect(errors(desk)).toMatchObject([{ code, address: (part as { address: string }).address }]);
    rig.pass(100);
    expect(values('/a')).toBeNull();
  });

  it('too many of a session, which is free again when one has run', () => {
    restart({ maxScheduled: 2 });
    for (const time of [10, 20, 30]) send(desk, at(time, set('/a', time)));
    expect(errors(desk)).toMatchObject([{ code: 400, message: 'too many bundles wait for their time, at most 2' }]);
    send(rig.join(), at(10, set('/b', 1)));
    rig.pass(10);
    send(desk, at(30, set('/a', 30)));
    expect(errors(desk)).toEqual([]);
  });

  it('too many bytes of all', () => {
    restart({ maxScheduledBytes: 3000 });
    send(desk, at(10, set('/a', 'x'.repeat(600))));
    send(rig.join(), at(10, set('/a', 'x')));
    send(desk, at(10, set('/a', 'x'.repeat(600))));
    expect(errors(desk)).toMatchObject([{ code: 503 }]);
  });

  it('too many that have no bytes to speak of: each takes memory', () => {
    restart({ maxScheduledBytes: 10_000 });
    for (let n = 0; n < 1000; n++) send(desk, at(10));
    expect(errors(desk)).toHaveLength(991);
    rig.pass(10);
    send(desk, at(20));
    expect(errors(desk)).toEqual([]);
  });
});

describe('a client of ours', () => {
  it('learns of the acceptance, and calls off what waits', () => {
    const client = rig.relay.client('desk');
    const [cue, other] = [1, 2].map((n) => client.bundle([{ set: [`/cue/${n}`, n] }], { at: 100_000 }));
    const told: unknown[] = [];
    const tell = {
      next: (answer: unknown) => told.push(answer),
      error: ({ code }: { code: number }) => told.push(code),
    };
    cue?.subscribe(tell);
    rig.pass(1);
    expect(told).toEqual([{ address: '/clasp/schedule/1', revision: 1 }]);
    cue?.cancel().subscribe(tell);
    rig.pass(100);
    expect(told.at(-1)).toMatchObject({ revision: 2 });
    expect([values('/cue/1'), values('/cue/2')]).toEqual([null, 2]);
    other?.cancel().subscribe(tell);
    rig.pass(1);
    expect(told.at(-1)).toBe(301);
  });
});

describe('the param of a bundle that waits', () => {
  it('says what waits, also to who comes later, and goes when it has run', () => {
    const early = rig.reader('/clasp/**');
    desk.send(at(100, set('/a', 1), cue('/go')));
    const value = { at: 100_000, from: expect.any(String), name: 'desk', addresses: ['/a', '/go'], messages: 2 };
    expect(early.take()).toEqual([{ type: 'SET', address: '/clasp/schedule/1', value, revision: 1 }]);
    expect(values('/clasp/schedule/1')).toEqual(value);
    rig.pass(100);
    expect(early.take()).toEqual([{ type: 'SET', address: '/clasp/schedule/1', value: null, revision: 2 }]);
    expect(values('/clasp/schedule/1')).toBeNull();
  });

  it('names the first 16 addresses', () => {
    desk.send(at(100, ...Array.from({ length: 40 }, (_, n) => set(`/a/${n}`, n))));
    expect(values('/clasp/schedule/1')).toMatchObject({ messages: 40, addresses: { length: 16 } });
  });

  it('cancels the bundle when its session sets it to null', () => {
    const peer = rig.reader('/**');
    send(desk, at(100, set('/a', 1)));
    send(desk, at(100, set('/b', 1)));
    desk.take();
    peer.take();
    send(desk, set('/clasp/schedule/1', null));
    expect(desk.take()).toEqual([{ type: 'ACK', address: '/clasp/schedule/1', revision: 2 }]);
    expect(peer.take()).toEqual([set('/clasp/schedule/1', null, { revision: 2 })]);
    rig.pass(1000);
    expect([values('/a'), values('/b')]).toEqual([null, 1]);
    send(desk, set('/clasp/schedule/1', null));
    send(desk, set('/clasp/schedule/2', null));
    expect(errors(desk).map(({ code }) => code)).toEqual([301, 301]);
  });

  it('takes nothing but null, and no timeline', () => {
    send(desk, at(100, set('/a', 1)));
    desk.take();
    send(desk, set('/clasp/schedule/1', 1));
    send(desk, set('/clasp/schedule/1', null, { lock: true }));
    send(desk, set('/clasp/schedule/1', null, { revision: 5 }));
    send(desk, set('/clasp/schedule/mine', 1));
    send(desk, { type: 'PUBLISH', signal: 'timeline', address: '/clasp/schedule/1', value: { keyframes: [] } });
    expect(errors(desk).map(({ code }) => code)).toEqual([301, 301, 400, 301, 301]);
    rig.pass(100);
    expect(values('/a')).toBe(1);
  });

  it('is cancelled by its session without any scope there, by admins, and by nobody else', () => {
    const scopes: Record<string, string[]> = {
      own: ['write:/a'],
      other: ['read:/**', 'write:/**'],
      admin: ['admin:/clasp/**'],
    };
    restart({ authenticate: (token) => ({ scopes: scopes[token ?? 'own'] ?? [] }) });
    const [other, admin] = [rig.join('other', 'other'), rig.join('admin', 'admin')];
    for (let n = 0; n < 3; n++) send(desk, at(100, set('/a', n)));
    desk.take();
    send(other, set('/clasp/schedule/1', null));
    send(admin, set('/clasp/schedule/2', null));
    send(desk, set('/clasp/schedule/3', null));
    expect(errors(other)).toMatchObject([{ code: 301 }]);
    expect(admin.take()).toMatchObject([{ type: 'ACK', address: '/clasp/schedule/2' }]);
    expect(desk.take()).toMatchObject([{ type: 'ACK', address: '/clasp/schedule/3' }]);
  });

  it('is cancelled by anybody in open mode', () => {
    desk.send(at(100, set('/a', 1)));
    const other = rig.join();
    send(other, set('/clasp/schedule/1', null));
    expect(other.take()).toMatchObject([{ type: 'ACK' }]);
    rig.pass(100);
    expect(values('/a')).toBeNull();
  });
});
