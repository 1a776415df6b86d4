import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { SchedulerLike, Subscription } from 'rxjs';
import { type WebSocket, WebSocketServer } from 'ws';
import { closeReason, serverCloseCode } from '../../core/connection/web-socket.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { errorJson } from '../../core/protocols/http/http.ts';
import { stringifyJson } from '../../core/signal/json.ts';
import { monotonicScheduler } from '../../core/time/monotonic-scheduler.ts';
import { JsonSession } from '../../operators/json/json-session.ts';
import type { RoundRobin } from '../../operators/round-robin.ts';
import { InputQueue } from '../../operators/round-robin.ts';
import { readingTurns } from '../event-loop.ts';
import { type Arrivals, arrivals } from './arrivals.ts';
import type { BearerClients } from './bearer-clients.ts';
import { bearerToken, whenEnded } from './bearer-clients.ts';
import { pathOf, queryOf } from './http-requests.ts';
import { refuse } from './refused-upgrade.ts';
import { onWebSocketUpgrade } from './web-socket-upgrades.ts';

export interface JsonSocketsOptions {
  /** Only this path; undefined for any. */
  readonly path: string | undefined;
  /** Origins of web pages that may connect. @defaultValue all, as with CLASP itself */
  readonly origins?: readonly string[] | undefined;
  /** Peers at a time; 0 = unlimited. @defaultValue 0 */
  readonly maxPeers?: number;
  /** Told how many are connected, whenever that changes. */
  readonly changed?: (peers: readonly string[]) => void;
  /** Whose input is read when. @defaultValue the peers of these sockets share their time */
  readonly turns?: RoundRobin;
  /** Tells who a request comes from. @defaultValue the address of the connection, whatever a proxy says */
  readonly arrivals?: Arrivals;
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
}

/** The largest message of a peer, in bytes: a value of 1 MiB, and what is around it. */
const LARGEST = 1024 * 1024 + 64 * 1024;
/** Messages that a peer may send before it is known who it is. */
const MAX_EARLY = 64;
/** Bytes waiting for a peer at which params and streams are held, at which they go on, and at which it is given up. */
const HIGH = 1024 * 1024;
const HARD = 8 * 1024 * 1024;
/** Milliseconds between two looks whether a peer that lags can take more. */
const LOOK = 20;
/** Milliseconds between two pings; who has not answered the last one is gone. */
const PING = 30_000;

/**
 * Serves JSON over WebSocket on the servers given: each peer with the rights of its token (`Authorization: Bearer …`
 * or `?token=`). Who may not come in gets one `error` message and is closed with 1008. Gives what ends it all.
 */
export function jsonSockets(
  servers: readonly Server[],
  clients: BearerClients,
  options: JsonSocketsOptions,
): () => void {
  const { path, origins, maxPeers = 0, changed = () => undefined, scheduler = monotonicScheduler } = options;
  const { turns = readingTurns(), arrivals: arrivalOf = arrivals() } = options;
  const handshakes = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: LARGEST,
  });
  const peers = new Map<WebSocket, string>();
  const unanswered = new Set<WebSocket>();
  const tell = () => changed([...peers.values()]);

  const accept = async (socket: WebSocket, request: IncomingMessage) => {
    const name = `${request.socket.remoteAddress}:${request.socket.remotePort}`;
    const early: string[] = [];
    let receive = (text: string): void => {
      if (early.push(text) > MAX_EARLY) socket.close(1008, 'too many messages before the token was checked');
    };
    socket.on('message', (data, isBinary) => {
      if (isBinary) socket.close(1003, 'text messages only');
      else receive(data.toString());
    });
    socket.on('pong', () => unanswered.delete(socket));
    socket.on('error', () => socket.terminate());

    const turnAway = (error: ClaspError) => {
      socket.send(stringifyJson({ type: 'error', ...(errorJson(error) as object), request_type: 'connect' }));
      socket.close(serverCloseCode(error), closeReason(error));
    };
    if (maxPeers > 0 && peers.size >= maxPeers) {
      turnAway(new ClaspError(ErrorCode.Overloaded, `too many peers, at most ${maxPeers}`));
      return;
    }
    peers.set(socket, name);
    tell();
    let left = false;
    let leave = (): void => undefined;
    socket.on('close', () => {
      left = true;
      peers.delete(socket);
      unanswered.delete(socket);
      leave();
      tell();
    });

    try {
      const { client, release, ...grant } = await clients.enter(bearerToken(request.headers, queryOf(request)), {
        ...arrivalOf(request),
      });
      const session = new JsonSession(client, {
        send: (text) => send(text),
        congested: () => socket.bufferedAmount > HIGH,
      });
      let looking: Subscription | undefined;
      const look = () => {
        looking = undefined;
        session.relieved();
        if (socket.bufferedAmount > HIGH / 4) looking = scheduler.schedule(look, LOOK);
      };
      const send = (text: string) => {
        if (socket.readyState !== socket.OPEN) return;
        socket.send(text);
        if (socket.bufferedAmount > HARD) socket.close(1013, 'slow consumer');
        else if (socket.bufferedAmount > HIGH) looking ??= scheduler.schedule(look, LOOK);
      };
      const end = () => {
        looking?.unsubscribe();
        watch.unsubscribe();
        session.close();
        release();
      };
      const watch = whenEnded(grant, scheduler, (reason) => {
        // A peer that does not answer the close may send for 30 s more.
        end();
        turnAway(reason);
      });
      const queue = new InputQueue<string>({
        turns,
        take: (text) => session.receive(text),
        size: ({ length }) => length,
        // What is left of the 64 KiB that have been read still comes.
        hold: () => socket.pause(),
        release: () => socket.resume(),
      });
      leave = () => queue.afterwards(end);
      receive = (text) => queue.add(text);
      queue.addAll(early.splice(0));
      if (left) leave();
    } catch (cause) {
      turnAway(ClaspError.from(cause, ErrorCode.NotAuthenticated));
    }
  };

  const upgrade = (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    if (path !== undefined && pathOf(request) !== path) return;
    if (!isWelcome(request, origins)) {
      refuse(stream, '403 Forbidden');
      return;
    }
    handshakes.handleUpgrade(request, stream, head, (socket) => void accept(socket, request));
  };
  const listening = servers.map((server) => onWebSocketUpgrade(server, upgrade));

  const pinging = scheduler.schedule(function (this: { schedule(state?: unknown, delay?: number): unknown }) {
    for (const socket of peers.keys()) {
      if (unanswered.has(socket)) {
        socket.terminate();
        continue;
      }
      unanswered.add(socket);
      socket.ping();
    }
    this.schedule(undefined, PING);
  }, PING);

  return () => {
    pinging.unsubscribe();
    for (const leave of listening) leave();
    for (const socket of peers.keys()) socket.close(1001, 'shutting down');
  };
}

function isWelcome({ headers: { origin } }: IncomingMessage, origins: readonly string[] | undefined): boolean {
  return origin === undefined || origins === undefined || origins.includes(origin);
}
