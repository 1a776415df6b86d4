import { connect } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { RelayConfig } from './config/relay-config.ts';
import { createRelay, type Relay } from './relay.ts';

const relays: Relay[] = [];
afterEach(async () => {
  for (const relay of relays.splice(0)) await relay.close();
});

async function start(config: RelayConfig = {}) {
  const relay = createRelay({ port: 0, ...config });
  relays.push(relay);
  const { port } = await relay.ready;
  return { relay, port, app: relay.client('app') };
}

it('a relay answers HTTP and JSON over WebSocket on its own port', async () => {
  const { port, app } = await start();
  const written = await fetch(`http://127.0.0.1:${port}/v1/state/mixer/1`, { method: 'PUT', body: '{"value":0.5}' });
  expect(written.status).toBe(200);
  expect(await app.get('/mixer/1')).toBe(0.5);
  const socket = new WebSocket(`ws://127.0.0.1:${port}/json`);
  const told = new Promise((resolve) => socket.on('message', (data) => resolve(JSON.parse(data.toString()))));
  socket.on('open', () => socket.send('{"type":"get","address":"/mixer/1"}'));
  expect(await told).toMatchObject({ type: 'value', address: '/mixer/1', value: 0.5, revision: 1 });
  const closed = new Promise((resolve) => socket.on('close', resolve));
  await relays[0]?.close();
  expect(await closed).toBe(1001);
});

it('a relay with tokens asks for them over HTTP and JSON too', async () => {
  const { port } = await start({
    authenticate: (token) => {
      if (token !== 'desk') throw new Error('who are you?');
      return { scopes: ['admin:/**'] };
    },
  });
  expect((await fetch(`http://127.0.0.1:${port}/v1/snapshot`)).status).toBe(401);
  expect((await fetch(`http://127.0.0.1:${port}/v1/snapshot?token=desk`)).status).toBe(200);
  const stranger = new WebSocket(`ws://127.0.0.1:${port}/json`);
  expect(await new Promise((resolve) => stranger.on('close', resolve))).toBe(1008);
});

it('a relay survives requests for what is no path, and paths that only tidying would make /json', async () => {
  const { port, app } = await start();
  const upgrade = (target: string) =>
    new Promise<string>((resolve) => {
      const head = 'Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13';
      const socket = connect(port, '127.0.0.1', () =>
        socket.write(`GET ${target} HTTP/1.1\r\n${head}\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`),
      );
      socket.setEncoding('latin1').once('data', (text) => {
        socket.destroy();
        resolve(String(text).split('\r\n')[0] ?? '');
      });
      socket.on('error', () => resolve('cut off'));
    });
  for (const target of ['//', 'http://[', '/./json', '/a/../json', '/json?token=%', '?']) {
    expect(await upgrade(target)).toMatch(/^HTTP\/1\.1 (101|4\d\d)|cut off/);
  }
  expect(await app.set('/still/here', 1)).toMatchObject({ revision: 1 });
});
