import { Observable, Subject, type Subscription } from 'rxjs';
import type { Client } from '../core/client.ts';
import type { Connection, Connections } from '../core/connection.ts';
import { ClaspError, ErrorCode } from '../core/errors.ts';
import type { Scopes } from '../core/scope.ts';
import { createClient } from '../operators/client.ts';
import type { ClientOptions } from '../operators/client-options.ts';
import { type Router, type RouterOptions, type RouterStats, router } from '../operators/router.ts';
import { sessionIds } from '../operators/session-ids.ts';
import { type Network, type NetworkPair, type NetworkWatcher, networkPair } from './network.ts';
import { type SeededRandom, seededRandom } from './seeded-random.ts';
import { type LogEntry, logText, SimulationLog } from './simulation-log.ts';
import { type VirtualTime, virtualTime } from './virtual-time.ts';

export interface SimulateOptions {
  /** Decides all chance: jitter, faults, waits between attempts, session ids. The same seed gives the same bytes. */
  readonly seed: number;
  /** Virtual milliseconds to run. */
  readonly until: number;
  /** Unix time in milliseconds at which it begins. @defaultValue 0 */
  readonly start?: number;
  /** Whether to log; a simulated hour of heavy traffic is faster without, and fits into memory. @defaultValue true */
  readonly log?: boolean;
}

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

export interface SimulatedClientOptions extends Omit<ClientOptions, 'name' | 'scheduler'> {
  /** What is between it and the relay. @defaultValue a perfect network that takes no time */
  readonly network?: Network;
  /** Its relay. @defaultValue the first one of the world, which is made if there is none */
  readonly router?: SimulatedRouter;
}

/** What a simulation is built of. Everything in it happens in its time and by its chance. */
export interface World {
  /** Clock and timer: give it to every operator and device that takes a scheduler. */
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  /** Makes a relay that runs at once. Names of several must differ. @defaultValue name 'relay' */
  router(options?: Omit<RouterOptions, 'scheduler' | 'now'>): SimulatedRouter;
  /** Makes a client that talks to a relay over a network, and dials again when it is cut. */
  client(name: string, options?: SimulatedClientOptions): Client;
  /** Cuts the connections of that name; for so many milliseconds it reaches no relay. @defaultValue 0 */
  cut(name: string, milliseconds?: number): void;
  /** Does something at so many milliseconds after the beginning, or at once if that is over. */
  at(milliseconds: number, work: () => void): Subscription;
  /** Does something every so many milliseconds, the first time after one of them; `work` is told how often it was done. */
  every(milliseconds: number, work: (count: number) => void): Subscription;
  /** Writes a line into the log. */
  note(who: string, text: string): void;
}

/** A simulation that has run. */
export interface Simulation<T> {
  readonly seed: number;
  /** What `build` returned. */
  readonly made: T;
  /** Every frame and signal, and what else happened, in order. Empty when nothing was to be logged. */
  readonly log: readonly LogEntry[];
  /** The log, one line for each entry. */
  text(): string;
  /** Runs it for so many milliseconds more. */
  pass(milliseconds: number): void;
}

/**
 * Runs relays, clients, devices and your own code in virtual time, as fast as the machine can: `build` sets it up, then
 * the clock goes to `until`.
 *
 * Nothing in it may take its time or chance from anywhere but the world; promises do not run before it is over, so
 * subscribe to replies instead of awaiting them. What throws while it runs is thrown, as the cause of an error that
 * names the seed and the microsecond.
 *
 * @example
 * ```ts
 * const { made } = simulate(
 *   ({ client, at }) => {
 *     const heard: Signal[] = [];
 *     client('stage', { network: { latency: 20, jitter: 10 } }).on('/lights/*').subscribe((signal) => heard.push(signal));
 *     const desk = client('desk');
 *     at(1_000, () => desk.set('/lights/1', 0.5));
 *     return heard;
 *   },
 *   { seed: 1, until: 2_000 },
 * );
 * made.length; // 1
 * ```
 */
export function simulate<T>(build: (world: World) => T, options: SimulateOptions): Simulation<T> {
  const { seed, until, start = 0, log: logs = true } = options;
  const time = virtualTime({ start });
  const log = logs ? new SimulationLog(time) : undefined;
  const guarded = <R>(work: () => R): R => {
    try {
      return work();
    } catch (cause) {
      const what = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`seed ${seed}, ${time.micros - start * 1000} µs after the beginning: ${what}`, { cause });
    }
  };
  const made = guarded(() => build(makeWorld(time, seededRandom(seed), log)));
  guarded(() => time.pass(until));
  const entries = log?.entries ?? [];
  const pass = (milliseconds: number) => guarded(() => time.pass(milliseconds));
  return { seed, made, log: entries, text: () => logText(entries), pass };
}

function makeWorld(time: VirtualTime, random: SeededRandom, log: SimulationLog | undefined): World {
  const start = time.now();
  const relays: Relay[] = [];
  const unreachable: Unreachable = new Map();
  let clients = 0;

  const makeRouter = (options: RouterOptions = {}): Relay => {
    const made = new Relay(options, { time, random: random.fork(`router ${options.name}`), log, unreachable });
    relays.push(made);
    return made;
  };
  const client: World['client'] = (name, { network, router: to, ...options } = {}) => {
    const relay = to ?? relays[0] ?? makeRouter();
    const own = { name, scheduler: time, random: random.fork(`client ${name} ${clients++}`) };
    const made = createClient(relay.dial(name, network), { ...own, ...options });
    return log ? log.listenTo(made, name) : made;
  };
  const cut: World['cut'] = (name, milliseconds = 0) => {
    unreachable.set(name, time.now() + milliseconds);
    for (const relay of relays) relay.cut(name);
  };
  const every: World['every'] = (milliseconds, work) => {
    let count = 0;
    return time.schedule(function () {
      this.schedule(undefined, milliseconds);
      work(count++);
    }, milliseconds);
  };

  return {
    time,
    random,
    router: makeRouter,
    client,
    cut,
    at: (milliseconds, work) => time.schedule(work, milliseconds - (time.now() - start)),
    every,
    note: (who, text) => log?.add({ type: 'note', who, text }),
  };
}

/** Until when which client reaches nobody. */
type Unreachable = Map<string, number>;

interface Surroundings {
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly log: SimulationLog | undefined;
  readonly unreachable: Unreachable;
}

class Relay implements SimulatedRouter {
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
