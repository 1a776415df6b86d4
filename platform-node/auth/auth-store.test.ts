// What every store of users and tokens must do, tried on each of them.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import 'fake-indexeddb/auto';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Answer, type Steps, wait } from '../../core/answer.ts';
import {
  type Account,
  type AuthStore,
  type AuthTables,
  MemoryAuthStore,
  type TokenRecord,
} from '../../core/auth/auth-store.ts';
import { indexedDbAuthStore } from '../../platform-browser/auth/indexed-db-auth-store.ts';
import { SqliteAuthStore, sqliteAuthStore } from './sqlite-auth-store.ts';
import { databaseError } from './sqlite-database.ts';

let folder = '';
let file = '';
let opened: AuthStore[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'clasp-rx-auth-'));
  file = join(folder, 'relay-auth.db');
});
afterEach(async () => {
  for (const store of opened) await store.close();
  opened = [];
  rmSync(folder, { recursive: true, force: true });
});

const user = (id: string, more: Partial<Account> = {}): Account => ({
  id,
  kind: 'user',
  name: id,
  passwordHash: '$argon2id$…',
  parent: undefined,
  scopes: undefined,
  disabled: false,
  createdAt: 1_700_000_000_000,
  expiresAt: undefined,
  ...more,
});
const token = (hash: string, subject: string, more: Partial<TokenRecord> = {}): TokenRecord => ({
  hash,
  subject,
  issued: false,
  scopes: undefined,
  name: undefined,
  createdAt: 1,
  expiresAt: undefined,
  ...more,
});
/** One answer of the tables. */
const ask =
  <T>(question: (tables: AuthTables) => Answer<T>) =>
  (tables: AuthTables): Steps<T> =>
    wait(question(tables));

const kinds: [string, boolean, () => Answer<AuthStore>][] = [
  ['MemoryAuthStore', false, () => new MemoryAuthStore()],
  ['sqliteAuthStore', true, () => sqliteAuthStore(file)],
  ['indexedDbAuthStore', true, () => indexedDbAuthStore(folder)],
];

describe.each(kinds)('%s', (_, lasting, open) => {
  const start = async (): Promise<AuthStore> => {
    const store = await open();
    opened.push(store);
    return store;
  };

  it('gives back what was put, all of it, and changes and drops it', async () => {
    const store = await start();
    const full = user('u-1', { name: 'Ada Löwe', scopes: ['read:/**'], disabled: true });
    const guest = user('g-1', { kind: 'guest', passwordHash: '', expiresAt: 5 });
    const child = user('c-1', { kind: 'child', passwordHash: '', parent: 'u-1', scopes: [] });
    const issued = token('ab', 'u-1', { issued: true, scopes: ['write:/a'], name: 'desk', expiresAt: 9 });
    await store.write(function* (tables) {
      for (const account of [full, guest, child]) yield* wait(tables.putAccount(account));
      for (const one of [issued, token('cd', 'g-1')]) yield* wait(tables.putToken(one));
      yield* wait(tables.putRevocation({ id: 'r', createdAt: 1, expiresAt: 2 }));
      yield* wait(tables.putRevocation({ id: 's', createdAt: 1, expiresAt: undefined }));
    });
    expect(await store.read(ask(({ account }) => account('u-1')))).toEqual(full);
    expect(await store.read(ask(({ account }) => account('g-1')))).toEqual(guest);
    expect(await store.read(ask(({ account }) => account('none')))).toBeUndefined();
    expect(await store.read(ask(({ accounts }) => accounts('u-1')))).toEqual([child]);
    expect((await store.read(ask(({ accounts }) => accounts()))).map(({ id }) => id).sort()).toEqual([
      'c-1',
      'g-1',
      'u-1',
    ]);
    expect(await store.read(ask((tables) => tables.token('ab')))).toEqual(issued);
    expect(await store.read(ask((tables) => tables.token('none')))).toBeUndefined();
    expect(await store.read(ask(({ tokens }) => tokens('u-1')))).toEqual([issued]);
    expect(await store.read(ask(({ tokens }) => tokens()))).toHaveLength(2);
    expect(await store.read(ask(({ revocations }) => revocations()))).toHaveLength(2);

    await store.write(function* (tables) {
      yield* wait(tables.putAccount({ ...full, disabled: false, scopes: undefined }));
      yield* wait(tables.dropAccount('g-1'));
      yield* wait(tables.dropToken('cd'));
      yield* wait(tables.dropRevocation('s'));
      for (const nothing of ['x', 'y']) yield* wait(tables.dropToken(nothing));
    });
    expect(await store.read(ask(({ account }) => account('u-1')))).toEqual({
      ...full,
      disabled: false,
      scopes: undefined,
    });
    expect(await store.read(ask(({ account }) => account('g-1')))).toBeUndefined();
    expect(await store.read(ask(({ tokens }) => tokens()))).toEqual([issued]);
    expect(await store.read(ask(({ revocations }) => revocations()))).toEqual([
      { id: 'r', createdAt: 1, expiresAt: 2 },
    ]);
  });

  it('finds users by name without regard to case, the exact one first, and nobody else', async () => {
    const store = await start();
    await store.write(function* (tables) {
      yield* wait(tables.putAccount(user('1', { name: 'Zoë' })));
      yield* wait(tables.putAccount(user('2', { name: 'ZOË' })));
      yield* wait(tables.putAccount(user('3', { name: 'guest', kind: 'guest' })));
    });
    const named = (name: string) => store.read(ask(({ userNamed }) => userNamed(name)));
    expect((await named('ZOË'))?.id).toBe('2');
    expect((await named('Zoë'))?.id).toBe('1');
    // The accent as a character of its own.
    expect(['1', '2']).toContain((await named('zoe\u0308'))?.id);
    expect(await named('guest')).toBeUndefined();
    expect(await named("' OR 1=1 --")).toBeUndefined();
  });

  it('keeps all of a transaction or nothing', async () => {
    const store = await start();
    await store.write(ask(({ putAccount }) => putAccount(user('1'))));
    const act = async () =>
      store.write(function* (tables) {
        yield* wait(tables.putAccount(user('2')));
        yield* wait(tables.putAccount(user('1', { name: 'changed' })));
        yield* wait(tables.dropAccount('1'));
        throw new Error('no');
      });
    await expect(act()).rejects.toThrow('no');
    expect(await store.read(ask(({ accounts }) => accounts()))).toEqual([user('1')]);
    // And goes on.
    await store.write(ask(({ dropAccount }) => dropAccount('1')));
    expect(await store.read(ask(({ accounts }) => accounts()))).toEqual([]);
  });

  it('lets nobody else between the steps of one transaction', async () => {
    const store = await start();
    const add = async () =>
      store.write(function* (tables) {
        const before = yield* wait(tables.account('counter'));
        yield* wait(tables.putAccount(user('counter', { name: String(Number(before?.name ?? 0) + 1) })));
      });
    await Promise.all(Array.from({ length: 30 }, add));
    expect((await store.read(ask(({ account }) => account('counter'))))?.name).toBe('30');
  });

  it('keeps it over a restart, where it lasts', async () => {
    const store = await start();
    await store.write(ask(({ putToken }) => putToken(token('ab', 'u'))));
    await store.close();
    opened = [];
    const again = await start();
    expect(await again.read(ask(({ tokens }) => tokens()))).toHaveLength(lasting ? 1 : 0);
  });
});

describe('sqliteAuthStore', () => {
  it('opens the file of a published relay, whose names may differ by case only, and leaves it one', async () => {
    const published = new Database(file);
    published.exec(
      'CREATE TABLE users (id TEXT PRIMARY KEY, username TEXT UNIQUE NOT NULL, password_hash TEXT NOT NULL, created_at INTEGER NOT NULL)',
    );
    const insert = published.prepare('INSERT INTO users VALUES (?, ?, ?, ?)');
    insert.run('u-1', 'ada', 'hash-1', 1_700_000_000);
    insert.run('u-2', 'Ada', 'hash-2', 1_700_000_001);
    published.close();
    const store = await sqliteAuthStore(file);
    opened.push(store);
    expect(await store.read(ask(({ userNamed }) => userNamed('Ada')))).toEqual(
      user('u-2', { name: 'Ada', passwordHash: 'hash-2', createdAt: 1_700_000_001_000 }),
    );
    expect((await store.read(ask(({ userNamed }) => userNamed('ADA'))))?.id).toBe('u-1');
    await store.write(ask(({ putAccount }) => putAccount(user('u-3'))));
    // As the published relay asks.
    const reader = new Database(file, { readonly: true });
    expect(reader.prepare('SELECT id, username, password_hash, created_at FROM users WHERE id = ?').get('u-3')).toEqual(
      {
        id: 'u-3',
        username: 'u-3',
        password_hash: '$argon2id$…',
        created_at: 1_700_000_000,
      },
    );
    reader.close();
  });

  it('can be read by its owner only', async () => {
    const before = process.umask(0);
    try {
      opened.push(await sqliteAuthStore(file));
      for (const name of [file, `${file}-wal`, `${file}-shm`]) expect(statSync(name).mode & 0o777).toBe(0o600);
    } finally {
      process.umask(before);
    }
  });

  it('hears of what another process changes, and not of what it changes itself', async () => {
    const [one, other] = [await sqliteAuthStore(file), await sqliteAuthStore(file)];
    opened.push(one, other);
    expect(one.changedElsewhere()).toBe(false);
    await one.write(ask(({ putToken }) => putToken(token('ab', 'u'))));
    expect(one.changedElsewhere()).toBe(false);
    expect(other.changedElsewhere()).toBe(true);
    expect(other.changedElsewhere()).toBe(false);
    expect(await other.read(ask(({ tokens }) => tokens()))).toHaveLength(1);
  });

  it('has on the disk what it answered, also when the process is killed', async () => {
    const store = await sqliteAuthStore(file);
    opened.push(store);
    // Killed in the middle of a transaction, which holds the lock of the file.
    const script = `
      const database = new (require('better-sqlite3'))(process.argv[1]);
      database.exec('BEGIN IMMEDIATE');
      database.exec("INSERT INTO tokens VALUES ('zz', 'u', 0, NULL, NULL, 1, NULL)");
      process.stdout.write('ready');
      setInterval(() => 0, 1000);`;
    const killed = spawn(process.execPath, ['-e', script, file], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(killed.stdout, 'data');
    killed.kill('SIGKILL');
    await once(killed, 'exit');
    await store.write(ask(({ putToken }) => putToken(token('ab', 'u'))));
    const again = await sqliteAuthStore(file);
    opened.push(again);
    expect((await again.read(ask(({ tokens }) => tokens()))).map(({ hash }) => hash)).toEqual(['ab']);
  });

  it.each([
    [
      'a text file',
      () => writeFileSync(file, 'this is my shopping list, not a database\n'.repeat(100)),
      'is not a SQLite database',
    ],
    ['a folder that is not there', () => (file = join(folder, 'none', 'relay-auth.db')), 'cannot be opened'],
    ['a folder in its place', () => (file = folder), 'cannot be opened'],
  ])('says in one line what is wrong: %s', async (_, prepare, words) => {
    prepare();
    await expect(sqliteAuthStore(file)).rejects.toMatchObject({
      code: 500,
      reason: expect.stringMatching(new RegExp(`^the database ${file} ${words}[^\\n]*$`)),
    });
  });

  it.each([
    ['SQLITE_FULL', 'database or disk is full', 'cannot grow: the disk is full'],
    ['SQLITE_READONLY', 'attempt to write a readonly database', 'cannot be written: check who owns it'],
    ['EACCES', 'permission denied', 'cannot be written: check who owns it'],
    ['SQLITE_BUSY', 'database is locked', 'is locked by another process'],
    ['SQLITE_CORRUPT', 'database disk image is malformed', 'is not a SQLite database, or a broken one'],
    ['SQLITE_ERROR', 'no such column: x', 'failed: no such column: x'],
  ])('says what %s means', (code, message, words) => {
    const cause = Object.assign(new Error(message), { code });
    expect(databaseError('a.db', cause)).toMatchObject({ code: 500, reason: `the database a.db ${words}`, cause });
  });

  it('fails where the disk refuses, keeps what was there, and goes on when there is room again', async () => {
    let room = Number.POSITIVE_INFINITY;
    const store = new SqliteAuthStore(
      (path) => {
        const database = new Database(path);
        // As SQLite does where a page cannot be written: it rolls back by itself.
        database.function('room', () => {
          if (--room < 0) throw Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' });
          return 1;
        });
        database.exec('CREATE TEMP TRIGGER full BEFORE INSERT ON main.tokens BEGIN SELECT room(); END');
        return database;
      },
      await prepared(),
    );
    opened.push(store);
    const put = (hash: string) => ask(({ putToken }) => putToken(token(hash, 'u')));
    store.write(put('a'));
    room = 0;
    expect(() => store.write(put('b'))).toThrow(
      expect.objectContaining({ code: 500, reason: expect.stringContaining('full') }),
    );
    room = 1;
    store.write(put('c'));
    expect(store.read(ask(({ tokens }) => tokens())).map(({ hash }) => hash)).toEqual(['a', 'c']);
  });

  /** A file with its tables. */
  async function prepared(): Promise<string> {
    await (await sqliteAuthStore(file)).close();
    return file;
  }
});
