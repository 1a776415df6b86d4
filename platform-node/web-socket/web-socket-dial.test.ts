import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { firstValueFrom, retry, timer } from 'rxjs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocketServer } from 'ws';
import type { Connection } from '../../core/connection/connection.ts';
import { ClaspError } from '../../core/errors.ts';
import { WebSocketRig } from '../../peers/web-socket-rig.ts';
import { probe } from '../../testing/connection-probe.ts';
import { type WebSocketDialOptions, webSocketDial } from './web-socket-dial.ts';

const rig = new WebSocketRig();
afterEach(() => rig.cleanUp());

/** Dials, and tells how the dial ended. */
function dial(url: string, options?: WebSocketDialOptions) {
  const connections: Connection[] = [];
  let opened: (connection: Connection) => void = () => undefined;
  const open = new Promise<Connection>((resolve) => {
    opened = resolve;
  });
  let stop: () => void = () => undefined;
  const end = new Promise<'completed' | ClaspError>((resolve) => {
    const dialling = webSocketDial(url, options).subscribe({
      next: (connection) => {
        connections.push(connection);
        opened(connection);
      },
      error: resolve,
      complete: () => resolve('completed'),
    });
    stop = () => dialling.unsubscribe();
    rig.later(stop);
  });
  return { connections, open, end, stop };
}

/** Server and port of an HTTP server that answers no upgrade by itself. */
async function httpServer() {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  rig.later(() => {
    server.close();
    server.closeAllConnections();
  });
  return { server, port: (server.address() as AddressInfo).port };
}

describe('webSocketDial', () => {
  it('dials on subscription only, once each', async () => {
    const listener = await rig.listen();
    const dials = webSocketDial(`ws://127.0.0.1:${listener.port}`);
    expect(listener.accepted).toEqual([]);
    for (const _ of [1, 2]) {
      const subscription = dials.subscribe({ error: () => undefined });
      rig.later(() => subscription.unsubscribe());
      await firstValueFrom(dials);
    }
    expect(listener.accepted.length).toBe(4);
  });

  it('offers the subprotocol clasp, and sends the headers it is given', async () => {
    const { server, port } = await httpServer();
    const upgrade = once(server, 'upgrade');
    dial(`ws://127.0.0.1:${port}/clasp`, { headers: { 'x-room': '7' } });
    const [request] = (await upgrade) as [IncomingMessage];
    expect(request.headers['sec-websocket-protocol']).toBe('clasp');
    expect(request.headers['x-room']).toBe('7');
    request.socket.destroy();
  });

  it('fails with 502 and says why when nobody listens there, and with 402 for what is no address', async () => {
    const { server, port } = await httpServer();
    server.close();
    await once(server, 'close');
    const unreachable = await dial(`ws://127.0.0.1:${port}`).end;
    expect(unreachable).toBeInstanceOf(ClaspError);
    expect(unreachable).toMatchObject({ code: 502, reason: expect.stringMatching(/^cannot reach ws:.*ECONNREFUSED/) });
    expect(await dial('nonsense').end).toMatchObject({ code: 402, reason: 'not a WebSocket URL: nonsense' });
    expect(await dial('mailto:a@b').end).toMatchObject({ code: 402 });
  });

  it('fails with 502 when what listens there is no relay, or says nothing', async () => {
    const { server, port } = await httpServer();
    server.on('upgrade', (_, socket) => socket.end('HTTP/1.1 403 Forbidden\r\n\r\n'));
    expect(await dial(`ws://127.0.0.1:${port}`).end).toMatchObject({
      code: 502,
      reason: expect.stringContaining('403'),
    });

    const silent = createTcpServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    rig.later(() => silent.close());
    const url = `ws://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    expect(await dial(url, { openTimeout: 50 }).end).toMatchObject({ code: 502 });
  });

  it('completes when the relay closes cleanly, after the connection did', async () => {
    const listener = await rig.listen();
    const { open, end } = dial(`ws://127.0.0.1:${listener.port}`);
    const heard = probe(await open);
    listener.stop();
    expect(await end).toBe('completed');
    expect(heard.ends).toEqual(['completed']);
  });

  it('errors with what the connection failed of, after the connection did', async () => {
    const listener = await rig.listen();
    const { open, end } = dial(`ws://127.0.0.1:${listener.port}`);
    const heard = probe(await open);
    listener.accepted[0]?.outgoing.error(new ClaspError(503, 'slow consumer'));
    expect(await end).toMatchObject({ code: 503, reason: 'slow consumer' });
    expect(heard.ends).toEqual(['503 slow consumer']);
  });

  it('errors with 502 when the connection is lost', async () => {
    const { server, port } = await httpServer();
    server.on('upgrade', (request, socket, head) => {
      new WebSocketServer({ noServer: true }).handleUpgrade(request, socket, head, (peer) => peer.terminate());
    });
    const { end } = dial(`ws://127.0.0.1:${port}`);
    expect(await end).toMatchObject({ code: 502, reason: 'connection lost' });
  });

  it('completes when the connection was ended here, even with an error', async () => {
    const listener = await rig.listen();
    for (const reason of [undefined, new ClaspError(502, 'no WELCOME')]) {
      const { open, end } = dial(`ws://127.0.0.1:${listener.port}`);
      const { outgoing } = await open;
      const heard = probe(listener.accepted.at(-1) as Connection);
      if (reason) outgoing.error(reason);
      else outgoing.complete();
      expect(await end).toBe('completed');
      await heard.until('the end', () => heard.ends.length > 0);
      expect(heard.ends).toEqual([reason ? '502 no WELCOME' : 'completed']);
    }
  });

  it('closes when unsubscribed, after what was sent; while dialling it gives up', async () => {
    const listener = await rig.listen();
    const { open, stop } = dial(`ws://127.0.0.1:${listener.port}`);
    const { outgoing } = await open;
    const heard = probe(listener.accepted[0] as Connection);
    outgoing.next(Uint8Array.of(5));
    stop();
    await heard.until('the end', () => heard.ends.length > 0);
    expect(heard.frames).toEqual([Uint8Array.of(5)]);
    expect(heard.ends).toEqual(['completed']);

    const { server, port } = await httpServer();
    const dialled = once(server, 'upgrade');
    const waiting = dial(`ws://127.0.0.1:${port}`, { openTimeout: 600_000 });
    const [request] = (await dialled) as [IncomingMessage];
    const hungUp = once(request.socket, 'end');
    request.socket.resume();
    waiting.stop();
    await hungUp;
    expect(waiting.connections).toEqual([]);
  });

  it('reconnects with retry', async () => {
    const listener = await rig.listen();
    let opened = 0;
    const dialling = webSocketDial(`ws://127.0.0.1:${listener.port}`)
      .pipe(retry({ delay: () => timer(1) }))
      .subscribe(() => opened++);
    rig.later(() => dialling.unsubscribe());
    for (const round of [1, 2, 3]) {
      await vi.waitFor(() => expect(opened).toBe(round), { timeout: 10_000 });
      listener.accepted.at(-1)?.outgoing.error(new ClaspError(503, 'restart'));
    }
  });
});
