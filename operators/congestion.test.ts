import fc from 'fast-check';
import { tap } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { type MemoryConnection, memoryPair } from '../core/memory-pair.ts';
import type { Message } from '../core/message.ts';
import type { Value } from '../core/value.ts';
import { gestureMessages, type SessionScript, sessions } from '../testing/session-arbitrary.ts';
import { virtualRelay } from '../testing/virtual-relay.ts';
import { type WirePeer, wirePeer } from '../testing/wire-peer.ts';

// Receivers that read at any speed, with what may wait for them far smaller than what is sent.

const HIGH_WATER = 300;
const MAX_WAITING = 4_000;
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

/** One sender says it all; two readers, one of which stops and goes on as it likes. */
function play(script: SessionScript, maxWaitingBytes: number) {
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
  const collect = () => {
    for (const reader of [slow, quick]) reader.messages.push(...reader.peer.take());
  };
  const goOn = () => {
    const before = slow.bytes;
    slow.connection.resume();
    slow.mostWaited = Math.max(slow.mostWaited, slow.bytes - before);
  };
  for (const step of script.steps) {
    if (step.do === 'wait') rig.pass(step.milliseconds);
    else if (step.do === 'pause') slow.connection.pause();
    else if (step.do === 'resume') goOn();
    else if (step.do === 'send') sender.send(step.message);
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

/** The lives of gestures, in letters. */
function lives(messages: readonly Message[]): string[] {
  const all = new Map<number, string>();
  for (const message of messages) {
    if (message.type !== 'PUBLISH' || message.signal !== 'gesture') continue;
    all.set(message.id ?? 0, (all.get(message.id ?? 0) ?? '') + (message.phase ?? 'start')[0]);
  }
  return [...all.values()];
}

const events = (messages: readonly Message[]) =>
  messages.flatMap((message) =>
    message.type === 'PUBLISH' && message.signal === 'event' ? [[message.address, message.value]] : [],
  );
const revisions = (messages: readonly Message[]) =>
  messages.flatMap((message) => (message.type === 'SET' ? [[message.address, message.revision ?? 0] as const] : []));

// Joining and leaving means nothing here.
const scripts = sessions({ names: ['sender'], messages: busyMessages(), pauses: true, maxSteps: 200 });

describe('a receiver that reads at any speed', () => {
  it('ends with the truth, in order per address, with whole gestures and every event', () => {
    fc.assert(
      fc.property(scripts, (script) => {
        const { slow, quick } = play(script, 8 * 1024 * 1024);
        expect(slow.peer.ended).toBeUndefined();
        expect(belief(slow.messages)).toEqual(belief(quick.messages));
        expect(events(slow.messages)).toEqual(events(quick.messages));
        const last = new Map<string, number>();
        for (const [address, revision] of revisions(slow.messages)) {
          expect(revision).toBeGreaterThan(last.get(address) ?? 0);
          last.set(address, revision);
        }
        for (const life of lives(slow.messages)) expect(life).toMatch(/^(sm*[ec])*$/);
      }),
    );
  });

  it('never has more wait for it than the bound: it is given up instead, and others notice nothing', () => {
    fc.assert(
      fc.property(scripts, (script) => {
        const { slow, quick } = play(script, MAX_WAITING);
        expect(slow.mostWaited).toBeLessThanOrEqual(HIGH_WATER + MAX_WAITING + 2 * LARGEST_FRAME);
        expect(quick.peer.ended).toBeUndefined();
        if (slow.peer.ended === undefined) expect(belief(slow.messages)).toEqual(belief(quick.messages));
        else expect(slow.peer.ended).toMatchObject({ code: 503 });
      }),
    );
  });
});
