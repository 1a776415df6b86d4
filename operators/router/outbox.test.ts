import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { BehaviorSubject, NEVER } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { memoryPair } from '../../core/connection/memory-pair.ts';
import { type Delivery, Outbox, type OutboxChange } from './outbox.ts';

interface Sent {
  readonly delivery: Delivery;
  readonly key: string;
  readonly n: number;
}

/** An outbox whose receiver can be paused, with what arrived and what the outbox told. */
function rig(limits = { hardBytes: 1e9, softBytes: 1e9 }, highWater = 40) {
  const [ours, theirs] = memoryPair({ highWater, lowWater: highWater / 4 });
  const arrived: number[] = [];
  const changes: OutboxChange[] = [];
  theirs.incoming.subscribe((bytes) => arrived.push(bytes[0] as number));
  const outbox = new Outbox(ours, limits, (change) => changes.push(change));
  const send = (n: number, delivery: Delivery, key: string, size = 10) =>
    outbox.send(Uint8Array.of(n, ...new Uint8Array(size - 1)), delivery, key);
  /** Fills the connection until the outbox must queue. */
  const saturate = () => {
    theirs.pause();
    while (!changes.includes('lagging')) send(255, 'keep', 'filler');
    arrived.length = 0;
  };
  const seen = () => arrived.filter((n) => n !== 255);
  return { outbox, theirs, changes, send, saturate, seen };
}

describe('an outbox', () => {
  it('sends everything at once and in order while the receiver keeps up', () => {
    const { send, seen, outbox } = rig();
    send(1, 'param', '/a');
    send(2, 'param', '/a');
    send(3, 'stream', '/a');
    expect(seen()).toEqual([1, 2, 3]);
    expect(outbox.waitingBytes).toBe(0);
  });

  it('keeps the newest param per address in the place of the oldest while the receiver lags', () => {
    const { send, saturate, seen, theirs } = rig();
    saturate();
    send(1, 'param', '/a');
    send(2, 'param', '/b');
    send(3, 'param', '/a');
    theirs.resume();
    expect(seen()).toEqual([3, 2]);
  });

  it('keeps events, and every start and end of a gesture around its newest move', () => {
    const { send, saturate, seen, theirs } = rig();
    saturate();
    send(1, 'keep', 'g'); // start
    send(2, 'move', 'g');
    send(3, 'move', 'g');
    send(4, 'keep', 'g'); // end
    send(5, 'keep', 'g'); // start again
    send(6, 'move', 'g');
    theirs.resume();
    expect(seen()).toEqual([1, 3, 4, 5, 6]);
  });

  it('never lets a param overtake a snapshot that was sent before it', () => {
    const { send, saturate, seen, theirs } = rig();
    saturate();
    send(1, 'param', '/a');
    send(2, 'barrier', 'snapshot');
    send(3, 'param', '/a');
    theirs.resume();
    expect(seen()).toEqual([1, 2, 3]);
  });

  it('drops the oldest stream samples above the soft limit, and counts them', () => {
    const { send, saturate, seen, theirs, outbox } = rig({ hardBytes: 1e9, softBytes: 420 });
    saturate();
    const before = outbox.dropped;
    for (let n = 1; n <= 5; n++) send(n, 'stream', `/s${n}`);
    theirs.resume();
    expect(seen()).toEqual(expect.arrayContaining([5]));
    expect(seen().length).toBeLessThan(5);
    expect(outbox.dropped - before).toBe(5 - seen().length);
  });

  it('says so when more waits than the hard limit, but not because of one large snapshot', () => {
    const { send, saturate, changes, outbox } = rig({ hardBytes: 1_500, softBytes: 1e9 });
    saturate();
    outbox.sendSnapshot([new Uint8Array(5000), new Uint8Array(5000)]);
    expect(changes).not.toContain('overflowed');
    for (let n = 0; n < 60; n++) send(n, 'keep', 'event');
    expect(changes).toContain('overflowed');
  });

  it('says so when a receiver that does not read keeps asking for snapshots', () => {
    const { saturate, changes, outbox } = rig({ hardBytes: 100, softBytes: 1e9 });
    saturate();
    outbox.sendSnapshot([new Uint8Array(500)]);
    outbox.sendSnapshot([new Uint8Array(500)]);
    expect(changes).toContain('overflowed');
  });

  it('leaves out a frame that the peer cannot take', () => {
    const [ours, theirs] = memoryPair({ maxFrame: 20 });
    let arrived = 0;
    theirs.incoming.subscribe(() => arrived++);
    const outbox = new Outbox(ours, { hardBytes: 1e9, softBytes: 1e9 }, () => undefined);
    outbox.send(new Uint8Array(21), 'keep', undefined);
    outbox.send(new Uint8Array(20), 'keep', undefined);
    expect([arrived, outbox.dropped]).toEqual([1, 1]);
  });

  it('for a receiver that reads at any speed: kept frames all arrive in order, the newest value per key arrives last, waiting stays bounded', () => {
    const sent = fc.record({
      delivery: fc.constantFrom<Delivery[]>('param', 'stream', 'keep', 'barrier'),
      key: fc.constantFrom('/a', '/b', '/c'),
      n: fc.nat(200),
    });
    const step = fc.oneof({ weight: 6, arbitrary: sent }, fc.constantFrom('pause' as const, 'resume' as const));

    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const [ours, theirs] = memoryPair({ highWater: 40, lowWater: 10 });
        const log: Sent[] = [];
        const arrived: Sent[] = [];
        theirs.incoming.subscribe((bytes) =>
          arrived.push(log[(bytes[0] as number) * 256 + (bytes[1] as number)] as Sent),
        );
        const outbox = new Outbox(ours, { hardBytes: 1e9, softBytes: 1e9 }, () => undefined);
        for (const one of steps) {
          if (one === 'pause') theirs.pause();
          else if (one === 'resume') theirs.resume();
          else {
            log.push(one);
            const index = log.length - 1;
            outbox.send(
              Uint8Array.of(index >> 8, index & 255, ...new Uint8Array(8)),
              one.delivery,
              one.delivery + one.key,
            );
          }
        }
        theirs.resume();
        const kept = (list: readonly Sent[]) =>
          list.filter(({ delivery }) => delivery === 'keep' || delivery === 'barrier');
        expect(kept(arrived)).toEqual(kept(log));
        for (const delivery of ['param', 'stream'] as const) {
          for (const key of ['/a', '/b', '/c']) {
            const of = (list: readonly Sent[]) => list.filter((one) => one.delivery === delivery && one.key === key);
            expect(of(arrived).at(-1)).toBe(of(log).at(-1));
            const places = of(arrived).map((one) => log.indexOf(one));
            expect(places).toEqual([...places].sort((a, b) => a - b));
            // Nothing that a barrier followed arrives behind it, and nothing sent after it before it.
            for (const barrier of arrived.filter((one) => one.delivery === 'barrier')) {
              const after = arrived.slice(arrived.indexOf(barrier) + 1).filter((one) => of(log).includes(one));
              for (const one of after) expect(log.indexOf(one)).toBeGreaterThan(log.indexOf(barrier));
            }
          }
        }
        expect(outbox.waitingBytes).toBe(0);
      }),
    );
  });

  it('remembers nothing of the streams that it has sent, also when it is never empty', async () => {
    // Takes one frame, then lags again.
    const saturated = new BehaviorSubject(true);
    const outgoing = { next: () => saturated.next(true), error: () => undefined, complete: () => undefined };
    const limits = { hardBytes: 1e9, softBytes: 1e9 };
    const outbox = new Outbox({ id: 'slow', incoming: NEVER, outgoing, saturated }, limits, () => undefined);
    const keys: WeakRef<object>[] = [];
    const send = () => {
      const key = {};
      keys.push(new WeakRef(key));
      outbox.send(Uint8Array.of(1), 'stream', key);
    };
    send();
    for (let n = 0; n < 10_000; n++) {
      send();
      saturated.next(false);
    }
    await setImmediate(); // a WeakRef holds what it was made for until the turn ends
    setFlagsFromString('--expose-gc');
    (runInNewContext('gc') as () => void)();
    const remembered = keys.filter((key) => key.deref()).length;
    expect(remembered).toBeGreaterThan(0);
    expect(remembered).toBeLessThan(2_000);
  });

  it.each(['param', 'stream', 'move', 'keep', 'barrier'] as const)(
    'keeps no larger buffer for a %s that waits',
    (delivery) => {
      for (const size of [20, 5_000]) {
        const { outbox, theirs, saturate } = rig();
        saturate();
        const received = new Uint8Array(60_000).fill(7);
        const before = outbox.waitingBytes;
        outbox.send(received.subarray(8, 8 + size), delivery, '/a');
        outbox.send(received.subarray(8, 8 + size), delivery, '/a');
        expect(outbox.waitingBytes - before).toBeGreaterThan(size);
        const arrived: Uint8Array[] = [];
        theirs.incoming.subscribe((bytes) => arrived.push(bytes));
        received.fill(0);
        theirs.resume();
        expect(arrived.at(-1)).toEqual(new Uint8Array(size).fill(7));
      }
    },
  );

  it('replaces a sample that waits in the copy it has made, and never in bytes that others may have', () => {
    const { outbox, theirs, saturate } = rig();
    saturate();
    const [shared, received] = [new Uint8Array(10).fill(1), new Uint8Array(100)];
    const arrived: number[][] = [];
    for (const [key, frames] of [
      ['/a', [shared, received.subarray(8, 18)]],
      ['/b', [received.subarray(8, 18), received.subarray(20, 30)]],
      ['/c', [received.subarray(8, 18), shared]],
      ['/d', [received.subarray(8, 18), received.subarray(20, 35)]],
    ] as const) {
      received.fill(2, 8, 18).fill(3, 20, 35);
      for (const frame of frames) outbox.send(frame, 'stream', key);
      received.fill(0);
    }
    theirs.incoming.subscribe((bytes) => arrived.push([bytes.length, bytes[0] ?? 0]));
    theirs.resume();
    const last = arrived.slice(-4);
    expect(last).toEqual([
      [10, 2],
      [10, 3],
      [10, 1],
      [15, 3],
    ]);
    expect(shared).toEqual(new Uint8Array(10).fill(1));
  });
});
