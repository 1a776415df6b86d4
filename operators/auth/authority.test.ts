import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { scopeText } from '../../core/address/scope-within.ts';
import { wait } from '../../core/answer.ts';
import { addressKey, nameFault, passwordFault } from '../../core/auth/account-rules.ts';
import { type Account, type AuthStore, MemoryAuthStore } from '../../core/auth/auth-store.ts';
import { NOBODYS_PASSWORD, type PasswordHasher, type PasswordVerdict } from '../../core/auth/password-hasher.ts';
import { ClaspError } from '../../core/errors.ts';
import { fromHex } from '../../core/token/bytes-text.ts';
import { delegateCapability, mintCapability } from '../../core/token/capability.ts';
import {
  type CapabilityLink,
  decodeCapability,
  encodeCapability,
  signedBytes,
} from '../../core/token/capability-bytes.ts';
import { type EntityRights, mintEntityToken } from '../../core/token/entity-token.ts';
import { staticToken } from '../../core/token/token-file.ts';
import { nodeTokenCrypto as crypto } from '../../platform-node/token/node-token-crypto.ts';
import {
  type AuthAnswer,
  type AuthGrant,
  type Authority,
  type AuthorityOptions,
  type AuthRequest,
  authority,
} from './authority.ts';

// Over a store and with hashes that answer at once, so that every step is done when the call returns.

const START = 1_800_000_000_000;
const ADMIN = 'an-admin-token-of-some-length';
let now = START;
let store: AuthStore;
let hashed: string[];
let hints: string[];

const passwords: PasswordHasher = {
  hash: (password) => `kept:${password}`,
  verify: (password, phc): PasswordVerdict => {
    hashed.push(phc);
    if (phc === `weak:${password}`) return 'right, but weakly kept';
    return phc === `kept:${password}` ? 'right' : 'wrong';
  },
};
const relay = (options: Partial<AuthorityOptions> = {}): Authority =>
  authority({
    store,
    crypto,
    passwords,
    now: () => now,
    elapsed: () => now,
    adminToken: ADMIN,
    hint: (text) => hints.push(text),
    ...options,
  });

beforeEach(() => {
  now = START;
  store = new MemoryAuthStore();
  hashed = [];
  hints = [];
});

interface Body {
  readonly token: string;
  readonly id: string;
  readonly user_id: string;
  readonly session_id: string;
  readonly username: string;
  readonly scopes: readonly string[];
  readonly expires_at: number | null;
}
const call = (answer: unknown): Omit<AuthAnswer, 'body'> & { readonly body: Body } =>
  answer as Omit<AuthAnswer, 'body'> & { readonly body: Body };
const enter = (of: Authority, token?: string, peer?: string): AuthGrant => of.authenticate(token, peer) as AuthGrant;
const scopesOf = ({ scopes }: AuthGrant): string[] => scopes.list.map(scopeText);
const codeOf = (act: () => unknown): number => {
  try {
    act();
    return 0;
  } catch (error) {
    return (error as ClaspError).code;
  }
};
/** Why a grant has ended, as who uses it hears it. */
const endOf = (grant: AuthGrant): string[] => {
  const heard: string[] = [];
  grant.ended.subscribe({
    next: ({ code, reason }) => heard.push(`${code} ${reason}`),
    complete: () => heard.push('|'),
  });
  return heard;
};
const register = (of: Authority, username = 'ada', more: object = {}, request: Partial<AuthRequest> = {}) =>
  call(of.register({ body: { username, password: 'correct horse', ...more }, ...request }));
const login = (of: Authority, username = 'ada', password = 'correct horse', peer?: string) =>
  call(of.login({ body: { username, password }, peer }));
const asAdmin = (body?: unknown): AuthRequest => ({ bearer: ADMIN, body });

describe('users', () => {
  it('register, come in and log in again', () => {
    const auth = relay();
    const answer = register(auth, ' ada ');
    expect(answer).toMatchObject({
      status: 200,
      body: { username: 'ada', scopes: ['read:/**', 'write:/**'], expires_at: START / 1000 + 86_400 },
    });
    const { token, user_id, session_id } = answer.body;
    expect(token).toMatch(/^cpsk_[0-9a-f]{32}$/);
    expect(user_id).toMatch(/^u-1800000000000-[0-9a-f]{8}$/);
    expect(session_id).toBe(user_id);
    const grant = enter(auth, token);
    expect(grant).toMatchObject({
      subject: user_id,
      expiresAt: START + 86_400_000,
      id: expect.stringMatching(/^[0-9a-f]{16}$/),
    });
    expect(token).not.toContain(grant.id);
    expect(login(auth, 'ADA').body.user_id).toBe(user_id);
    expect(call(auth.me({ bearer: token })).body).toMatchObject({ user_id, username: 'ada', kind: 'user' });
  });

  it.each<[string, unknown, number, string]>([
    ['no body', undefined, 400, 'JSON'],
    ['a list', [], 400, 'JSON'],
    ['no name', { password: 'correct horse' }, 400, 'Username'],
    ['a short name', { username: ' a ', password: 'correct horse' }, 400, 'Username'],
    ['a long name', { username: 'é'.repeat(33), password: 'correct horse' }, 400, 'Username'],
    ['a control character', { username: 'a\u0007b', password: 'correct horse' }, 400, 'Username'],
    ['a direction mark', { username: 'a\u202eb', password: 'correct horse' }, 400, 'Username'],
    ['a number as name', { username: 12, password: 'correct horse' }, 400, 'Username'],
    ['no password', { username: 'ada' }, 400, 'Password'],
    ['a short password', { username: 'ada', password: '12345' }, 400, 'Password'],
    ['a long password', { username: 'ada', password: 'x'.repeat(1025) }, 400, 'Password'],
    ['scopes that do not parse', { username: 'ada', password: 'correct horse', scopes: ['rd:/'] }, 400, 'scope'],
    ['scopes that are no list', { username: 'ada', password: 'correct horse', scopes: 'read:/**' }, 400, 'scopes'],
    // Attack 11.
    ...['admin:file', 'clasp:x', '../x', '{userId}', '*', '', 'a'.repeat(65), 5].map(
      (user_id) =>
        [`the id ${user_id}`, { username: 'ada', password: 'correct horse', user_id }, 400, 'user_id'] as [
          string,
          unknown,
          number,
          string,
        ],
    ),
  ])('are refused: %s', (_, body, status, text) => {
    const answer = call(relay().register({ body }));
    expect(answer).toMatchObject({ status, body: { error: expect.stringContaining(text), code: expect.any(Number) } });
  });

  it('have names and ids of their own, without regard to case', () => {
    const auth = relay();
    expect(register(auth, 'ada', { user_id: 'id-1' }).status).toBe(200);
    expect(register(auth, 'Ada')).toMatchObject({ status: 409, body: { error: expect.stringContaining('Username') } });
    const other = register(auth, 'bob', { user_id: 'id-1' });
    expect(other).toMatchObject({
      status: 409,
      body: { error: expect.stringContaining('identity belongs to a registered user') },
    });
    expect(call(auth.guest({ body: { user_id: 'id-1' } })).status).toBe(409);
  });

  it('only narrow what they ask for; what is more is left out, and nothing left is 403 (attack 12)', () => {
    const auth = relay({ users: ['read:/**', 'write:/users/{userId}/**'] });
    const answer = register(auth, 'ada', {
      user_id: 'ada',
      scopes: ['admin:/**', 'read:/a', 'write:/users/ada/x', 'write:/b'],
    });
    expect(answer.body.scopes).toEqual(['read:/a', 'write:/users/ada/x']);
    expect(scopesOf(enter(auth, answer.body.token))).toEqual(['read:/a', 'write:/users/ada/x']);
    expect(register(auth, 'bob', { scopes: ['admin:/**'] }).status).toBe(403);
    // Nothing of the refused one is left.
    expect(register(auth, 'bob').status).toBe(200);
  });

  it('register as the configuration says', () => {
    expect(register(relay({ register: false })).status).toBe(403);
    const auth = relay({ register: 'admin' });
    expect(register(auth).status).toBe(401);
    expect(register(auth, 'ada', {}, { bearer: ADMIN }).status).toBe(200);
    const { token } = login(auth).body;
    expect(register(auth, 'bob', {}, { bearer: token }).status).toBe(403);
  });

  it('are not told apart by the answer or the work when a login fails (attack 10)', () => {
    const auth = relay();
    register(auth);
    const [known, unknown] = [login(auth, 'ada', 'wrong'), login(auth, 'nobody', 'wrong')];
    expect(known).toEqual(unknown);
    expect(known).toMatchObject({ status: 401, body: { error: 'Invalid username or password' } });
    expect(hashed).toEqual(['kept:correct horse', NOBODYS_PASSWORD]);
    expect(login(auth, 'ada', 'x'.repeat(2000)).status).toBe(401);
    expect(login(auth, "' OR 1=1 --", 'x').status).toBe(401);
  });

  it('whose password was kept weakly have it kept anew', () => {
    const auth = relay();
    const { user_id } = register(auth).body;
    const account = () => (store as MemoryAuthStore).read((tables) => wait(tables.account(user_id))) as Account;
    const weak = { ...account(), passwordHash: 'weak:correct horse' };
    (store as MemoryAuthStore).write((tables) => wait(tables.putAccount(weak)));
    expect(login(auth).status).toBe(200);
    expect(account().passwordHash).toBe('kept:correct horse');
  });

  it('change their password, whereupon every other token ends', () => {
    const auth = relay();
    const first = register(auth).body.token;
    const second = login(auth).body.token;
    const [ends, goesOn] = [endOf(enter(auth, first)), endOf(enter(auth, second))];
    const change = (body: object) => call(auth.password({ bearer: second, body })).status;
    expect(change({ password: 'wrong', new_password: 'battery staple' })).toBe(401);
    expect(change({ password: 'correct horse', new_password: 'short' })).toBe(400);
    expect(change({ password: 'correct horse', new_password: 'battery staple' })).toBe(200);
    expect([ends, goesOn]).toEqual([['302 token revoked', '|'], []]);
    expect([login(auth).status, login(auth, 'ada', 'battery staple').status]).toEqual([401, 200]);
  });
});

describe('limits of attempts (attack 9)', () => {
  it('stop guessing from one address over many names, also between own logins', () => {
    const auth = relay();
    register(auth, 'mallory');
    const guess = (name: string) => login(auth, name, 'guess', '10.0.0.1').status;
    for (let at = 0; at < 5; at++) {
      expect(guess(`name-${at}`)).toBe(401);
      if (at < 4) expect(login(auth, 'mallory', 'correct horse', '10.0.0.1').status).toBe(200);
    }
    const refused = login(auth, 'mallory', 'correct horse', '10.0.0.1');
    expect(refused).toMatchObject({
      status: 429,
      retryAfter: 60,
      body: { error: expect.stringContaining('Too many') },
    });
    expect(login(auth, 'mallory', 'correct horse', '10.0.0.2').status).toBe(200);
    now += 59_001;
    expect(login(auth, 'mallory', 'correct horse', '10.0.0.1').retryAfter).toBe(1);
    now += 999;
    expect(login(auth, 'mallory', 'correct horse', '10.0.0.1').status).toBe(200);
  });

  it('stop guessing one name from many addresses, but not its owner before fifty', () => {
    const auth = relay();
    register(auth);
    for (let at = 0; at < 49; at++) expect(login(auth, 'Ada', 'guess', `10.0.1.${at}`).status).toBe(401);
    expect(login(auth, 'ada', 'correct horse', '10.0.0.1').status).toBe(200);
    for (let at = 0; at < 50; at++) expect(login(auth, 'ada', 'guess', `10.0.2.${at}`).status).toBe(401);
    expect(login(auth, 'ada', 'correct horse', '10.0.0.1').status).toBe(429);
  });

  it('count guesses that are under way, not only those that have failed', async () => {
    const open: (() => void)[] = [];
    const slow: PasswordHasher = {
      hash: (password) => `kept:${password}`,
      verify: () => new Promise((resolve) => open.push(() => resolve('wrong'))),
    };
    const auth = relay({ passwords: slow });
    const guesses = Array.from({ length: 20 }, (_, at) =>
      Promise.resolve(auth.login({ body: { username: `n${at}`, password: 'x' }, peer: '10.0.0.1' })),
    );
    await Promise.resolve();
    for (const answer of open) answer();
    const statuses = (await Promise.all(guesses)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 401)).toHaveLength(5);
    expect(statuses.filter((status) => status === 429)).toHaveLength(15);
  });

  it('stop registrations, and tokens that are refused, by address', () => {
    const auth = relay();
    const made = Array.from(
      { length: 12 },
      (_, at) => register(auth, `user-${at}`, {}, { peer: '2001:db8::1' }).status,
    );
    expect(made).toEqual([...new Array(10).fill(200), 429, 429]);
    // The same home.
    expect(call(auth.guest({ body: {}, peer: '2001:db8::2' })).status).toBe(429);
    expect(call(auth.guest({ body: {}, peer: '2001:db8:0:1::2' })).status).toBe(200);
    for (let at = 0; at < 60; at++) expect(codeOf(() => enter(auth, 'guess', '10.0.0.1'))).toBe(300);
    expect(codeOf(() => enter(auth, ADMIN, '10.0.0.1'))).toBe(429);
    expect(codeOf(() => enter(auth, ADMIN, '10.0.0.2'))).toBe(0);
  });

  it.each([
    ['too many wait', new ClaspError(503, 'too many logins at once'), 503, 'too many logins at once'],
    // What is no answer of ours tells a stranger nothing.
    ['the disk fails', new ClaspError(500, 'relay-auth.db is full'), 500, 'internal error'],
    ['something breaks', new Error('secret'), 500, 'internal error'],
  ])('answer where %s', (_, failure, status, error) => {
    const fail = () => {
      throw failure;
    };
    expect(register(relay({ passwords: { hash: fail, verify: fail } }))).toEqual({
      status,
      body: { error, code: status },
    });
  });
});

describe('guests', () => {
  it('come in, read, and are forgotten with their token', () => {
    const auth = relay({ guests: ['read:/**', 'write:/guests/{userId}/**'] });
    const { body } = call(auth.guest({ body: {} }));
    expect(body.username).toBe(`guest-${String(body.user_id).slice(-6)}`);
    expect(scopesOf(enter(auth, body.token))).toEqual(['read:/**', `write:/guests/${body.user_id}/**`]);
    expect(call(auth.me({ bearer: body.token })).body).toMatchObject({ kind: 'guest' });
    now += 86_400_000;
    expect(codeOf(() => enter(auth, body.token))).toBe(302);
    expect(call(auth.guest({ body: { user_id: body.user_id } })).status).toBe(200);
  });

  it('cannot be taken while they live, but by themselves (attack 11)', () => {
    const auth = relay();
    const { token } = call(auth.guest({ body: { user_id: 'g1' } })).body;
    expect(call(auth.guest({ body: { user_id: 'g1' } }))).toMatchObject({
      status: 409,
      body: { error: expect.stringContaining('registered') },
    });
    expect(register(auth, 'ada', { user_id: 'g1' }).status).toBe(409);
    expect(call(auth.guest({ body: { user_id: 'g1' }, bearer: token })).status).toBe(200);
    expect(register(relay({ guestIds: 'open' }), 'ada', { user_id: 'g1' }).status).toBe(200);
  });

  it('become users with their token, and then are no guests any more', () => {
    const auth = relay();
    const { token } = call(auth.guest({ body: { user_id: 'g1' } })).body;
    const ends = endOf(enter(auth, token));
    const user = register(auth, 'ada', { user_id: 'g1' }, { bearer: token });
    expect(user).toMatchObject({ status: 200, body: { user_id: 'g1' } });
    expect(ends).toEqual(['302 token revoked', '|']);
    expect(codeOf(() => enter(auth, token))).toBe(300);
    expect(codeOf(() => enter(auth, user.body.token))).toBe(0);
  });

  it('are none where they are off, and those of before are gone', () => {
    const { token } = call(relay().guest({ body: {} })).body;
    const auth = relay({ guests: false });
    expect(call(auth.guest({ body: {} })).status).toBe(403);
    expect(codeOf(() => enter(auth, token))).toBe(300);
  });

  it('free their id when they log out', () => {
    const auth = relay();
    const { token } = call(auth.guest({ body: { user_id: 'g1' } })).body;
    expect(call(auth.logout({ bearer: token }))).toEqual({ status: 204 });
    expect(call(auth.guest({ body: { user_id: 'g1' } })).status).toBe(200);
  });
});

describe('children (attack 12)', () => {
  const child = (auth: Authority, bearer: string, scopes?: string[], more: object = {}) =>
    call(auth.register({ bearer, body: { name: 'lamp', ...(scopes && { scopes }), ...more } }));

  it('are principals of their own, within their parent, without expiry', () => {
    const auth = relay();
    const { token, user_id } = register(auth).body;
    const lamp = child(auth, token, ['write:/lamp/**', 'admin:/lamp']);
    expect(lamp).toMatchObject({ status: 200, body: { scopes: ['write:/lamp/**'], expires_at: null } });
    const grant = enter(auth, lamp.body.token);
    expect(grant.subject).toBe(lamp.body.user_id);
    expect(grant.subject).not.toBe(user_id);
    now += 1e12;
    expect(codeOf(() => enter(auth, lamp.body.token))).toBe(0);
    expect(codeOf(() => enter(auth, token))).toBe(302);
  });

  it('follow their parent when it is narrowed, disabled, enabled and deleted', () => {
    const auth = relay();
    const { token, user_id } = register(auth).body;
    const lamp = child(auth, token, ['write:/lamp/**', 'read:/**']).body.token;
    const change = (body: object) => call(auth.changeUser(user_id, asAdmin(body))).status;
    let ends = endOf(enter(auth, lamp));
    expect(change({ scopes: ['read:/**'] })).toBe(200);
    expect(ends).toEqual(['302 rights changed', '|']);
    expect(scopesOf(enter(auth, lamp))).toEqual(['read:/**']);
    ends = endOf(enter(auth, lamp));
    change({ disabled: true });
    expect([ends, codeOf(() => enter(auth, lamp)), codeOf(() => enter(auth, token))]).toEqual([
      ['302 token revoked', '|'],
      300,
      300,
    ]);
    change({ disabled: false, scopes: null });
    expect(scopesOf(enter(auth, lamp))).toEqual(['write:/lamp/**', 'read:/**']);
    ends = endOf(enter(auth, lamp));
    expect(call(auth.removeUser(user_id, asAdmin())).status).toBe(200);
    expect(ends).toEqual(['302 token revoked', '|']);
    expect([lamp, token].map((one) => codeOf(() => enter(auth, one)))).toEqual([300, 300]);
  });

  it('are seen, disabled and removed by their parent, and by no other', () => {
    const auth = relay();
    const [ada, bob] = [register(auth).body.token, register(auth, 'bob').body.token];
    const { user_id: id, token: lamp } = child(auth, ada).body;
    expect(call(auth.children({ bearer: ada })).body).toMatchObject([{ user_id: id, kind: 'child', username: 'lamp' }]);
    expect(call(auth.children({ bearer: bob })).body).toEqual([]);
    expect(call(auth.changeUser(id, { bearer: bob, body: { disabled: true } })).status).toBe(403);
    expect(call(auth.changeUser(id, { bearer: ada, body: { scopes: ['admin:/**'] } })).status).toBe(403);
    expect(call(auth.changeUser(id, { bearer: lamp, body: { scopes: ['admin:/**'] } })).status).toBe(403);
    expect(call(auth.changeUser(id, { bearer: ada, body: { disabled: true } })).status).toBe(200);
    expect(call(auth.removeUser(id, { bearer: bob })).status).toBe(403);
    expect(call(auth.removeUser(id, { bearer: ada })).status).toBe(200);
  });

  it('are not had by guests, children, the administrator or nobody, nor without a scope or a name', () => {
    const auth = relay();
    const ada = register(auth).body.token;
    const guest = call(auth.guest({ body: {} })).body.token;
    const lamp = child(auth, ada).body.token;
    expect([guest, lamp, ADMIN, 'bad'].map((bearer) => child(auth, bearer).status)).toEqual([403, 403, 403, 401]);
    expect(child(auth, ada, ['admin:/**']).status).toBe(403);
    expect(child(auth, ada, undefined, { name: 1 }).status).toBe(400);
    expect(child(auth, ada, undefined, { expires_in: -1 }).status).toBe(400);
    expect(child(auth, ada, undefined, { expires_in: 60 }).body.expires_at).toBe(START / 1000 + 60);
  });
});

describe('tokens', () => {
  it('are refreshed: the old one ends after a minute, rights stay narrowed', () => {
    const auth = relay();
    const { token } = register(auth, 'ada', { scopes: ['read:/a'] }).body;
    now += 80_000_000;
    const fresh = call(auth.refresh({ bearer: token })).body;
    expect(fresh).toMatchObject({ scopes: ['read:/a'], expires_at: Math.floor(now / 1000) + 86_400 });
    expect(enter(auth, token).expiresAt).toBe(now + 60_000);
    now += 60_000;
    expect([codeOf(() => enter(auth, token)), codeOf(() => enter(auth, fresh.token))]).toEqual([302, 0]);
    expect(call(auth.refresh({ bearer: token })).status).toBe(401);
    expect(call(auth.refresh({ bearer: ADMIN })).status).toBe(403);
  });

  it('end when they are logged out, one or all', () => {
    const auth = relay();
    const [a, b] = [register(auth).body.token, login(auth).body.token];
    const [endA, endB] = [endOf(enter(auth, a)), endOf(enter(auth, b))];
    auth.logout({ bearer: a });
    expect([endA, endB]).toEqual([['302 token revoked', '|'], []]);
    const c = login(auth).body.token;
    auth.logout({ bearer: c, body: { all: true } });
    expect(endB).toEqual(['302 token revoked', '|']);
    expect([a, b, c].map((token) => codeOf(() => enter(auth, token)))).toEqual([300, 300, 300]);
  });

  it('last as long as the configuration says, or for ever', () => {
    expect(register(relay({ tokenTtl: 60 }), 'ada').body.expires_at).toBe(START / 1000 + 60);
    const auth = relay({ tokenTtl: 0 });
    const { token, expires_at } = register(auth, 'bob').body;
    now += 1e13;
    expect([expires_at, codeOf(() => enter(auth, token))]).toEqual([null, 0]);
  });

  it('are kept as hashes only, and stand in no answer, error or list (attack 20)', () => {
    const auth = relay();
    const seen: string[] = [];
    const secrets: string[] = ['correct horse', ADMIN];
    const told = (answer: ReturnType<typeof call>) => {
      const { token, ...rest } = answer.body;
      if (token !== undefined) secrets.push(token);
      seen.push(JSON.stringify(rest));
    };
    told(register(auth));
    told(login(auth));
    told(call(auth.issueToken(asAdmin({ scopes: ['read:/**'] }))));
    told(call(auth.tokens(asAdmin())));
    told(call(auth.users(asAdmin())));
    told(call(auth.me({ bearer: secrets[2] as string })));
    seen.push(JSON.stringify((store as MemoryAuthStore).read((tables) => wait(tables.tokens()))));
    for (const secret of secrets) expect(seen.join()).not.toContain(secret);
    expect(secrets).toHaveLength(5);
  });

  it('of the configuration come in, by themselves or by their hash, until the configuration no longer has them', () => {
    const tokens = [
      staticToken({ token: 'desk-secret', scopes: ['w:/desk/**'], name: 'desk' }),
      staticToken({ sha256: 'd74ff0ee8da3b9806b18c877dbf29bbde50b5bd8e4dad7a3a725000feb82e8f1' }),
      { ...staticToken({ token: 'old-secret' }), expiresAt: START },
    ];
    const auth = relay({ tokens });
    const desk = enter(auth, 'desk-secret');
    expect(desk).toMatchObject({ subject: 'static:desk', expiresAt: undefined });
    expect(scopesOf(desk)).toEqual(['write:/desk/**']);
    expect(enter(auth, 'pass').subject).toBe('static:d74ff0ee8da3b980');
    expect(enter(auth, ADMIN).subject).toBe('admin:file');
    expect(codeOf(() => enter(auth, 'old-secret'))).toBe(302);
    const [ends, goesOn] = [endOf(desk), endOf(enter(auth, ADMIN))];
    auth.reconfigure([], ADMIN);
    expect([ends, goesOn]).toEqual([['302 token revoked', '|'], []]);
    auth.reconfigure([], 'another-admin-token');
    expect(goesOn).toEqual(['302 token revoked', '|']);
    expect(codeOf(() => enter(auth, ADMIN))).toBe(300);
  });

  it.each([
    undefined,
    '',
    'unknown',
    'ext_x',
    'cpsk_',
    `cpsk_${'0'.repeat(32)}`,
    "' OR 1=1 --",
    '\0',
    'x'.repeat(1000),
    'x'.repeat(100_000),
    'cap_AA',
    'ent_AA',
  ])('are refused with 300 where they are none (SEC): %j', (token) => {
    expect(codeOf(() => enter(relay(), token))).toBe(300);
  });

  it('mutated give only 300 (attack 25)', () => {
    const auth = relay();
    const good = register(auth).body.token as string;
    const edit = fc.tuple(fc.nat(good.length), fc.string({ unit: 'binary', maxLength: 3 }), fc.nat(3));
    fc.assert(
      fc.property(edit, ([at, text, drop]) => {
        const token = good.slice(0, at) + text + good.slice(at + drop);
        if (token !== good) expect(codeOf(() => enter(auth, token === '' ? 'x' : token))).toBe(300);
      }),
      { numRuns: Number(process.env['FC_RUNS'] ?? 0) >= 10_000 ? 1_000_000 : 10_000 },
    );
  }, 1_800_000);

  it('are not needed where anonymous scopes say so', () => {
    const auth = relay({ anonymous: ['read:/public/**'] });
    const grant = enter(auth);
    expect([grant.subject, scopesOf(grant)]).toEqual([undefined, ['read:/public/**']]);
    expect(codeOf(() => enter(auth, 'bad'))).toBe(300);
  });
});

describe('administration', () => {
  const calls: [string, (auth: Authority, request: AuthRequest) => unknown][] = [
    ['users', (auth, request) => auth.users(request)],
    ['changeUser', (auth, request) => auth.changeUser('x', { ...request, body: { disabled: true } })],
    ['removeUser', (auth, request) => auth.removeUser('x', request)],
    ['issueToken', (auth, request) => auth.issueToken({ ...request, body: { scopes: [] } })],
    ['tokens', (auth, request) => auth.tokens(request)],
    ['revokeToken', (auth, request) => auth.revokeToken('x', request)],
    ['revoke', (auth, request) => auth.revoke({ ...request, body: { id: '0'.repeat(32) } })],
    ['revocations', (auth, request) => auth.revocations(request)],
    ['withdrawRevocation', (auth, request) => auth.withdrawRevocation('x', request)],
  ];

  it.each(calls)('%s needs admin on every address (ADM-01 to 03)', (_, act) => {
    const tokens = [
      staticToken({ token: 'reads', scopes: ['read:/**'] }),
      staticToken({ token: 'writes', scopes: ['write:/**'] }),
      staticToken({ token: 'part', scopes: ['admin:/devices/**'] }),
    ];
    const auth = relay({ tokens });
    const status = (bearer?: string) => call(act(auth, bearer === undefined ? {} : { bearer })).status;
    expect([status(), status('bad'), status('reads'), status('writes'), status('part')]).toEqual([
      401, 401, 403, 403, 403,
    ]);
    expect([200, 201, 404]).toContain(status(ADMIN));
  });

  it('issues tokens, lists and revokes them', () => {
    const auth = relay();
    const { body, status } = call(auth.issueToken(asAdmin({ scopes: ['W:/a'], name: 'desk', expires_in: 60 })));
    expect(status).toBe(201);
    expect(body).toMatchObject({ subject: 'static:desk', scopes: ['write:/a'], expires_at: START / 1000 + 60 });
    const grant = enter(auth, body.token);
    expect([grant.id, grant.subject, scopesOf(grant)]).toEqual([body.id, 'static:desk', ['write:/a']]);
    expect(call(auth.tokens(asAdmin(), 'static:desk')).body).toMatchObject([{ id: body.id, subject: 'static:desk' }]);
    const ends = endOf(grant);
    expect(call(auth.revokeToken(body.id, asAdmin())).status).toBe(200);
    expect([ends, codeOf(() => enter(auth, body.token))]).toEqual([['302 token revoked', '|'], 300]);
    expect(call(auth.issueToken(asAdmin({ scopes: ['x'] }))).status).toBe(400);
    expect(call(auth.issueToken(asAdmin({}))).status).toBe(400);
    expect(call(auth.issueToken(asAdmin({ scopes: [], subject: 'admin:file' }))).status).toBe(400);
  });

  it('a token issued for a user ends with the user', () => {
    const auth = relay();
    const { user_id } = register(auth).body;
    const { token } = call(auth.issueToken(asAdmin({ scopes: ['admin:/x'], subject: user_id }))).body;
    const ends = endOf(enter(auth, token));
    auth.changeUser(user_id, asAdmin({ disabled: true }));
    expect([ends, login(auth).status, codeOf(() => enter(auth, token))]).toEqual([
      ['302 token revoked', '|'],
      403,
      300,
    ]);
  });

  it('renames users, but to no other’s name', () => {
    const auth = relay();
    const { user_id } = register(auth).body;
    register(auth, 'bob');
    expect(call(auth.changeUser(user_id, asAdmin({ username: 'BOB' }))).status).toBe(409);
    expect(call(auth.changeUser(user_id, asAdmin({ username: 'eve' }))).body).toMatchObject({ username: 'eve' });
    expect(login(auth, 'eve').status).toBe(200);
    expect(call(auth.changeUser(user_id, asAdmin({ disabled: 'no' }))).status).toBe(400);
    expect(call(auth.changeUser('none', asAdmin({}))).status).toBe(404);
  });
});

describe('capability and entity tokens', () => {
  const file = new URL('../../testing/vectors/cap-tokens.json', import.meta.url);
  const { keys } = JSON.parse(readFileSync(file, 'utf8'));
  const [A, B] = [keys.A, keys.B];
  const expiresAt = START / 1000 + 3600;
  const root = mintCapability(
    { key: A.seedHex, scopes: ['write:/a/**'], expiresAt, audience: B.publicHex },
    crypto,
  ) as string;
  const leafOf = (seconds = expiresAt) =>
    delegateCapability(root, { key: B.seedHex, scopes: ['write:/a/1'], expiresAt: seconds }, crypto) as string;

  it('come in under a trust anchor, the second time without arithmetic', () => {
    let verified = 0;
    const counted = {
      ...crypto,
      verify: (...all: Parameters<typeof crypto.verify>) => {
        verified++;
        return crypto.verify(...all);
      },
    };
    const auth = relay({ trustAnchors: [A.publicHex], crypto: counted });
    const leaf = leafOf();
    const grant = enter(auth, leaf);
    expect([grant.subject, grant.expiresAt, scopesOf(grant)]).toEqual([
      `cap:${grant.id}`,
      expiresAt * 1000,
      ['write:/a/1'],
    ]);
    expect(verified).toBe(2);
    enter(auth, leaf);
    expect(verified).toBe(2);
    // A new leaf with the same link: its own signature only. A link with another signature is not taken for it.
    enter(auth, leafOf());
    expect(verified).toBe(3);
    const leafBytes = decodeCapability(leafOf());
    const link = { ...(leafBytes.proofs[0] as CapabilityLink), signature: new Uint8Array(64) };
    const signature = crypto.sign(
      fromHex(B.seedHex) as Uint8Array,
      signedBytes(1n, leafBytes, leafBytes.terms, [link]),
    );
    const forged = encodeCapability({ ...leafBytes, proofs: [link], signature });
    expect(() => enter(auth, forged)).toThrow('signature of link 0');
    now = expiresAt * 1000;
    expect(codeOf(() => enter(auth, leaf))).toBe(302);
    expect(codeOf(() => enter(relay(), leaf))).toBe(300);
    expect(auth.trustAnchors()).toEqual({ status: 200, body: { anchors: [A.publicHex], cap_max_depth: 5 } });
  });

  it.each([
    ['the token', (leaf: string) => ({ token: leaf })],
    ['its link', () => ({ token: root })],
    ['the key of its issuer', () => ({ issuer: B.publicHex.toUpperCase() })],
    ['the key of its root', () => ({ issuer: A.publicHex })],
  ])('end at once when %s is revoked, and come in again when that is withdrawn (attack 5)', (_, body) => {
    const auth = relay({ trustAnchors: [A.publicHex] });
    const leaf = leafOf();
    const ends = endOf(enter(auth, leaf));
    const answer = call(auth.revoke(asAdmin(body(leaf))));
    expect(answer.status).toBe(201);
    expect([ends, codeOf(() => enter(auth, leaf))]).toEqual([['302 token revoked', '|'], 300]);
    // Another relay on the same store, as after a restart.
    expect(codeOf(() => enter(relay({ trustAnchors: [A.publicHex] }), leaf))).toBe(300);
    expect(call(auth.revocations(asAdmin())).body).toMatchObject([{ id: answer.body.id }]);
    expect(call(auth.withdrawRevocation(answer.body.id, asAdmin())).status).toBe(200);
    expect(codeOf(() => enter(auth, leaf))).toBe(0);
  });

  it.each([
    [{}],
    [{ id: 'x' }],
    [{ issuer: '00' }],
    [{ token: 'cap_AA' }],
    [{ id: '0'.repeat(32), issuer: '0'.repeat(64) }],
  ])('revoking %j is 400', (body) => {
    expect(call(relay().revoke(asAdmin(body))).status).toBe(400);
  });

  it('a revocation that falls into the middle of a verification is not missed', async () => {
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const slow = {
      ...crypto,
      verify: async (...all: Parameters<typeof crypto.verify>) => {
        await gate;
        return crypto.verify(...all);
      },
    };
    const auth = relay({ trustAnchors: [A.publicHex], crypto: slow });
    const leaf = leafOf();
    const entering = Promise.resolve(auth.authenticate(leaf));
    await auth.revoke(asAdmin({ token: leaf }));
    release();
    const ends = endOf(await entering);
    await expect.poll(() => ends).toEqual(['302 token revoked', '|']);
    await expect(auth.authenticate(leaf)).rejects.toMatchObject({ code: 300 });
  });

  it('entities come in as the registry says, and go when it says so', () => {
    const rights = {
      publicKey: fromHex(A.publicHex) as Uint8Array,
      status: 'active',
      scopes: ['write:/**'],
      namespaces: ['/lamp'],
    };
    let known = rights as EntityRights;
    const auth = relay({ entity: (id) => (id === A.entityId ? known : undefined) });
    const token = mintEntityToken(fromHex(A.seedHex) as Uint8Array, { now, crypto }) as string;
    const grant = enter(auth, token);
    expect([grant.subject, scopesOf(grant)]).toEqual([A.entityId, ['read:/**', 'write:/lamp/**']]);
    const ends = endOf(grant);
    auth.entityChanged(A.entityId);
    expect(ends).toEqual([]);
    known = { ...known, status: 'suspended' };
    auth.entityChanged(A.entityId);
    expect([ends, codeOf(() => enter(auth, token))]).toEqual([['302 token revoked', '|'], 300]);
  });

  it('tell the log of an anchor that a published relay would have taken for a seed', () => {
    const { token, anchors } = JSON.parse(readFileSync(file, 'utf8')).tokens.find(
      ({ name }: { name: string }) => name === 'anchor-file-confusion',
    );
    expect(codeOf(() => enter(relay({ trustAnchors: anchors }), token))).toBe(300);
    expect(hints).toHaveLength(1);
  });

  it('are not begun with under an anchor that is none (attack 4)', () => {
    expect(() => relay({ trustAnchors: ['00'.repeat(32)] })).toThrow(expect.objectContaining({ code: 402 }));
    expect(() => relay({ users: ['rd:/'] })).toThrow(expect.objectContaining({ code: 202 }));
  });
});

describe('grants in use', () => {
  it('are forgotten when nobody uses them any more', () => {
    const auth = relay();
    const { token } = register(auth).body;
    const using = Array.from({ length: 10 }, () => enter(auth, token).ended.subscribe());
    expect(auth.liveGrants).toBe(10);
    for (const one of using) one.unsubscribe();
    expect(auth.liveGrants).toBe(0);
  });

  it('end also when the withdrawal came before anybody listened', () => {
    const auth = relay();
    const { token } = register(auth).body;
    const grant = enter(auth, token);
    auth.logout({ bearer: token });
    expect(endOf(grant)).toEqual(['302 token revoked', '|']);
  });

  it('end when another process withdraws them, and a disk that fails ends none', () => {
    const shared = store;
    let elsewhere = false;
    let broken = false;
    const watched: AuthStore = {
      read: (work) => {
        if (broken) throw new Error('disk');
        return shared.read(work);
      },
      write: (work) => shared.write(work),
      changedElsewhere: () => elsewhere,
      close: () => undefined,
    };
    const auth = relay({ store: watched });
    const [a, b] = [register(auth).body, register(auth, 'bob').body];
    const [endA, endB] = [endOf(enter(auth, a.token)), endOf(enter(auth, b.token))];
    relay().logout({ bearer: a.token });
    auth.lookElsewhere();
    expect(endA).toEqual([]);
    elsewhere = true;
    broken = true;
    auth.lookElsewhere();
    expect([endA, endB]).toEqual([[], []]);
    broken = false;
    auth.lookElsewhere();
    expect([endA, endB]).toEqual([['302 token revoked', '|'], []]);
  });

  it('are pruned when they are over: tokens, guests, revocations', () => {
    const auth = relay();
    register(auth);
    const guest = call(auth.guest({ body: {} })).body.token;
    const kept = call(auth.issueToken(asAdmin({ scopes: [] }))).body.token;
    expect(auth.prune()).toBe(0);
    now += 86_400_000;
    expect(auth.prune()).toBe(3);
    expect([codeOf(() => enter(auth, guest)), codeOf(() => enter(auth, kept)), login(auth).status]).toEqual([
      300, 0, 200,
    ]);
  });
});

describe('rules', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:DB8::1', '2001:db8:0:0::/64'],
    ['2001:db8:0:0:5::1', '2001:db8:0:0::/64'],
    ['2001:0db8:0001::', '2001:db8:1:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
  ])('the address %s counts as %s', (address, key) => {
    expect(addressKey(address)).toBe(key);
  });

  it('count characters of names and bytes of passwords', () => {
    expect(nameFault('🦁🦁')).toBeUndefined();
    expect(nameFault('🦁')).toContain('Username');
    expect(passwordFault('🦁🦁', 6)).toBeUndefined();
    expect(passwordFault('abcde', 6)).toContain('Password');
  });
});
