import { once } from 'node:events';
import { createServer, get } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { ClaspError } from '../../core/errors.ts';
import { WebSocketRig } from '../../peers/web-socket-rig.ts';
import { webSocketListener } from './web-socket-listener.ts';

const rig = new WebSocketRig();
afterEach(() => rig.cleanUp());

describe('webSocketListener', () => {
  it('echoes the subprotocol clasp, also among others, and accepts a client that offers none', async () => {
    const listener = await rig.listen();
    expect((await rig.pair(listener)).socket.protocol).toBe('clasp');
    expect((await rig.pair(listener, { protocols: [] })).socket.protocol).toBe('');
    const several = new WebSocket(`ws://127.0.0.1:${listener.port}`, ['mqtt', 'clasp']);
    await once(several, 'open');
    expect(several.protocol).toBe('clasp');
    several.terminate();
  });

  it('refuses garbage in the subprotocol header, agrees to no foreign one, and goes on', async () => {
    const listener = await rig.listen();
    await expect(rig.dial(listener.port, { protocols: ['mqtt'] })).rejects.toThrow('no subprotocol');
    const garbage = connect(listener.port, '127.0.0.1');
    garbage.write(
      'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: ,,;clasp\x01\r\n\r\n',
    );
    const [answer] = await once(garbage, 'data');
    expect(String(answer)).toMatch(/^HTTP\/1.1 400 /);
    garbage.destroy();
    expect((await rig.pair(listener)).socket.protocol).toBe('clasp');
  });

  it('tells who the peer is, and gives each connection an id of its own', async () => {
    const listener = await rig.listen();
    const [one, two] = [await rig.pair(listener), await rig.pair(listener)];
    expect(one.connection.peer).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(one.connection.id).not.toBe(two.connection.id);
  });

  it('accepts and frees a thousand connections', async () => {
    const listener = await rig.listen();
    const peers = await Promise.all(Array.from({ length: 1_000 }, () => rig.dial(listener.port)));
    expect(listener.accepted.length).toBe(1_000);
    let ended = 0;
    for (const { incoming } of listener.accepted) incoming.subscribe({ complete: () => ended++ });
    const hello = Uint8Array.of(1, 2, 3);
    for (const { outgoing } of listener.accepted) outgoing.next(hello);
    await vi.waitFor(() => expect(peers.every(({ received }) => received.length === 1)).toBe(true), {
      timeout: 20_000,
    });
    for (const { socket } of peers) socket.close();
    await vi.waitFor(() => expect(ended).toBe(1_000), { timeout: 20_000 });
  });

  it('closes every peer with 1001 when unsubscribed, after what was sent, and frees the port', async () => {
    const listener = await rig.listen();
    const peers = [await rig.pair(listener), await rig.pair(listener)];
    for (const { connection } of peers) connection.outgoing.next(Uint8Array.of(9));
    listener.stop();
    for (const { closed, received, heard } of peers) {
      expect(await closed).toEqual({ code: 1001, reason: 'shutting down' });
      expect(received.map((frame) => [...frame])).toEqual([[9]]);
      await heard.until('the end', () => heard.ends.length > 0);
      expect(heard.ends).toEqual(['completed']);
    }
    const again = await rig.listen({ port: listener.port });
    expect(again.port).toBe(listener.port);
  });

  it('names port and host when the port is in use', async () => {
    const { port } = await rig.listen();
    const error = await new Promise<ClaspError>((resolve) => {
      webSocketListener({ port }).subscribe({ error: resolve });
    });
    expect(error).toBeInstanceOf(ClaspError);
    expect(error.message).toBe(`[500] port ${port} on 127.0.0.1 is in use`);
  });

  it('answers plain HTTP with 426, or as asked', async () => {
    const status = (port: number, path: string) =>
      new Promise<number | undefined>((resolve, reject) => {
        get({ port, path, agent: false }, (response) => resolve(response.resume().statusCode)).on('error', reject);
      });
    const { port } = await rig.listen({ path: '/clasp' });
    expect(await status(port, '/clasp')).toBe(426);
    expect(await status(port, '/other')).toBe(404);
    const asked = await rig.listen({ request: (_, response) => void response.writeHead(204).end() });
    expect(await status(asked.port, '/')).toBe(204);
  });

  it('refuses other paths, also with a query; without a path takes any', async () => {
    const listener = await rig.listen({ path: '/clasp' });
    expect((await rig.pair(listener, { path: '/clasp?a=1' })).socket.readyState).toBe(WebSocket.OPEN);
    await expect(rig.dial(listener.port, { path: '/other' })).rejects.toThrow('404');
    expect((await rig.pair(await rig.listen(), { path: '/x/y' })).socket.readyState).toBe(WebSocket.OPEN);
  });

  it("shares somebody else's server with another listener, and leaves it running", async () => {
    const server = createServer((_, response) => void response.writeHead(200).end('page'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    rig.later(() => server.close());
    const { port } = server.address() as AddressInfo;
    const [one, two]: [string[], string[]] = [[], []];
    const first = webSocketListener({ server, path: '/one' }).subscribe(({ id }) => one.push(id));
    const second = webSocketListener({ server, path: '/two' }).subscribe(({ id }) => two.push(id));
    const peer = await rig.dial(port, { path: '/one' });
    await rig.dial(port, { path: '/two' });
    expect([one.length, two.length]).toEqual([1, 1]);
    first.unsubscribe();
    expect((await peer.closed).code).toBe(1001);
    await expect(rig.dial(port, { path: '/one' })).rejects.toThrow('404');
    await rig.dial(port, { path: '/two' });
    second.unsubscribe();
    expect(server.listening).toBe(true);
  });

  it('answers what asks for another upgrade as if it had not', async () => {
    const { port } = await rig.listen();
    const socket = connect(port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
    const [answer] = await once(socket, 'data');
    expect(String(answer)).toMatch(/^HTTP\/1.1 426 /);
    socket.destroy();
  });
});
