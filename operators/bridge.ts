import {
  filter,
  identity,
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
import type { Param, Signal, SignalKind } from '../core/signal/signal.ts';
import { monotonicScheduler } from '../core/time/monotonic-scheduler.ts';
import { type BackoffOptions, backoffWait } from './backoff.ts';
import { write as writeSignal } from './client/write.ts';
import { FailureDigest } from './failure-digest.ts';
import { type PaceSnapshotOptions, paceSnapshot } from './pace-snapshot.ts';
import { countHops } from './routes/count-hops.ts';
import type { HopBudget } from './routes/hop-budget.ts';

/** The far side of a bridge while it is open. */
export interface BridgeSides<In = Signal> {
  /** What comes in. When it errors or completes, this opening is over. Its `failures`, where it has some, are told. */
  readonly source?: (Observable<In> & { readonly failures?: Observable<ClaspError> }) | undefined;
  /**
   * Where what changes goes. Completed when the bridge closes it, before what opened it is unsubscribed from. Its
   * `failures`, where it has some, are told, and so is what it throws.
   */
  readonly sink?: (Observer<Signal> & { readonly failures?: Observable<ClaspError> }) | undefined;
  /** Other failures to tell of. */
  readonly failures?: Observable<ClaspError> | undefined;
  /** Events that are told as they are, after `ready`: the devices at the far side. */
  readonly events?: Observable<BridgeEvent> | undefined;
  /** Where it is, for people. @defaultValue the name of the bridge */
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
   * Opens the far side, for one that may go: emits the sides when it is open, and stays; what it emits later takes the
   * place of what it emitted before. When it errors or completes it is opened again, with growing pauses, but not after
   * an error that waiting does not mend: 202, 300, 402, 501.
   * @defaultValue the bridge is open at once, with the sides given here
   */
  readonly open?: Observable<BridgeSides<In>> | undefined;
  /**
   * How long to wait before it is opened again, `false` where that is not tried: then the bridge ends as its far side does.
   * @defaultValue half a second at first, 10 s at most
   */
  readonly reconnect?: Pick<BackoffOptions, 'initial' | 'max' | 'random'> | false | undefined;
  /** What goes out, each once for every pattern that it matches. @defaultValue everything below the namespace */
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
   * Milliseconds for which a value that came in is not sent back, while the same far side is open; 0 where source and sink
   * know better. Events and samples of one's own never come back: the relay does not send them to their sender.
   * @defaultValue 1000
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
 * completes when the client is closed, and where nothing is opened again when the far side completes.
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
  const spread: MonoTypeOperatorFunction<Signal> = snapshot ? paceSnapshot({ ...snapshot, scheduler }) : identity;

  return new Observable((out) => {
    const digest = new FailureDigest({ scheduler });
    const wait = backoffWait({ max: 10_000, ...(reconnect || {}), scheduler });
    /** The far side, from the attempt to open it until it is gone. */
    let session: Subscription | undefined;
    let timer: Subscription | undefined;
    let attempt = 0;
    let lastPause = 0;

    const tell = (event: BridgeEvent) => out.next(event);
    const fail = (cause: unknown) => digest.pass(ClaspError.from(cause, ErrorCode.Internal));
    const failing = { next: fail, error: fail };
    const guarded = (action: () => void) => {
      try {
        action();
      } catch (cause) {
        fail(cause);
      }
    };
    const end = (reason?: ClaspError) => {
      // What failed last is told before the end, not lost in it.
      digest.close();
      if (reason) out.error(reason);
      else out.complete();
    };

    /** What goes on while the far side is open, until `joined` is unsubscribed from; `gone` is told when it ends by itself. */
    const join = (sides: BridgeSides<In>, joined: Subscription, gone: (reason?: ClaspError) => void) => {
      const { source, sink, failures, events, address = name, targets } = sides;
      // Of one opening only: a device that returns may have lost what it said itself.
      const echoes = echoWindow > 0 ? new EchoMemory({ window: echoWindow }) : undefined;
      const wanted = filter((signal: Signal) => {
        if (signal.kind !== 'param') return true;
        if (signal.snapshot === true && !sendState) return false;
        return !echoes?.isEcho(name, signal.address, signal.value, scheduler.now());
      });
      const arrived = (value: In) => {
        if (isParam(value)) echoes?.heard(name, value.address, value.value, scheduler.now());
        guarded(() => write(client, value as never));
      };

      // Closed in this order: nothing comes any more, the sink says its last, and whatever fails in it is told.
      const flow = new Subscription();
      joined.add(flow);
      joined.add(() => guarded(() => sink?.complete()));
      if (!joined.closed) tell({ type: 'ready', bridge: name, address, ...(targets && { targets }) });
      for (const told of [failures, source?.failures, sink?.failures]) joined.add(told?.subscribe(failing));
      // The relay's state first: what comes in may be compared with it.
      if (sink && !joined.closed) {
        flow.add(
          merge(...patterns.map((pattern) => client.on(pattern, { ...pacing, types })))
            .pipe(wanted, spread)
            .subscribe({
              next: (signal) => guarded(() => sink.next(signal)),
              error: (cause) => end(ClaspError.from(cause, ErrorCode.Internal)),
            }),
        );
      }
      if (joined.closed) return;
      flow.add(
        source?.subscribe({
          next: arrived,
          error: (cause) => gone(ClaspError.from(cause, ErrorCode.Internal)),
          complete: () => gone(),
        }),
      );
      if (!joined.closed) joined.add(events?.subscribe({ next: tell, error: fail }));
    };

    const start = (far: Observable<BridgeSides<In>>) => {
      timer = undefined;
      const opened = new Subscription();
      session = opened;
      let joined: Subscription | undefined;
      let openSince = Number.POSITIVE_INFINITY;
      const gone = (reason?: ClaspError) => {
        if (session !== opened) return;
        // A far side that stays open for less time than it was waited for goes on being waited for longer.
        if (scheduler.now() - openSince > lastPause) attempt = 0;
        retry(far, reason);
      };
      // Closed before what opened it: a sink may have something to say on its way out.
      const sides = new Subscription();
      opened.add(sides);
      const opening = far.subscribe({
        next: (found) => {
          if (!joined) openSince = scheduler.now();
          joined?.unsubscribe();
          joined = new Subscription();
          sides.add(joined);
          join(found, joined, gone);
        },
        error: (cause) => gone(ClaspError.from(cause, ErrorCode.Internal)),
        complete: () => gone(),
      });
      opened.add(opening);
    };

    const retry = (far: Observable<BridgeSides<In>>, cause: ClaspError | undefined) => {
      if (reconnect === false) {
        end(cause);
        return;
      }
      const reason = cause ?? new ClaspError(ErrorCode.Internal, 'the other side has closed');
      if (FINAL.includes(reason.code)) {
        end(reason);
        return;
      }
      const gone = session;
      session = undefined;
      gone?.unsubscribe();
      // What fails while it closes may have made somebody leave.
      if (out.closed) return;
      attempt++;
      lastPause = wait(attempt);
      timer = scheduler.schedule(() => start(far), lastPause);
      tell({ type: 'retrying', bridge: name, reason, retryInMs: lastPause });
    };

    out.add(() => {
      timer?.unsubscribe();
      session?.unsubscribe();
      digest.close();
    });
    digest.failures.subscribe((failure) => tell({ type: 'failure', bridge: name, failure }));
    const isOurs = ({ address = '' }: ClaspError) => address === namespace || address.startsWith(`${namespace}/`);
    out.add(client.errors.pipe(filter(isOurs)).subscribe(failing));
    out.add(client.status.subscribe({ complete: () => end() }));
    if (out.closed) return;

    if (open) {
      start(open);
      return;
    }
    session = new Subscription();
    join(options, session, end);
  });
}

/** Whether what came in is a param as it stands: what else a source of its own may say is nothing that comes back. */
function isParam(value: unknown): value is Param {
  return typeof value === 'object' && value !== null && (value as { kind?: unknown }).kind === 'param';
}
