import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { endAll, serveHttp } from '../../peers/http-rig.ts';
import { createRelay } from '../relay.ts';
import { withoutSecrets } from './without-secrets.ts';

afterEach(endAll);

describe('what is told of a URL', () => {
  it.each([
    ['ws://10.0.0.7/live', 'ws://10.0.0.7/live'],
    ['wss://bob:pass@far.example:9001/live?token=SECRET#part', 'wss://far.example:9001/live'],
    ['https://a@b:c@far.example', 'https://far.example'],
    ['https://far.example/@me/{address}?key=SECRET', 'https://far.example/@me/{address}'],
    ['https://far.example?mail=a@b', 'https://far.example'],
    ['data:text/plain,7', 'data:text/plain,7'],
  ])('of %s it is %s', (url, told) => {
    expect(withoutSecrets(url)).toBe(told);
  });
});

it('the state of a bridge does not tell everybody the token and the password in its URL', async () => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const far = { name: 'far', type: 'websocket-json', url: `ws://bob:pass@${host}/live?token=SECRET` } as const;
  const relay = createRelay({ port: 0, bridges: [far] });
  await relay.ready;
  const reader = relay.client('reader', ['read:/**']);
  const status = () => reader.get('/clasp/bridges/far/status');
  expect(await status()).toEqual({ state: 'ready', address: `ws://${host}/live` });
  for (const client of server.clients) client.terminate();
  server.close();
  await expect.poll(status).toMatchObject({ state: 'retrying', reason: expect.stringMatching(`^ws://${host}/live: `) });
  await relay.close();
});

it('the failures of webhooks and polls do not put the key in their URL into the log', async () => {
  const nobody = createServer().listen(0, '127.0.0.1');
  await once(nobody, 'listening');
  const url = `http://127.0.0.1:${(nobody.address() as AddressInfo).port}/weather`;
  nobody.close();
  const { events } = await serveHttp({ polls: [{ url: `${url}?key=SECRET`, to: '/a', every: 60 }] });
  await expect
    .poll(() => events.at(-1))
    .toMatchObject({ failure: { reason: expect.stringMatching(`^${url} cannot be read`) } });
});
