import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Clasp } from '@clasp-to/core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { endAll, listen, put } from '../../peers/http-rig.ts';
import { closeAll } from '../../peers/mqtt-bridge-rig.ts';
import { probe } from '../../peers/mqtt-server-rig.ts';
import type { RelayConfig } from '../config/relay-config.ts';
import { createRelay, type Relay, type RelayEvent } from '../relay.ts';
import type { AuthConfig } from './auth-config.ts';

const ROOT = 'the-token-of-the-administrator';
const relays: Relay[] = [];
let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'clasp-rx-auth-'));
});
beforeAll(() => {
  vi.stubGlobal('WebSocket', WebSocket);
  vi.spyOn(console, 'debug').mockReturnValue();
  vi.spyOn(console, 'error').mockReturnValue();
});
afterAll(() => vi.unstubAllGlobals());
afterEach(async () => {
  endAll();
  await closeAll();
  for (const relay of relays.splice(0)) await relay.close();
  rmSync(folder, { recursive: true });
});

const path = (name: string) => join(folder, name);
function file(name: string, text: string, mode = 0o600): string {
  writeFileSync(path(name), text);
  chmodSync(path(name), mode);
  return path(name);
}

async function start(auth: AuthConfig, more: RelayConfig = {}) {
  const relay = createRelay({ port: 0, ...more, auth: { db: ':memory:', ...auth } });
  relays.push(relay);
  const events: RelayEvent[] = [];
  relay.events.subscribe((event) => events.push(event));
  const { port, bridges } = await relay.ready;
  return { relay, port, bridges, events };
}

const snapshot = (port: number, token?: string) =>
  fetch(
    `http://127.0.0.1:${port}/v1/snapshot`,
    token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } },
  );

describe('a relay with "auth"', () => {
  it('takes the tokens of its configuration, from where they stand, each within its scopes', async () => {
    process.env['CLASP_RX_TEST_TOKEN'] = 'from-the-environment';
    const { port } = await start({
      tokens: [
        { token: 'inline', scopes: ['read:/a/**'] },
        { token: { file: file('token', 'from-a-file\n') }, scopes: ['write:/b'] },
        { token: { env: 'CLASP_RX_TEST_TOKEN' } },
        { sha256: '0158ec427c7ff2fa6bb6b1e59d43f2b01dbcbf5a2d9fb4dc4f15c09c85e7a07a' },
      ],
    });
    delete process.env['CLASP_RX_TEST_TOKEN'];
    const statuses = ['inline', 'from-a-file', 'from-the-environment', 'nobody', '', undefined];
    const answers = statuses.map(async (token) => {
      const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
      return (await put(`http://127.0.0.1:${port}/v1/state/b`, { value: 1 }, headers)).status;
    });
    expect(await Promise.all(answers)).toEqual([403, 200, 200, 401, 401, 401]);
  });

  it('lets nobody in without a token, whatever turned it on (attack 3)', async () => {
    const key = '8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c';
    const { port } = await start({ trustAnchors: [key] });
    expect((await snapshot(port)).status).toBe(401);
    await expect(new Clasp(`ws://127.0.0.1:${port}`, { reconnect: false }).connect()).rejects.toThrow();
  });

  it('gives those without a token what "anonymous" says', async () => {
    const { port } = await start({ anonymous: ['read:/public/**'] });
    const [open, closed] = ['public', 'private'].map((name) => fetch(`http://127.0.0.1:${port}/v1/snapshot/${name}`));
    expect([(await open)?.status, (await closed)?.status]).toEqual([200, 403]);
  });

  it('asks "authenticate" about what it does not know itself', async () => {
    const asked: (string | undefined)[] = [];
    const { port } = await start(
      { tokens: [{ token: 'ours' }] },
      {
        authenticate: (token) => {
          asked.push(token);
          if (token !== 'theirs') throw new Error('who are you?');
          return { scopes: ['admin:/**'] };
        },
      },
    );
    const answers = ['ours', 'theirs', 'nobodys', 'cpsk_00000000000000000000000000000000'];
    const statuses = await Promise.all(answers.map(async (token) => (await snapshot(port, token)).status));
    expect(statuses).toEqual([200, 200, 401, 401]);
    expect(asked).toEqual(['theirs', 'nobodys']);
  });

  it('makes the file of the administrator, 0600, and takes it the next time', async () => {
    const adminToken = path('admin.token');
    const { port } = await start({ adminToken });
    expect(statSync(adminToken).mode & 0o777).toBe(0o600);
    const token = readFileSync(adminToken, 'utf8').trim();
    expect(token).toMatch(/^cpsk_[0-9a-f]{32}$/);
    expect((await snapshot(port, token)).status).toBe(200);
    const again = await start({ adminToken });
    expect((await snapshot(again.port, token)).status).toBe(200);
  });

  it('takes a token before HELLO, in the request, where HELLO has none; two that differ are 400 (attack 21)', async () => {
    const { port } = await start({ tokens: [{ token: 'desk' }] });
    const client = new Clasp(`ws://127.0.0.1:${port}/?token=desk`, { reconnect: false });
    await client.connect();
    client.close();
    const two = { headers: { authorization: 'Bearer other' } };
    expect((await fetch(`http://127.0.0.1:${port}/v1/snapshot?token=desk`, two)).status).toBe(400);
    const socket = new WebSocket(`ws://127.0.0.1:${port}/?token=desk`, two);
    const status = new Promise((resolve) =>
      socket.on('unexpected-response', (_, { statusCode }) => resolve(statusCode)),
    );
    socket.on('error', () => undefined);
    expect(await status).toBe(400);
    socket.terminate();
    expect((await snapshot(port, 'x'.repeat(8193))).status).toBe(401);
  });

  it('takes the user name of an MQTT client as its token where it has no password', async () => {
    const token = 'cpsk_0123456789abcdef0123456789abcdef';
    const { bridges } = await start({ tokens: [{ token }] }, { bridges: [{ type: 'mqtt-server', port: 0 }] });
    const port = Number(bridges[0]?.address.split(':').at(-1));
    await expect(probe(port, { username: token })).resolves.toBeDefined();
    await expect(probe(port, { username: 'somebody' })).rejects.toThrow();
    await expect(probe(port)).rejects.toThrow('Not authorized');
  });

  it('takes no token over what is not encrypted with "requireTls"', async () => {
    const { port } = await start({ tokens: [{ token: 'desk' }], requireTls: true }, { trustProxy: ['127.0.0.1'] });
    expect((await snapshot(port, 'desk')).status).toBe(401);
    const headers = { authorization: 'Bearer desk', 'x-forwarded-proto': 'https', 'x-forwarded-for': '203.0.113.9' };
    expect((await fetch(`http://127.0.0.1:${port}/v1/snapshot`, { headers })).status).toBe(200);
  });

  it.each<[string, () => AuthConfig, string]>([
    [
      'a file of the administrator that others may read (attack 22)',
      () => ({ adminToken: file('a', ROOT, 0o644) }),
      'chmod 600',
    ],
    ['one that is too short', () => ({ adminToken: file('a', 'short') }), '20 or more characters'],
    ['one in a folder that is not there', () => ({ adminToken: path('none/a') }), 'ENOENT'],
    [
      'a variable that is not set',
      () => ({ tokens: [{ token: { env: 'CLASP_RX_NONE' } }] }),
      'CLASP_RX_NONE is not set',
    ],
    ['a token file with a bad line', () => ({ tokens: file('t', 'good\nsecret-one two three\n') }), 't:2'],
    ['a token file that is not there', () => ({ tokens: path('none') }), 'there is no file'],
    ['a scope that does not parse', () => ({ users: ['rite:/**'] }), 'scope'],
    ['an anchor of small order (attack 4)', () => ({ trustAnchors: ['00'.repeat(32)] }), 'small order'],
    ['a database that is a text', () => ({ db: file('db', 'Dear diary, '.repeat(200)) }), 'not a SQLite database'],
  ])('does not start with %s, and says so in one line without a secret', async (_, auth, words) => {
    const relay = createRelay({ port: 0, auth: { db: ':memory:', ...auth() } });
    relays.push(relay);
    const reason = await relay.ready.then(
      () => '',
      (cause: Error) => cause.message,
    );
    expect(reason).toContain(words);
    expect(reason).not.toMatch(/\n|secret-one|administrator/);
  });

  it('warns of what strangers may', async () => {
    const { events } = await start({});
    expect(events.flatMap((event) => (event.type === 'warning' ? [event.reason] : []))).toEqual([
      expect.stringContaining('whoever registers can read and write everything'),
    ]);
  });
});

describe('a token that is taken out of the configuration', () => {
  it('ends at once whoever uses it: WebSocket, JSON, SSE, HTTP and MQTT; the others go on (attack 6)', async () => {
    const tokens = file('tokens', `${ROOT}\ndesk read:/**,write:/**\n`);
    const { relay, port, bridges } = await start({ tokens }, { bridges: [{ type: 'mqtt-server', port: 0 }] });
    const mqttPort = Number(bridges[0]?.address.split(':').at(-1));
    const base = `http://127.0.0.1:${port}`;

    const errors: unknown[] = [];
    const ended: string[] = [];
    const client = new Clasp(`ws://127.0.0.1:${port}`, { reconnect: false, token: 'desk' });
    client.onError((error) => errors.push(error.message));
    client.onDisconnect(() => ended.push('clasp'));
    const other = new Clasp(`ws://127.0.0.1:${port}`, { reconnect: false, token: ROOT });
    await Promise.all([client.connect(), other.connect()]);
    const json = new WebSocket(`ws://127.0.0.1:${port}/json?token=desk`);
    const told: unknown[] = [];
    json.on('message', (data) => told.push(JSON.parse(data.toString())));
    const jsonClosed = new Promise((resolve) => json.on('close', resolve));
    await new Promise((resolve) => json.on('open', resolve));
    const feed = listen(`${base}/v1/events?token=desk`);
    await feed.until(1);
    expect((await snapshot(port, 'desk')).status).toBe(200);
    const device = await probe(mqttPort, {
      username: 'any',
      password: 'desk',
      clientId: 'device',
      clean: false,
      properties: { sessionExpiryInterval: 600 },
      will: { topic: 'gone', payload: Buffer.from('will'), properties: { willDelayInterval: 0 } },
    });
    const reason = new Promise((resolve) => device.client.on('disconnect', ({ reasonCode }) => resolve(reasonCode)));
    const wills: unknown[] = [];
    other.on('/mqtt/gone', (value) => wills.push(value));

    file('tokens', `${ROOT}\n`);
    await relay.reload();
    expect(await reason).toBe(0x87);
    expect(await jsonClosed).toBe(1008);
    expect(told.at(-1)).toMatchObject({ type: 'error', code: 302, message: 'token revoked' });
    await vi.waitFor(() => expect(ended).toEqual(['clasp']));
    const refused = { event: 'refused', data: { code: 302, message: 'token revoked' } };
    await vi.waitFor(() => expect(feed.events.at(-1)).toEqual(refused));
    expect((await snapshot(port, 'desk')).status).toBe(401);
    await expect(
      probe(mqttPort, { username: 'any', password: 'desk', clientId: 'device', clean: false }),
    ).rejects.toThrow();

    other.set('/still', 1);
    await vi.waitFor(async () => expect(await other.get('/still')).toBe(1));
    expect(wills).toEqual([]);
    other.close();
  });

  it('keeps what there is where the file cannot be read any more', async () => {
    const tokens = file('tokens', 'desk read:/**\n');
    const { relay, port } = await start({ tokens });
    file('tokens', 'desk read:/**\nbad line here\n');
    await expect(relay.reload()).rejects.toThrow('tokens:2');
    expect((await snapshot(port, 'desk')).status).toBe(200);
  });

  it('is exchanged with the configuration, without a restart', async () => {
    const config = (token: string): RelayConfig => ({ port: 0, auth: { db: ':memory:', tokens: [{ token }] } });
    const { relay, port } = await start({ tokens: [{ token: 'old' }] });
    expect((await relay.change(config('new'))).restart).toEqual([]);
    expect([(await snapshot(port, 'old')).status, (await snapshot(port, 'new')).status]).toEqual([401, 200]);
  });
});
