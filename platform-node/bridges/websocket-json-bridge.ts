import { Observable, type SchedulerLike } from 'rxjs';
import { z } from 'zod';
import type { BridgeEvent, Client } from '../../core/client/client.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { monotonicScheduler } from '../../core/time/monotonic-scheduler.ts';
import { FailureDigest } from '../../operators/failure-digest.ts';
import type { Authenticate, CompiledGrant } from '../../operators/router/authenticate.ts';
import { nameField, namespaceField, patternField, portField } from '../config/config-fields.ts';
import { formatHostPort } from '../host-port.ts';
import { BearerClients, sharedClient } from '../http/bearer-clients.ts';
import { httpRoutes } from '../http/http-routes.ts';
import { httpServers } from '../http/http-servers.ts';
import { jsonSockets } from '../http/json-sockets.ts';
import type { BridgeType } from './bridge-type.ts';
import { foreignWebSocket } from './foreign-web-socket.ts';

export interface WebsocketJsonBridgeOptions {
  /** TCP port for JSON clients; 0 takes a free one. @defaultValue none: only connects out */
  readonly port?: number;
  /** Address to bind to. @defaultValue 'localhost' */
  readonly host?: string;
  /** Origins of web pages that may connect. @defaultValue all */
  readonly origins?: readonly string[];
  /** Peers at a time; 0 = unlimited. @defaultValue 0 */
  readonly maxPeers?: number;
  /** A foreign WebSocket to connect to. @defaultValue none */
  readonly url?: string;
  /** Where the members of its messages are written. @defaultValue '/ws' */
  readonly namespace?: string;
  /** Which addresses are sent to it, as `{ name: value }`. @defaultValue none */
  readonly publish?: readonly string[];
  /** Headers of the request that opens it. @defaultValue none */
  readonly headers?: Readonly<Record<string, string>>;
  /** Named in events. @defaultValue 'websocket-json' */
  readonly name?: string;
  /** Makes a participant for each peer. @defaultValue every peer acts as the bridge itself, and does not hear what others of them emit */
  readonly join?: (name: string, grant: CompiledGrant) => Client;
  /** Decides what the bearer of a token may do; without `join` it lets in only who is granted `admin:/**`. @defaultValue open */
  readonly authenticate?: Authenticate | undefined;
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
}

/**
 * Joins a relay with WebSockets that speak JSON: serves them on a port of its own, and connects to a foreign one.
 *
 * Cold: subscribing opens, unsubscribing closes. Emits `ready` when it listens or is connected, `devices` with who is
 * connected, `retrying` while the foreign one is gone. Errors with a `ClaspError` 500 when the port cannot be bound;
 * completes when the client is closed.
 *
 * @example
 * ```ts
 * const relay = router();
 * relay(NEVER).subscribe();
 * const bridge = websocketJsonBridge(relay.client('json'), { url: 'ws://localhost:9999', namespace: '/sensor' });
 * bridge.subscribe({ next: console.log, error: console.error });
 * ```
 */
export function websocketJsonBridge(client: Client, options: WebsocketJsonBridgeOptions = {}): Observable<BridgeEvent> {
  const { port, host = 'localhost', url, name: bridge = 'websocket-json', scheduler = monotonicScheduler } = options;

  return new Observable((out) => {
    const digest = new FailureDigest({ scheduler });
    const failed = (failure: ClaspError) => digest.pass(failure);
    out.add(() => digest.close());
    out.add(digest.failures.subscribe((failure) => out.next({ type: 'failure', bridge, failure })));
    out.add(client.status.subscribe({ complete: () => out.complete() }));

    if (url !== undefined) {
      const { namespace = '/ws', publish = [], headers = {} } = options;
      const foreign = { url, namespace, publish, headers, bridge, digest, scheduler };
      out.add(foreignWebSocket(client, foreign).subscribe((event) => out.next(event)));
    }
    if (port === undefined) {
      if (url === undefined)
        out.error(new ClaspError(ErrorCode.BadValue, 'a port to listen on or a url to connect to is wanted'));
      return;
    }

    const { join, authenticate } = options;
    const clients = new BearerClients({
      ...(join ? { join } : sharedClient(client)),
      authenticate,
      name: bridge,
      scheduler,
    });
    const http = httpServers({ host, request: httpRoutes([]), failed });
    const close = jsonSockets(http.servers, clients, {
      path: undefined,
      origins: options.origins,
      maxPeers: options.maxPeers ?? 0,
      changed: (devices) => out.next({ type: 'devices', bridge, devices }),
      scheduler,
    });
    out.add(() => {
      close();
      clients.close();
      http.close().catch(failed);
      // Peers get their close frame first.
      scheduler.schedule(() => http.destroy(), 100);
    });
    http.listen(port).then(
      (bound) => {
        if (out.closed) http.destroy();
        else out.next({ type: 'ready', bridge, address: `ws://${formatHostPort(host, bound)}` });
      },
      (cause) => out.error(ClaspError.from(cause, ErrorCode.Internal)),
    );
  });
}

/** JSON over WebSocket as an entry of a configuration file. */
export interface WebsocketJsonBridgeConfig
  extends Omit<WebsocketJsonBridgeOptions, 'scheduler' | 'join' | 'authenticate'> {
  readonly type: 'websocket-json';
}

const schema = z
  .strictObject({
    type: z.literal('websocket-json'),
    name: nameField.describe('named in the log and in the status; "websocket-json" if absent').exactOptional(),
    port: portField
      .describe('TCP port for JSON clients; 0 takes a free one; only connects out if absent')
      .exactOptional(),
    host: z.string().describe('address to bind to; as the relay if absent').exactOptional(),
    origins: z.array(z.string()).describe('origins of web pages that may connect; all if absent').exactOptional(),
    maxPeers: z.int().min(0).describe('peers at a time, 0 = unlimited; 0 if absent').exactOptional(),
    url: z
      .url({ protocol: /^wss?$/, error: ({ input }) => `must be ws:// or wss://, not ${JSON.stringify(input)}` })
      .describe('a foreign WebSocket to connect to; none if absent')
      .exactOptional(),
    namespace: namespaceField
      .describe('where the members of its messages are written; "/ws" if absent')
      .exactOptional(),
    publish: z.array(patternField).describe('which addresses are sent to it; none if absent').exactOptional(),
    headers: z
      .record(z.string(), z.string())
      .describe('headers of the request that opens it; none if absent')
      .exactOptional(),
  })
  .refine(
    ({ port, url }) => port !== undefined || url !== undefined,
    'needs a port to listen on or a url to connect to',
  );

/** JSON over WebSocket, as a configuration file has it. */
export const websocketJsonBridgeType: BridgeType<WebsocketJsonBridgeConfig> = {
  type: 'websocket-json',
  summary: 'JSON over WebSocket: for clients that speak no CLASP, and to foreign servers',
  schema,
  open: (client, { type: _, ...config }, { name, relayHost, scheduler, join, authenticate }) =>
    websocketJsonBridge(client, { host: relayHost, ...config, name, scheduler, join, authenticate }),
};
