import { of, range, Subject, type Subscription } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import type { MemoryConnection } from '../core/connection/memory-pair.ts';
import { connectionContract } from './connection-contract.ts';
import { lossyNetwork } from './lossy-network.ts';
import { type Network, networkPair } from './network.ts';
import { seededRandom } from './seeded-random.ts';
import { virtualTime } from './virtual-time.ts';

const over = (network: Network) => async (options?: object) => {
  const { ends, cut } = networkPair({ ...network, ...options }, { random: seededRandom(1) });
  const [a, b] = ends;
  return { a, b, close: () => cut(), pause: () => b.pause(), resume: () => b.resume() };
};

connectionContract('networkPair that takes no time', over({}), { describe, it });
connectionContract('networkPair with latency and jitter', over({ latency: 2, jitter: 5 }), {
  describe,
  it,
  // What is under way counts for nobody: it is not in any buffer.
  pausing: false,
});

const rig = (network: Network, seed = 1) => {
  const time = virtualTime();
  const log: string[] = [];
  const { ends, cut } = networkPair(network, { scheduler: time, random: seededRandom(seed) });
  const arrivals: { at: number; byte: number }[] = [];
  const listen = (end: MemoryConnection, name: string) =>
    end.incoming.subscribe({
      next: (frame) => arrivals.push({ at: time.now(), byte: frame[0] as number }),
      error: (error) => log.push(`${name} ${error.message} @${time.now()}`),
      complete: () => log.push(`${name} completed @${time.now()}`),
    });
  const [a, b] = ends;
  listen(a, 'a');
  listen(b, 'b');
  const send = (count: number) => {
    for (let n = 0; n < count; n++) a.outgoing.next(Uint8Array.of(n, 0, 0, 0));
  };
  return { time, log, a, b, cut, arrivals, send };
};

describe('networkPair', () => {
  it('delays each frame by latency and jitter and keeps the order', () => {
    const { time, arrivals, send } = rig({ latency: 20, jitter: 30 });
    send(50);
    time.pass(19.999);
    expect(arrivals).toEqual([]);
    time.pass(31);
    expect(arrivals.map(({ byte }) => byte)).toEqual(Array.from({ length: 50 }, (_, n) => n));
    expect(new Set(arrivals.map(({ at }) => at)).size).toBeGreaterThan(2);
    expect(arrivals.every(({ at }) => at >= 20 && at <= 50)).toBe(true);
  });

  it('a slow line takes its time for each byte and saturates its sender', () => {
    const { time, arrivals, send, a } = rig({ bytesPerSecond: 4_000, latency: 10, highWater: 20, lowWater: 4 });
    const told: string[] = [];
    a.saturated.subscribe((saturated) => told.push(`${saturated} @${time.now()}`));
    send(8);
    time.pass(100);
    expect(arrivals.map(({ at }) => at)).toEqual([11, 12, 13, 14, 15, 16, 17, 18]);
    expect(told).toEqual(['false @0', 'true @0', 'false @6']);
  });

  it('a cut loses what is under way, and both sides lose the connection', () => {
    const { time, log, cut, arrivals, send } = rig({ latency: 10 });
    send(1);
    time.pass(9);
    cut();
    cut();
    time.pass(100);
    expect(arrivals).toEqual([]);
    expect(log).toEqual(['a [502] the connection was cut @9', 'b [502] the connection was cut @9']);
  });

  it('connections of a lifetime are cut, some sooner, some later, about that long on average', () => {
    const ends = Array.from({ length: 400 }, (_, seed) => {
      const { time, log } = rig({ lifetime: 1_000 }, seed);
      time.pass(100_000);
      expect(log).toHaveLength(2);
      return Number(log[0]?.split('@')[1]);
    });
    const mean = ends.reduce((sum, at) => sum + at, 0) / ends.length;
    expect(mean).toBeGreaterThan(800);
    expect(mean).toBeLessThan(1_200);
    expect(Math.max(...ends)).toBeGreaterThan(2_500);
  });

  it('a connection that is closed is not cut afterwards, and leaves nothing to do', () => {
    const { time, log, a } = rig({ latency: 5, lifetime: 1_000 });
    a.outgoing.complete();
    time.pass(10);
    expect([log, time.waiting]).toEqual([['a completed @0', 'b completed @5'], 0]);
  });

  it('datagrams are lost, doubled and overtaken, the same for the same seed', () => {
    const network = { datagram: true, latency: 2, jitter: 1, loss: 0.2, duplication: 0.1, reordering: 0.2 };
    const once = rig(network);
    const again = rig(network);
    for (const { send, time } of [once, again]) {
      for (let n = 0; n < 10; n++) {
        send(20);
        time.pass(1);
      }
      time.pass(100);
    }
    const bytes = once.arrivals.map(({ byte }) => byte);
    expect(bytes.length).toBeGreaterThan(140);
    expect(bytes.length).toBeLessThan(220);
    const pairs = once.arrivals.map(({ at, byte }) => at * 1000 + byte);
    expect(pairs).not.toEqual([...pairs].sort((x, y) => x - y));
    expect(again.arrivals).toEqual(once.arrivals);
  });

  it('refuses faults that a stream cannot have', () => {
    expect(() => networkPair({ loss: 0.1 })).toThrow('[402] frames are lost, doubled or reordered only with');
  });
});

describe('lossyNetwork', () => {
  it('loses, doubles and reorders, and ends behind what is under way', () => {
    const time = virtualTime();
    const heard: (number | string)[] = [];
    const network = { latency: 5, jitter: 5, loss: 0.3, duplication: 0.2, reordering: 0.2 };
    range(0, 100)
      .pipe(lossyNetwork(network, { scheduler: time, random: seededRandom(3) }))
      .subscribe({ next: (n) => heard.push(n), complete: () => heard.push('end') });
    time.pass(4.9);
    expect(heard).toEqual([]);
    time.pass(1_000);
    const numbers = heard.slice(0, -1) as number[];
    expect(heard.at(-1)).toBe('end');
    expect(new Set(numbers).size).toBeLessThan(85);
    expect(numbers.length).toBeGreaterThan(new Set(numbers).size);
    expect(numbers).not.toEqual([...numbers].sort((x, y) => x - y));
  });

  it('keeps nothing of what it has passed on', () => {
    const time = virtualTime();
    const timers = vi.spyOn(time, 'schedule');
    const packets = new Subject<number>();
    packets.pipe(lossyNetwork({ latency: 5, duplication: 0.5 }, { scheduler: time })).subscribe();
    for (let n = 0; n < 100; n++) packets.next(n);
    time.pass(100);
    const open = timers.mock.results.filter(({ value }) => !(value as Subscription).closed);
    expect([open.length, timers.mock.results.length > 120]).toEqual([0, true]);
  });

  it('a perfect one changes nothing', () => {
    const time = virtualTime();
    const heard: number[] = [];
    of(1, 2, 3)
      .pipe(lossyNetwork({}, { scheduler: time }))
      .subscribe((n) => heard.push(n));
    time.pass(0);
    expect(heard).toEqual([1, 2, 3]);
  });
});
