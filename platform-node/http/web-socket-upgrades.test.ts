import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { installed } from '../../peers/installed.ts';
import { createRelay } from '../relay.ts';
import { webSocketListener } from '../web-socket/web-socket-listener.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function portOf(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const echo = async (request: IncomingMessage, response: ServerResponse) => {
  const { method, url, headers } = request;
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) body += chunk;
  response.end(JSON.stringify({ method, url, headers, body }));
};

/** A server that answers what it is asked, with two listeners for WebSockets. */
async function serve(answer = echo): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer((request, response) => void answer(request, response));
  for (const path of ['/one', '/two']) {
    const accepting = webSocketListener({ server, path }).subscribe();
    ends.push(() => accepting.unsubscribe());
  }
  return { server, port: await portOf(server) };
}

/** A socket whose answers are read as text. */
function open(port: number): { readonly socket: Socket; until(pattern: RegExp): Promise<string> } {
  const socket = connect(port, '127.0.0.1');
  ends.push(() => socket.destroy());
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  const until = async (pattern: RegExp) => {
    await expect.poll(() => text, { timeout: 5_000 }).toMatch(pattern);
    return text;
  };
  return { socket, until };
}

const upgrade = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n';

describe('a request for an upgrade that is none of ours', () => {
  it('is answered as if it had not asked, body and all, and the connection goes on', async () => {
    const { port } = await serve();
    const { socket, until } = open(port);
    const head = `POST /a?b HTTP/1.1\r\nHost: x\r\nX-Name: \xfc\r\n${upgrade}Content-Length: 10\r\n\r\n`;
    socket.write(Buffer.from(`${head}0123`, 'latin1'));
    await new Promise((resolve) => setImmediate(resolve));
    socket.write('456789');
    const first = await until(/\}$/);
    expect(first).toMatch(/^HTTP\/1.1 200 /);
    expect(JSON.parse(first.split('\r\n\r\n')[1] ?? '')).toEqual({
      method: 'POST',
      url: '/a?b',
      headers: { host: 'x', 'x-name': '\xfc', 'content-length': '10' },
      body: '0123456789',
    });
    socket.write('GET /next HTTP/1.1\r\nHost: x\r\nConnection: close, upgrade\r\nUpgrade: TLS/1.0\r\n\r\n');
    expect(await until(/"\/next".*\}$/s)).toContain('"connection":"close"');
  });

  it('waits for the answers to what came before it, and leaves no listeners behind', async () => {
    const waiting: (() => void)[] = [];
    const { port, server } = await serve(async ({ url }, response) => {
      await new Promise<void>((resolve) => {
        if (url === '/slow') waiting.push(resolve);
        else resolve();
      });
      response.end(`${url};`);
    });
    const accepted = once(server, 'connection');
    const { socket, until } = open(port);
    const plain = 'GET /slow HTTP/1.1\r\nHost: x\r\n\r\n';
    socket.write(`${plain}${plain}GET /h2c HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n`);
    await expect.poll(() => waiting.length).toBe(2);
    for (const resume of waiting) resume();
    const text = await until(/\/h2c;/);
    expect(text.match(/\/\w+;/g)).toEqual(['/slow;', '/slow;', '/h2c;']);

    const [served] = (await accepted) as [Socket];
    const listeners = () => ['timeout', 'error', 'close', 'data'].map((event) => served.listenerCount(event));
    const before = listeners();
    for (let i = 0; i < 20; i++) {
      socket.write(`GET /${i}x HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n`);
      await until(new RegExp(`/${i}x;`));
    }
    expect(listeners()).toEqual(before);
  });

  it('is left to another listener of the server, and WebSockets come through', async () => {
    const { server, port } = await serve();
    const socket = new WebSocket(`ws://127.0.0.1:${port}/two`);
    await once(socket, 'open');
    socket.terminate();
    server.on('upgrade', ({ headers }, stream) => {
      if (headers.upgrade === 'h2c') stream.end('HTTP/1.1 101 Switching Protocols\r\n\r\n');
    });
    const { socket: asking, until } = open(port);
    asking.write(`GET / HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n`);
    await until(/^HTTP\/1.1 101 /);
  });

  it.skipIf(!installed('curl'))('is what curl sends with --http2 to a relay: state is read and written', async () => {
    const relay = createRelay({ port: 0, host: '127.0.0.1' });
    ends.push(() => relay.close());
    const { port } = await relay.ready;
    const curl = async (...words: readonly string[]) =>
      (await promisify(execFile)(installed('curl') ?? 'curl', ['-s', '-m', '10', '--http2', ...words])).stdout;
    const url = `http://127.0.0.1:${port}/v1/state/a`;
    const value = 'x'.repeat(50_000);
    const written = await curl('-X', 'PUT', '-d', JSON.stringify({ value }), url);
    expect(JSON.parse(written)).toMatchObject({ address: '/a', revision: 1 });
    expect(JSON.parse(await curl(url))).toMatchObject({ value, revision: 1 });
    expect(await curl('-o', '/dev/null', '-o', '/dev/null', '-w', '%{http_version} %{http_code}', url, url)).toBe(
      '1.1 2001.1 200',
    );
  });
});
