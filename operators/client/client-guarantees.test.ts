import fc from 'fast-check';
import { Observable } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { Ack, Client, Reply } from '../../core/client/client.ts';
import type { Connections } from '../../core/connection/connection.ts';
import { memoryPair } from '../../core/connection/memory-pair.ts';
import type { Value } from '../../core/signal/value.ts';
import { decodeMessage } from '../../core/wire/index.ts';
import type { Message, SyncMessage } from '../../core/wire/message.ts';
import { answerOf, clientOnScript, redial, welcomedClient } from '../../testing/client-on-script.ts';
import { type VirtualRelay, virtualRelay } from '../../testing/virtual-relay.ts';
import { createClient } from './client.ts';

/** How many frames get through in each direction before the line is cut. */
interface Line {
  readonly up: number;
  readonly down: number;
}

/** Dials over lines that are cut as planned; after the plan they hold. */
function flaky(relay: VirtualRelay, plan: Line[]): Connections {
  return new Observable((out) => {
    const { up, down } = plan.shift() ?? { up: Number.POSITIVE_INFINITY, down: Number.POSITIVE_INFINITY };
    const [here, near] = memoryPair();
    const [far, there] = memoryPair();
    const left = new Map([
      [near, up],
      [far, down],
    ]);
    const hangUp = () => {
      near.outgoing.complete();
      far.outgoing.complete();
    };
    const join = (from: typeof near, to: typeof near) =>
      from.incoming.subscribe({
        next: (frame) => {
          const more = left.get(from) as number;
          left.set(from, more - 1);
          if (more > 0) to.outgoing.next(frame.slice());
          else hangUp();
        },
        complete: hangUp,
      });
    join(near, far);
    join(far, near);
    relay.accept(there);
    out.next(here);
    return () => here.outgoing.complete();
  });
}

const lines = fc.array(fc.record({ up: fc.nat(12), down: fc.nat(12) }), { maxLength: 12 });

/** Asks for `count` things one after the other, while the line fails; gives what a listener heard and the answers. */
function throughFaults(plan: Line[], waits: readonly number[], ask: (client: Client, n: number) => Reply<Ack>) {
  const relay = virtualRelay();
  const listener = relay.join('listener');
  listener.send({ type: 'SUBSCRIBE', id: 1, pattern: '/heard/**' });
  listener.take();
  const client = createClient(flaky(relay, [...plan]), {
    name: 'sender',
    scheduler: relay.time,
    random: () => 0.1,
    acknowledges: true,
  });
  const answers = waits.map((wait, n) => {
    const answer = answerOf(ask(client, n));
    relay.pass(wait);
    return answer;
  });
  relay.pass(280_000);
  const values = listener
    .take()
    .flatMap((message): Value[] => ('value' in message && message.value !== undefined ? [message.value] : []));
  client.close();
  relay.stop();
  return { values, answers };
}

describe('what a client sends over a line that fails', () => {
  it('is with QoS 2 applied exactly once, in order, and acknowledged', () => {
    const waits = fc.array(fc.oneof(fc.constant(0), fc.nat(400)), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(lines, waits, (plan, pauses) => {
        const { values, answers } = throughFaults(plan, pauses, (client, n) => {
          if (n % 3 === 0) return client.set('/heard/param', n, { qos: 2 });
          if (n % 3 === 1) return client.emit('/heard/event', n, { qos: 2 });
          return client.bundle([{ set: ['/heard/param', n] }, { emit: ['/heard/event', n + 0.5] }]);
        });
        expect(values).toEqual(pauses.flatMap((_, n) => (n % 3 === 2 ? [n, n + 0.5] : [n])));
        for (const answer of answers)
          expect(answer).toEqual([expect.objectContaining({ address: expect.any(String) })]);
      }),
    );
  });

  it('is with QoS 1 applied at least once, and acknowledged', () => {
    const waits = fc.array(fc.nat(400), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(lines, waits, (plan, pauses) => {
        const { values, answers } = throughFaults(plan, pauses, (client, n) => client.emit('/heard/event', n));
        expect([...new Set(values)].sort((a, b) => Number(a) - Number(b))).toEqual(pauses.map((_, n) => n));
        for (const answer of answers) expect(answer).toEqual([{ address: '/heard/event' }]);
      }),
    );
  });

  it('is of writes with QoS 1 in the end the newest', () => {
    const waits = fc.array(fc.nat(400), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(lines, waits, (plan, pauses) => {
        const { values } = throughFaults(plan, pauses, (client, n) => client.set('/heard/param', n));
        expect(values.at(-1)).toBe(pauses.length - 1);
      }),
    );
  });
});

describe('QoS 2', () => {
  const frames = (bytes: readonly Uint8Array[]) => bytes.map((frame) => decodeMessage(frame));

  /** The raw frames that a welcomed client sent. */
  function tapped() {
    const made = clientOnScript();
    const sent: Uint8Array[] = [];
    const listen = () => made.relay.peer.connection.incoming.subscribe((frame) => sent.push(frame.slice()));
    return { ...made, sent, listen };
  }

  it('rises by timestamp, also when the clock stands still or another session begins', () => {
    const { relay, client, sent, listen, ...made } = tapped();
    listen();
    relay.welcome([], 'a-0000f');
    client.emit('/a', 1, { qos: 2 });
    client.emit('/a', 2, { qos: 2 });
    client.emit('/a', 3);
    relay.peer.close();
    redial({ relay, client, ...made });
    listen();
    relay.welcome([], 'b-00001');
    client.set('/b', 1, { qos: 2 });
    const published = frames(sent).filter(({ message }) => message.type === 'PUBLISH' || message.type === 'SET');
    const seen = published.map(({ qos, timestamp, message }) => [qos, timestamp, (message as { value: Value }).value]);
    const first = 1_000_015;
    expect(seen).toEqual([
      ...[
        [2, first, 1],
        [2, first + 1, 2],
        [1, undefined, 3],
      ],
      ...[
        [2, first, 1],
        [2, first + 1, 2],
        [1, undefined, 3],
      ],
      [2, expect.any(Number), 1],
    ]);
    expect(published.at(-1)?.timestamp).toBeGreaterThan(first + 1);
  });

  it('keeps each of several writes to an address, and an unlock as it was asked for', () => {
    const made = welcomedClient();
    const { relay, client } = made;
    relay.peer.close();
    const replies = [1, 2, 3].map((value) => client.set('/a', value, { qos: 2 }));
    client.set('/a', 4);
    client.set('/a', 5);
    client.set('/b', 6, { qos: 2, unlock: true });
    expect(new Set(replies).size).toBe(3);
    redial(made);
    relay.welcome();
    const written = relay.peer.take().map((message) => (message.type === 'SET' ? [message.value, message.unlock] : []));
    expect(written).toEqual([
      ...[
        [1, undefined],
        [2, undefined],
        [3, undefined],
      ],
      ...[
        [5, undefined],
        [6, true],
      ],
    ]);
  });
});

/** A relay whose clock is this many microseconds ahead of the virtual time. */
function relayAhead(ahead: number): VirtualRelay {
  const made: VirtualRelay[] = [];
  made.push(virtualRelay({ now: () => (made[0]?.time.now() ?? 0) * 1_000 + ahead }));
  return made[0] as VirtualRelay;
}

describe('the clock of a client', () => {
  it('is that of the relay, as exactly as the way permits', () => {
    const relay = relayAhead(7_000_000);
    const client = createClient(flaky(relay, []), { scheduler: relay.time, acknowledges: true });
    relay.pass(1_000);
    expect(client.time()).toBe(8_000_000);
    expect(client.clock).toEqual({ offset: 7_000_000, roundTrip: 0, jitter: 0, quality: 1, samples: 5 });
    expect(client.counts.badFrames).toBe(0);
    relay.stop();
  });

  it('counts answers that nobody asked for, and asks nothing when it is not to', () => {
    const { relay, client } = welcomedClient();
    const syncs = (messages: readonly Message[]) =>
      messages.filter((message): message is SyncMessage => message.type === 'SYNC');
    relay.pass(60_000);
    expect(syncs(relay.peer.take())).toEqual([]);
    relay.peer.send({ type: 'SYNC', t1: 5, t2: 9e15, t3: 9e15 });
    expect(client.counts.badFrames).toBe(1);
    expect(client.time()).toBe(61_000_000);
  });

  it('needs no questions in the process of the relay', () => {
    const { relay, pass } = relayAhead(5_000_000);
    const client = relay.client('inside');
    const before = relay.stats().messagesIn;
    pass(60_000);
    expect(client.time()).toBe(65_000_000);
    expect(relay.stats().messagesIn).toBe(before);
  });
});
