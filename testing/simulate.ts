import type { Subscription } from 'rxjs';
import type { Client } from '../core/client/client.ts';
import { createClient } from '../operators/client/client.ts';
import type { ClientOptions } from '../operators/client/relay-client.ts';
import type { RouterOptions } from '../operators/router/router.ts';
import type { Network } from './network.ts';
import { type SeededRandom, seededRandom } from './seeded-random.ts';
import { SimulatedRelay, type SimulatedRouter, type Unreachable } from './simulated-router.ts';
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
  /** Resolves after so many milliseconds, in {@link simulateAsync}. */
  wait(milliseconds: number): Promise<void>;
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

/** What the type of `build` lacks when it is async; its name is what the compiler tells. */
interface UseSimulateAsyncForAsyncFunctions {
  readonly 'simulate runs no promises: use simulateAsync': never;
}

/** Anything, unless `T` is a promise. */
type Synchronous<T> = [T] extends [never]
  ? unknown
  : T extends PromiseLike<unknown>
    ? UseSimulateAsyncForAsyncFunctions
    : unknown;

/**
 * Runs relays, clients, devices and your own code in virtual time, as fast as the machine can: `build` sets it up, then
 * the clock goes to `until`.
 *
 * Nothing in it may take its time or chance from anywhere but the world; promises do not run before it is over, so
 * subscribe to replies instead of awaiting them, or use {@link simulateAsync}: an async `build` is a type error here, and a
 * `TypeError`. What throws while it runs is thrown, as the cause of an error that
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
export function simulate<T>(build: ((world: World) => T) & Synchronous<T>, options: SimulateOptions): Simulation<T> {
  const { world, guarded, outcome } = begin(options);
  const made = guarded(() => build(world));
  if (isThenable(made)) {
    // What it rejects with has this for its cause.
    made.then(undefined, () => undefined);
    throw new TypeError('simulate runs no promises: use simulateAsync for an async function');
  }
  guarded(() => world.time.pass(options.until));
  return outcome(made);
}

/** Turns of promises that follow each other within one microsecond; what is chained longer goes on a little later. */
const TURNS = 64;

/**
 * The same for code that awaits: promises go on as soon as they can, before the clock does. `build` may be async, and
 * `await world.wait(100)` in it. Rejects when it has not finished at `until`. Each
 * microsecond at which something happens takes some microseconds more than in `simulate`.
 *
 * @example
 * ```ts
 * const { made } = await simulateAsync(
 *   async ({ client, wait }) => {
 *     const desk = client('desk', { network: { latency: 20 } });
 *     await desk.set('/lights/1', 0.5);
 *     await wait(1_000);
 *     return desk.get('/lights/1');
 *   },
 *   { seed: 1, until: 5_000 },
 * );
 * made; // 0.5
 * ```
 */
export async function simulateAsync<T>(
  build: (world: World) => T,
  options: SimulateOptions,
): Promise<Simulation<Awaited<T>>> {
  const { world, guarded, outcome } = begin(options);
  const { time } = world;
  const end = time.micros + Math.round(options.until * 1000);
  let result: { readonly made: Awaited<T> } | { readonly failed: unknown } | undefined;
  const building = guarded(() => build(world));
  Promise.resolve(building).then(
    (made) => {
      result = { made };
    },
    (failed: unknown) => {
      result = { failed };
    },
  );
  for (;;) {
    for (let turn = 0; turn < TURNS; turn++) await undefined;
    if (result && 'failed' in result) break;
    const next = Math.min(time.nextDue, end);
    guarded(() => time.pass((next - time.micros) / 1000));
    if (next === end && time.nextDue > end) break;
  }
  for (let turn = 0; turn < TURNS; turn++) await undefined;
  const settled = result;
  return guarded(() => {
    if (!settled) throw new Error('what was built still waits for something');
    if ('failed' in settled) throw settled.failed;
    return outcome(settled.made);
  });
}

function isThenable(made: unknown): made is PromiseLike<unknown> {
  return typeof made === 'object' && made !== null && 'then' in made && typeof made.then === 'function';
}

/** What both kinds of simulation are made of. */
function begin({ seed, start = 0, log: logs = true }: SimulateOptions): {
  readonly world: World;
  readonly guarded: <R>(work: () => R) => R;
  readonly outcome: <T>(made: T) => Simulation<T>;
} {
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
  const outcome = <T>(made: T): Simulation<T> => {
    const entries = log?.entries ?? [];
    const pass = (milliseconds: number) => guarded(() => time.pass(milliseconds));
    return { seed, made, log: entries, text: () => logText(entries), pass };
  };
  return { world: makeWorld(time, seededRandom(seed), log), guarded, outcome };
}

function makeWorld(time: VirtualTime, random: SeededRandom, log: SimulationLog | undefined): World {
  const start = time.now();
  const relays: SimulatedRelay[] = [];
  const unreachable: Unreachable = new Map();
  let clients = 0;

  const makeRouter = (options: RouterOptions = {}): SimulatedRelay => {
    const made = new SimulatedRelay(options, { time, random: random.fork(`router ${options.name}`), log, unreachable });
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
    wait: (milliseconds) => new Promise((resolve) => time.schedule(() => resolve(), milliseconds)),
    note: (who, text) => log?.add({ type: 'note', who, text }),
  };
}
