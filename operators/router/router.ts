import { merge, Observable, type OperatorFunction, Subject, tap } from 'rxjs';
import { ALL_SCOPES, type Scopes } from '../../core/address/scope.ts';
import type { Client } from '../../core/client/client.ts';
import type { Connection } from '../../core/connection/connection.ts';
import { memoryPair } from '../../core/connection/memory-pair.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { monotonic } from '../../core/time/monotonic.ts';
import { monotonicScheduler } from '../../core/time/monotonic-scheduler.ts';
import { readUtf8 } from '../../core/wire/bytes.ts';
import { createLocalClient } from '../client/client.ts';
import { chain } from '../stage.ts';
import { type CompiledGrant, compileGrant, type Grant } from './authenticate.ts';
import type { RouterEvent } from './router-event.ts';
import { type RouterOptions, type RouterStages, type RouterStats, routerStages } from './router-stages.ts';
import { sessionIds } from './session.ts';

export type { RouterOptions, RouterStats } from './router-stages.ts';

/** An operator from connections to what happens in the relay, with a way in for code of the same process. */
export interface Router extends OperatorFunction<Connection, RouterEvent> {
  /**
   * A participant in this process: the same {@link Client} as over a network, without one. It may be made before the
   * router runs; it then joins when the router does.
   *
   * @param may what it may do: scopes, or a grant, with which it ends. @defaultValue everything
   */
  client(name: string, may?: readonly string[] | Scopes | Grant): Client;
  /** Figures of the current run; all zero while it does not run. */
  stats(): RouterStats;
}

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
  const { sessionId = sessionIds(scheduler.now()) } = options;

  const local = new Subject<Connection>();
  const early = new Set<Connection>();
  const grants = new WeakMap<Connection, CompiledGrant>();
  const trusted = (connection: Connection) => grants.get(connection);
  /** Emits when the relay is about to stop, while its receivers can still be told. */
  const ending = new Subject<void>();
  let running: RouterStages | undefined;

  const run = (connections: Observable<Connection>): Observable<RouterEvent> => {
    const stages = routerStages({ ...options, scheduler, now, sessionId }, { trusted, ending });
    running = stages;
    return merge(connections.pipe(tap({ error: () => ending.next() })), local).pipe(
      stages.session,
      chain(
        stages.serialise,
        stages.rateLimit,
        stages.deduplicate,
        stages.scopeFilter,
        stages.reserveAddresses,
        stages.scheduleBundles,
        stages.gestureLifecycle,
        stages.timelineScheduler,
        stages.conflictMerge,
        stages.announcements,
        stages.dispatch,
      ),
      stages.events,
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

  const client = (name: string, may: readonly string[] | Scopes | Grant = ALL_SCOPES): Client => {
    const grant = compileGrant(may);
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
    const addressOf = (bytes: Uint8Array, start: number, end: number) =>
      running ? running.addressOf(bytes, start, end) : readUtf8(bytes, start, end);
    return createLocalClient(dial, { name, scheduler, now, sync: false }, addressOf);
  };

  return Object.assign(operator, { client, stats: () => running?.stats() ?? IDLE });
}

const IDLE: RouterStats = {
  sessions: 0,
  ownSessions: 0,
  params: 0,
  ownParams: 0,
  subscriptions: 0,
  messagesIn: 0,
  messagesOut: 0,
  refused: 0,
};
