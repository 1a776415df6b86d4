import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import type { Connection } from '../../core/connection/connection.ts';
import { fromWebSocket } from '../../core/connection/web-socket.ts';
import { ClaspError } from '../../core/errors.ts';
import {
  type ConnectionPair,
  type ConnectionPairOptions,
  connectionContract,
} from '../../testing/connection-contract.ts';
import { webSocketDial } from './web-socket-dial.ts';
import { webSocketListener } from './web-socket-listener.ts';

/** Opens the client's side; gives it and what ends it. */
type Open = (url: string, options: ConnectionPairOptions) => Promise<readonly [Connection, () => void]>;

/** The connection that `open` made to a listener of ours, and the listener's; reading is paused on the raw sockets. */
async function openPair(open: Open, options: ConnectionPairOptions = {}) {
  const server = createServer();
  const sockets: Socket[] = [];
  server.on('connection', (socket) => sockets.push(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  let accepted: (connection: Connection) => void;
  const accepting = new Promise<Connection>((resolve) => {
    accepted = resolve;
  });
  const listening = webSocketListener({ server, ...options }).subscribe((connection) => accepted(connection));
  const { port } = server.address() as AddressInfo;
  const [client, hangUp] = await open(`ws://127.0.0.1:${port}/clasp`, options);
  const close = async () => {
    hangUp();
    listening.unsubscribe();
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  };
  return {
    client,
    served: await accepting,
    close,
    pause: () => sockets.forEach((socket) => void socket.pause()),
    resume: () => sockets.forEach((socket) => void socket.resume()),
  };
}

const dial: Open = (url, options) =>
  new Promise((resolve, reject) => {
    const dialling = webSocketDial(url, options).subscribe({
      next: (connection) => resolve([connection, () => dialling.unsubscribe()]),
      error: reject, // after the start: how the connection ended, which the contract looks at itself
    });
  });

const w3c: Open = async (url, options) => {
  const socket = new WebSocket(url, 'clasp', { perMessageDeflate: false });
  await once(socket, 'open');
  return [fromWebSocket(socket, 'w3c', options), () => socket.terminate()];
};

/** Dials as on Bun and Deno, whose WebSocket stands for that of `ws` and shows no socket. */
const withoutSocket: Open = async (url, options) => {
  const { emit } = WebSocket.prototype;
  const hiding = vi.spyOn(WebSocket.prototype, 'emit').mockImplementation(function (this: WebSocket, event, ...values) {
    return emit.call(this, event, ...(event === 'upgrade' ? [{ socket: null }] : values));
  });
  try {
    return await dial(url, options);
  } finally {
    hiding.mockRestore();
  }
};

const fromClient = async (open: Open, options?: ConnectionPairOptions): Promise<ConnectionPair> => {
  const { client, served, ...rest } = await openPair(open, options);
  return { a: client, b: served, ...rest };
};
const fromServer = async (open: Open, options?: ConnectionPairOptions): Promise<ConnectionPair> => {
  const { client, served, close } = await openPair(open, options);
  return { a: served, b: client, close };
};

connectionContract('webSocketDial to webSocketListener', (options) => fromClient(dial, options), { describe, it });
connectionContract('webSocketListener to webSocketDial', (options) => fromServer(dial, options), {
  describe,
  it,
  pausing: false,
});
connectionContract(
  'webSocketDial without a socket to webSocketListener',
  (options) => fromClient(withoutSocket, options),
  { describe, it },
);
connectionContract('fromWebSocket to webSocketListener', (options) => fromClient(w3c, options), { describe, it });
connectionContract('webSocketListener to fromWebSocket', (options) => fromServer(w3c, options), {
  describe,
  it,
  pausing: false,
});

it('webSocketDial without a socket ends as the connection does, and hangs up when it is unsubscribed', async () => {
  const lost = await openPair(withoutSocket);
  const ends: unknown[] = [];
  lost.client.incoming.subscribe({ error: ({ code }) => ends.push(code), complete: () => ends.push('complete') });
  lost.served.outgoing.error(new ClaspError(503, 'slow consumer'));
  await expect.poll(() => ends).toEqual([503]);
  await lost.close();

  const left = await openPair(withoutSocket);
  left.served.incoming.subscribe({ complete: () => ends.push('hung up') });
  await left.close();
  await expect.poll(() => ends).toEqual([503, 'hung up']);
});
