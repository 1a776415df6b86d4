import { Observable } from 'rxjs';
import type { MemoryPairOptions } from '../core/connection/memory-pair.ts';
import { monotonicScheduler } from '../core/time/monotonic-scheduler.ts';
import { scheduleOnce } from '../core/time/schedule-once.ts';
import type { Network, NetworkOptions } from './network.ts';
import { seededRandom } from './seeded-random.ts';

/**
 * Passes each value on later, by the latency and jitter of a network, and loses, doubles or reorders some: for
 * datagrams that are not connections, such as the packets of a `DatagramSocket`.
 *
 * Completes and errors behind what is under way.
 *
 * @example
 * ```ts
 * const time = virtualTime();
 * const bad = lossyNetwork<Datagram>({ latency: 5, loss: 0.1, reordering: 0.1 }, { scheduler: time });
 * declare const packets: Observable<Datagram>;
 * oscSource(packets.pipe(bad)).subscribe(console.log);
 * ```
 */
export function lossyNetwork<T>(
  network: Omit<Network, 'datagram' | 'bytesPerSecond' | 'lifetime' | keyof MemoryPairOptions>,
  { scheduler = monotonicScheduler, random = seededRandom(0) }: NetworkOptions = {},
): (source: Observable<T>) => Observable<T> {
  const { latency = 0, jitter = 0, loss = 0, duplication = 0, reordering = 0 } = network;
  return (source) =>
    new Observable((out) => {
      let latest = 0;
      const after = (delay: number, work: () => void) => {
        latest = Math.max(latest, scheduler.now() + delay);
        scheduleOnce(out, scheduler, delay, work);
      };
      const delay = () => {
        const usual = latency + random() * jitter;
        return random.chance(reordering) ? usual + Math.max(1, latency + jitter) * random.integer(1, 5) : usual;
      };
      const last = (work: () => void) => after(Math.max(latency, latest - scheduler.now()), work);
      out.add(
        source.subscribe({
          next: (value) => {
            if (random.chance(loss)) return;
            after(delay(), () => out.next(value));
            if (random.chance(duplication)) after(latency + delay(), () => out.next(value));
          },
          error: (cause) => last(() => out.error(cause)),
          complete: () => last(() => out.complete()),
        }),
      );
    });
}
