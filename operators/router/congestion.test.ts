import fc from 'fast-check';
import { tap } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { type MemoryConnection, memoryPair } from '../../core/connection/memory-pair.ts';
import { nextTag } from '../../core/signal/tag.ts';
import type { Value } from '../../core/signal/value.ts';
import type { Message, PublishMessage } from '../../core/wire/message.ts';
import { gestureMessages } from '../../testing/session-arbitrary.ts';
import { virtualRelay } from '../../testing/virtual-relay.ts';
import { type WirePeer, wirePeer } from '../../testing/wire-peer.ts';

// Receivers that read at any speed, with what may wait for them far smaller than what is sent.

const HIGH_WATER = 100;
const MAX_WAITING = 2_000;
/** Everything that is sent fits into this. */
const LARGEST_FRAME = 400;

const busyMessages = (): fc.Arbitrary<Message> => {
  const address = fc.constantFrom('/a', '/a/1', '/b', '/c', '/d');
  const value: fc.Arbitrary<Value> = fc.oneof(fc.nat(99), fc.constant('x'.repeat(200)), fc.constant(null));
  return fc.oneof(
    { weight: 6, arbitrary: fc.record({ type: fc.constant('SET' as const), address, value }) },
    {
      weight: 4,
      arbitrary: fc.record({
        type: fc.constant('PUBLISH' as const),
        signal: fc.constant('stream' as const),
        address,
        value,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        type: fc.constant('PUBLISH' as const),
        signal: fc.constant('event' as const),
        address,
        value,
      }),
    },
    { weight: 4, arbitrary: gestureMessages() },
  );
};

interface Reader {
  readonly peer: WirePeer;
  readonly connection: MemoryConnection;
  readonly messages: Message[];
  /** Bytes that came so far. */
  bytes: number;
  /** The most that came at once when it went on reading: what had waited. */
  mostWaited: number;
}

/** Whether the slow one reads from now on, what is said then, and how long it takes. */
interface Burst {
  readonly reading: boolean;
  readonly messages: readonly Message[];
  readonly milliseconds: number;
}

/** One sender says it all; two readers, one of which stops and goes on as it likes. */
function play(bursts: readonly Burst[], maxWaitingBytes: number) {
  const rig = virtualRelay({ maxWaitingBytes, moveInterval: 1 });
  const read = (name: string): Reader => {
    const [connection, there] = memoryPair({ highWater: HIGH_WATER });
    const reader: Reader = { connection, messages: [], bytes: 0, mostWaited: 0, peer: undefined as never };
    const counted = connection.incoming.pipe(tap((frame) => (reader.bytes += frame.length)));
    const { id, outgoing, saturated } = connection;
    rig.accept(there);
    const peer = wirePeer({ id, outgoing, saturated, incoming: counted });
    peer.hello(name);
    peer.send({ type: 'SUBSCRIBE', id: 1, pattern: '/**' });
    peer.take();
    return Object.assign(reader, { peer });
  };
  const [slow, quick] = [read('slow'), read('quick')];
  const sender = rig.join('sender');
  let moment = 0;
  const collect = () => {
    for (const reader of [slow, quick]) reader.messages.push(...reader.peer.take());
  };
  const goOn = () => {
    const before = slow.bytes;
    slow.connection.resume();
    slow.mostWaited = Math.max(slow.mostWaited, slow.bytes - before);
  };
  for (const { reading, messages, milliseconds } of bursts) {
    if (reading) goOn();
    else slow.connection.pause();
    for (const message of messages) {
      sender.send(isGesture(message) ? { ...message, value: moment++ } : message);
    }
    rig.pass(milliseconds);
    collect();
  }
  goOn();
  rig.pass(60_000);
  collect();
  return { slow, quick };
}

/** What somebody believes about params who got these messages. */
function belief(messages: readonly Message[]): Record<string, Value> {
  const values: Record<string, Value> = {};
  for (const message of messages) {
    if (message.type !== 'SET') continue;
    if (message.value === null) delete values[message.address];
    else values[message.address] = message.value;
  }
  return values;
}

const isGesture = (message: Message): message is PublishMessage =>
  message.type === 'PUBLISH' && message.signal === 'gesture';

/** The lives of gestures: each phase as its letter, with its value. */
function lives(messages: readonly Message[]): string[][] {
  const all = new Map<number, string[]>();
  for (const message of messages.filter(isGesture)) {
    const { id = 0, phase = 'start', value } = message;
    all.set(id, [...(all.get(id) ?? []), `${phase[0]}${value ?? ''}`]);
  }
  return [...all.entries()].sort(([a], [b]) => a - b).map(([, life]) => life);
}

/** Whether some are all of those, in their order, with some left out. */
function isPartOf(some: readonly string[], all: readonly string[]): boolean {
  let at = 0;
  return some.every((one) => {
    at = all.indexOf(one, at) + 1;
    return at > 0;
  });
}

const events = (messages: readonly Message[]) =>
  messages.flatMap((message) =>
    message.type === 'PUBLISH' && message.signal === 'event' ? [[message.address, message.value]] : [],
  );
const revisions = (messages: readonly Message[]) =>
  messages.flatMap((message) => (message.type === 'SET' ? [[message.address, message.revision ?? 0] as const] : []));

const bursts: fc.Arbitrary<Burst[]> = fc.array(
  fc.record({
    reading: fc.boolean(),
    messages: fc.array(busyMessages(), { maxLength: 60, size: 'max' }),
    milliseconds: fc.constantFrom(0, 1, 40),
  }),
  { maxLength: 6, size: 'max' },
);

describe('a receiver that lags', () => {
  it.each(['beyond', 'within'])('hears a newer value behind an event of its address, said %s the process', (where) => {
    const rig = virtualRelay();
    const slow = rig.connect({ highWater: 10 });
    slow.hello('slow');
    slow.send({ type: 'SUBSCRIBE', id: 1, pattern: '/**' });
    slow.take();
    slow.connection.pause();
    const sender = rig.join('sender');
    const app = rig.relay.client('app');
    const set = (address: string, value: number) => sender.send({ type: 'SET', address, value });
    for (const n of [0, 1]) set('/first', n);
    set('/a', 1);
    set('/b', 1);
    if (where === 'beyond') sender.send({ type: 'PUBLISH', signal: 'event', address: '/a', value: 0 });
    else app.emit('/a', 0, { tag: nextTag() });
    set('/a', 2);
    set('/b', 2);
    slow.connection.resume();
    const heard = slow.take().flatMap((message) => ('value' in message ? [`${message.address} ${message.value}`] : []));
    expect(heard.slice(2)).toEqual(['/a 1', '/b 2', '/a 0', '/a 2']);
  });
});

describe('a receiver that reads at any speed', () => {
  it('ends with the truth, in order per address, with whole gestures and every event', () => {
    fc.assert(
      fc.property(bursts, (some) => {
        const { slow, quick } = play(some, 8 * 1024 * 1024);
        expect(slow.peer.ended).toBeUndefined();
        expect(belief(slow.messages)).toEqual(belief(quick.messages));
        expect(events(slow.messages)).toEqual(events(quick.messages));
        const last = new Map<string, number>();
        for (const [address, revision] of revisions(slow.messages)) {
          expect(revision).toBeGreaterThan(last.get(address) ?? 0);
          last.set(address, revision);
        }
        const whole = lives(quick.messages);
        for (const [n, life] of lives(slow.messages).entries()) {
          expect(life.join('').replace(/\d/g, '')).toMatch(/^(sm*[ec])*$/);
          expect(isPartOf(life, whole[n] ?? [])).toBe(true);
        }
      }),
    );
  });

  it('never has more wait for it than the bound: it is given up instead, and others notice nothing', () => {
    fc.assert(
      fc.property(bursts, (some) => {
        const { slow, quick } = play(some, MAX_WAITING);
        expect(slow.mostWaited).toBeLessThanOrEqual(HIGH_WATER + MAX_WAITING + 2 * LARGEST_FRAME);
        expect(quick.peer.ended).toBeUndefined();
        if (slow.peer.ended === undefined) expect(belief(slow.messages)).toEqual(belief(quick.messages));
        else expect(slow.peer.ended).toMatchObject({ code: 503 });
      }),
    );
  });
});
