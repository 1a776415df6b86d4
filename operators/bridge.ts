import {
  filter,
  type MonoTypeOperatorFunction,
  merge,
  Observable,
  type Observer,
  type SchedulerLike,
  Subscription,
} from 'rxjs';
import type { BridgeEvent, Client, OnOptions } from '../core/client/client.ts';
import { ClaspError, ErrorCode } from '../core/errors.ts';
import { EchoMemory } from '../core/signal/echo-memory.ts';
import type { Signal, SignalKind } from '../core/signal/signal.ts';
import { monotonicScheduler } from '../core/time/monotonic-scheduler.ts';
import { type BackoffOptions, backoffWait } from './backoff.ts';
import { write as writeSignal } from './client/write.ts';
import { FailureDigest } from './failure-digest.ts';
import { type PaceSnapshotOptions, paceSnapshot } from './pace-snapshot.ts';
import { countHops } from './routes/count-hops.ts';
import type { HopBudget } from './routes/hop-budget.ts';

/** The far side of a bridge while it is open. */
export interface BridgeSides<In = Signal> {
  /** What comes in. What it errors or completes with ends this opening. Its `failures`, where it has some, are told. */
  readonly source?: (Observable<In> & { readonly failures?: Observable<ClaspError> }) | undefined;
  /** Where what changes goes. Completed when the bridge closes it. Its `failures`, where it has some, are told. */
  readonly sink?: (Observer<Signal> & { readonly failures?: Observable<ClaspError> }) | undefined;
  /** Other failures to tell of. */
  readonly failures?: Observable<ClaspError> | undefined;
  /** Events that are told as they are: the devices at the far side. */
  readonly events?: Observable<BridgeEvent> | undefined;
  /** Where it is, for people: tells that it is `ready`. @defaultValue nothing is told */
  readonly address?: string | undefined;
  /** Those that one sends to which listens too, for people. */
  readonly targets?: readonly string[] | undefined;
}

export interface BridgeOptions<In = Signal> extends BridgeSides<In> {
  /** How it takes part in the relay. */
  readonly client: Client;
  /** Below which its signals live, without a slash at the end; what the relay refuses there is told. */
  readonly namespace: string;
  /** Named in events. @defaultValue 'bridge' */
  readonly name?: string | undefined;
  /**
   * Opens the far side, for one that may go: emits the sides when it is open. When it errors or completes it is opened
   * again, with growing pauses, but not after an error that waiting does not mend: 202, 300, 402, 501.
   * @defaultValue the bridge is open at once, with the sides given here
   */
  readonly open?: Observable<BridgeSides<In>> | undefined;
  /** How long to wait before it is opened again. @defaultValue half a second at first, 10 s at most */
  readonly reconnect?: Pick<BackoffOptions, 'initial' | 'max' | 'random'> | undefined;
  /** What goes out. @defaultValue everything below the namespace */
  readonly patterns?: readonly string[] | undefined;
  /** Kinds of signal that go out. @defaultValue params, events and streams */
  readonly types?: readonly SignalKind[] | undefined;
  /** How often they go out; as in a subscription. */
  readonly pacing?: Pick<OnOptions, 'maxRate' | 'epsilon' | 'window'> | undefined;
  /** Whether the sink gets the current params when it opens. @defaultValue true */
  readonly sendState?: boolean | undefined;
  /** How the current params are spread over time, for peers that lose bursts. @defaultValue 50 at a time, every 5 ms */
  readonly snapshot?: Pick<PaceSnapshotOptions, 'batch' | 'interval'> | false | undefined;
  /**
   * Milliseconds for which a value that came in is not sent back; 0 where source and sink know better. Events and
   * samples of one's own never come back: the relay does not send them to their sender. @defaultValue 1000
   */
  readonly echoWindow?: number | undefined;
  /** Writes what comes in. @defaultValue `write` */
  readonly write?: ((client: Client, value: In) => void) | undefined;
  /** Counts what is passed on, so that loops end. @defaultValue that of the client, where it counts */
  readonly budget?: HopBudget | undefined;
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike | undefined;
}

const TYPES: readonly SignalKind[] = ['param', 'event', 'stream'];
/** What does not go away by trying again. */
const FINAL: readonly number[] = [
  ErrorCode.BadPattern,
  ErrorCode.NotAuthenticated,
  ErrorCode.BadValue,
  ErrorCode.NotEnabled,
];

/**
 * Joins a relay with something else: what the source says is written, and what changes below the namespace goes to the
 * sink, but not back to where it came from.
 *
 * Subscribing opens, unsubscribing closes. Emits `ready` whenever the far side is open, `retrying` when it is gone or
 * not there yet, `failure` at most once a second: what source and sink could not do and what the relay refuses. Errors
 * with a `ClaspError` for what can never work (202, 300, 402, 501) and when the relay refuses the subscription (301);
 * completes when the client is closed, and where nothing is opened again when the source completes.
 *
 * @example
 * ```ts
 * const relay = router();
 * relay(NEVER).subscribe();
 * const lamps = sink<Signal>({ write: ({ address }) => console.log('a lamp changes:', address) });
 * bridge({ client: relay.client('lamps'), namespace: '/lamps', sink: lamps }).subscribe(console.log);
 * relay.client('app').set('/lamps/1', true);
 * ```
 */
export function bridge<In = Signal>(options: BridgeOptions<In>): Observable<BridgeEvent> {
  const { namespace, name = 'bridge', open, budget, reconnect = {}, scheduler = monotonicScheduler } = options;
  const { patterns = [`${namespace}/**`], types = TYPES, pacing = {}, sendState = true } = options;
  const { echoWindow = 1_000, snapshot = {} } = options;
  const write = options.write ?? (writeSignal as (client: Client, value: never) => void);
  const client = budget ? countHops(options.client, budget) : options.client;

  return new Observable((out) => {
    const digest = new FailureDigest({ scheduler });
    const echoes = echoWindow > 0 ? new EchoMemory({ window: echoWindow }) : undefined;
    const wait = backoffWait({ max: 10_000, ...reconnect, scheduler });
    let opened: Subscription | undefined;
    let timer: Subscription | undefined;
    let attempt = 0;

    const fail = (failure: ClaspError) => digest.pass(failure);
    const tell = (event: BridgeEvent) => out.next(event);

    const wanted: MonoTypeOperatorFunction<Signal> = filter((signal) => {
      if (signal.kind !== 'param') return true;
      if (signal.snapshot === true && !sendState) return false;
      return !echoes?.isEcho(name, signal.address, signal.value, scheduler.now());
    });
    const spread: MonoTypeOperatorFunction<Signal> = snapshot
      ? paceSnapshot({ ...snapshot, scheduler })
      : (signals) => signals;

    const arrived = (value: In) => {
      const { kind, address, value: said } = value as { kind?: SignalKind; address?: string; value?: never };
      if (kind === 'param' && address !== undefined) echoes?.heard(name, address, said ?? null, scheduler.now());
      try {
        write(client, value as never);
      } catch (cause) {
        fail(ClaspError.from(cause, ErrorCode.Internal));
      }
    };

    /** What goes on while the far side is open. */
    const join = (sides: BridgeSides<In>, gone: (reason?: ClaspError) => void): Subscription => {
      const { source, sink, failures, events, address, targets } = sides;
      const joined = new Subscription();
      if (address !== undefined) tell({ type: 'ready', bridge: name, address, ...(targets && { targets }) });
      for (const stream of [failures, source?.failures, sink?.failures]) joined.add(stream?.subscribe(fail));
      joined.add(events?.subscribe(tell));
      // The relay's state first: what comes in may be compared with it.
      if (sink) {
        joined.add(() => sink.complete());
        joined.add(
          merge(...patterns.map((pattern) => client.on(pattern, { ...pacing, types })))
            .pipe(wanted, spread)
            .subscribe({
              next: (signal) => sink.next(signal),
              error: (reason) => out.error(reason),
            }),
        );
      }
      joined.add(
        source?.subscribe({
          next: arrived,
          error: (cause) => gone(ClaspError.from(cause, ErrorCode.Internal)),
          complete: () => gone(),
        }),
      );
      return joined;
    };

    const start = (far: Observable<BridgeSides<In>>) => {
      timer = undefined;
      const session = new Subscription();
      opened = session;
      const gone = (reason = new ClaspError(ErrorCode.Internal, 'the other side has closed')) => {
        if (opened === session) retry(far, reason);
      };
      const opening = far.subscribe({
        next: (sides) => {
          attempt = 0;
          session.add(join(sides, gone));
        },
        error: (cause) => gone(ClaspError.from(cause, ErrorCode.Internal)),
        complete: () => gone(),
      });
      // The opening last: what is on it may still have something to say.
      session.add(opening);
    };

    const retry = (far: Observable<BridgeSides<In>>, reason: ClaspError) => {
      if (FINAL.includes(reason.code)) {
        out.error(reason);
        return;
      }
      opened?.unsubscribe();
      opened = undefined;
      if (out.closed) return;
      attempt++;
      const retryInMs = wait(attempt);
      timer = scheduler.schedule(() => start(far), retryInMs);
      tell({ type: 'retrying', bridge: name, reason, retryInMs });
    };

    out.add(() => {
      timer?.unsubscribe();
      opened?.unsubscribe();
      digest.close();
    });
    digest.failures.subscribe((failure) => tell({ type: 'failure', bridge: name, failure }));
    const below = ({ address }: ClaspError) => address?.startsWith(`${namespace}/`) ?? false;
    out.add(client.errors.pipe(filter(below)).subscribe(fail));
    out.add(client.status.subscribe({ complete: () => out.complete() }));
    if (out.closed) return;

    if (open) start(open);
    else {
      out.add(
        join(options, (reason) => {
          if (reason) out.error(reason);
          else out.complete();
        }),
      );
    }
  });
}
