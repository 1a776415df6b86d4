import { Subject, VirtualTimeScheduler } from 'rxjs';
import type { Connection } from '../core/connection/connection.ts';
import { type MemoryConnection, type MemoryPairOptions, memoryPair } from '../core/connection/memory-pair.ts';
import { type Router, type RouterOptions, router } from '../operators/router/router.ts';
import type { RouterEvent } from '../operators/router/router-event.ts';
import { type WirePeer, wirePeer } from './wire-peer.ts';

/** A relay that runs in virtual time, with peers that speak the bare protocol. */
export interface VirtualRelay {
  readonly relay: Router;
  readonly time: VirtualTimeScheduler;
  /** Everything that happened so far. */
  readonly events: readonly RouterEvent[];
  /** Hands a connection to the relay. */
  accept(connection: Connection): void;
  /** A connected peer that has not greeted, with its end of the connection. */
  connect(options?: MemoryPairOptions): WirePeer<MemoryConnection>;
  /** A greeted peer with nothing left to read. */
  join(name?: string, token?: string): WirePeer<MemoryConnection>;
  /** Lets virtual milliseconds pass and does what is due in them. */
  pass(milliseconds: number): void;
  stop(): void;
}

/**
 * Starts a relay in virtual time, at time 0.
 *
 * @example
 * ```ts
 * const { join, pass } = virtualRelay({ sessionTimeout: 1_000 });
 * const peer = join('probe');
 * pass(1_000);
 * peer.ended; // ClaspError: idle
 * ```
 */
export function virtualRelay(options: RouterOptions = {}): VirtualRelay {
  const time = new VirtualTimeScheduler();
  const connections = new Subject<Connection>();
  const events: RouterEvent[] = [];
  const relay = router({ scheduler: time, ...options });
  const running = relay(connections).subscribe((event) => events.push(event));

  const connect = (pair?: MemoryPairOptions) => {
    const [here, there] = memoryPair(pair);
    const peer = wirePeer(here);
    connections.next(there);
    return peer;
  };

  return {
    relay,
    time,
    events,
    accept: (connection) => connections.next(connection),
    connect,
    join(name, token) {
      const peer = connect();
      peer.hello(name, token);
      peer.take();
      return peer;
    },
    pass(milliseconds) {
      const until = time.frame + milliseconds;
      time.maxFrames = until;
      time.flush();
      time.frame = until;
      time.maxFrames = Number.POSITIVE_INFINITY;
    },
    stop: () => running.unsubscribe(),
  };
}
