import { once } from 'node:events';
import type { Socket } from 'node:net';
import { type ClientOptions, WebSocket } from 'ws';
import type { Connection } from '../core/connection/connection.ts';
import { type WebSocketListenerOptions, webSocketListener } from '../platform-node/web-socket/web-socket-listener.ts';
import { type ConnectionProbe, probe } from '../testing/connection-probe.ts';

/** A listener on a free port. */
export interface TestListener {
  readonly port: number;
  readonly accepted: readonly Connection[];
  stop(): void;
}

/** A plain client of `ws`, open, with what it receives and how it was closed. */
export interface TestClient {
  readonly socket: WebSocket;
  readonly received: Buffer[];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
}

export interface TestClientOptions extends ClientOptions {
  readonly path?: string;
  /** The subprotocols it offers. @defaultValue ['clasp'] */
  readonly protocols?: string[];
}

/** The listener's end of a connection, and what it hears. */
export interface TestPair extends TestClient {
  readonly connection: Connection;
  readonly heard: ConnectionProbe;
}

/** Listeners and clients of one test file; `cleanUp` after each test. */
export class WebSocketRig {
  readonly #cleanups: (() => void)[] = [];

  async listen(options: WebSocketListenerOptions = {}): Promise<TestListener> {
    const accepted: Connection[] = [];
    let stop: () => void = () => undefined;
    const port = await new Promise<number>((resolve, reject) => {
      const listening = webSocketListener({
        port: 0,
        onListening: (address) => resolve(address.port),
        ...options,
      }).subscribe({ next: (connection) => accepted.push(connection), error: reject });
      stop = () => listening.unsubscribe();
    });
    this.later(stop);
    return { port, accepted, stop };
  }

  async dial(
    port: number,
    { path = '/', protocols = ['clasp'], ...options }: TestClientOptions = {},
  ): Promise<TestClient> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, protocols, { perMessageDeflate: false, ...options });
    this.later(() => socket.terminate());
    const received: Buffer[] = [];
    socket.on('message', (data) => received.push(data as Buffer));
    const closed = new Promise<{ code: number; reason: string }>((resolve) => {
      socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    await once(socket, 'open');
    socket.on('error', () => undefined);
    return { socket, received, closed };
  }

  async pair(listener: TestListener, options?: TestClientOptions): Promise<TestPair> {
    const before = listener.accepted.length;
    const client = await this.dial(listener.port, options);
    const connection = listener.accepted[before] as Connection;
    return { ...client, connection, heard: probe(connection) };
  }

  later(cleanup: () => void): void {
    this.#cleanups.push(cleanup);
  }

  cleanUp(): void {
    for (const cleanup of this.#cleanups.splice(0)) cleanup();
  }
}

/** The socket below a client of `ws`, which it keeps to itself. */
export function rawSocket(webSocket: WebSocket): Socket {
  return (webSocket as unknown as { readonly _socket: Socket })._socket;
}
