import { randomUUID } from 'node:crypto';
import { asyncScheduler, merge, type Observable, Subject, Subscription } from 'rxjs';
import type { Client } from '../core/client.ts';
import type { ClaspError } from '../core/errors.ts';
import type { Scopes } from '../core/scope.ts';
import { type RouterStats, router } from '../operators/router.ts';
import type { RouterEvent } from '../operators/router-event.ts';
import { BearerClients } from './bearer-clients.ts';
import { clock } from './clock.ts';
import { httpApi } from './http-api.ts';
import { httpRoutes } from './http-routes.ts';
import { httpServers, urlsOf } from './http-servers.ts';
import { jsonSockets } from './json-sockets.ts';
import { type BridgeAddress, type RelayBridge, type RelayBridgeEvent, relayBridge } from './relay-bridge.ts';
import { checkRelayConfig, type RelayConfig } from './relay-config.ts';
import { statusRoutes } from './status-routes.ts';
import { version } from './version.ts';
import { webSocketListener } from './web-socket-listener.ts';

/** What happens in a running relay: in its router, and in its bridges. */
export type RelayEvent =
  | RouterEvent
  /** A connection could not be accepted; the relay goes on. */
  | { readonly type: 'listen-failure'; readonly failure: ClaspError }
  /** A bridge is open; again after each `bridge-retrying`. */
  | { readonly type: 'bridge-ready'; readonly bridge: string; readonly address: string }
  /** Something did not get through; the bridge goes on. */
  | { readonly type: 'bridge-failure'; readonly bridge: string; readonly failure: ClaspError }
  /** The far side is gone, or was never there; the bridge tries again by itself. */
  | {
      readonly type: 'bridge-retrying';
      readonly bridge: string;
      readonly reason: ClaspError;
      readonly retryInMs: number;
    }
  /** Who is at the far side now. */
  | { readonly type: 'bridge-devices'; readonly bridge: string; readonly devices: readonly string[] }
  /** A bridge has ended for good; the others go on. */
  | { readonly type: 'bridge-ended'; readonly bridge: string; readonly reason: ClaspError | undefined };

/** Where a relay listens. */
export interface RelayAddresses {
  /** WebSocket URLs, this machine's own first. */
  readonly urls: readonly string[];
  readonly port: number;
  /** The bridges that are open, with where each listens (`udp://127.0.0.1:8000`). */
  readonly bridges: readonly BridgeAddress[];
}

export interface Relay {
  /**
   * Resolves when everything listens; a bridge whose far side is not there yet is not waited for. Rejects with a
   * `ClaspError` that says in one line what is in the way (a port in use); nothing is left open then.
   */
  readonly ready: Promise<RelayAddresses>;
  /** What happens, from the start on. Hot; completes when the relay is closed. */
  readonly events: Observable<RelayEvent>;
  /** A participant in this process. Closed with the relay. @param scopes what it may do. @defaultValue everything */
  client(name: string, scopes?: readonly string[] | Scopes): Client;
  /** Figures of the moment. */
  stats(): RouterStats;
  /**
   * Drains and ends: accepts nobody any more, lets what has been gathered go out, and closes every session with 1001
   * `shutting down`. Resolves when all is closed, which takes 3 s at most.
   */
  close(): Promise<void>;
}

/** Where WebSockets speak JSON. */
const JSON_PATH = '/json';
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
  const { name = 'clasp-rx', host = 'localhost', port = 7330, bridges = [] } = config;
  const { maxSessions, sessionTimeout, maxMessagesPerSecond, maxSubscriptions, authenticate } = config;
  const limits = { maxSessions, sessionTimeout, maxMessagesPerSecond, maxSubscriptions };
  const { params, maxParams, onFull } = config;
  const core = router({ name, now: clock, sessionId: randomUUID, authenticate, params, maxParams, onFull, ...limits });

  const events = new Subject<RelayEvent>();
  const clients = new Set<Client>();
  const joined: RelayBridge[] = [];
  const running = new Subscription();
  const since = clock();
  let urls: readonly string[] = [];
  /** Bridges that ended before the relay was ready. */
  let endings: RelayEvent[] | undefined = [];
  let closing: Promise<void> | undefined;

  const status = () => {
    const { sessions, params, subscriptions, messagesIn, messagesOut } = core.stats();
    const uptime = Math.floor((clock() - since) / 1_000_000);
    return { name, version, urls, sessions, params, subscriptions, messagesIn, messagesOut, uptime };
  };
  const client: Relay['client'] = (clientName, scopes) => {
    const made = core.client(clientName, scopes);
    clients.add(made);
    made.status.subscribe({ complete: () => clients.delete(made) });
    if (closing) made.close();
    return made;
  };
  const bearers = new BearerClients({ join: client, authenticate, name: 'http' });
  const api = httpApi(bearers);
  const http = httpServers({
    host,
    request: httpRoutes([...statusRoutes(status), ...api.routes], { cors: config.cors ?? [] }),
    failed: (failure) => events.next({ type: 'listen-failure', failure }),
  });
  running.add(jsonSockets(http.servers, bearers, { path: JSON_PATH, maxPeers: maxSessions ?? 0 }));

  const tell = (event: RelayBridgeEvent) => {
    const told = toRelayEvent(event);
    // What ends while the relay opens is said by its promise, unless the relay comes to be all the same.
    if (endings && event.type === 'ended') endings.push(told);
    else events.next(told);
  };
  const openBridges = async (): Promise<readonly BridgeAddress[]> => {
    for (const entry of bridges) {
      joined.push(relayBridge(entry, { client, relayHost: host, authenticate, tell }));
    }
    const opened = await Promise.all(joined.map((bridge) => bridge.opened));
    return opened.filter((address) => address !== undefined);
  };

  const start = async (): Promise<RelayAddresses> => {
    // Whoever is accepted is served: the router runs before the port is bound.
    const connections = merge(...http.servers.map((server) => webSocketListener({ server, notFor: JSON_PATH })));
    running.add(core(connections).subscribe((event) => events.next(event)));
    const bound = await http.listen(port);
    urls = urlsOf(host, bound);
    const addresses = await openBridges();
    for (const ending of endings ?? []) events.next(ending);
    endings = undefined;
    return { urls, port: bound, bridges: addresses };
  };
  const started = start();

  const drain = async (): Promise<void> => {
    // What is half open is opened first, or it would stay open.
    await started.catch(() => undefined);
    const closed = http.close();
    for (const bridge of joined) bridge.close();
    api.close();
    bearers.close();
    for (const participant of clients) participant.close();
    running.unsubscribe();
    const deadline = asyncScheduler.schedule(() => http.destroy(), CLOSE_TIMEOUT);
    await closed;
    deadline.unsubscribe();
    events.complete();
  };
  const close = () => {
    closing ??= drain();
    return closing;
  };

  const ready = started.catch(async (cause: unknown) => {
    await close();
    throw cause;
  });

  return { ready, events: events.asObservable(), client, stats: () => core.stats(), close };
}

function toRelayEvent(event: RelayBridgeEvent): RelayEvent {
  const { bridge } = event;
  switch (event.type) {
    case 'ready':
      return { type: 'bridge-ready', bridge, address: event.address };
    case 'failure':
      return { type: 'bridge-failure', bridge, failure: event.failure };
    case 'retrying':
      return { type: 'bridge-retrying', bridge, reason: event.reason, retryInMs: event.retryInMs };
    case 'devices':
      return { type: 'bridge-devices', bridge, devices: event.devices };
    case 'ended':
      return { type: 'bridge-ended', bridge, reason: event.reason };
  }
}
