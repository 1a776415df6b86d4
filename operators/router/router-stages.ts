import { map, type Observable, type OperatorFunction, pipe, tap } from 'rxjs';
import { AddressTable } from '../../core/address/address-table.ts';
import { SubscriptionIndex } from '../../core/address/subscription-index.ts';
import type { Connection } from '../../core/connection/connection.ts';
import type { OnFull, StoredParam } from '../../core/param/param.ts';
import { type ParamRule, ParamRules } from '../../core/param/param-rules.ts';
import { ParamStore } from '../../core/param/param-store.ts';
import { monotonic } from '../../core/time/monotonic.ts';
import { monotonicScheduler } from '../../core/time/monotonic-scheduler.ts';
import type { StageOperator } from '../stage.ts';
import { announcements } from './announcements.ts';
import type { CompiledGrant } from './authenticate.ts';
import { conflictMerge, ParamWriter } from './conflict-merge.ts';
import { deduplicate } from './deduplicate.ts';
import { type Delivered, type DispatchOptions, dispatch } from './dispatch.ts';
import type { Envelope } from './envelope.ts';
import { type GestureLifecycleOptions, gestureLifecycle, OpenGestures } from './gesture-lifecycle.ts';
import { type RateLimitOptions, rateLimit } from './rate-limit.ts';
import { type ReservedAddresses, reserveAddresses } from './reserve-addresses.ts';
import { type RouterEvent, toRouterEvent } from './router-event.ts';
import { type ScheduleBundlesOptions, scheduleBundles } from './schedule-bundles.ts';
import { scopeFilter } from './scope-filter.ts';
import { serialise, Turns } from './serialise.ts';
import { type Received, type SessionOptions, session } from './session.ts';
import type { Session } from './session-state.ts';
import { type TimelineSchedulerOptions, Timelines, timelineScheduler } from './timeline-scheduler.ts';

/** What its stages take: a relay has no options of its own. */
export interface RouterOptions
  extends SessionOptions,
    RateLimitOptions,
    ScheduleBundlesOptions,
    Omit<GestureLifecycleOptions, 'ending'>,
    TimelineSchedulerOptions,
    Pick<DispatchOptions, 'maxSubscriptions'> {
  /** What holds for which params; the first rule that matches an address. @defaultValue none: the last write wins */
  readonly params?: readonly ParamRule[] | undefined;
  /** Params at a time; 0 = unlimited. @defaultValue 0 */
  readonly maxParams?: number | undefined;
  /** What happens to a new param when there are `maxParams`. @defaultValue 'lru' */
  readonly onFull?: OnFull | undefined;
  /** Addresses that only one participant of this process writes. @defaultValue none */
  readonly reserved?: readonly ReservedAddresses[] | undefined;
}

/** Figures of a running router. */
export interface RouterStats {
  readonly sessions: number;
  /** How many of them are of this process: bridges, routes, and whoever `client` was called for. */
  readonly ownSessions: number;
  readonly params: number;
  /** How many of them are below `/clasp`: the states of bridges, bundles that wait. */
  readonly ownParams: number;
  readonly subscriptions: number;
  /** Messages that arrived. */
  readonly messagesIn: number;
  /** Signals that left, counted once per receiver. */
  readonly messagesOut: number;
  /** Messages that were refused. */
  readonly refused: number;
}

/** The stages of a relay, which share the state of one run. */
export interface RouterStages {
  /** Connections become the messages of their sessions. First. */
  readonly session: OperatorFunction<Connection, Envelope>;
  /** What is published while publishing waits its turn. Right behind `session`: timers of the others take turns with it. */
  readonly serialise: StageOperator<Envelope>;
  readonly rateLimit: StageOperator<Envelope>;
  readonly deduplicate: StageOperator<Envelope>;
  readonly scopeFilter: StageOperator<Envelope>;
  readonly reserveAddresses: StageOperator<Envelope>;
  readonly scheduleBundles: StageOperator<Envelope>;
  readonly gestureLifecycle: StageOperator<Envelope>;
  /** Needs `conflictMerge` behind it. */
  readonly timelineScheduler: StageOperator<Envelope>;
  readonly conflictMerge: StageOperator<Envelope>;
  /** Needs `scopeFilter` before it. */
  readonly announcements: StageOperator<Envelope>;
  /** Delivers and answers. Last. */
  readonly dispatch: StageOperator<Envelope>;
  /** What is left behind `dispatch`, as events. */
  readonly events: OperatorFunction<Envelope, RouterEvent>;
  /** The address whose UTF-8 is `bytes[start..end)`. */
  addressOf(bytes: Uint8Array, start: number, end: number): string;
  stats(): RouterStats;
}

/** What a router knows beside its options. */
export interface RouterSurroundings {
  /** What sessions of this process may do: they need not authenticate and are never idle. @defaultValue none */
  readonly trusted?: (connection: Connection) => CompiledGrant | undefined;
  /** Emits when the relay is about to stop, while its receivers can still be told. @defaultValue never */
  readonly ending?: Observable<unknown>;
}

/**
 * The stages that `router` is made of, for a router of one's own: with a stage more, or fewer, in the order in which
 * `chain` puts them. They take the same options, and hold the state of one run: make them anew for each.
 *
 * @example
 * ```ts
 * const audit = stage<Envelope, Envelope>((out) => ({
 *   next(envelope) {
 *     if (envelope.kind === 'SET') console.log(envelope.session.name, envelope.entry?.address);
 *     out.next(envelope);
 *   },
 * }));
 * const { session, serialise, scopeFilter, conflictMerge, dispatch, events } = routerStages({ name: 'Venue' });
 * const [here, there] = memoryPair();
 * of(there).pipe(session, chain(serialise, scopeFilter, audit, conflictMerge, dispatch), events).subscribe(console.log);
 * createClient(of(here), { name: 'desk' }).set('/lights/1', 0.5);
 * ```
 */
export function routerStages(options: RouterOptions = {}, surroundings: RouterSurroundings = {}): RouterStages {
  const { scheduler = monotonicScheduler, maxParams, onFull, reserved = [] } = options;
  const now = options.now ? monotonic(options.now, scheduler) : monotonic(() => scheduler.now() * 1000);

  const table = new AddressTable<StoredParam>();
  const store = new ParamStore(table, { maxParams, onFull });
  const writer = new ParamWriter(store, new ParamRules(options.params ?? []));
  const subscriptions = new SubscriptionIndex<Session>({
    accept: (receiver, address) => receiver.scopes.allows('read', address),
  });
  const gestures = new OpenGestures(table);
  const timelines = new Timelines(table);
  const sessions = new Set<Session>();
  const own = new Set<Session>();
  const delivered: Delivered = { signals: 0 };
  const received: Received = { messages: 0 };
  let refused = 0;

  const turns = new Turns();
  const inTurns = { ...options, scheduler: turns.scheduler(scheduler), now };
  const nextTurn = options.nextTurn && turns.nextTurn(options.nextTurn);

  const watched = tap<Envelope>(({ kind, session }) => {
    if (kind === 'opened') {
      sessions.add(session);
      if (surroundings.trusted?.(session.connection)) own.add(session);
    } else if (kind === 'closed') {
      sessions.delete(session);
      own.delete(session);
    } else refused++;
  });

  return {
    session: session(table, { ...options, scheduler, now }, surroundings.trusted, received),
    serialise: serialise(turns),
    rateLimit: rateLimit(options),
    deduplicate: deduplicate(),
    scopeFilter: scopeFilter(),
    reserveAddresses: reserveAddresses(reserved),
    scheduleBundles: scheduleBundles(table, store, writer, { ...inTurns, nextTurn }),
    gestureLifecycle: gestureLifecycle(gestures, { ...inTurns, ending: surroundings.ending }),
    timelineScheduler: timelineScheduler(timelines, inTurns),
    conflictMerge: conflictMerge(writer, { ...inTurns, inUse: (entry) => timelines.of(entry)?.taken === false }),
    announcements: announcements(subscriptions, store),
    dispatch: dispatch(subscriptions, store, { ...inTurns, delivered, ongoing: [gestures, timelines] }),
    events: pipe(watched, map(toRouterEvent)),
    addressOf: (bytes, start, end) => table.intern(bytes, start, end).address,
    stats: () => ({
      sessions: sessions.size,
      ownSessions: own.size,
      params: store.size,
      ownParams: store.ownSize,
      subscriptions: subscriptions.size,
      messagesIn: received.messages,
      messagesOut: delivered.signals,
      refused,
    }),
  };
}
