import {
  createServer,
  type Server as HttpServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { Observable } from 'rxjs';
import { type ServerOptions, WebSocketServer } from 'ws';
import type { Connection, Connections } from '../../core/connection/connection.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { RoundRobin } from '../../operators/round-robin.ts';
import { readingTurns } from '../event-loop.ts';
import { type Arrivals, arrivals } from '../http/arrivals.ts';
import { bearerToken } from '../http/bearer-clients.ts';
import { pathOf, queryOf } from '../http/http-requests.ts';
import { refuse } from '../http/refused-upgrade.ts';
import { onWebSocketUpgrade } from '../http/web-socket-upgrades.ts';
import { GatheredWriter } from './gathered-writer.ts';
import { type ArrivedPeer, type PeerSettings, WebSocketPeer } from './web-socket-peer.ts';

export interface WebSocketListenerOptions {
  /** TCP port; 0 takes a free one, see `onListening`. @defaultValue 7330 */
  readonly port?: number;
  /** Address to bind. The default is reached from this machine only; `'0.0.0.0'` opens the relay to the network. @defaultValue '127.0.0.1' */
  readonly host?: string;
  /** Takes connections of this server instead of opening one; it is neither bound nor closed here. `port` and `host` are ignored. */
  readonly server?: HttpServer | HttpsServer;
  /** Accept this path only, for example `/clasp`. @defaultValue any path */
  readonly path?: string;
  /** Leave this path to another listener of the same server. @defaultValue none */
  readonly notFor?: string;
  /** Leave these requests to another listener of the same server. @defaultValue none */
  readonly leave?: (request: IncomingMessage) => boolean;
  /** The largest frame a peer may send, in bytes. A larger one ends its connection. @defaultValue 65 547: the protocol's largest */
  readonly maxFrame?: number;
  /** A connection is saturated while more than this many bytes wait to be sent to it. @defaultValue 1 MiB */
  readonly highWater?: number;
  /** It is relieved when no more than this many are left. @defaultValue 256 KiB */
  readonly lowWater?: number;
  /** Milliseconds a peer has to answer a close before it is cut off. @defaultValue 2000 */
  readonly closeTimeout?: number;
  /** Answers plain HTTP requests on the server opened here. @defaultValue 426, and 404 off `path` */
  readonly request?: RequestListener;
  /** Tells who a request comes from. @defaultValue the address of the connection, whatever a proxy says */
  readonly arrivals?: Arrivals;
  /** Shares the time for reading with other listeners of this thread. @defaultValue the connections of this one share theirs */
  readonly turns?: RoundRobin;
  /** Called when the port is bound. */
  readonly onListening?: (address: AddressInfo) => void;
}

/**
 * Accepts CLASP peers over WebSocket: subscribing binds, unsubscribing closes every peer (1001 `shutting down`).
 *
 * What is sent to a connection during one turn of the event loop leaves in one write; the same frame for many
 * connections is framed and copied once. The subprotocol `clasp` is echoed where it is offered. A connection that is
 * ended with an error closes with its reason and the code of {@link serverCloseCode}.
 *
 * Emits a connection as it is accepted; never completes; errors with 500 when it cannot bind, naming port and host.
 *
 * @example
 * ```ts
 * const accepting = webSocketListener({ port: 0 }).subscribe(({ peer, incoming }) =>
 *   incoming.subscribe({ next: (frame) => console.log(peer, frame.length), error: () => console.log(peer, 'lost') }),
 * );
 * accepting.unsubscribe();
 * ```
 */
export function webSocketListener(options: WebSocketListenerOptions = {}): Connections {
  const { port = 7330, host = '127.0.0.1', path, notFor, leave, maxFrame = 65_547, closeTimeout = 2_000 } = options;
  const { highWater = 1_048_576, lowWater = 262_144, turns = readingTurns(), onListening } = options;
  const { arrivals: arrivalOf = arrivals() } = options;

  return new Observable<Connection>((subscriber) => {
    const peers = new Set<WebSocketPeer>();
    let accepted = 0;
    const settings: PeerSettings = {
      writer: new GatheredWriter(false),
      server: true,
      turns,
      maxFrame,
      highWater,
      lowWater,
      ended: (peer) => peers.delete(peer),
    };
    const limits: ServerOptions & { closeTimeout: number } = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: maxFrame,
      handleProtocols: (offered) => (offered.has('clasp') ? 'clasp' : false),
      closeTimeout,
    };
    const handshakes = new WebSocketServer(limits);

    const upgrade = (request: IncomingMessage, stream: Duplex, head: Buffer) => {
      if (notFor !== undefined && atPath(request, notFor)) return;
      if (leave?.(request)) return;
      if (!atPath(request, path)) {
        // On somebody else's server the path may be another listener's.
        if (server === options.server && server.listenerCount('upgrade') > 1) return;
        refuse(stream, '404 Not Found');
        return;
      }
      let arrival: ArrivedPeer;
      try {
        const { peer, secure } = arrivalOf(request);
        arrival = { peer, secure, token: bearerToken(request.headers, queryOf(request)) };
      } catch (cause) {
        refuse(stream, '400 Bad Request', ClaspError.from(cause, ErrorCode.BadMessage).reason);
        return;
      }
      handshakes.handleUpgrade(request, stream, head, (webSocket) => {
        const peer = new WebSocketPeer(`ws-${++accepted}`, webSocket, request.socket, settings, arrival);
        peers.add(peer);
        subscriber.next(peer);
      });
    };
    const failed = (cause: NodeJS.ErrnoException) => subscriber.error(listenError(cause, port, host));

    const server = options.server ?? createServer(options.request ?? plainAnswer(path));
    const leaveServer = onWebSocketUpgrade(server, upgrade);
    if (!options.server) {
      server.on('error', failed);
      server.listen(port, host, () => onListening?.(server.address() as AddressInfo));
    }

    return () => {
      leaveServer();
      for (const peer of peers) peer.close(1001, 'shutting down');
      if (options.server) return;
      server.close();
      server.closeAllConnections(); // plain HTTP ones: an upgraded socket is no longer the server's
    };
  });
}

function atPath(request: IncomingMessage, path: string | undefined): boolean {
  return path === undefined || pathOf(request) === path;
}

function plainAnswer(path: string | undefined): RequestListener {
  return (request: IncomingMessage, response: ServerResponse) => {
    if (atPath(request, path)) {
      response.writeHead(426, { 'Content-Type': 'text/plain', Upgrade: 'websocket' });
      response.end('A CLASP relay: connect with a WebSocket.\n');
    } else {
      response.writeHead(404).end();
    }
  };
}

function listenError(cause: NodeJS.ErrnoException, port: number, host: string): ClaspError {
  const where = `port ${port} on ${host}`;
  if (cause.code === 'EADDRINUSE') return new ClaspError(ErrorCode.Internal, `${where} is in use`, { cause });
  if (cause.code === 'EACCES') return new ClaspError(ErrorCode.Internal, `${where} needs more rights`, { cause });
  return new ClaspError(ErrorCode.Internal, `cannot listen on ${where}: ${cause.message}`, { cause });
}
