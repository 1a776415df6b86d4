import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { createWebSocketStream, type WebSocket, WebSocketServer } from 'ws';
import { formatHostPort } from './host-port.ts';
import { type Arrivals, arrivals, type HttpArrival } from './http/arrivals.ts';
import { pathOf } from './http/http-requests.ts';
import { onWebSocketUpgrade } from './http/web-socket-upgrades.ts';

/** Takes a WebSocket on as a stream of bytes; `peer` is where it comes from, for people. */
export type AcceptStream = (stream: Duplex, peer: string, arrival: Pick<HttpArrival, 'peer' | 'secure'>) => void;

/** The largest message, in bytes. */
const LARGEST = 2 * 1024 * 1024;

/** A WebSocket as a stream of bytes; a text message ends it with 1003, and none of it is handed over. */
function bytesOf(socket: WebSocket): Duplex {
  const stream = createWebSocketStream(socket);
  const take = socket.listeners('message') as ((this: WebSocket, data: Buffer, isBinary: boolean) => void)[];
  socket.removeAllListeners('message');
  let refused = false;
  socket.on('message', (data: Buffer, isBinary) => {
    refused ||= !isBinary;
    if (!refused) for (const listener of take) listener.call(socket, data, isBinary);
    else socket.close(1003, 'binary messages only');
  });
  return stream;
}

/**
 * WebSockets that speak another protocol than CLASP on the servers of a relay, told apart by the subprotocol that they
 * offer, such as `mqtt`.
 */
export class SubProtocols {
  readonly #listening: readonly (() => void)[];
  readonly #notFor: string | undefined;
  readonly #arrivalOf: Arrivals;
  readonly #accepting = new Map<string, AcceptStream>();
  readonly #handshakes = new WebSocketServer({
    noServer: true,
    clientTracking: true,
    perMessageDeflate: false,
    maxPayload: LARGEST,
    handleProtocols: (offered) => [...offered].find((protocol) => this.#accepting.has(protocol)) ?? false,
  });

  /** @param notFor - a path that is another listener's, whatever is offered there */
  constructor(servers: readonly Server[], notFor?: string, arrivalOf: Arrivals = arrivals()) {
    this.#notFor = notFor;
    this.#arrivalOf = arrivalOf;
    this.#listening = servers.map((server) => onWebSocketUpgrade(server, this.#upgrade));
  }

  /** Hands those who offer `protocol` to `accept`, the newest that asked for them. Gives what ends it. */
  claim(protocol: string, accept: AcceptStream): () => void {
    this.#accepting.set(protocol, accept);
    return () => {
      if (this.#accepting.get(protocol) === accept) this.#accepting.delete(protocol);
    };
  }

  /** Whether a request is for one of those who have asked. */
  readonly claims = (request: IncomingMessage): boolean => this.#claimed(request) !== undefined;

  close(): void {
    for (const leave of this.#listening) leave();
    for (const socket of this.#handshakes.clients) socket.close(1001, 'shutting down');
  }

  readonly #upgrade = (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    const accept = this.#claimed(request);
    if (!accept) return;
    const { remoteAddress = 'unknown', remotePort = 0 } = request.socket;
    this.#handshakes.handleUpgrade(request, stream, head, (socket) => {
      accept(bytesOf(socket), formatHostPort(remoteAddress, remotePort), this.#arrivalOf(request));
    });
  };

  #claimed(request: IncomingMessage): AcceptStream | undefined {
    if (this.#accepting.size === 0 || pathOf(request) === this.#notFor) return undefined;
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((protocol) => protocol.trim());
    if (offered.includes('clasp')) return undefined;
    const protocol = offered.find((each) => this.#accepting.has(each));
    return protocol === undefined ? undefined : this.#accepting.get(protocol);
  }
}
