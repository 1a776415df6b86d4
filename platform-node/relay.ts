import { randomUUID } from 'node:crypto';
import { merge, type Observable, Subject, Subscription } from 'rxjs';
import { type Scopes, scopes } from '../core/address/scope.ts';
import type { Client } from '../core/client/client.ts';
import { ClaspError, ErrorCode } from '../core/errors.ts';
import { monotonicScheduler } from '../core/time/monotonic-scheduler.ts';
import type { Grant } from '../operators/router/authenticate.ts';
import { type RouterStats, router } from '../operators/router/router.ts';
import { HopBudget } from '../operators/routes/hop-budget.ts';
import { authRoutes } from './auth/auth-routes.ts';
import { RelayAuth } from './auth/relay-auth.ts';
import { BRIDGES, BridgeStatus } from './bridges/bridge-status.ts';
import type { BridgeAddress, RelayBridgeEvent } from './bridges/relay-bridge.ts';
import { RelayBridges } from './bridges/relay-bridges.ts';
import { clock } from './clock.ts';
import { checkRelayConfig, type RelayConfig, restartKeys } from './config/relay-config.ts';
import { collectYoung, nextTurn, readingTurns } from './event-loop.ts';
import { arrivals } from './http/arrivals.ts';
import { BearerClients } from './http/bearer-clients.ts';
import { httpApi } from './http/http-api.ts';
import { httpRoutes, json as jsonAnswer } from './http/http-routes.ts';
import { httpServers, urlsOf } from './http/http-servers.ts';
import { jsonSockets } from './http/json-sockets.ts';
import { type OriginRules, pageMay } from './http/origins.ts';
import { statusRoutes } from './http/status-page.ts';
import { type RelayChange, type RelayEvent, toRelayEvent } from './relay-event.ts';
import { RelayRoutes } from './relay-routes.ts';
import { SubProtocols } from './sub-protocols.ts';
import { version } from './version.ts';
import { webSocketListener } from './web-socket/web-socket-listener.ts';

export type { RelayEvent } from './relay-event.ts';

/** Where a relay listens. */
export interface RelayAddresses {
  /** WebSocket URLs, this machine's own first. */
  readonly urls: readonly string[];
  readonly port: number;
  /** The bridges that are open, with where each listens (`udp://127.0.0.1:8000`). */
  readonly bridges: readonly BridgeAddress[];
  /** Where people log in, on a port of its own; undefined where there is none. */
  readonly authUrl?: string | undefined;
}

export interface Relay {
  /**
   * Resolves when everything listens; a bridge whose far side is not there yet is not waited for. Rejects with a
   * `ClaspError` that says in one line what is in the way (a port in use); nothing is left open then.
   */
  readonly ready: Promise<RelayAddresses>;
  /** What happens, from the start on. Hot; completes when the relay is closed. */
  readonly events: Observable<RelayEvent>;
  /**
   * A participant in this process. Closed with the relay. @param may what it may do: scopes, or a grant, with which it
   * ends. @defaultValue everything
   */
  client(name: string, may?: readonly string[] | Scopes | Grant): Client;
  /** Figures of the moment. */
  stats(): RouterStats;
  /**
   * Makes the bridges and routes of another configuration those of this relay, while it runs: no session ends, and a
   * bridge or route that is the same there does not notice. What else has changed counts only when a relay starts; it
   * is named in the answer. Rejects with a `ClaspError` 402, and changes nothing, when it makes no sense. A bridge that
   * cannot be opened is an event.
   */
  change(config: RelayConfig): Promise<RelayChange>;
  /**
   * Reads again what stands in files beside the configuration: the administrator's token and token files. What is gone there
   * ends. Rejects with a `ClaspError` 402, and changes nothing, when one cannot be read.
   */
  reload(): Promise<void>;
  /**
   * Drains and ends: accepts nobody any more, lets what has been gathered go out, and closes every session with 1001
   * `shutting down`. Resolves when all is closed, which takes 3 s at most.
   */
  close(): Promise<void>;
}

/** Where WebSockets speak JSON. */
const JSON_PATH = '/json';
/** Who has these scopes writes the state of the bridges; nobody else does. */
const BRIDGES_OWNER: Scopes = scopes([`admin:${BRIDGES}/**`]);
/** Milliseconds that peers have to answer the close. */
const CLOSE_TIMEOUT = 3_000;

/**
 * Starts a relay: WebSocket, HTTP (`/v1`) and JSON over WebSocket (`/json`) on one port, and the bridges of `config`. Throws a `ClaspError` 402 for a
 * configuration that cannot work.
 *
 * @example
 * ```ts
 * const relay = createRelay({ name: 'Venue', port: 0, bridges: [{ type: 'osc', listen: 0 }] });
 * const { urls } = await relay.ready;
 * console.log('listening on', urls);
 * relay.client('desk').set('/lights/1', 0.5);
 * await relay.close();
 * ```
 */
export function createRelay(config: RelayConfig = {}): Relay {
  checkRelayConfig(config);
  const { name = 'clasp-rx', host = 'localhost', port = 7330 } = config;
  const { maxSessions, sessionTimeout, maxMessagesPerSecond, maxSubscriptions } = config;
  const events = new Subject<RelayEvent>();
  const auth =
    config.auth &&
    new RelayAuth({
      config: config.auth,
      host,
      encrypted: false,
      otherwise: config.authenticate,
      warn: (reason) => events.next({ type: 'warning', reason }),
    });
  const authenticate = auth?.authenticate ?? config.authenticate;
  const arrivalOf = arrivals(config.trustProxy);
  const limits = { maxSessions, sessionTimeout, maxMessagesPerSecond, maxSubscriptions };
  const { params, maxParams, onFull } = config;
  const reserved = [{ pattern: `${BRIDGES}/**`, owner: BRIDGES_OWNER }];
  const rules = { params, maxParams, onFull };
  const core = router({
    name,
    now: clock,
    nextTurn,
    collectYoung,
    sessionId: randomUUID,
    authenticate,
    reserved,
    ...rules,
    ...limits,
  });

  const clients = new Set<Client>();
  const running = new Subscription();
  const since = clock();
  let urls: readonly string[] = [];
  /** Bridges that ended before the relay was ready. */
  let endings: RelayEvent[] | undefined = [];
  let closing: Promise<void> | undefined;

  const status = () => {
    const { sessions: all, ownSessions, params, ownParams, subscriptions, messagesIn, messagesOut } = core.stats();
    // Whoever speaks JSON or MQTT comes through a participant of this process, and is a session to people all the same.
    const sessions = all - ownSessions + jsonPeers + bridges.guests;
    const own = { sessions: Math.max(0, all - sessions), params: ownParams };
    const uptime = Math.floor((clock() - since) / 1_000_000);
    const figures = { sessions, params: params - ownParams, own, subscriptions, messagesIn, messagesOut, uptime };
    return { name, version, urls, ...figures, bridges: bridgeStatus.states, failures: bridgeStatus.failures };
  };
  const client: Relay['client'] = (clientName, may) => {
    const made = core.client(clientName, may);
    clients.add(made);
    made.status.subscribe({ complete: () => clients.delete(made) });
    if (closing) made.close();
    return made;
  };
  const bridgeStatus = new BridgeStatus(() => client(name, BRIDGES_OWNER));
  const bearers = new BearerClients({ join: client, authenticate, name: 'http' });
  const api = httpApi(bearers);
  const turns = readingTurns();
  const { cors = [], origins } = config;
  const pages: OriginRules = { origins, cors, authenticated: authenticate !== undefined, host };
  const routing = { cors, arrivals: arrivalOf };
  const login = auth
    ? authRoutes({
        authority: () => auth.authority,
        requireTls: config.auth?.requireTls === true,
        welcome: (headers) => pageMay('auth', headers, pages),
      })
    : [];
  const failed = (failure: ClaspError) => events.next({ type: 'listen-failure', failure });
  const http = httpServers({
    host,
    turns,
    request: httpRoutes([...statusRoutes(status), ...login, ...api.routes], routing),
    failed,
  });
  const authPort = config.auth?.port;
  const named = { path: '/', methods: { GET: () => jsonAnswer(200, { name }) } };
  const authHttp =
    authPort === undefined
      ? undefined
      : httpServers({ host, turns, request: httpRoutes([named, ...login], routing), failed });
  const subProtocols = new SubProtocols(http.servers, JSON_PATH, arrivalOf);
  running.add(() => subProtocols.close());
  let jsonPeers = 0;
  const json = {
    path: JSON_PATH,
    maxPeers: maxSessions ?? 0,
    turns,
    arrivals: arrivalOf,
    changed: (peers: readonly string[]) => {
      jsonPeers = peers.length;
    },
  };
  running.add(jsonSockets(http.servers, bearers, json));

  const tell = (event: RelayBridgeEvent) => {
    const told = toRelayEvent(event);
    // What ends while the relay opens is said by its promise, unless the relay comes to be all the same.
    if (endings && event.type === 'ended') endings.push(told);
    else events.next(told);
  };
  const budget = new HopBudget();
  running.add(budget.loops.subscribe(({ addresses }) => events.next({ type: 'loop', addresses })));
  const bridges = new RelayBridges(
    { client, budget, relayHost: host, authenticate, webSockets: (...wish) => subProtocols.claim(...wish), tell },
    bridgeStatus,
  );
  const routes = new RelayRoutes({ client, budget, tell: (event) => events.next(event) });

  const start = async (): Promise<RelayAddresses> => {
    await auth?.open();
    // Whoever is accepted is served: the router runs before the port is bound.
    const sockets = { notFor: JSON_PATH, leave: subProtocols.claims, turns, arrivals: arrivalOf };
    const connections = merge(...http.servers.map((server) => webSocketListener({ server, ...sockets })));
    running.add(core(connections).subscribe((event) => events.next(event)));
    const bound = await http.listen(port);
    urls = urlsOf(host, bound);
    const authBound = authPort === undefined ? undefined : await authHttp?.listen(authPort);
    const authUrl = authBound === undefined ? undefined : urlsOf(host, authBound)[0]?.replace(/^ws/, 'http');
    routes.change(config.routes ?? []);
    const addresses = await bridges.openAll(config.bridges ?? []);
    for (const ending of endings ?? []) events.next(ending);
    endings = undefined;
    return { urls, port: bound, bridges: addresses, ...(authUrl !== undefined && { authUrl }) };
  };
  const started = start();

  const drain = async (): Promise<void> => {
    // What is half open is opened first, or it would stay open.
    await started.catch(() => undefined);
    const closed = Promise.all([http.close(), authHttp?.close()]);
    routes.close();
    bridges.close();
    api.close();
    bearers.close();
    for (const participant of clients) participant.close();
    running.unsubscribe();
    const deadline = monotonicScheduler.schedule(() => {
      http.destroy();
      authHttp?.destroy();
    }, CLOSE_TIMEOUT);
    await closed;
    deadline.unsubscribe();
    await auth?.close();
    events.complete();
  };
  let changing: Promise<unknown> = started;
  const change = (next: RelayConfig): Promise<RelayChange> => {
    const apply = async (): Promise<RelayChange> => {
      checkRelayConfig(next);
      if (closing) throw new ClaspError(ErrorCode.Overloaded, 'the relay is closed');
      if (next.auth) auth?.reload(next.auth);
      const { opened, closed } = await bridges.change(next.bridges ?? []);
      const { started: routesStarted, stopped: routesStopped } = routes.change(next.routes ?? []);
      const done = { opened, closed, routesStarted, routesStopped, restart: restartKeys(config, next) };
      events.next({ type: 'changed', change: done });
      return done;
    };
    // One after the other, and none before the relay is open.
    const applied = changing.then(apply);
    changing = applied.catch(() => undefined);
    return applied;
  };
  const reload = (): Promise<void> => {
    const applied = changing.then(() => auth?.reload());
    changing = applied.catch(() => undefined);
    return applied;
  };
  const close = () => {
    closing ??= drain();
    return closing;
  };

  const ready = started.catch(async (cause: unknown) => {
    await close();
    throw cause;
  });

  return { ready, events: events.asObservable(), client, stats: () => core.stats(), change, reload, close };
}
