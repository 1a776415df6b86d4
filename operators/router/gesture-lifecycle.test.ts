import { Subject } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Connection } from '../../core/connection/connection.ts';
import { memoryPair } from '../../core/connection/memory-pair.ts';
import { gesture, type Peer, published, routerRig } from '../../testing/router-rig.ts';
import { wirePeer } from '../../testing/wire-peer.ts';
import { router } from './router.ts';

/** `start`, `move 0.5`, … */
const told = (peer: Peer): string[] =>
  published(peer.take()).map(({ phase, value }) =>
    typeof value === 'number' ? `${phase} ${value}` : (phase ?? 'start'),
  );

const rig = routerRig();
beforeEach(() => rig.start());
afterEach(() => rig.stop());

describe('the moves of a gesture', () => {
  /** Sends moves at a steady rate and counts those that arrive within the last second of three. */
  const countAt = (rate: number): number => {
    const [desk, reader] = [rig.join(), rig.subscriber()];
    desk.send(gesture('start'));
    for (let n = 0; n < 3 * rate; n++) {
      if (n === 2 * rate) reader.take();
      desk.send(gesture('move', n));
      rig.pass(1000 / rate);
    }
    return told(reader).length;
  };

  it('of a steady 240 Hz source are 60 a second', () => {
    expect(countAt(240)).toBe(60);
  });

  it('of a steady 240 Hz source go out as they come: none has waited while a newer one came', () => {
    const [desk, reader] = [rig.join(), rig.subscriber()];
    desk.send(gesture('start'));
    reader.take();
    const seen: string[] = [];
    for (let n = 0; n <= 16; n++) {
      desk.send(gesture('move', n));
      seen.push(...told(reader).map((move) => `${move} of ${n}`));
      rig.pass(1000 / 240);
    }
    expect(seen).toEqual([0, 4, 8, 12, 16].map((n) => `move ${n} of ${n}`));
  });

  it('of a steady 30 or 60 Hz source are all delivered', () => {
    expect(countAt(30)).toBe(30);
    rig.start();
    expect(countAt(60)).toBe(60);
  });

  it('are held to one per 16 ms; the newest goes out when its time has come', () => {
    const [desk, reader] = [rig.join(), rig.subscriber()];
    desk.send(gesture('start'));
    desk.send(gesture('move', 1));
    desk.send(gesture('move', 2));
    rig.pass(5);
    desk.send(gesture('move', 3));
    expect(told(reader)).toEqual(['start', 'move 1']);
    rig.pass(10);
    expect(told(reader)).toEqual([]);
    rig.pass(2);
    expect(told(reader)).toEqual(['move 3']);
    rig.pass(100);
    expect(told(reader)).toEqual([]);
  });

  it('are flushed before the end, and before a cancel', () => {
    const [desk, reader] = [rig.join(), rig.subscriber()];
    for (const last of ['end', 'cancel'] as const) {
      desk.send(gesture('start'));
      for (const n of [1, 2, 3]) desk.send(gesture('move', n));
      desk.send(gesture(last));
      rig.pass(50);
      expect(told(reader)).toEqual(['start', 'move 1', 'move 3', last]);
    }
  });

  it('keep their value bytes, timestamp and id when they were held', () => {
    const [desk, reader] = [rig.join(), rig.subscriber()];
    desk.send(gesture('start'));
    desk.send(gesture('move', 1));
    desk.send(gesture('move', { x: 5n, path: [1, 'a'] }, { timestamp: 77 }));
    rig.pass(17);
    expect(reader.take().at(-1)).toEqual({
      ...gesture('move', { x: 5, path: [1, 'a'] }, { timestamp: 77 }),
      rate: undefined,
      samples: undefined,
    });
  });

  it('are acknowledged one by one at QoS 1, also those that a newer one replaced', () => {
    const desk = rig.join();
    rig.subscriber();
    for (const phase of ['start', 'move', 'move', 'move', 'end'] as const) desk.send(gesture(phase), { qos: 1 });
    expect(desk.take()).toEqual(Array.from({ length: 5 }, () => ({ type: 'ACK', address: '/pad' })));
  });

  it('are paced apart for each session, address and id', () => {
    const [a, b, reader] = [rig.join(), rig.join(), rig.subscriber()];
    for (const peer of [a, b]) {
      for (const address of ['/pad', '/other']) {
        for (const id of [0, 1]) peer.send(gesture('move', 1, { address, id }));
      }
    }
    expect(published(reader.take()).filter(({ phase }) => phase === 'move')).toHaveLength(8);
  });
});

describe('a gesture', () => {
  it('that was not opened is opened by its move, end or cancel, with the value of that', () => {
    const [desk, reader] = [rig.join(), rig.subscriber()];
    desk.send(gesture('move', 1));
    desk.send(gesture('end', 2));
    expect(told(reader)).toEqual(['start 1', 'move 1', 'end 2']);
    desk.send(gesture('end', 3));
    desk.send(gesture('cancel', 4));
    expect(told(reader)).toEqual(['start 3', 'end 3', 'start 4', 'cancel 4']);
    rig.pass(60_000);
    expect(told(reader)).toEqual([]);
  });

  it('that starts again is cancelled first', () => {
    const [desk, reader] = [rig.join(), rig.subscriber()];
    desk.send(gesture('start', 1));
    desk.send(gesture('start', 2));
    expect(told(reader)).toEqual(['start 1', 'cancel', 'start 2']);
  });

  it('is cancelled after 30 s without a message, not before, and opened again by what comes later', () => {
    const [desk, reader] = [rig.join(), rig.subscriber()];
    desk.send(gesture('start'));
    rig.pass(20_000);
    desk.send(gesture('move', 1));
    rig.pass(29_999);
    expect(told(reader)).toEqual(['start', 'move 1']);
    rig.pass(1);
    expect(reader.take()).toEqual([
      expect.objectContaining({ phase: 'cancel', address: '/pad', id: 1, timestamp: 50_000_000 }),
    ]);
    desk.send(gesture('move', 2));
    expect(told(reader)).toEqual(['start 2', 'move 2']);
  });

  it('is never echoed to its sender, nor is its cancel', () => {
    const desk = rig.subscriber();
    desk.send(gesture('move', 1));
    desk.send(gesture('move', 2));
    rig.pass(60_000);
    expect(desk.take()).toEqual([]);
  });

  it('is cancelled when its session ends, with its held move before', () => {
    const [desk, reader] = [rig.join(), rig.subscriber()];
    desk.send(gesture('start'));
    desk.send(gesture('move', 1));
    desk.send(gesture('move', 2));
    desk.send(gesture('start', 9, { id: 2 }));
    desk.close();
    expect(told(reader)).toEqual(['start', 'move 1', 'start 9', 'move 2', 'cancel', 'cancel']);
    rig.pass(60_000);
    expect(told(reader)).toEqual([]);
  });

  it('is cancelled when the relay stops, or its listener fails, before the receivers are disconnected', () => {
    const [desk, reader] = [rig.join(), rig.subscriber()];
    desk.send(gesture('start'));
    rig.stop();
    expect(told(reader)).toEqual(['start', 'cancel']);
    expect(reader.ended).toBe('closed');

    const listener = new Subject<Connection>();
    router()(listener).subscribe({ error: () => undefined });
    const [sender, receiver] = [0, 1].map(() => {
      const [here, there] = memoryPair();
      const peer = wirePeer(here);
      listener.next(there);
      peer.hello();
      peer.send({ type: 'SUBSCRIBE', id: 1, pattern: '/**' });
      peer.take();
      return peer;
    }) as [Peer, Peer];
    sender.send(gesture('start'));
    listener.error(new Error('port taken'));
    expect(told(receiver)).toEqual(['start', 'cancel']);
  });

  it('that goes on is opened for who subscribes now, once, and not for its sender', () => {
    const [desk, early] = [rig.join(), rig.subscriber()];
    desk.send(gesture('start', 0.5, { timestamp: 7 }));
    desk.send(gesture('move', 1));
    early.take();
    const late = rig.join();
    late.send({ type: 'SUBSCRIBE', id: 1, pattern: '/pad' }, { qos: 1 });
    late.send({ type: 'SUBSCRIBE', id: 2, pattern: '/**' });
    early.send({ type: 'SUBSCRIBE', id: 2, pattern: '/pad' });
    desk.send({ type: 'SUBSCRIBE', id: 1, pattern: '/**' });
    expect(late.take()).toMatchObject([{ phase: 'start', value: 0.5, timestamp: 7 }, { type: 'ACK' }]);
    desk.send(gesture('end'));
    expect(told(late)).toEqual(['end']);
    expect(told(early)).toEqual(['end']);
    expect(told(desk)).toEqual([]);
  });

  it('is not opened for who may not read it or did not ask for gestures', () => {
    rig.start({ authenticate: (token) => ({ scopes: token ? ['write:/**'] : ['read:/public/**'] }) });
    rig.join('desk', 'x').send(gesture('start'));
    const guest = rig.join();
    guest.send({ type: 'SUBSCRIBE', id: 1, pattern: '/**' });
    expect(told(guest)).toEqual([]);
    const other = rig.join('other', 'x');
    other.send({ type: 'SUBSCRIBE', id: 1, pattern: '/**', types: ['param', 'event'] });
    expect(told(other)).toEqual([]);
  });

  it('beyond the limit of its session is refused with 429; ends pass, and nobody else notices', () => {
    rig.start({ maxGestures: 3 });
    const [desk, other, reader] = [rig.join(), rig.join(), rig.subscriber()];
    for (let id = 0; id < 5; id++) desk.send(gesture(id % 2 ? 'move' : 'start', null, { id }));
    expect(desk.take()).toEqual([
      expect.objectContaining({ type: 'ERROR', code: 429, address: '/pad' }),
      expect.objectContaining({ type: 'ERROR', code: 429, address: '/pad' }),
    ]);
    desk.send(gesture('end', null, { id: 77 }));
    other.send(gesture('start', 'other'));
    expect(told(reader)).toEqual(['start', 'start', 'move', 'start', 'start', 'end', 'start']);
    desk.send(gesture('end', null, { id: 0 }));
    desk.send(gesture('start', null, { id: 3 }));
    expect(desk.take()).toEqual([]);
  });

  it('that is cancelled by a timer is heard by everybody before what one of them publishes at that', () => {
    const desk = rig.join();
    const answers = rig.relay.client('answers');
    const order: string[] = [];
    answers.on('/**').subscribe((signal) => {
      if (signal.kind === 'gesture' && signal.phase === 'cancel') answers.emit('/answer', null);
    });
    rig.pass(0);
    const reader = rig.subscriber();
    desk.send(gesture('start'));
    rig.pass(30_000);
    for (const message of reader.take()) {
      if (message.type === 'PUBLISH') order.push(message.signal === 'gesture' ? (message.phase ?? '') : 'answer');
    }
    expect(order).toEqual(['start', 'cancel', 'answer']);
  });

  it('falls silent together with thousands of others: all are cancelled, and others have their turn between them', () => {
    const reader = rig.subscriber();
    const counts: number[] = [];
    for (const desk of [rig.join(), rig.join(), rig.join()]) {
      for (let id = 0; id < 1_000; id++) desk.send(gesture('start', null, { id }));
    }
    reader.take();
    const ask = () => {
      counts.push(told(reader).length);
      if (counts.reduce((sum, count) => sum + count) < 3_000) rig.time.schedule(ask, 0);
    };
    rig.time.schedule(ask, 30_000);
    rig.pass(30_000);
    expect(counts.reduce((sum, count) => sum + count)).toBe(3_000);
    expect(Math.max(...counts)).toBeLessThanOrEqual(1_000);
  });
});
