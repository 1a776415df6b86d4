// The authority over each store: tokens, revocations and users outlive a restart and a kill.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import 'fake-indexeddb/auto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AuthStore } from '../../core/auth/auth-store.ts';
import type { ClaspError } from '../../core/errors.ts';
import { type AuthAnswer, type Authority, authority } from '../../operators/auth/authority.ts';
import { indexedDbAuthStore } from '../../platform-browser/auth/indexed-db-auth-store.ts';
import { webTokenCrypto } from '../../platform-browser/token/web-token-crypto.ts';
import { nodeTokenCrypto } from '../token/node-token-crypto.ts';
import { type PasswordThreads, passwordThreads } from './password-threads.ts';
import { sqliteAuthStore } from './sqlite-auth-store.ts';

const ADMIN = 'an-admin-token-of-some-length';
let folder = '';
let passwords: PasswordThreads;
let opened: AuthStore[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'clasp-rx-auth-'));
  passwords = passwordThreads();
});
afterEach(async () => {
  for (const store of opened) await store.close();
  opened = [];
  await passwords.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Told {
  readonly token: string;
  readonly user_id: string;
  readonly id: string;
}
const told = ({ body }: AuthAnswer): Told => body as unknown as Told;

const kinds = [
  ['sqliteAuthStore', () => sqliteAuthStore(join(folder, 'relay-auth.db')), nodeTokenCrypto],
  ['indexedDbAuthStore', () => indexedDbAuthStore(folder), webTokenCrypto()],
] as const;

describe.each(kinds)('an authority over %s', (_, open, crypto) => {
  const start = async (): Promise<Authority> => {
    for (const store of opened) await store.close();
    const store = await open();
    opened = [store];
    return authority({ store, crypto, passwords, now: Date.now, elapsed: () => performance.now(), adminToken: ADMIN });
  };
  const code = async (auth: Authority, token: string): Promise<number> => {
    try {
      await auth.authenticate(token);
      return 0;
    } catch (error) {
      return (error as ClaspError).code;
    }
  };

  it('knows after a restart who was who, what was revoked and what has ended (attack 8)', async () => {
    const auth = await start();
    const ada = told(await auth.register({ body: { username: 'ada', password: 'correct horse' } }));
    const guest = told(await auth.guest({ body: {} }));
    const issued = told(await auth.issueToken({ bearer: ADMIN, body: { scopes: ['read:/**'] } }));
    const short = told(await auth.issueToken({ bearer: ADMIN, body: { scopes: ['read:/**'], expires_in: 0.001 } }));
    await auth.revokeToken(issued.id, { bearer: ADMIN });
    await auth.revoke({ bearer: ADMIN, body: { id: 'ab'.repeat(16) } });
    const again = await start();
    expect(await Promise.all([ada, guest, issued, short].map(({ token }) => code(again, token)))).toEqual([
      0, 0, 300, 302,
    ]);
    expect((await again.login({ body: { username: 'ADA', password: 'correct horse' } })).status).toBe(200);
    expect((await again.login({ body: { username: 'ada', password: 'correct hors' } })).status).toBe(401);
    expect((await again.revocations({ bearer: ADMIN })).body).toMatchObject([{ id: 'ab'.repeat(16) }]);
    expect((await again.guest({ body: { user_id: guest.user_id } })).status).toBe(409);
  });

  it('gives a name to one only of those who ask for it at the same moment', async () => {
    const auth = await start();
    const ask = (user_id: string) => auth.register({ body: { username: 'ada', password: 'correct horse', user_id } });
    const answers = await Promise.all(['a', 'b', 'c', 'd'].map(ask));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409]);
    const guests = await Promise.all(['x', 'x', 'x'].map((user_id) => auth.guest({ body: { user_id } })));
    expect(guests.map(({ status }) => status).sort()).toEqual([200, 409, 409]);
  });
});

it('a revocation that was answered is kept, whatever becomes of the process (attack 8)', async () => {
  const file = join(folder, 'relay-auth.db');
  const dist = fileURLToPath(new URL('../../dist/', import.meta.url));
  const script = `
    import { createInterface } from 'node:readline';
    const load = (path) => import(${JSON.stringify(dist)} + path);
    const { authority } = await load('operators/auth/authority.js');
    const { sqliteAuthStore } = await load('platform-node/auth/sqlite-auth-store.js');
    const { nodeTokenCrypto } = await load('platform-node/token/node-token-crypto.js');
    const auth = authority({
      store: await sqliteAuthStore(${JSON.stringify(file)}), crypto: nodeTokenCrypto, passwords: {},
      now: Date.now, elapsed: Date.now, adminToken: '${ADMIN}',
    });
    const issue = () => auth.issueToken({ bearer: '${ADMIN}', body: { scopes: ['read:/**'] } }).body;
    const [kept, revoked] = [issue(), issue()];
    const { status } = auth.revokeToken(revoked.id, { bearer: '${ADMIN}' });
    console.log(JSON.stringify({ status, kept: kept.token, revoked: revoked.token }));
    setInterval(() => 0, 1000);`;
  const relay = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => relay.once('exit', (_, signal) => resolve(signal)));
  const [line] = (await Promise.race([
    new Promise((resolve) => createInterface(relay.stdout).once('line', (text) => resolve([text]))),
    ended.then(() => ['']),
  ])) as [string];
  relay.kill('SIGKILL');
  expect(await ended).toBe('SIGKILL');
  const { status, kept, revoked } = JSON.parse(line);
  expect(status).toBe(200);
  const store = await sqliteAuthStore(file);
  opened = [store];
  const auth = authority({ store, crypto: nodeTokenCrypto, passwords, now: Date.now, elapsed: Date.now });
  expect(await auth.authenticate(kept)).toMatchObject({ subject: expect.stringMatching(/^static:/) });
  expect(() => auth.authenticate(revoked)).toThrow(expect.objectContaining({ code: 300 }));
});

it('two relays on one database: what one revokes ends at the other', async () => {
  const file = join(folder, 'relay-auth.db');
  const relay = async () => {
    const store = await sqliteAuthStore(file);
    opened.push(store);
    return authority({
      store,
      crypto: nodeTokenCrypto,
      passwords,
      now: Date.now,
      elapsed: Date.now,
      adminToken: ADMIN,
    });
  };
  const [one, other] = [await relay(), await relay()];
  const issued = told(await one.issueToken({ bearer: ADMIN, body: { scopes: ['read:/**'] } }));
  const heard: string[] = [];
  (await other.authenticate(issued.token)).ended.subscribe(({ code, reason }) => heard.push(`${code} ${reason}`));
  await other.lookElsewhere();
  expect(heard).toEqual([]);
  await one.revokeToken(issued.id, { bearer: ADMIN });
  await other.lookElsewhere();
  expect(heard).toEqual(['302 token revoked']);
});
