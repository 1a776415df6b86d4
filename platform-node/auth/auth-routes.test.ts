import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Clasp } from '@clasp-to/core';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { relayLog } from '../cli/relay-log.ts';
import type { RelayConfig } from '../config/relay-config.ts';
import { createRelay, type Relay } from '../relay.ts';
import type { AuthConfig } from './auth-config.ts';

const ROOT = 'the-token-of-the-administrator';
const ADA = { username: 'ada', password: 'correct horse' };
const relays: Relay[] = [];
const clients: Clasp[] = [];
beforeAll(() => {
  process.env['CLASP_RX_ROOT'] = ROOT;
  vi.stubGlobal('WebSocket', WebSocket);
  vi.spyOn(console, 'debug').mockReturnValue();
  vi.spyOn(console, 'error').mockReturnValue();
});
afterAll(() => {
  delete process.env['CLASP_RX_ROOT'];
  vi.unstubAllGlobals();
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  for (const relay of relays.splice(0)) await relay.close();
});

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: JSON, looked at by tests
  readonly body: any;
}

async function start(auth: AuthConfig = {}, more: RelayConfig = {}) {
  const config = { db: ':memory:', adminToken: { env: 'CLASP_RX_ROOT' }, port: 0, ...auth };
  const relay = createRelay({ port: 0, ...more, auth: config });
  relays.push(relay);
  const log: string[] = [];
  relayLog(relay.events, { level: 'debug' }).subscribe((line) => log.push(line));
  const { port, authUrl } = await relay.ready;
  const ask = async (
    request: string,
    body?: unknown,
    token?: string,
    headers: Record<string, string> = {},
  ): Promise<Answer> => {
    const [method = '', path = ''] = request.split(' ');
    const response = await fetch(`${path.startsWith('/v1') ? `http://127.0.0.1:${port}` : authUrl}${path}`, {
      method,
      headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
  };
  const connect = async (token: string): Promise<Clasp> => {
    const client = new Clasp(`ws://127.0.0.1:${port}`, { reconnect: false, token });
    clients.push(client);
    await client.connect();
    return client;
  };
  return { relay, port, authUrl, ask, connect, log };
}

describe('/auth, as published clients ask', () => {
  it('registers, logs in and lets guests in; the token opens what it may, and nothing else', async () => {
    const { ask, connect } = await start({ users: ['read:/**', 'write:/users/{userId}/**'] });
    const made = await ask('POST /auth/register', ADA);
    expect(made.status).toBe(200);
    const { token, user_id: id } = made.body;
    expect(made.body).toMatchObject({ username: 'ada', session_id: id, scopes: ['read:/**', `write:/users/${id}/**`] });
    expect(made.headers.get('cache-control')).toBe('no-store');
    expect((await ask('POST /auth/login', ADA)).body.user_id).toBe(id);
    expect((await ask('POST /auth/guest', {})).body.username).toMatch(/^guest-/);
    expect((await ask('GET /auth/me', undefined, token)).body).toMatchObject({ user_id: id, kind: 'user' });

    const client = await connect(token);
    client.set('/users/other/cursor', 0.5);
    client.set(`/users/${id}/cursor`, 0.5);
    await vi.waitFor(async () => expect(await client.get(`/users/${id}/cursor`)).toBe(0.5));
    expect((await ask('GET /v1/state/users/other/cursor', undefined, ROOT)).status).toBe(404);
  });

  it('is there on the relay’s own port too, and below /clasp', async () => {
    const { port, authUrl } = await start();
    for (const url of [`http://127.0.0.1:${port}/auth/guest`, `${authUrl}/clasp/auth/guest`]) {
      expect((await fetch(url, { method: 'POST', body: '{}' })).status).toBe(200);
    }
    expect(await (await fetch(`${authUrl}/`)).json()).toEqual({ name: 'clasp-rx' });
  });

  it('answers errors as published clients read them', async () => {
    const { ask } = await start();
    await ask('POST /auth/register', ADA);
    const wrong = { ...ADA, password: 'wrong horse' };
    const unknown = { ...ADA, username: 'bob' };
    for (const [request, body, status, text] of [
      ['POST /auth/register', { ...ADA, username: 'a' }, 400, 'Username'],
      ['POST /auth/register', { ...ADA, username: 'bob', password: 'short' }, 400, 'Password'],
      ['POST /auth/register', ADA, 409, 'Username is taken'],
      ['POST /auth/register', '{"password": "hunter2', 400, 'JSON'],
      ['POST /auth/register', 'x'.repeat(17_000), 400, 'longer than 16384'],
      ['POST /auth/login', wrong, 401, 'Invalid username or password'],
      ['POST /auth/login', unknown, 401, 'Invalid username or password'],
      ['POST /auth/register', { ...unknown, user_id: '../x' }, 400, 'user_id'],
      ['GET /auth/login', undefined, 405, 'POST'],
      ['GET /auth/me', undefined, 401, 'token'],
    ] as const) {
      const answer = await ask(request, body);
      expect([answer.status, answer.body.code], `${request} ${text}`).toEqual([status, expect.any(Number)]);
      expect(answer.body.error).toContain(text);
      expect(answer.body.error).not.toContain('hunter2');
    }
  });

  it('says when to try again, the right password or not, and counts by address behind a trusted proxy (attack 9)', async () => {
    const { ask } = await start({}, { trustProxy: ['127.0.0.1'] });
    await ask('POST /auth/register', ADA);
    const from = (address: string) => ({ 'x-forwarded-for': address });
    for (let tries = 0; tries < 5; tries++) {
      await ask('POST /auth/login', { ...ADA, password: 'guess' }, undefined, from('203.0.113.9'));
    }
    const { status, headers, body } = await ask('POST /auth/login', ADA, undefined, from('203.0.113.9'));
    expect([status, Number(headers.get('retry-after'))]).toEqual([429, expect.any(Number)]);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(50);
    expect(body.error).toContain('Too many');
    expect((await ask('POST /auth/login', ADA, undefined, from('203.0.113.10'))).status).toBe(200);
  });

  it('lets pages of this machine log in, and no others, whose preflight it answers (attack 14)', async () => {
    const { ask } = await start();
    const origin = 'http://localhost:5173';
    const preflight = await ask('OPTIONS /auth/login', undefined, undefined, { origin });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe(origin);
    expect(preflight.headers.get('access-control-allow-headers')).toBe('authorization, content-type');
    expect(preflight.headers.get('access-control-allow-methods')).toBe('GET, POST, PUT, DELETE, OPTIONS');
    expect((await ask('POST /auth/guest', {}, undefined, { origin })).headers.get('access-control-allow-origin')).toBe(
      origin,
    );
    for (const foreign of ['https://evil.example', 'null']) {
      const answer = await ask('POST /auth/guest', {}, undefined, { origin: foreign });
      expect(answer.status).toBe(403);
      expect(answer.body.error).toContain('"origins"');
      expect(answer.headers.get('access-control-allow-origin')).toBeNull();
    }
  });

  it('refuses passwords over what is not encrypted with "requireTls" (attack 22)', async () => {
    const { ask } = await start({ requireTls: true });
    expect((await ask('POST /auth/register', ADA)).status).toBe(403);
  });
});

describe('children, as published clients ask', () => {
  it('are made, listed, stopped and removed by their parent, within its scopes (attack 12)', async () => {
    const { ask, connect } = await start({ users: ['write:/users/{userId}/**'] });
    const { token, user_id: id } = (await ask('POST /auth/register', ADA)).body;
    expect((await ask('POST /auth/register', { name: 'lamp', scopes: ['admin:/**'] }, token)).status).toBe(403);
    const child = await ask('POST /auth/register', { name: 'lamp', scopes: [`write:/users/${id}/lamp`] }, token);
    expect(child.body.scopes).toEqual([`write:/users/${id}/lamp`]);
    const listed = { id: child.body.user_id, name: 'lamp', status: 'active', entity_type: 'device' };
    expect((await ask('GET /api/entities', undefined, token)).body).toMatchObject([listed]);
    expect((await ask('GET /api/entities', undefined, child.body.token)).status).toBe(403);

    const lamp = await connect(child.body.token);
    const path = `PUT /api/entities/${child.body.user_id}/status`;
    expect((await ask(path, { status: 'suspended' }, token)).body).toMatchObject({ ...listed, status: 'suspended' });
    await vi.waitFor(() => expect(lamp.connected).toBe(false));
    expect((await ask(path, { status: 'active' }, token)).status).toBe(200);
    await connect(child.body.token);
    expect((await ask(path, { status: 'revoked' }, token)).status).toBe(200);
    await expect(connect(child.body.token)).rejects.toThrow();
    expect((await ask('GET /api/entities', undefined, token)).body).toEqual([]);
  });
});

describe('/api, for administrators', () => {
  it('gives tokens out, shows their ids, and revokes them: who uses one is closed within a second (attack 6)', async () => {
    const { ask, connect } = await start();
    const scopes = ['write:/lights/**'];
    const given = await ask('POST /api/tokens', { scopes, name: 'desk' }, ROOT);
    expect(given).toMatchObject({ status: 201, body: { scopes, subject: 'static:desk' } });
    const other = await ask('POST /api/tokens', { scopes }, ROOT);
    const listed = await ask('GET /api/tokens', undefined, ROOT);
    expect(JSON.stringify(listed.body)).not.toContain(given.body.token);
    expect(listed.body).toHaveLength(2);

    const [desk, lamp] = [await connect(given.body.token), await connect(other.body.token)];
    expect((await ask(`DELETE /api/tokens/${given.body.id}`, undefined, ROOT)).status).toBe(200);
    await vi.waitFor(() => expect([desk.connected, lamp.connected]).toEqual([false, true]));
    await expect(connect(given.body.token)).rejects.toThrow();
  });

  it('needs admin on every address (attack ADM 01 to 03)', async () => {
    const { ask } = await start({
      tokens: [
        { token: 'some', scopes: ['admin:/devices/**'] },
        { token: 'w', scopes: ['write:/**'] },
      ],
    });
    for (const request of ['GET /api/users', 'GET /api/tokens', 'GET /api/revocations', 'DELETE /api/users/x']) {
      expect((await ask(request)).status, request).toBe(401);
      expect((await ask(request, undefined, 'some')).status, request).toBe(403);
      expect((await ask(request, undefined, 'w')).status, request).toBe(403);
    }
    expect((await ask('GET /api/trust-anchors')).body).toEqual({ anchors: [], cap_max_depth: 5 });
  });

  it('disables and deletes users', async () => {
    const { ask, connect } = await start();
    const { token, user_id: id } = (await ask('POST /auth/register', ADA)).body;
    const client = await connect(token);
    expect((await ask(`PUT /api/users/${id}`, { disabled: true }, ROOT)).body).toMatchObject({ disabled: true });
    await vi.waitFor(() => expect(client.connected).toBe(false));
    expect((await ask('POST /auth/login', ADA)).status).toBe(403);
    expect((await ask(`DELETE /api/users/${id}`, undefined, ROOT)).status).toBe(200);
    expect((await ask('POST /auth/login', ADA)).status).toBe(401);
  });
});

it('tokens outlive a restart, and so do revocations (attack 8); no secret is in the log (attack 20)', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'clasp-rx-auth-'));
  const db = join(folder, 'relay-auth.db');
  const first = await start({ db });
  const [kept, revoked] = [
    (await first.ask('POST /auth/register', ADA)).body.token,
    (await first.ask('POST /api/tokens', { scopes: ['read:/**'] }, ROOT)).body,
  ];
  await first.connect(kept);
  await expect(first.connect(`${kept}x`)).rejects.toThrow();
  await first.ask(`DELETE /api/tokens/${revoked.id}`, undefined, ROOT);
  await first.relay.close();
  const second = await start({ db });
  await second.connect(kept);
  await expect(second.connect(revoked.token)).rejects.toThrow();
  const told = [...first.log, ...second.log].join('\n');
  expect(told).toContain('session opened');
  for (const secret of [ROOT, kept, revoked.token, ADA.password]) expect(told).not.toContain(secret);
  await second.relay.close();
  rmSync(folder, { recursive: true });
});
