import { map, merge, Observable, type OperatorFunction, type SchedulerLike, Subject, tap } from 'rxjs';
import { AddressTable } from '../../core/address/address-table.ts';
import { ALL_SCOPES, Scopes, scopes } from '../../core/address/scope.ts';
import { SubscriptionIndex } from '../../core/address/subscription-index.ts';
import type { Client } from '../../core/client/client.ts';
import type { Connection } from '../../core/connection/connection.ts';
import { memoryPair } from '../../core/connection/memory-pair.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { OnFull, StoredParam } from '../../core/param/param.ts';
import { type ParamRule, ParamRules } from '../../core/param/param-rules.ts';
import { ParamStore } from '../../core/param/param-store.ts';
import { monotonic } from '../../core/time/monotonic.ts';
import { monotonicScheduler } from '../../core/time/monotonic-scheduler.ts';
import { createLocalClient } from '../client/client.ts';
import { chain, stage } from '../stage.ts';
import { announcements } from './announcements.ts';
import type { Authenticate, CompiledGrant } from './authenticate.ts';
import { conflictMerge, ParamWriter } from './conflict-merge.ts';
import { deduplicate } from './deduplicate.ts';
import { type Delivered, dispatch } from './dispatch.ts';
import type { Envelope } from './envelope.ts';
import { gestureLifecycle, OpenGestures } from './gesture-lifecycle.ts';
import type { NextTurn } from './precise-timer.ts';
import { rateLimit } from './rate-limit.ts';
import { type ReservedAddresses, reserveAddresses } from './reserve-addresses.ts';
import { type RouterEvent, toRouterEvent } from './router-event.ts';
import { scheduleBundles } from './schedule-bundles.ts';
import { scopeFilter } from './scope-filter.ts';
import { serialise, Turns } from './serialise.ts';
import { session, sessionIds } from './session.ts';
import type { Session } from './session-state.ts';
import { Timelines, timelineScheduler } from './timeline-scheduler.ts';

export interface RouterOptions {
  /** The relay's name, told to every client. @defaultValue 'clasp-rx' */
  readonly name?: string | undefined;
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike | undefined;
  /**
   * Relay time, microseconds since the Unix epoch; the router takes care that it is whole and never goes back, and does
   * not follow it where it is set by more than half a second: from then on time passes as the scheduler's does.
   * @defaultValue the scheduler's milliseconds times 1000
   */
  readonly now?: (() => number) | undefined;
  /**
   * Has some work done in the next turn of the event loop, and gives a function that calls it off: bundles for a certain
   * time then run within a few microseconds of it, for which the relay is busy for the last one and a half milliseconds
   * before each, with a turn every 100 µs. @defaultValue none: on timers, up to half a millisecond early or late
   */
  readonly nextTurn?: NextTurn | undefined;
  /**
   * Has the host collect its young garbage, in a few milliseconds: called when many bundles have come to wait and none is
   * due, so that it is not done when they are. @defaultValue none: the host does it when it likes
   */
  readonly collectYoung?: (() => void) | undefined;
  /** Makes session ids; give a secure one where they matter. @defaultValue UUIDs seeded by the scheduler's time */
  readonly sessionId?: (() => string) | undefined;
  /** Decides what the bearer of a token may do. @defaultValue open: everybody may do everything */
  readonly authenticate?: Authenticate | undefined;
  /** Addresses that only one participant of this process writes. @defaultValue none */
  readonly reserved?: readonly ReservedAddresses[] | undefined;
  /** Sessions at a time, those of this process not counted; 0 = unlimited. @defaultValue 0 */
  readonly maxSessions?: number | undefined;
  /** Milliseconds of silence after which a session ends; 0 = never. @defaultValue 300 000 */
  readonly sessionTimeout?: number | undefined;
  /** Milliseconds in which a connection must say HELLO (101), and be authenticated (502). @defaultValue 10 000 */
  readonly handshakeTimeout?: number | undefined;
  /** Messages a second that one session may send, those in bundles too; 0 = unlimited. @defaultValue 0 */
  readonly maxMessagesPerSecond?: number | undefined;
  /** Subscriptions that one session may have; 0 = unlimited. @defaultValue 10 000 */
  readonly maxSubscriptions?: number | undefined;
  /** Milliseconds between two moves of a gesture that subscribers see. @defaultValue 16 */
  readonly moveInterval?: number | undefined;
  /** Milliseconds without any message after which a gesture is cancelled. @defaultValue 30 000 */
  readonly gestureTimeout?: number | undefined;
  /** Gestures that one session may have open. @defaultValue 1000 */
  readonly maxGestures?: number | undefined;
  /** Values a second that a timeline writes while it moves, beside its keyframes, 1 … 1000. @defaultValue 60 */
  readonly timelineRate?: number | undefined;
  /** Timelines that may wait or play at a time. @defaultValue 10 000 */
  readonly maxTimelines?: number | undefined;
  /** Keyframes that all timelines may have together. @defaultValue 1 000 000 */
  readonly maxKeyframes?: number | undefined;
  /** What holds for which params; the first rule that matches an address. @defaultValue none: the last write wins */
  readonly params?: readonly ParamRule[] | undefined;
  /** Params at a time; 0 = unlimited. @defaultValue 0 */
  readonly maxParams?: number | undefined;
  /** What happens to a new param when there are `maxParams`. @defaultValue 'lru' */
  readonly onFull?: OnFull | undefined;
  /** Bundles of one session that may wait for their time. @defaultValue 1000 */
  readonly maxScheduled?: number | undefined;
  /** Bytes that all bundles which wait for their time may have together, 1 KiB added to each. @defaultValue 64 MiB */
  readonly maxScheduledBytes?: number | undefined;
  /** Bytes that may wait for a lagging receiver before it is given up with 503. @defaultValue 8 MiB */
  readonly maxWaitingBytes?: number | undefined;
  /** Milliseconds that a receiver may lag without a break before it is given up with 503. @defaultValue 30 000 */
  readonly maxLag?: number | undefined;
}

/** Figures of a running router. */
export interface RouterStats {
  readonly sessions: number;
  readonly params: number;
  readonly subscriptions: number;
  /** Messages that arrived. */
  readonly messagesIn: number;
  /** Signals that left, counted once per receiver. */
  readonly messagesOut: number;
  /** Messages that were refused. */
  readonly refused: number;
}

/** An operator from connections to what happens in the relay, with a way in for code of the same process. */
export interface Router extends OperatorFunction<Connection, RouterEvent> {
  /**
   * A participant in this process: the same {@link Client} as over a network, without one. It may be made before the
   * router runs; it then joins when the router does.
   *
   * @param scopes what it may do. @defaultValue everything
   */
  client(name: string, scopes?: readonly string[] | Scopes): Client;
  /** Figures of the current run; all zero while it does not run. */
  stats(): RouterStats;
}

const MEBIBYTE = 1024 * 1024;

/**
 * The relay: an operator from connections to events. Where the connections come from, and whether it runs in Node or
 * in a browser tab, is not its business.
 *
 * Cold: state begins with the subscription and ends with it, and so does every session. One subscription at a time;
 * merge the listeners. Errors only when the connections do; what a peer does wrong is an event and an ERROR to it.
 *
 * @example
 * ```ts
 * const relay = router({ name: 'Venue' });
 * relay(NEVER).subscribe((event) => console.log(event.type));
 * const desk = relay.client('desk');
 * desk.on('/lights/**').subscribe(({ address }) => console.log(address));
 * desk.set('/lights/1', 0.5);
 * ```
 */
export function router(options: RouterOptions = {}): Router {
  const { scheduler = monotonicScheduler } = options;
  const now = options.now ? monotonic(options.now, scheduler) : monotonic(() => scheduler.now() * 1000);
  const { name = 'clasp-rx', sessionId = sessionIds(scheduler.now()), authenticate } = options;
  const { maxSessions = 0, maxMessagesPerSecond = 0, maxSubscriptions = 10_000 } = options;
  const { sessionTimeout = 300_000, handshakeTimeout = 10_000, maxLag = 30_000 } = options;
  const { moveInterval, gestureTimeout, maxGestures } = options;
  const { timelineRate, maxTimelines, maxKeyframes } = options;
  const { maxParams, onFull, maxScheduled, maxScheduledBytes } = options;
  const { reserved = [], nextTurn: inNextTurn, collectYoung } = options;
  const rules = new ParamRules(options.params ?? []);
  const outbox = { hardBytes: options.maxWaitingBytes ?? 8 * MEBIBYTE, softBytes: MEBIBYTE };

  const local = new Subject<Connection>();
  const early = new Set<Connection>();
  const grants = new WeakMap<Connection, CompiledGrant>();
  const trusted = (connection: Connection) => grants.get(connection);
  let addresses = new AddressTable<StoredParam>();
  let running: { stats(): RouterStats } | undefined;
  /** Emits when the relay is about to stop, while its receivers can still be told. */
  const ending = new Subject<void>();

  const run = (connections: Observable<Connection>): Observable<RouterEvent> => {
    const table = new AddressTable<StoredParam>();
    addresses = table;
    const store = new ParamStore(table, { maxParams, onFull });
    const writer = new ParamWriter(store, rules);
    const subscriptions = new SubscriptionIndex<Session>({
      accept: (receiver, address) => receiver.scopes.allows('read', address),
    });
    const gestures = new OpenGestures(table);
    const timelines = new Timelines(table);
    const turns = new Turns();
    const sessions = new Set<Session>();
    const delivered: Delivered = { signals: 0 };
    let messagesIn = 0;
    let refused = 0;
    const limits = { maxSessions, sessionTimeout, handshakeTimeout, maxLag, outbox };

    running = {
      stats: () => ({
        sessions: sessions.size,
        params: store.size,
        subscriptions: subscriptions.size,
        messagesIn,
        messagesOut: delivered.signals,
        refused,
      }),
    };

    const own = { scheduler: turns.scheduler(scheduler), now };
    const nextTurn = inNextTurn && turns.nextTurn(inNextTurn);
    const untilFailure = connections.pipe(tap({ error: () => ending.next() }));
    const counted = stage<Envelope, Envelope>((out) => ({
      next(envelope) {
        messagesIn++;
        out.next(envelope);
      },
    }));
    const trunk = chain(
      counted,
      serialise<Envelope>(turns),
      rateLimit({ maxMessagesPerSecond }),
      deduplicate(),
      scopeFilter(),
      reserveAddresses(reserved),
      scheduleBundles(table, store, writer, { ...own, nextTurn, collectYoung, maxScheduled, maxScheduledBytes }),
      gestureLifecycle(gestures, { ...own, moveInterval, gestureTimeout, maxGestures, ending }),
      timelineScheduler(timelines, { ...own, timelineRate, maxTimelines, maxKeyframes }),
      conflictMerge(writer, { ...own, inUse: (entry) => timelines.of(entry)?.taken === false }),
      announcements(subscriptions, store),
      dispatch(subscriptions, store, { ...own, maxSubscriptions, delivered, ongoing: [gestures, timelines] }),
    );
    return merge(untilFailure, local).pipe(
      session(table, { name, scheduler, now, sessionId, authenticate, trusted, ...limits }),
      trunk,
      tap(({ kind, session }) => {
        if (kind === 'opened') sessions.add(session);
        else if (kind === 'closed') sessions.delete(session);
        else refused++;
      }),
      map(toRouterEvent),
    );
  };

  const operator = (connections: Observable<Connection>): Observable<RouterEvent> =>
    new Observable((out) => {
      if (running) {
        out.error(new ClaspError(ErrorCode.Internal, 'this router runs already; merge its listeners into one'));
        return undefined;
      }
      // Not `subscribe(out)`: with it the trunk would be closed before it can say that the relay ends.
      const subscription = run(connections).subscribe({
        next: (event) => out.next(event),
        error: (cause) => out.error(cause),
        complete: () => out.complete(),
      });
      for (const connection of early) local.next(connection);
      early.clear();
      return () => {
        ending.next();
        subscription.unsubscribe();
        running = undefined;
      };
    });

  const client = (clientName: string, may: readonly string[] | Scopes = ALL_SCOPES): Client => {
    const grant = { scopes: may instanceof Scopes ? may : scopes(may), expiresAt: undefined };
    const dial = new Observable<Connection>((dialled) => {
      const [here, there] = memoryPair();
      grants.set(there, grant);
      dialled.next(here);
      if (running) local.next(there);
      else early.add(there);
      return () => {
        early.delete(there);
        here.outgoing.complete();
      };
    });
    // What is delivered has its address in the table.
    const addressOf = (bytes: Uint8Array, start: number, end: number) => addresses.intern(bytes, start, end).address;
    return createLocalClient(dial, { name: clientName, scheduler, now, sync: false }, addressOf);
  };

  const stats = () => running?.stats() ?? IDLE;
  return Object.assign(operator, { client, stats });
}

const IDLE: RouterStats = { sessions: 0, params: 0, subscriptions: 0, messagesIn: 0, messagesOut: 0, refused: 0 };
