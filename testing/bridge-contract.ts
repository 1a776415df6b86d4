import { NEVER, type Observable } from 'rxjs';
import type { BridgeEvent, Client } from '../core/client/client.ts';
import { ClaspError, ErrorCode } from '../core/errors.ts';
import type { Signal } from '../core/signal/signal.ts';
import { write } from '../operators/client/write.ts';
import { type Router, router } from '../operators/router/router.ts';
import { countHops } from '../operators/routes/count-hops.ts';
import { HopBudget } from '../operators/routes/hop-budget.ts';
import type { ConnectionContractRunner } from './connection-contract.ts';
import { pause, same } from './connection-probe.ts';
import { type Carried, strange } from './sink-contract.ts';
import { type ExpectedSignal, holds } from './source-contract.ts';

/** A bridge with its far side (device, peer, broker) in the test's hand. */
export interface BridgeRig {
  /** A bridge of the client that the rig was made with. Not subscribed yet. */
  readonly bridge: Observable<BridgeEvent>;
  /** Below which its signals live. */
  readonly namespace: string;
  /** How many far sides the bridge has open: sockets, ports, connections. Absent: nobody can tell. */
  readonly opened?: () => number;
  /**
   * Makes the far side say the n-th of at least ten different things, once; gives the signal it means. `address` is what
   * the bridge was `ready` with.
   */
  readonly say?: (n: number, address: string) => ExpectedSignal | Promise<ExpectedSignal>;
  /** The n-th of at least ten different params that go out, none of them what `say` makes, and what then comes out. */
  readonly carried?: (n: number) => Carried;
  /** What came out at the far side so far, in words, in order; what is only repeated counts once for each opening. */
  readonly effects?: () => readonly string[];
  /** Makes the far side say what nobody can understand. */
  readonly babble?: (address: string) => void | Promise<void>;
  /** A signal that the far side has no form for. */
  readonly refused?: Signal;
  /** From now on the far side says back at once what it gets. */
  readonly reflect?: (address: string) => void;
  /** Takes the far side away. */
  readonly lose?: () => void | Promise<void>;
  /** Brings it back; it knows nothing any more. */
  readonly restore?: () => void | Promise<void>;
  /** Frees what the rig holds. */
  close?(): void | Promise<void>;
}

export interface BridgeContractOptions extends ConnectionContractRunner {
  /** Milliseconds after which everything has come through, in either direction, where something gathers. @defaultValue 50 */
  readonly settle?: number;
  /** Milliseconds that a law waits for what must come; reached only when it does not. @defaultValue 20000 */
  readonly timeout?: number;
  /** Whether the far side says something: `say`. @defaultValue true */
  readonly listens?: boolean;
  /** Whether something is sent to it: `carried`, `effects`. @defaultValue true */
  readonly sends?: boolean;
  /** Whether it can say what is not understood: `babble`. @defaultValue true */
  readonly babbles?: boolean;
  /** Whether there are signals that it has no form for: `refused`. @defaultValue true */
  readonly refuses?: boolean;
  /** Whether it can say back what it gets: `reflect`. @defaultValue true */
  readonly reflects?: boolean;
  /** Whether it can go away and return: `lose`, `restore`. @defaultValue true */
  readonly loses?: boolean;
}

/**
 * States the laws of a bridge as tests, at a relay of their own; run it against yours. What its far side cannot do is
 * left out; say so in the options.
 *
 * @example
 * ```ts
 * import { describe, it } from 'vitest';
 *
 * bridgeContract(
 *   'a bridge of lines',
 *   (client) => {
 *     const lines = new Subject<string>();
 *     const out: string[] = [];
 *     const source = lines.pipe(map((line): Signal => ({ kind: 'event', address: `/lines/${line}`, value: null })));
 *     const lineSink = sink<Signal>({ write: ({ address }) => void out.push(address) });
 *     return {
 *       bridge: bridge({ client, namespace: '/lines', source, sink: lineSink }),
 *       namespace: '/lines',
 *       opened: () => (lines.observed ? 1 : 0),
 *       say: (n) => {
 *         lines.next(`in/${n}`);
 *         return { kind: 'event', address: `/lines/in/${n}` };
 *       },
 *       carried: (n) => ({
 *         signal: { kind: 'param', address: `/lines/out/${n}`, value: n },
 *         effect: `/lines/out/${n}`,
 *       }),
 *       effects: () => out,
 *     };
 *   },
 *   { describe, it, babbles: false, refuses: false, reflects: false, loses: false },
 * );
 * ```
 */
export function bridgeContract(
  name: string,
  open: (client: Client) => BridgeRig | Promise<BridgeRig>,
  options: BridgeContractOptions,
): void {
  const { describe, it, listens = true, sends = true, babbles = true, refuses = true } = options;
  const { settle = 50, timeout = 20_000, reflects = true, loses = true } = options;
  const law = (text: string, test: (run: Run) => Promise<void>, scopes?: readonly string[]) =>
    it(text, async () => {
      const run = new Run({ settle, timeout, listens, sends }, scopes);
      try {
        await run.open(open);
        await test(run);
      } finally {
        await run.close();
      }
    });

  describe(`${name} keeps the contract of a bridge`, () => {
    law('is cold: opens on subscription and says that it is ready; unsubscribed from it lets go of everything', opens);
    if (listens) law('writes what comes in, below the namespace', writesWhatComesIn);
    if (sends) law('sends the state at the start, and then what changes', sendsWhatChanges);
    if (listens && sends) law('does not send back what came in', sendsNothingBack);
    if (sends && reflects) law('a loop dies: what the far side says back goes around no more', loopDies);
    if (loses) law('is told to be gone when it is, and ready when it is back, with the state again', losesAndReturns);
    if (babbles)
      law('failures are events with a code, not one each when there are many, and it goes on', survivesBabble);
    if (sends && refuses) law('what has no form at the far side is a failure with its address', refusesSignal);
    if (sends) law('is ended by nothing that the relay says', survivesSignals);
    if (listens)
      law('what the relay refuses is a failure with its code, and it goes on', survivesRefusal, ['read:/**']);
    if (sends)
      law('errors with 301 where it may not subscribe, and lets go of everything', mayNotRead, ['write:/no/**']);
    law('completes when its client is closed, and lets go of everything', completesWithClient);
    law('of a closed client it opens nothing', completesAtOnce);
  });
}

type RunOptions = Required<Pick<BridgeContractOptions, 'settle' | 'timeout' | 'listens' | 'sends'>>;

/** A relay with a bridge to be tried, and all that happens. */
class Run {
  readonly listens: boolean;
  readonly sends: boolean;
  readonly #settle: number;
  readonly #timeout: number;
  readonly client: Client;
  readonly app: Client;
  readonly events: BridgeEvent[] = [];
  /** How the bridge ended, in words. */
  readonly ends: string[] = [];
  /** What the app heard below the namespace. */
  readonly heard: Signal[] = [];
  readonly #relay: Router = router();
  readonly #running = this.#relay(NEVER).subscribe();
  /** Those of the relay before the bridge began. */
  #subscriptions = 0;
  #rig: BridgeRig | undefined;
  #bridge: { unsubscribe(): void } | undefined;

  constructor({ settle, timeout, listens, sends }: RunOptions, scopes?: readonly string[]) {
    this.#settle = settle;
    this.#timeout = timeout;
    this.listens = listens;
    this.sends = sends;
    this.client = countHops(this.#relay.client('bridge', scopes), new HopBudget());
    this.app = this.#relay.client('app');
  }

  get rig(): BridgeRig {
    if (!this.#rig) throw new Error('there is no rig');
    return this.#rig;
  }

  get address(): string {
    return this.events.flatMap((event) => (event.type === 'ready' ? [event.address] : [])).at(-1) ?? '';
  }

  async open(make: (client: Client) => BridgeRig | Promise<BridgeRig>): Promise<void> {
    this.#rig = await make(this.client);
    this.app.on(`${this.rig.namespace}/**`).subscribe((signal) => this.heard.push(signal));
    this.#subscriptions = this.#relay.stats().subscriptions;
  }

  start(): void {
    this.#bridge = this.rig.bridge.subscribe({
      next: (event) => this.events.push(event),
      error: (cause) => this.ends.push(cause instanceof ClaspError ? `${cause.code}` : `not a ClaspError: ${cause}`),
      complete: () => this.ends.push('completed'),
    });
  }

  /** Starts, and waits until the bridge is `ready`. */
  async ready(): Promise<void> {
    this.start();
    await this.until('the bridge to be ready', () => this.count('ready') > 0 || this.ends.length > 0);
    same('how the bridge ended', this.ends.join(), '');
  }

  stop(): void {
    this.#bridge?.unsubscribe();
  }

  async close(): Promise<void> {
    this.stop();
    await this.#rig?.close?.();
    this.#running.unsubscribe();
  }

  count(type: BridgeEvent['type']): number {
    return this.events.filter((event) => event.type === type).length;
  }

  failures(): ClaspError[] {
    return this.events.flatMap((event) => (event.type === 'failure' ? [event.failure] : []));
  }

  /** Waits until something is so. */
  async until(what: string, condition: () => boolean): Promise<void> {
    for (let waited = 0; waited < this.#timeout && !condition(); waited += 5) await pause(5);
    if (!condition()) throw new Error(`waited in vain for ${what}`);
  }

  /** Gives what must not come the time to come. */
  async rest(): Promise<void> {
    await pause(this.#settle);
  }

  /** Has the far side say the n-th thing; gives the signal that the app then hears. */
  async say(n: number): Promise<ExpectedSignal> {
    if (!this.rig.say) throw new Error('the rig cannot `say`: give it, or say `listens: false`');
    return this.rig.say(n, this.address);
  }

  async hears(expected: ExpectedSignal): Promise<void> {
    const heard = () => this.heard.filter(({ address }) => address === expected.address).at(-1);
    await this.until(`the app to hear ${expected.address}`, () => heard() !== undefined);
    holds(heard() as Signal, expected);
  }

  /** Has the app write the n-th param that goes out; gives its effect. */
  change(n: number): string {
    if (!this.rig.carried) throw new Error('the rig has nothing `carried`: give it, or say `sends: false`');
    const { signal, effect } = this.rig.carried(n);
    write(this.app, signal);
    return effect;
  }

  effects(): readonly string[] {
    return this.rig.effects?.() ?? [];
  }

  /** Waits until something has come out, among what came after the first `before`. */
  async comesOut(effect: string, before = 0): Promise<void> {
    await this.until(`${effect} to come out`, () => this.effects().slice(before).includes(effect));
  }

  /** Waits until the bridge holds nothing, here or at the far side. */
  async letsGo(): Promise<void> {
    await this.until('the far side to be closed', () => (this.rig.opened?.() ?? 0) === 0);
    same('subscriptions at the relay', this.#relay.stats().subscriptions, this.#subscriptions);
  }

  /** That the bridge goes on, in each direction that it has. */
  async goesOn({ say = this.listens } = {}): Promise<void> {
    if (say) await this.hears(await this.say(0));
    if (this.sends) await this.comesOut(this.change(0));
    same('how the bridge ended', this.ends.join(), '');
  }
}

async function opens(run: Run): Promise<void> {
  const { rig } = run;
  same('far sides that are open before the subscription', rig.opened?.() ?? 0, 0);
  await run.ready();
  const [first] = run.events;
  same('the first event', first?.type ?? 'none', 'ready');
  same('its address and name are there', run.address !== '' && first?.bridge !== '', true);
  if (rig.opened) same('far sides that are open', rig.opened(), 1);
  run.stop();
  run.stop();
  await run.letsGo();
  const before = run.effects().length;
  const { length } = run.heard;
  if (run.listens) await run.say(1);
  if (run.sends) run.change(1);
  await run.rest();
  same('what came out afterwards', run.effects().slice(before).join('; '), '');
  same('what was written afterwards', run.heard.length - length, run.sends ? 1 : 0);
  same('how the bridge ended', run.ends.join(), '');
}

async function writesWhatComesIn(run: Run): Promise<void> {
  await run.ready();
  for (let n = 0; n < 10; n++) await run.hears(await run.say(n));
  same('failures', run.failures().join(), '');
}

async function sendsWhatChanges(run: Run): Promise<void> {
  const state = [run.change(0), run.change(1)];
  await run.ready();
  for (const effect of state) await run.comesOut(effect);
  for (let n = 2; n < 10; n++) await run.comesOut(run.change(n));
  same('failures', run.failures().join(), '');
}

async function sendsNothingBack(run: Run): Promise<void> {
  await run.ready();
  for (let n = 0; n < 10; n++) await run.hears(await run.say(n));
  const effect = run.change(9);
  await run.comesOut(effect);
  await run.rest();
  same('what came out', run.effects().join('; '), effect);
}

async function loopDies(run: Run): Promise<void> {
  if (!run.rig.reflect) throw new Error('the rig cannot `reflect`: give it, or say `reflects: false`');
  await run.ready();
  run.rig.reflect(run.address);
  for (let n = 0; n < 10; n++) run.change(n);
  await run.comesOut(run.change(9));
  await run.rest();
  const before = [run.effects().length, run.heard.length].join();
  await run.rest();
  same('what came out, and what was written', [run.effects().length, run.heard.length].join(), before);
  same('failures', run.failures().join(), '');
}

async function losesAndReturns(run: Run): Promise<void> {
  const { rig } = run;
  if (!rig.lose || !rig.restore)
    throw new Error('the rig cannot `lose` and `restore`: give both, or say `loses: false`');
  await run.ready();
  const kept = run.sends ? run.change(2) : undefined;
  if (kept !== undefined) await run.comesOut(kept);
  await rig.lose();
  await run.until('the bridge to try again', () => run.count('retrying') > 0);
  const changed = run.sends ? run.change(3) : undefined;
  const before = run.effects().length;
  await rig.restore();
  await run.until('the bridge to be ready again', () => run.count('ready') > 1);
  if (kept !== undefined) await run.comesOut(kept, before);
  if (changed !== undefined) await run.comesOut(changed, before);
  await run.goesOn();
}

async function survivesBabble(run: Run): Promise<void> {
  if (!run.rig.babble) throw new Error('the rig cannot `babble`: give it, or say `babbles: false`');
  await run.ready();
  for (let n = 0; n < 50; n++) await run.rig.babble(run.address);
  await run.until('a failure', () => run.count('failure') > 0);
  await run.rest();
  same('failures that are told of 50 are fewer than 25', run.count('failure') < 25, true);
  for (const failure of run.failures()) same('it is a ClaspError', failure instanceof ClaspError, true);
  await run.goesOn();
}

async function refusesSignal(run: Run): Promise<void> {
  const { refused } = run.rig;
  if (!refused) throw new Error('the rig has nothing `refused`: give it, or say `refuses: false`');
  await run.ready();
  write(run.app, refused);
  await run.until('a failure', () => run.count('failure') > 0);
  same('address of the failure', run.failures()[0]?.address ?? 'none', refused.address);
  await run.goesOn();
}

async function survivesSignals(run: Run): Promise<void> {
  await run.ready();
  const address = run.rig.carried?.(0).signal.address ?? run.rig.namespace;
  for (const signal of strange(address)) write(run.app, signal);
  await run.rest();
  for (const failure of run.failures()) same('it is a ClaspError', failure instanceof ClaspError, true);
  await run.comesOut(run.change(1));
  same('how the bridge ended', run.ends.join(), '');
}

async function survivesRefusal(run: Run): Promise<void> {
  await run.ready();
  await run.say(0);
  await run.until('a failure', () => run.count('failure') > 0);
  same('its code', run.failures()[0]?.code ?? 0, ErrorCode.Forbidden);
  same('what was written', run.heard.length, 0);
  await run.goesOn({ say: false });
}

async function mayNotRead(run: Run): Promise<void> {
  run.start();
  await run.until('the end', () => run.ends.length > 0);
  same('how the bridge ended', run.ends.join(), `${ErrorCode.Forbidden}`);
  await run.letsGo();
}

async function completesWithClient(run: Run): Promise<void> {
  await run.ready();
  run.client.close();
  await run.until('the end', () => run.ends.length > 0);
  same('how the bridge ended', run.ends.join(), 'completed');
  await run.letsGo();
  if (run.listens) await run.say(0);
  await run.rest();
  same('what was written afterwards', run.heard.length, 0);
}

async function completesAtOnce(run: Run): Promise<void> {
  run.client.close();
  run.start();
  await run.until('the end', () => run.ends.length > 0);
  same('how the bridge ended', run.ends.join(), 'completed');
  same('events', run.events.length, 0);
  await run.letsGo();
}
