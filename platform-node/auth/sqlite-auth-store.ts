import { followNow, type Steps } from '../../core/answer.ts';
import {
  type Account,
  type AuthStore,
  type AuthTables,
  nameKey,
  type Revocation,
  type TokenRecord,
} from '../../core/auth/auth-store.ts';
import {
  databaseError,
  loadSqlite,
  type OpenSqlite,
  openDatabase,
  type SqliteDatabase,
  type SqliteStatement,
  type SqliteValue,
} from './sqlite-database.ts';

/**
 * The table of users is the published relay's, so that its file opens; what it has not comes in columns with defaults.
 * Guests and children have a table of their own: their names need not differ.
 */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS users (
    id TEXT PRIMARY KEY, username TEXT UNIQUE NOT NULL, password_hash TEXT NOT NULL, created_at INTEGER NOT NULL
  );
  CREATE TABLE IF NOT EXISTS members (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, parent TEXT, scopes TEXT,
    disabled INTEGER NOT NULL DEFAULT 0, created_at INTEGER NOT NULL, expires_at INTEGER
  );
  CREATE INDEX IF NOT EXISTS members_of ON members (parent);
  CREATE TABLE IF NOT EXISTS tokens (
    hash TEXT PRIMARY KEY, subject TEXT NOT NULL, issued INTEGER NOT NULL DEFAULT 0, scopes TEXT, name TEXT, created_at INTEGER NOT NULL, expires_at INTEGER
  );
  CREATE INDEX IF NOT EXISTS tokens_of ON tokens (subject);
  CREATE TABLE IF NOT EXISTS revocations (id TEXT PRIMARY KEY, created_at INTEGER NOT NULL, expires_at INTEGER);
`;
const ADDED: Readonly<Record<string, string>> = {
  name_key: 'TEXT',
  scopes: 'TEXT',
  disabled: 'INTEGER NOT NULL DEFAULT 0',
};
const USERS =
  "SELECT id, 'user' AS kind, username AS name, password_hash, NULL AS parent, scopes, disabled, created_at * 1000 AS created_at, NULL AS expires_at FROM users";
const MEMBERS =
  "SELECT id, kind, name, '' AS password_hash, parent, scopes, disabled, created_at, expires_at FROM members";

/**
 * Users, tokens and revocations in a SQLite file, which a published relay's may be (`relay-auth.db`). Several processes
 * may share it. Rejects with a `ClaspError` 501 where there is no SQLite, 500 for a file that is none, or that cannot
 * be written.
 */
export async function sqliteAuthStore(path: string): Promise<AuthStore> {
  return new SqliteAuthStore(await loadSqlite(), path);
}

/** {@link sqliteAuthStore} over a SQLite that was loaded. Every answer comes at once. */
export class SqliteAuthStore implements AuthStore {
  readonly #path: string;
  readonly #database: SqliteDatabase;
  readonly #statements = new Map<string, SqliteStatement>();
  #version: number;

  readonly #tables: AuthTables = {
    account: (id) => this.#account(`${USERS} WHERE id = ?`, id) ?? this.#account(`${MEMBERS} WHERE id = ?`, id),
    userNamed: (name) =>
      this.#account(`${USERS} WHERE username = ?`, name) ?? this.#account(`${USERS} WHERE name_key = ?`, nameKey(name)),
    accounts: (parent) =>
      parent === undefined
        ? [...this.#all(USERS), ...this.#all(MEMBERS)].map(accountOf)
        : this.#all(`${MEMBERS} WHERE parent = ?`, parent).map(accountOf),
    putAccount: (account) => this.#putAccount(account),
    dropAccount: (id) => {
      this.#run('DELETE FROM users WHERE id = ?', id);
      this.#run('DELETE FROM members WHERE id = ?', id);
    },
    token: (hash) => {
      const row = this.#get('SELECT * FROM tokens WHERE hash = ?', hash);
      return row && tokenOf(row);
    },
    tokens: (subject) =>
      (subject === undefined
        ? this.#all('SELECT * FROM tokens')
        : this.#all('SELECT * FROM tokens WHERE subject = ?', subject)
      ).map(tokenOf),
    putToken: ({ hash, subject, issued, scopes, name, createdAt, expiresAt }) =>
      this.#run(
        'INSERT OR REPLACE INTO tokens (hash, subject, issued, scopes, name, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
        hash,
        subject,
        Number(issued),
        listText(scopes),
        name ?? null,
        createdAt,
        expiresAt ?? null,
      ),
    dropToken: (hash) => this.#run('DELETE FROM tokens WHERE hash = ?', hash),
    revocations: () => this.#all('SELECT * FROM revocations').map(revocationOf),
    putRevocation: ({ id, createdAt, expiresAt }) =>
      this.#run(
        'INSERT OR REPLACE INTO revocations (id, created_at, expires_at) VALUES (?, ?, ?)',
        id,
        createdAt,
        expiresAt ?? null,
      ),
    dropRevocation: (id) => this.#run('DELETE FROM revocations WHERE id = ?', id),
  };

  constructor(open: OpenSqlite, path: string) {
    this.#path = path;
    this.#database = openDatabase(open, path);
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      this.#prepareTables();
      this.#database.exec('COMMIT');
      this.#version = this.#dataVersion();
    } catch (cause) {
      this.#database.close();
      throw databaseError(path, cause);
    }
  }

  read<T>(work: (tables: AuthTables) => Steps<T>): T {
    return this.#transaction('BEGIN', work);
  }

  write<T>(work: (tables: AuthTables) => Steps<T>): T {
    return this.#transaction('BEGIN IMMEDIATE', work);
  }

  changedElsewhere(): boolean {
    const before = this.#version;
    this.#version = this.#dataVersion();
    return before !== this.#version;
  }

  close(): void {
    this.#database.close();
  }

  #transaction<T>(begin: string, work: (tables: AuthTables) => Steps<T>): T {
    this.#try(() => this.#database.exec(begin));
    try {
      const result = followNow(work(this.#tables));
      this.#try(() => this.#database.exec('COMMIT'));
      return result;
    } catch (cause) {
      try {
        this.#database.exec('ROLLBACK');
      } catch {
        // SQLite has rolled back itself, as on a full disk.
      }
      throw cause;
    }
  }

  #prepareTables(): void {
    this.#database.exec(SCHEMA);
    const columns = new Set(this.#all('PRAGMA table_info(users)').map(({ name }) => name));
    for (const [column, type] of Object.entries(ADDED)) {
      if (!columns.has(column)) this.#database.exec(`ALTER TABLE users ADD COLUMN ${column} ${type}`);
    }
    for (const { id, username } of this.#all('SELECT id, username FROM users WHERE name_key IS NULL')) {
      this.#run('UPDATE users SET name_key = ? WHERE id = ?', nameKey(String(username)), String(id));
    }
    // Not unique: a published relay tells names apart by case.
    this.#database.exec('CREATE INDEX IF NOT EXISTS users_named ON users (name_key)');
  }

  #putAccount({ id, kind, name, passwordHash, parent, scopes, disabled, createdAt, expiresAt }: Account): void {
    if (kind === 'user') {
      this.#run(
        `INSERT INTO users (id, username, password_hash, created_at, name_key, scopes, disabled) VALUES (?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET username = excluded.username, password_hash = excluded.password_hash,
         name_key = excluded.name_key, scopes = excluded.scopes, disabled = excluded.disabled`,
        id,
        name,
        passwordHash,
        Math.floor(createdAt / 1000),
        nameKey(name),
        listText(scopes),
        Number(disabled),
      );
      return;
    }
    this.#run(
      'INSERT OR REPLACE INTO members (id, kind, name, parent, scopes, disabled, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      id,
      kind,
      name,
      parent ?? null,
      listText(scopes),
      Number(disabled),
      createdAt,
      expiresAt ?? null,
    );
  }

  #account(sql: string, value: string): Account | undefined {
    const row = this.#get(sql, value);
    return row && accountOf(row);
  }

  #dataVersion(): number {
    return Number(this.#get('PRAGMA data_version')?.['data_version']);
  }

  #run(sql: string, ...values: SqliteValue[]): void {
    this.#try(() => this.#statement(sql).run(...values));
  }

  #get(sql: string, ...values: SqliteValue[]): Row | undefined {
    return this.#try(() => (this.#statement(sql).get(...values) as Row | undefined) ?? undefined);
  }

  #all(sql: string, ...values: SqliteValue[]): Row[] {
    return this.#try(() => this.#statement(sql).all(...values) as Row[]);
  }

  #statement(sql: string): SqliteStatement {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  #try<T>(act: () => T): T {
    try {
      return act();
    } catch (cause) {
      throw databaseError(this.#path, cause);
    }
  }
}

type Row = Readonly<Record<string, SqliteValue>>;

function accountOf(row: Row): Account {
  return {
    id: String(row['id']),
    kind: row['kind'] as Account['kind'],
    name: String(row['name']),
    passwordHash: String(row['password_hash']),
    parent: textOf(row['parent']),
    scopes: listOf(row['scopes']),
    disabled: Number(row['disabled']) !== 0,
    createdAt: Number(row['created_at']),
    expiresAt: timeOf(row['expires_at']),
  };
}

function tokenOf(row: Row): TokenRecord {
  return {
    hash: String(row['hash']),
    subject: String(row['subject']),
    issued: Number(row['issued']) !== 0,
    scopes: listOf(row['scopes']),
    name: textOf(row['name']),
    createdAt: Number(row['created_at']),
    expiresAt: timeOf(row['expires_at']),
  };
}

function revocationOf(row: Row): Revocation {
  return { id: String(row['id']), createdAt: Number(row['created_at']), expiresAt: timeOf(row['expires_at']) };
}

function textOf(value: SqliteValue | undefined): string | undefined {
  return value === null || value === undefined ? undefined : String(value);
}

function timeOf(value: SqliteValue | undefined): number | undefined {
  return value === null || value === undefined ? undefined : Number(value);
}

function listText(list: readonly string[] | undefined): string | null {
  return list === undefined ? null : JSON.stringify(list);
}

function listOf(value: SqliteValue | undefined): readonly string[] | undefined {
  return value === null || value === undefined ? undefined : JSON.parse(String(value));
}
