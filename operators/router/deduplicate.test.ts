import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Message, QoS } from '../../core/wire/message.ts';
import { virtualRelay } from '../../testing/virtual-relay.ts';

const set = (address: string, value: number): Message => ({ type: 'SET', address, value });
const event = (address: string): Message => ({ type: 'PUBLISH', signal: 'event', address, value: null });
const at = (timestamp: number) => ({ qos: 2 as QoS, timestamp });

describe('a frame of QoS 2 with a timestamp', () => {
  it('is applied once, and a repeat gets the same answer', () => {
    const { join } = virtualRelay();
    const [listener, writer] = [join('listener'), join('writer')];
    listener.send({ type: 'SUBSCRIBE', id: 1, pattern: '/**' });
    listener.take();
    writer.send(set('/a', 1), at(10));
    writer.send(event('/cue'), at(11));
    const answers = writer.take();
    writer.send(set('/a', 1), at(10));
    writer.send(event('/cue'), at(11));
    expect(writer.take()).toEqual(answers);
    expect(answers).toEqual([
      { type: 'ACK', address: '/a', revision: 1 },
      { type: 'ACK', address: '/cue' },
    ]);
    expect(listener.take()).toHaveLength(2);
  });

  it('is recognised in another session of the same client, not in that of a client with another name', () => {
    const { join } = virtualRelay();
    const first = join('desk');
    first.send(set('/a', 1), at(10));
    first.close();
    const again = join('desk');
    again.send(set('/a', 1), at(10));
    expect(again.take()).toEqual([{ type: 'ACK', address: '/a', revision: 1 }]);
    const other = join('panel');
    other.send(set('/a', 1), at(10));
    expect(other.take()).toEqual([{ type: 'ACK', address: '/a', revision: 2 }]);
  });

  it('is recognised by the subject of the grant, whatever the name, and only by that', () => {
    const { join } = virtualRelay({ authenticate: (token) => ({ scopes: ['write:/**'], subject: token }) });
    const first = join('desk', 'ann');
    first.send(set('/a', 1), at(10));
    expect(first.take()).toEqual([{ type: 'ACK', address: '/a', revision: 1 }]);
    const again = join('desk on the phone', 'ann');
    again.send(set('/a', 1), at(10));
    expect(again.take()).toEqual([{ type: 'ACK', address: '/a', revision: 1 }]);
    const other = join('desk', 'bob');
    other.send(set('/a', 1), at(10));
    expect(other.take()).toEqual([{ type: 'ACK', address: '/a', revision: 2 }]);
    const nobody = join('desk');
    nobody.send(set('/a', 1), at(10));
    expect(nobody.take()).toEqual([{ type: 'ACK', address: '/a', revision: 3 }]);
  });

  it('that was refused is not judged anew', () => {
    const { join } = virtualRelay();
    const [holder, writer] = [join('holder'), join('writer')];
    holder.send({ type: 'SET', address: '/a', value: 0, lock: true });
    writer.send(set('/a', 1), at(10));
    const refusal = writer.take();
    holder.close();
    writer.send(set('/a', 1), at(10));
    expect(writer.take()).toEqual(refusal);
    expect(refusal).toMatchObject([{ type: 'ERROR', code: 401, address: '/a' }]);
  });

  it('is refused when it comes after a newer one of its session, and does not disturb a client of the same name', () => {
    const { join } = virtualRelay();
    const [one, two] = [join('phone'), join('phone')];
    one.send(set('/a', 1), at(20));
    two.send(set('/b', 1), at(10));
    expect(two.take()).toEqual([{ type: 'ACK', address: '/b', revision: 1 }]);
    one.take();
    one.send(set('/a', 2), at(19));
    one.send(set('/a', 3), at(20));
    expect(one.take()).toMatchObject([
      { type: 'ERROR', code: 400, address: '/a', message: 'out of order: timestamp 19 came after 20' },
      { type: 'ERROR', code: 400, address: '/a' },
    ]);
  });

  it('is forgotten after five minutes', () => {
    const { join, pass } = virtualRelay({ sessionTimeout: 0 });
    const writer = join();
    writer.send(set('/a', 1), at(10));
    pass(299_999);
    writer.take();
    const late = join();
    late.send(set('/a', 1), at(10));
    expect(late.take()).toEqual([{ type: 'ACK', address: '/a', revision: 1 }]);
    pass(1);
    const later = join();
    later.send(set('/a', 1), at(10));
    expect(later.take()).toEqual([{ type: 'ACK', address: '/a', revision: 2 }]);
  });

  it('that writes nothing is applied again when it is repeated, and gets all of its replies again', () => {
    const { join } = virtualRelay();
    const asker = join('asker');
    asker.send(set('/a', 1));
    const questions: Message[] = [
      { type: 'ANNOUNCE', namespace: '', signals: [{ address: '/cue', type: 'event' }] },
      { type: 'SUBSCRIBE', id: 1, pattern: '/a' },
      { type: 'GET', address: '/a' },
      { type: 'QUERY', pattern: '/**' },
      { type: 'UNSUBSCRIBE', id: 1 },
    ];
    const askAll = (peer: typeof asker) => {
      for (const [index, question] of questions.entries()) peer.send(question, at(10 + index));
      return peer.take();
    };
    const replies = askAll(asker);
    expect(replies.map(({ type }) => type)).toEqual(['ACK', 'SNAPSHOT', 'ACK', 'SNAPSHOT', 'RESULT', 'ACK']);
    expect(askAll(asker)).toEqual(replies);
    asker.close();
    expect(askAll(join('asker'))).toEqual(replies);
  });

  it('that moves a gesture is applied once, also while the move waits for its turn', () => {
    const { join, pass } = virtualRelay();
    const [listener, writer] = [join('listener'), join('writer')];
    listener.send({ type: 'SUBSCRIBE', id: 1, pattern: '/**' });
    listener.take();
    const gesture = { type: 'PUBLISH', signal: 'gesture', address: '/pad', id: 1 } as const;
    const sendAll = (peer: typeof writer) => {
      for (let n = 1; n <= 3; n++) peer.send({ ...gesture, phase: 'move', value: n }, at(n));
      return peer.take();
    };
    const answers = sendAll(writer);
    expect(answers).toEqual(new Array(3).fill({ type: 'ACK', address: '/pad' }));
    expect(sendAll(writer)).toEqual(answers);
    expect(sendAll(join('writer'))).toEqual(answers);
    pass(100);
    expect(listener.take()).toMatchObject([
      { phase: 'start', value: 1 },
      { phase: 'move', value: 1 },
      { phase: 'move', value: 3 },
    ]);
  });

  it('counts for the rate when it is repeated, and gets its own answer again when there is room', () => {
    const { join, pass } = virtualRelay({ maxMessagesPerSecond: 2 });
    const writer = join('writer');
    for (let n = 0; n < 3; n++) writer.send(set('/a', 1), at(10));
    const answer = { type: 'ACK', address: '/a', revision: 1 };
    expect(writer.take()).toEqual([answer, answer, expect.objectContaining({ code: 429, address: '/a' })]);
    pass(1_000);
    writer.send(set('/a', 1), at(10));
    expect(writer.take()).toEqual([answer]);
  });

  it('without a timestamp is applied as often as it comes', () => {
    const { join } = virtualRelay();
    const writer = join();
    writer.send(set('/a', 1), { qos: 2 });
    writer.send(set('/a', 1), { qos: 2 });
    expect(writer.take()).toMatchObject([{ revision: 1 }, { revision: 2 }]);
  });
});

it('remembers frames of a client or subject with a very long name in little memory, and knows their repeats', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const name = 'x'.repeat(60_000);
  for (const subject of [undefined, name]) {
    const { join, stop } = virtualRelay({ authenticate: () => ({ scopes: ['admin:/**'], subject }) });
    const writer = join(name);
    const writeAll = () => {
      for (let n = 1; n <= 1_000; n++) writer.send(set('/a', n), at(n));
      return writer.take();
    };
    collect();
    const before = process.memoryUsage().heapUsed;
    const answers = writeAll();
    collect();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(10_000_000);
    expect(writeAll()).toEqual(answers);
    stop();
  }
});

it('applies each frame once and in order, however often and in how many sessions it is repeated', () => {
  // What is sent: in each session some frames from the first unanswered one on, then the line is cut.
  const sessions = fc.array(fc.record({ sent: fc.nat(6), answered: fc.nat(6) }), { maxLength: 8 });
  fc.assert(
    fc.property(sessions, fc.integer({ min: 1, max: 12 }), (plan, count) => {
      const { join } = virtualRelay();
      const listener = join('listener');
      listener.send({ type: 'SUBSCRIBE', id: 1, pattern: '/**' });
      listener.take();
      let next = 1;
      for (const { sent, answered } of [...plan, { sent: count, answered: count }]) {
        const peer = join('writer');
        const last = Math.min(count, next + sent - 1);
        for (let frame = next; frame <= last; frame++) peer.send(set('/a', frame), at(frame));
        next = Math.min(next + Math.min(answered, sent), last + 1);
        peer.close();
      }
      for (let frame = next; frame <= count; frame++) {
        const peer = join('writer');
        peer.send(set('/a', frame), at(frame));
        peer.close();
      }
      const values = listener.take().map((message) => (message.type === 'SET' ? message.value : undefined));
      expect(values).toEqual(Array.from({ length: count }, (_, index) => index + 1));
    }),
  );
});
