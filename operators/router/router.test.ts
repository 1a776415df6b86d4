import fc from 'fast-check';
import { NEVER } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { memoryPair } from '../../core/connection/memory-pair.ts';
import { encodeMessage } from '../../core/wire/index.ts';
import type { Message } from '../../core/wire/message.ts';
import { routerRig, set, subscribe } from '../../testing/router-rig.ts';
import { wirePeer } from '../../testing/wire-peer.ts';
import { router } from './router.ts';

const rig = routerRig();
beforeEach(() => rig.start());
afterEach(() => rig.stop());

it('counts as messages out the signals that its sessions got, alone or in bundles', () => {
  const publish = (signal: 'event' | 'stream' | 'gesture', address: string): Message => {
    const gesture = signal === 'gesture' ? { id: 1, phase: 'start' as const } : {};
    return { type: 'PUBLISH', signal, address, value: 1, ...gesture };
  };
  const address = fc.constantFrom('/a', '/b');
  const alone = fc.oneof(
    address.map((to) => set(to, 1)),
    fc.tuple(fc.constantFrom('event', 'stream', 'gesture'), address).map(([signal, to]) => publish(signal, to)),
  );
  const bundle = fc.array(alone, { minLength: 1 }).map((messages): Message => ({ type: 'BUNDLE', messages }));
  const sent = fc.array(fc.tuple(fc.nat(2), fc.oneof(alone, bundle)));
  const patterns = fc.array(fc.constantFrom('/a', '/b', '/*'), { minLength: 3, maxLength: 3 });
  const signalsOf = (message: Message): number => {
    if (message.type === 'BUNDLE') return message.messages.length;
    return Number(message.type === 'SET' || message.type === 'PUBLISH');
  };
  fc.assert(
    fc.property(patterns, sent, (subscribed, messages) => {
      rig.start();
      const peers = subscribed.map((pattern) => {
        const peer = rig.join();
        peer.send(subscribe(pattern), { qos: 1 });
        return peer;
      });
      for (const [index, message] of messages) peers[index]?.send(message);
      const got = peers.flatMap((peer) => peer.take()).reduce((sum, message) => sum + signalsOf(message), 0);
      expect(rig.relay.stats().messagesOut).toBe(got);
    }),
  );
});

describe('an event and a stream', () => {
  it('reach every matching subscriber of their kind except the sender', () => {
    const sender = rig.join();
    const all = rig.join();
    const events_ = rig.join();
    sender.send(subscribe('/**'));
    all.send(subscribe('/**'));
    events_.send({ type: 'SUBSCRIBE', id: 1, pattern: '/**', types: ['event'] });
    for (const peer of [sender, all, events_]) peer.take();
    sender.send({ type: 'PUBLISH', address: '/cue', signal: 'event', value: 'go', timestamp: 42 }, { qos: 1 });
    sender.send({ type: 'PUBLISH', address: '/level', signal: 'stream', samples: [1, 2], rate: 100 });
    expect(sender.take()).toEqual([{ type: 'ACK', address: '/cue' }]);
    expect(all.take()).toEqual([
      expect.objectContaining({ type: 'PUBLISH', address: '/cue', signal: 'event', value: 'go', timestamp: 42 }),
      expect.objectContaining({ type: 'PUBLISH', address: '/level', signal: 'stream', samples: [1, 2], rate: 100 }),
    ]);
    expect(events_.take()).toHaveLength(1);
  });

  it('are passed on in the bytes they came in where a connection hands them over, and else in bytes of their own', () => {
    for (const handsOver of [true, false]) {
      const [client, relay] = memoryPair();
      rig.accept(Object.assign(relay, { handsOver }));
      const sender = wirePeer(client);
      sender.hello();
      const seen: Uint8Array[] = [];
      const [reader, there] = memoryPair();
      rig.accept(there);
      wirePeer(reader).hello();
      reader.outgoing.next(encodeMessage(subscribe('/cue')));
      reader.incoming.subscribe((bytes) => seen.push(bytes));
      const sent = encodeMessage({ type: 'PUBLISH', address: '/cue', signal: 'event', value: 'go' }, { qos: 0 });
      const before = [...sent];
      client.outgoing.next(sent);
      expect([...(seen.at(-1) ?? [])]).toEqual([before[0], (before[1] as number) | 0x40, ...before.slice(2)]);
      expect([seen.at(-1) === sent, [...sent].join() === before.join()]).toEqual([handsOver, !handsOver]);
    }
  });
});

describe('subscriptions', () => {
  it('under one id all stay live, and end together', () => {
    const peer = rig.join();
    peer.send(subscribe('/a', 0));
    peer.send(subscribe('/b', 0));
    peer.take();
    peer.send(set('/a', 1));
    peer.send(set('/b', 1));
    expect(peer.take()).toHaveLength(2);
    peer.send({ type: 'UNSUBSCRIBE', id: 0 }, { qos: 1 });
    expect(peer.take()).toEqual([{ type: 'ACK', correlationId: 0 }]);
    peer.send(set('/a', 2));
    expect(peer.take()).toEqual([]);
    expect(rig.relay.stats().subscriptions).toBe(0);
  });

  it('are refused with 202, 301 and 429, named by their correlation id', () => {
    rig.start({ maxSubscriptions: 1, authenticate: () => ({ scopes: ['read:/a/**'] }) });
    const peer = rig.join();
    peer.send(subscribe('no-slash', 5));
    peer.send(subscribe('/b/**', 6));
    peer.send(subscribe('/a/**', 7));
    peer.send(subscribe('/a/x', 8));
    expect(peer.take().filter(({ type }) => type === 'ERROR')).toEqual([
      expect.objectContaining({ code: 202, address: 'no-slash', correlationId: 5 }),
      expect.objectContaining({ code: 301, address: '/b/**', correlationId: 6 }),
      expect.objectContaining({ code: 429, address: '/a/x', correlationId: 8 }),
    ]);
  });

  it('wider than the read scopes are accepted, and deliver only what may be read', () => {
    rig.start({ authenticate: (token) => ({ scopes: token ? ['write:/**'] : ['read:/public/**'] }) });
    const writer = rig.join('writer', 'x');
    const guest = rig.join('guest');
    writer.send(set('/public/a', 1));
    writer.send(set('/secret/a', 1));
    guest.send(subscribe('/**'), { qos: 1 });
    expect(guest.take()).toEqual([
      { type: 'SNAPSHOT', params: [expect.objectContaining({ address: '/public/a' })] },
      expect.objectContaining({ type: 'ACK' }),
    ]);
    writer.send(set('/public/b', 1));
    writer.send(set('/secret/b', 1));
    expect(guest.take()).toEqual([expect.objectContaining({ address: '/public/b' })]);
    guest.send(set('/public/b', 2));
    guest.send({ type: 'GET', address: '/secret/a' });
    expect(guest.take()).toEqual([
      expect.objectContaining({ code: 301, address: '/public/b' }),
      expect.objectContaining({ code: 301, address: '/secret/a' }),
    ]);
  });

  it('end with their session', () => {
    const peer = rig.join();
    peer.send(subscribe('/**'));
    peer.close();
    expect(rig.relay.stats()).toMatchObject({ sessions: 0, subscriptions: 0 });
  });
});

describe('small messages', () => {
  it('PING is answered by PONG, SYNC with the times of receipt and sending', () => {
    const peer = rig.join();
    rig.pass(500);
    peer.send({ type: 'PING' });
    peer.send({ type: 'SYNC', t1: 99 });
    expect(peer.take()).toEqual([{ type: 'PONG' }, { type: 'SYNC', t1: 99, t2: 500_000, t3: 500_000 }]);
  });

  it('what only servers send is ignored', () => {
    const peer = rig.join();
    const ignored: Message[] = [
      { type: 'ACK', address: '/a' },
      { type: 'PONG' },
      { type: 'SNAPSHOT', params: [] },
      { type: 'RESULT', signals: [] },
      { type: 'ERROR', code: 1, message: 'x' },
      { type: 'WELCOME', version: 1, session: 's', name: 'n', features: [], time: 1 },
    ];
    for (const message of ignored) peer.send(message);
    expect(peer.take()).toEqual([]);
    expect(peer.ended).toBeUndefined();
  });

  it('an unknown type is 101, a bad address 200, REPLAY without a journal 501', () => {
    const peer = rig.join();
    const unknown = encodeMessage({ type: 'PING' }).slice();
    unknown[4] = 0x77;
    peer.sendBytes(unknown);
    peer.send(set('/a//b', 1));
    peer.send({ type: 'REPLAY', pattern: '/**' });
    expect(peer.take()).toEqual([
      expect.objectContaining({ type: 'ERROR', code: 101 }),
      expect.objectContaining({ type: 'ERROR', code: 200, address: '/a//b' }),
      expect.objectContaining({ type: 'ERROR', code: 501, address: '/**' }),
    ]);
  });

  it('beyond the rate are refused with 429, and the rate recovers', () => {
    rig.start({ maxMessagesPerSecond: 2 });
    const peer = rig.join();
    for (let i = 0; i < 3; i++) peer.send(set('/a', i));
    expect(peer.take()).toEqual([expect.objectContaining({ code: 429, address: '/a' })]);
    peer.send({ type: 'BUNDLE', messages: [set('/b', 1), set('/c', 1)] });
    peer.send({ type: 'QUERY', pattern: '/d/*' });
    peer.send({ type: 'ANNOUNCE', namespace: '', signals: [{ address: '/e', type: 'param' }] });
    expect(peer.take()).toMatchObject(['/b', '/d/*', '/e'].map((address) => ({ code: 429, address })));
    rig.pass(500);
    peer.send(set('/a', 9), { qos: 1 });
    expect(peer.take()).toEqual([expect.objectContaining({ type: 'ACK' })]);
  });
});

describe('in-process clients', () => {
  it('take part without a network, also when made before the relay runs', () => {
    const relay = router();
    const early = relay.client('early');
    const heard: string[] = [];
    early.on('/**').subscribe(({ address }) => heard.push(address));
    const running = relay(NEVER).subscribe();
    relay.client('desk').set('/a', 1);
    expect(heard).toEqual(['/a']);
    running.unsubscribe();
  });

  it('have only the scopes they were given', async () => {
    const guest = rig.relay.client('guest', ['read:/**']);
    await expect(guest.set('/a', 1)).rejects.toMatchObject({ code: 301 });
  });

  it('may publish while they hear: everybody hears in the same order', () => {
    const a = rig.relay.client('a');
    const b = rig.relay.client('b');
    const heard: string[] = [];
    a.on('/n').subscribe((signal) => {
      if (signal.kind !== 'param') return;
      heard.push(`a${signal.value}`);
      if (signal.value === 1) a.set('/n', 2);
    });
    b.on('/n').subscribe((signal) => signal.kind === 'param' && heard.push(`b${signal.value}`));
    b.set('/n', 1);
    expect(heard).toEqual(['a1', 'b1', 'a2', 'b2']);
  });
});
