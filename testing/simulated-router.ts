import { Observable, Subject, type Subscription } from 'rxjs';
import type { Scopes } from '../core/address/scope.ts';
import type { Client } from '../core/client/client.ts';
import type { Connection, Connections } from '../core/connection/connection.ts';
import { ClaspError, ErrorCode } from '../core/errors.ts';
import { type Router, type RouterOptions, type RouterStats, router } from '../operators/router/router.ts';
import { sessionIds } from '../operators/router/session.ts';
import { type Network, type NetworkPair, type NetworkWatcher, networkPair } from './network.ts';
import type { SeededRandom } from './seeded-random.ts';
import type { SimulationLog } from './simulation-log.ts';
import type { VirtualTime } from './virtual-time.ts';

/** A relay in a simulation. It runs from the beginning. */
export interface SimulatedRouter {
  /** A participant within the relay's process. */
  client(name: string, scopes?: readonly string[] | Scopes): Client;
  /** Connections to the relay through a network; fails with 502 while it does not run. */
  dial(from: string, network?: Network): Connections;
  stats(): RouterStats;
  /** Ends it in order: every connection is closed, and what it knew is forgotten. */
  stop(): void;
  /** Ends it as a power cut does: every connection is lost. */
  crash(): void;
  /** Runs it again, with nothing in its memory. */
  start(): void;
}

/** Until when which client reaches nobody. */
export type Unreachable = Map<string, number>;

/** What a relay has in common with the rest of its world. */
export interface Surroundings {
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly log: SimulationLog | undefined;
  readonly unreachable: Unreachable;
}

/** The {@link SimulatedRouter} of `World.router`. */
export class SimulatedRelay implements SimulatedRouter {
  readonly #name: string;
  readonly #around: Surroundings;
  readonly #router: Router;
  readonly #pairs = new Map<NetworkPair, string>();
  #accepted = new Subject<Connection>();
  #running: Subscription | undefined;

  constructor(options: RouterOptions, around: Surroundings) {
    const { time, random } = around;
    this.#name = options.name ?? 'relay';
    this.#around = around;
    const sessionId = sessionIds(random.integer(0, 2 ** 32 - 1));
    this.#router = router({ sessionId, ...options, name: this.#name, scheduler: time, now: () => time.micros });
    this.start();
  }

  client(name: string, scopes?: readonly string[] | Scopes): Client {
    const client = this.#router.client(name, scopes);
    return this.#around.log?.listenTo(client, name) ?? client;
  }

  stats(): RouterStats {
    return this.#router.stats();
  }

  start(): void {
    if (this.#running) return;
    this.#accepted = new Subject();
    this.#running = this.#router(this.#accepted).subscribe((event) => {
      this.#around.log?.add({ type: 'relay', who: this.#name, event });
    });
  }

  stop(): void {
    this.#running?.unsubscribe();
    this.#running = undefined;
  }

  crash(): void {
    for (const pair of [...this.#pairs.keys()]) pair.cut();
    this.stop();
  }

  /** Cuts what one client has. */
  cut(from: string): void {
    for (const [pair, of] of [...this.#pairs]) if (of === from) pair.cut();
  }

  dial(from: string, network: Network = {}): Connections {
    return new Observable((out) => {
      const { time, random, unreachable } = this.#around;
      const connect = () => {
        if ((unreachable.get(from) ?? 0) > time.now()) {
          out.error(new ClaspError(ErrorCode.Timeout, `no way from ${from} to ${this.#name}`));
          return;
        }
        if (!this.#running) {
          out.error(new ClaspError(ErrorCode.Timeout, `${this.#name} does not run`));
          return;
        }
        const chance = random.fork(`${from} ${random()}`);
        const pair = networkPair(network, { scheduler: time, random: chance, watch: this.#watch(from, network) });
        const [here, there] = pair.ends;
        this.#pairs.set(pair, from);
        const forget = () => this.#pairs.delete(pair);
        here.saturated.subscribe({ complete: forget });
        out.add(() => here.outgoing.complete());
        this.#accepted.next(there);
        out.next(here);
      };
      // To be connected takes a way there and back.
      if (network.latency) out.add(time.schedule(connect, 2 * network.latency));
      else connect();
    });
  }

  #watch(client: string, network: Network): NetworkWatcher {
    const { log } = this.#around;
    if (!log) return {};
    const names = [client, this.#name] as const;
    const frame = (what: 'sent' | 'arrived' | 'lost') => (from: 0 | 1, bytes: Uint8Array) =>
      log.add({ type: 'frame', what, from: names[from], to: names[1 - from] as string, bytes });
    const takesTime = Boolean(network.latency || network.jitter || network.bytesPerSecond || network.datagram);
    return {
      sent: frame('sent'),
      lost: frame('lost'),
      cut: (reason) => log.add({ type: 'cut', from: client, to: this.#name, reason }),
      ...(takesTime && { arrived: frame('arrived') }),
    };
  }
}
