import fc from 'fast-check';
import {
  asyncScheduler,
  concat,
  defer,
  EMPTY,
  NEVER,
  Observable,
  of,
  Subject,
  type Subscriber,
  type Subscription,
  takeWhile,
  throwError,
} from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import type { BridgeEvent, Client } from '../core/client/client.ts';
import { ClaspError } from '../core/errors.ts';
import type { Signal } from '../core/signal/signal.ts';
import { sink } from '../core/signal/sink.ts';
import type { Value } from '../core/signal/value.ts';
import { marbles } from '../testing/marbles.ts';
import { type VirtualTime, virtualTime } from '../testing/virtual-time.ts';
import { type BridgeOptions, type BridgeSides, bridge } from './bridge.ts';
import { FailureDigest } from './failure-digest.ts';
import { type Router, router } from './router/router.ts';
import { HopBudget } from './routes/hop-budget.ts';

const open: Subscription[] = [];
afterEach(() => {
  for (const each of open.splice(0).reverse()) each.unsubscribe();
});

const param = (address: string, value: Value): Signal => ({ kind: 'param', address, value });
/** A signal as `address=value`. */
const text = (signal: Signal) => `${signal.address}=${'value' in signal ? signal.value : ''}`;
/** An event as its type, with what makes the difference. */
function shown(event: BridgeEvent): string {
  if (event.type === 'failure') return `failure ${event.failure.code} ${event.failure.reason}`;
  if (event.type === 'retrying') return `retrying ${event.reason.code} ${event.reason.reason}`;
  return event.type === 'ready' ? `ready ${event.address}` : `devices ${event.devices}`;
}

/** A relay, whose time is not that of the bridge. */
function running(): Router {
  const relay = router();
  open.push(relay(NEVER).subscribe());
  return relay;
}

interface Rig {
  readonly time: VirtualTime;
  readonly client: Client;
  readonly app: Client;
  /** What the bridge told, in order, its end included. */
  readonly told: string[];
  /** What came out of the far side that is open. */
  readonly out: string[];
  /** How many subscriptions the bridge has at the relay. */
  readonly subscribed: () => number;
  readonly stop: () => void;
}

/** A bridge of `/x` in virtual time, and an app at the same relay; a sink that notes everything unless told otherwise. */
function start(options: Partial<BridgeOptions> | ((rig: Rig) => Partial<BridgeOptions>), may?: string[]): Rig {
  const time = virtualTime();
  const relay = running();
  const told: string[] = [];
  const out: string[] = [];
  const client = relay.client('bridge', may);
  const app = relay.client('app');
  let stop: () => void = () => undefined;
  const rig: Rig = {
    time,
    client,
    app,
    told,
    out,
    subscribed: () => relay.stats().subscriptions,
    stop: () => stop(),
  };
  const chosen = typeof options === 'function' ? options(rig) : options;
  const whole: BridgeOptions = { client, namespace: '/x', snapshot: false, scheduler: time, ...chosen };
  const subscription = bridge(whole).subscribe({
    next: (event) => told.push(shown(event)),
    error: ({ code, reason }: ClaspError) => told.push(`error ${code} ${reason}`),
    complete: () => told.push('complete'),
  });
  stop = () => subscription.unsubscribe();
  return rig;
}

/** A sink that notes what it is given. */
const noting = (out: string[]) =>
  sink<Signal>({ write: (signal) => void out.push(text(signal)), close: () => void out.push('closed') });

describe('bridge', () => {
  it('writes what comes in, sends what changes, but not back to where it came from', () => {
    const source = new Subject<Signal>();
    const { app, out, told } = start(({ out }) => ({ source, sink: noting(out), address: 'here' }));
    source.next(param('/x/1', 0.5));
    expect(app.cached('/x/1') ?? read(app, '/x/1')).toBe(0.5);
    app.set('/x/2', 7);
    app.emit('/x/go', 'now');
    app.stream('/x/level', 3);
    app.gesture('/x/finger', 1, 'start', 0);
    app.set('/elsewhere', 1);
    expect(out).toEqual(['/x/2=7', '/x/go=now', '/x/level=3']);
    expect(told).toEqual(['ready here']);
  });

  it('gives the state at the start, spread over time, and only where it is wanted', () => {
    for (const [sendState, expected] of [
      [true, [2, 4, 5]],
      [false, [0, 0, 0]],
    ] as const) {
      const { app, time, out } = start(({ app, out }) => {
        for (let i = 0; i < 5; i++) app.set(`/x/${i}`, i);
        return { sink: noting(out), sendState, snapshot: { batch: 2, interval: 10 } };
      });
      const counts = [1, 10, 10].map((milliseconds) => {
        time.pass(milliseconds);
        return out.length;
      });
      expect(counts).toEqual(expected);
      app.set('/x/0', 9);
      expect(out.at(-1)).toBe('/x/0=9');
      time.pass(100);
      expect(time.waiting).toBe(0);
    }
  });

  it('sends what it is asked for: patterns, kinds, and no more often than wanted', () => {
    const { app, out } = start(({ out }) => ({
      sink: noting(out),
      patterns: ['/x/a/*', '/y'],
      types: ['param'],
      pacing: { epsilon: 0.5 },
    }));
    for (const [address, value] of [['/x/a/1', 0] as const, ['/x/a/1', 0.1] as const, ['/x/b', 1] as const]) {
      app.set(address, value);
    }
    app.emit('/x/a/2', 1);
    app.set('/y', 2);
    app.set('/x/a/1', 1);
    expect(out).toEqual(['/x/a/1=0', '/y=2', '/x/a/1=1']);
  });

  it('tells when the far side is there and when it is gone, and opens it again', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const relay = running();
      const reason = new ClaspError(502, 'gone');
      const far = cold<BridgeSides>('      -s--#', { s: { address: 'there' } }, reason);
      const opened = ['                     ^---!', '-----------^---!', '----------------------^---!'];
      const stop = '                       --------------------------!';
      const expected = '                   -a--b-------a--c-------a--';
      const events = bridge({
        client: relay.client('bridge'),
        namespace: '/x',
        open: far,
        // Half of 14 ms at first; one that stayed for 3 ms only is waited for as for one that never came.
        reconnect: { initial: 14, max: 14, random: () => 0.5 },
        scheduler: asyncScheduler,
      });
      const retrying = { type: 'retrying', bridge: 'bridge', reason, retryInMs: 7 } as const;
      expectObservable(events, stop).toBe(expected, {
        a: { type: 'ready', bridge: 'bridge', address: 'there' },
        b: retrying,
        c: retrying,
      });
      expectSubscriptions(far.subscriptions).toBe(opened);
    });
  });

  it('waits longer for what comes and goes at once, and as at first again for what had stayed', () => {
    const pauses: number[] = [];
    let far: Subscriber<BridgeSides> | undefined;
    const { time, client } = start({ source: NEVER });
    const events = bridge({
      client,
      namespace: '/x',
      open: new Observable<BridgeSides>((out) => {
        far = out;
        out.next({});
      }),
      reconnect: { initial: 100, max: 10_000, random: () => 1 },
      scheduler: time,
    }).subscribe((event) => event.type === 'retrying' && pauses.push(event.retryInMs));
    const gone = (after: number) => {
      time.pass(after);
      far?.error(new ClaspError(500, 'gone'));
      time.pass(pauses.at(-1) ?? 0);
    };
    for (const after of [10, 0, 0, 50, 1_000, 10]) gone(after);
    expect(pauses).toEqual([100, 200, 400, 800, 100, 200]);
    events.unsubscribe();
    expect(time.waiting).toBe(0);
  });

  it('does not try again what can never work, nor anything where that is not wanted', () => {
    for (const code of [202, 300, 402, 501]) {
      const { told, time } = start({ open: throwError(() => new ClaspError(code, 'never')) });
      expect(told).toEqual([`error ${code} never`]);
      expect(time.waiting).toBe(0);
    }
    const refused = throwError(() => new ClaspError(500, 'busy'));
    expect(start({ open: refused, reconnect: false }).told).toEqual(['error 500 busy']);
    expect(start({ open: of<BridgeSides>({}), reconnect: false }).told).toEqual(['ready bridge', 'complete']);
    const broken = new Observable<never>(() => {
      throw new Error('no driver');
    });
    expect(start({ open: broken, reconnect: false }).told).toEqual(['error 500 no driver']);
  });

  it('lets a side that is emitted later take the place of the one before', () => {
    const far = new Subject<BridgeSides>();
    const first: string[] = [];
    const second: string[] = [];
    const sources = [new Subject<Signal>(), new Subject<Signal>()] as const;
    const { app, told, subscribed, stop } = start({ open: far });
    far.next({ source: sources[0], sink: noting(first), address: 'one' });
    app.set('/x/1', 1);
    far.next({ source: sources[1], sink: noting(second), address: 'two' });
    app.set('/x/1', 2);
    expect([first, second]).toEqual([
      ['/x/1=1', 'closed'],
      ['/x/1=1', '/x/1=2'],
    ]);
    expect([sources[0].observed, sources[1].observed, subscribed()]).toEqual([false, true, 1]);
    // What the first one does now is nothing to anybody.
    sources[0].error(new Error('late'));
    expect(told).toEqual(['ready one', 'ready two']);
    stop();
    expect([second.at(-1), sources[1].observed, far.observed, subscribed()]).toEqual(['closed', false, false, 0]);
  });

  it('survives a side that fails while it is opened, and holds nothing of it', () => {
    const out: string[] = [];
    let opened = 0;
    let listened = 0;
    const events = new Observable<BridgeEvent>(() => {
      listened++;
    });
    const sides = (source: Observable<Signal>): BridgeSides => ({ source, sink: noting(out), events });
    const far = new Observable<BridgeSides>((subscriber) => {
      opened++;
      subscriber.next(
        sides(
          concat(
            of(param('/x/1', 1)),
            throwError(() => new ClaspError(502, 'torn')),
          ),
        ),
      );
      // Nobody waits for this one any more, and it is let go of too.
      subscriber.next(sides(of(param('/x/2', 2))));
      subscriber.error(new ClaspError(502, 'late'));
      return () => opened--;
    });
    const { app, told, time, subscribed, stop } = start({ open: far, reconnect: { random: () => 1 } });
    expect(told).toEqual(['ready bridge', 'retrying 502 torn']);
    expect([opened, subscribed(), listened, out]).toEqual([0, 0, 0, ['closed', 'closed']]);
    expect([read(app, '/x/1'), read(app, '/x/2')]).toEqual([1, null]);
    time.pass(500);
    expect(told.slice(2)).toEqual(['ready bridge', 'retrying 502 torn']);
    stop();
    expect([opened, time.waiting]).toEqual([0, 0]);
    expect(start({ source: EMPTY, sink: noting(out) }).told).toEqual(['ready bridge', 'complete']);
    expect(start({ source: throwError(() => 'no') }).told).toEqual(['ready bridge', 'error 500 no']);
  });

  it('closes the sink before what opened it, hears what fails in that, and goes on', () => {
    const steps: string[] = [];
    let lose: () => void = () => undefined;
    const open = new Observable<BridgeSides>((far) => {
      const closing = sink<Signal>({
        write: () => undefined,
        close: () => {
          steps.push('sink');
          throw new ClaspError(500, 'blackout failed');
        },
      });
      lose = () => far.error(new ClaspError(502, 'gone'));
      far.next({ sink: closing });
      return () => steps.push('port');
    });
    const { told, stop, time } = start({ open: open, reconnect: { random: () => 1 } });
    lose();
    expect(steps).toEqual(['sink', 'port']);
    expect(told).toEqual(['ready bridge', 'failure 500 blackout failed', 'retrying 502 gone']);
    time.pass(500);
    stop();
    expect(steps).toEqual(['sink', 'port', 'sink', 'port']);
  });

  it('gives a device that returns the state, what it had said itself included', () => {
    const source = new Subject<Signal>();
    let lose: () => void = () => undefined;
    const open = ({ out }: Rig) =>
      new Observable<BridgeSides>((far) => {
        lose = () => far.complete();
        far.next({ source, sink: noting(out) });
      });
    const { app, out, time, told } = start((rig) => ({ open: open(rig), reconnect: { initial: 1 } }));
    source.next(param('/x/1', 0.5));
    app.set('/x/2', 2);
    lose();
    app.set('/x/2', 3);
    time.pass(1);
    expect(out).toEqual(['/x/2=2', 'closed', '/x/1=0.5', '/x/2=3']);
    expect(told).toEqual(['ready bridge', 'retrying 500 the other side has closed', 'ready bridge']);
  });

  it('tells what fails, whatever throws or errors, once a second at most, and none uncounted', () => {
    const failures = new Subject<ClaspError>();
    const throwing = {
      next: () => {
        throw new Error('no route');
      },
      error: () => undefined,
      complete: () => {
        throw new Error('no end');
      },
    };
    const counts: number[] = [];
    const { app, time, told, stop } = start(({ client, time }) => {
      bridge({ client, namespace: '/y', sink: throwing, failures, scheduler: time }).subscribe({
        next: (event) => event.type === 'failure' && counts.push(Number(event.failure.value)),
      });
      return { sink: throwing, failures };
    });
    for (let i = 0; i < 100; i++) app.set('/x/1', i);
    expect(told).toEqual(['ready bridge', 'failure 500 no route']);
    time.pass(999);
    expect(told).toHaveLength(2);
    time.pass(1);
    expect(told).toEqual([
      'ready bridge',
      'failure 500 no route',
      'failure 500 no route; 99 failures within 1000 ms, this was the last',
    ]);
    // A stream of failures that breaks is one more of them.
    failures.error(new ClaspError(500, 'broken'));
    time.pass(2_000);
    expect(told.at(-1)).toBe('failure 500 broken');
    expect(counts).toEqual([1]);
    stop();
  });

  it('counts failures that a source has gathered already for all of them', () => {
    const digest = new FailureDigest({ scheduler: virtualTime() });
    const counts: unknown[] = [];
    const { time, client } = start({});
    bridge({ client, namespace: '/x', failures: digest.failures, scheduler: time }).subscribe((event) => {
      if (event.type === 'failure') counts.push(event.failure.value, event.failure.reason);
    });
    for (let i = 0; i < 250; i++) digest.report(101, 'not OSC', { where: 'peer' });
    digest.close();
    time.pass(1_000);
    const others = '; 249 failures within 1000 ms, this was the last';
    expect(counts).toEqual([1, 'peer: not OSC', 249, `peer: not OSC${others}`]);
  });

  it('tells what the relay refuses below the namespace, and nothing of others', () => {
    const source = new Subject<Signal>();
    const { client, time, told } = start({ source }, ['read:/**', 'write:/x/allowed/**', 'write:/y/**']);
    for (const address of ['/x/no', '/x', '/z/1', '/xx/1', '/x/allowed/1', '/y/1']) {
      const before = told.length;
      if (address === '/x/no') source.next(param(address, 1));
      else client.set(address, 1);
      const isTold = address === '/x/no' || address === '/x';
      expect([address, told.length - before]).toEqual([address, isTold ? 1 : 0]);
      if (isTold) expect(told.at(-1)).toMatch(/^failure 301 /);
      time.pass(1_000);
    }
  });

  it('errors where the relay refuses the subscription, having told and let go of everything', () => {
    const source = new Subject<Signal>();
    const { told, out, subscribed, time } = start(({ out }) => ({ source, sink: noting(out) }), ['write:/other/**']);
    expect(told.at(-1)).toMatch(/^error 301 /);
    expect([source.observed, out, subscribed(), time.waiting]).toEqual([false, ['closed'], 0, 0]);
  });

  it('completes when the client is closed, before or after, and tells first what had failed', () => {
    const out: string[] = [];
    let opened = 0;
    const { client, told, time } = start({
      open: new Observable<BridgeSides>((far) => {
        opened++;
        far.next({ sink: noting(out), failures: of(new ClaspError(500, 'a'), new ClaspError(500, 'b')) });
        return () => opened--;
      }),
    });
    client.close();
    expect(told).toEqual(['ready bridge', 'failure 500 a', 'failure 500 b', 'complete']);
    expect([opened, out, time.waiting]).toEqual([0, ['closed'], 0]);
    const late: string[] = [];
    const open = new Observable<BridgeSides>(() => {
      opened++;
    });
    bridge({ client, namespace: '/x', open, scheduler: time }).subscribe({
      next: (event) => late.push(shown(event)),
      complete: () => late.push('complete'),
    });
    expect([late, opened]).toEqual([['complete'], 0]);
  });

  it('completes while it waits to open again, and the wait is over', () => {
    const { client, told, time } = start({ open: throwError(() => new ClaspError(502, 'away')) });
    expect(time.waiting).toBe(1);
    client.close();
    expect(told).toEqual(['retrying 502 away', 'complete']);
    expect(time.waiting).toBe(0);
  });

  it('may be unsubscribed from within any of its events', () => {
    for (const type of ['ready', 'failure', 'retrying', 'devices']) {
      const time = virtualTime();
      const relay = running();
      const source = new Subject<Signal>();
      const out: string[] = [];
      let opened = 0;
      let listened = 0;
      const client = relay.client('bridge');
      const { messagesIn } = relay.stats();
      const open = new Observable<BridgeSides>((far) => {
        opened++;
        const events = defer(() => {
          listened++;
          return of<BridgeEvent>({ type: 'devices', bridge: 'bridge', devices: [] });
        });
        far.next({ source, sink: noting(out), events, failures: of(new ClaspError(500, 'a')) });
        far.error(new ClaspError(502, 'gone'));
        return () => opened--;
      });
      const told: string[] = [];
      bridge({ client, namespace: '/x', open, scheduler: time })
        .pipe(takeWhile((event) => event.type !== type, true))
        .subscribe({ next: (event) => told.push(event.type), complete: () => told.push('left') });
      expect(told.slice(-2)).toEqual([type, 'left']);
      expect([opened, source.observed, relay.stats().subscriptions, time.waiting]).toEqual([0, false, 0, 0]);
      expect(out).toEqual(['closed']);
      if (type === 'ready') expect([listened, relay.stats().messagesIn]).toEqual([0, messagesIn]);
    }
  });

  it('ends a loop by the hop budget', () => {
    const time = virtualTime();
    const relay = running();
    const budget = new HopBudget({ scheduler: time });
    const circles: string[] = [];
    budget.loops.subscribe(({ addresses }) => circles.push(addresses.join(' ')));
    // What goes out by one bridge comes in by the other, one more each time.
    const source = new Subject<Signal>();
    const onward = sink<Signal>({
      write: (signal) => source.next(param(signal.address, Number('value' in signal ? signal.value : 0) + 1)),
    });
    const both = { namespace: '/x', echoWindow: 0, budget, scheduler: time };
    bridge({ client: relay.client('one'), sink: onward, ...both }).subscribe();
    bridge({ client: relay.client('other'), source, ...both }).subscribe();
    const app = relay.client('app');
    app.set('/x/1', 0);
    expect([read(app, '/x/1'), budget.dropped, circles]).toEqual([8, 1, ['/x/1 /x/1']]);
  });

  it('leaves both sides alike, whoever moves what, and says nothing to the one who said it', () => {
    const step = fc.record({
      who: fc.constantFrom('app', 'device'),
      at: fc.nat(2),
      value: fc.nat(3),
      wait: fc.nat(700),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const source = new Subject<Signal>();
        const device = new Map<string, Value>();
        let saying: string | undefined;
        let returned = 0;
        const { app, time, stop } = start({
          source: source,
          sink: sink<Signal>({
            write: (signal) => {
              if (signal.address === saying) returned++;
              if ('value' in signal) device.set(signal.address, signal.value);
            },
          }),
        });
        for (const { who, at, value, wait } of steps) {
          const address = `/x/${at}`;
          if (who === 'app') app.set(address, value);
          else {
            saying = address;
            device.set(address, value);
            source.next(param(address, value));
            saying = undefined;
          }
          expect(device.get(address)).toBe(read(app, address));
          time.pass(wait);
        }
        expect(returned).toBe(0);
        stop();
        time.pass(10_000);
        expect(time.waiting).toBe(0);
      }),
    );
  });
});

/** The value at the relay, which answers at once. */
function read(client: Client, address: string): Value {
  let found: Value | undefined;
  client.get(address).subscribe((value) => {
    found = value;
  });
  return found ?? null;
}
