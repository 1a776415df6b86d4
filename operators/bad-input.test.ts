import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { memoryPair } from '../core/connection/memory-pair.ts';
import { ClaspError } from '../core/errors.ts';
import type { ErrorMessage, Message } from '../core/wire/message.ts';
import { type VirtualRelay, virtualRelay } from '../testing/virtual-relay.ts';
import type { WirePeer } from '../testing/wire-peer.ts';
import { wirePeer } from '../testing/wire-peer.ts';
import type { RouterOptions } from './router/router.ts';

let rig: VirtualRelay;
let bystander: WirePeer;

const start = (options?: RouterOptions) => {
  rig?.stop();
  rig = virtualRelay(options);
  bystander = rig.join('bystander');
  bystander.send({ type: 'SUBSCRIBE', id: 1, pattern: '/calm/**' });
  bystander.take();
};

/** Nobody else notices: a write still reaches the bystander, alone. */
const expectCalm = () => {
  const writer = rig.join('writer');
  writer.send({ type: 'SET', address: '/calm/sea', value: 1 }, { qos: 1 });
  expect(writer.take()).toEqual([expect.objectContaining({ type: 'ACK' })]);
  expect(bystander.take()).toEqual([expect.objectContaining({ type: 'SET', address: '/calm/sea' })]);
  expect(bystander.ended).toBeUndefined();
};

beforeEach(() => start());
afterEach(() => {
  expectCalm();
  rig.stop();
});

describe('the relay survives', () => {
  it('a client with 100 000 subscriptions: those over the limit get 429', () => {
    const greedy = rig.join('greedy');
    for (let id = 0; id < 100_000; id++)
      greedy.send({ type: 'SUBSCRIBE', id, pattern: `/greedy/${id}/*`, types: ['event'] });
    const errors = greedy.take().filter((message): message is ErrorMessage => message.type === 'ERROR');
    expect(errors).toHaveLength(90_000);
    expect(errors[0]).toMatchObject({ code: 429, address: '/greedy/10000/*', correlationId: 10_000 });
    expect(rig.relay.stats().subscriptions).toBe(10_001);
    greedy.close();
    expect(rig.relay.stats().subscriptions).toBe(1);
  });

  it('a client that never reads: params conflate, and after 30 s it is closed as a slow consumer', () => {
    const deaf = rig.join('deaf');
    deaf.send({ type: 'SUBSCRIBE', id: 1, pattern: '/**', types: ['param'] });
    deaf.connection.pause();
    const writer = rig.join('writer');
    for (let i = 0; i < 200_000; i++) writer.send({ type: 'SET', address: `/p/${i % 10}`, value: i });
    expect(deaf.ended).toBeUndefined();
    rig.pass(29_999);
    expect(rig.relay.stats().sessions).toBe(3);
    rig.pass(1);
    expect(rig.relay.stats().sessions).toBe(2);
    expect(rig.events.at(-1)).toMatchObject({ type: 'session-closed', reason: { code: 503, reason: 'slow consumer' } });
    deaf.connection.resume();
    expect(deaf.take().at(-1)).toMatchObject({ type: 'ERROR', code: 503, message: 'slow consumer' });
    expect(deaf.ended).toMatchObject({ code: 503 });
  });

  it('a client that never reads events: it is closed when the hard limit is reached, without waiting', () => {
    start({ maxWaitingBytes: 100_000 });
    const deaf = rig.join('deaf');
    deaf.send({ type: 'SUBSCRIBE', id: 1, pattern: '/**' });
    deaf.connection.pause();
    const sender = rig.join('sender');
    for (let i = 0; i < 100_000; i++) sender.send({ type: 'PUBLISH', signal: 'event', address: '/cue', value: i });
    expect(rig.events.at(-1)).toMatchObject({ type: 'session-closed', reason: { code: 503 } });
  });

  it('a slow client that catches up: it ends with the newest value of every param', () => {
    const slow = rig.join('slow');
    slow.send({ type: 'SUBSCRIBE', id: 1, pattern: '/p/**' });
    slow.take();
    slow.connection.pause();
    const writer = rig.join('writer');
    for (let i = 0; i < 100_000; i++) writer.send({ type: 'SET', address: `/p/${i % 7}`, value: i });
    slow.connection.resume();
    const newest = new Map<string, unknown>();
    for (const message of slow.take()) if (message.type === 'SET') newest.set(message.address, message.value);
    expect([...newest.values()].sort()).toEqual([99_993, 99_994, 99_995, 99_996, 99_997, 99_998, 99_999]);
    expect(slow.ended).toBeUndefined();
  });

  it('a client that hangs up in the middle of its snapshot', () => {
    const writer = rig.join('writer');
    for (let i = 0; i < 5_000; i++) writer.send({ type: 'SET', address: `/many/${i}`, value: 'x'.repeat(100) });
    const [here, there] = memoryPair();
    let frames = 0;
    here.incoming.subscribe({
      next: () => {
        // WELCOME, then several SNAPSHOT frames: go after the first.
        if (++frames === 2) here.outgoing.complete();
      },
    });
    rig.accept(there);
    const greeting = wirePeer({ ...memoryPair()[0], outgoing: here.outgoing });
    greeting.hello('gone');
    expect(frames).toBe(2);
    expect(rig.events.at(-1)).toMatchObject({ type: 'session-closed', session: { name: 'gone' } });
  });

  it('every kind of garbage: each is answered with 100 or 101, until there is too much of it', () => {
    const garbage = [
      [],
      [0],
      [0x53],
      [0x53, 1, 0, 0],
      [0x53, 1, 0, 9, 0x41],
      [0x54, 1, 0, 1, 0x41],
      [0x53, 0x11, 0, 1, 0x41],
    ];
    const peer = rig.join('garbled');
    for (const bytes of garbage) peer.sendBytes(Uint8Array.from(bytes));
    const codes = peer.take().map((message: Message) => (message as ErrorMessage).code);
    expect(codes).toEqual(garbage.map(() => 100));
  });

  it('addresses, patterns and names as long as a frame: each is answered, with as much of them as fits', () => {
    const long = `/${'x'.repeat(65_500)}`;
    const messages: Message[] = [
      { type: 'SET', address: long, value: null },
      { type: 'GET', address: long },
      { type: 'PUBLISH', signal: 'event', address: long },
      { type: 'SUBSCRIBE', id: 1, pattern: long },
      { type: 'QUERY', pattern: long },
      { type: 'ANNOUNCE', signals: [{ address: long, type: 'param' }] },
      { type: 'BUNDLE', messages: [{ type: 'SET', address: long, value: null }] },
    ];
    // Told that they are wrong, that nothing may be written there, and that there were too many.
    for (const options of [{}, { authenticate: () => ({ scopes: ['admin:/calm/**'] }) }, { maxMessagesPerSecond: 3 }]) {
      start(options);
      const peer = rig.join('x'.repeat(65_000));
      for (const message of messages) {
        peer.send(message);
        const [error] = peer.take() as ErrorMessage[];
        expect(error).toMatchObject({ type: 'ERROR', address: expect.stringMatching(/^\/x+…$/) });
        expect(long.startsWith(error?.address?.slice(0, -1) ?? '?')).toBe(true);
      }
      expect(peer.ended).toBeUndefined();
      rig.pass(10_000);
    }
  });

  it('a name as long as a frame, of whoever holds a lock: the error says its beginning', () => {
    const holder = rig.join('x'.repeat(65_000));
    holder.send({ type: 'SET', address: '/held', value: 1, lock: true });
    const other = rig.join('other');
    other.send({ type: 'SET', address: '/held', value: 2 });
    const [error] = other.take() as ErrorMessage[];
    expect(error).toMatchObject({ code: 401, address: '/held' });
    expect(error?.message).toMatch(/^\/held is locked by x{256} \(.+\)$/);
  });

  it('a token as long as a frame that authentication quotes: it is told its beginning, and closed', () => {
    start({
      authenticate: (token) => {
        if (token) throw new ClaspError(300, `bad token ${token}`);
        return { scopes: ['admin:/**'] };
      },
    });
    const peer = rig.connect();
    peer.hello('', 'x'.repeat(65_527));
    expect(peer.take()).toEqual([{ type: 'ERROR', code: 300, message: expect.stringMatching(/^bad token x+…$/) }]);
    expect(peer.ended).toMatchObject({ code: 300 });
  });

  it('a frame over the limit of the connection: only that connection ends', () => {
    const [here, there] = memoryPair({ maxFrame: 1_000 });
    const peer = wirePeer(here);
    rig.accept(there);
    peer.hello('wide');
    peer.sendBytes(new Uint8Array(1_001));
    expect(peer.ended).toBeInstanceOf(ClaspError);
    expect(rig.events.at(-1)).toMatchObject({ type: 'session-closed', session: { name: 'wide' } });
  });

  it('a connection that fails: its session closes with the reason', () => {
    const peer = rig.join('unlucky');
    peer.connection.outgoing.error(new ClaspError(500, 'cable pulled'));
    expect(rig.events.at(-1)).toMatchObject({ type: 'session-closed', reason: { reason: 'cable pulled' } });
  });
});
