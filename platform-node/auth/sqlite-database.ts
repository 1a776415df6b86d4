import { closeSync, openSync } from 'node:fs';
import { ClaspError, ErrorCode } from '../../core/errors.ts';

/** What SQLite takes and gives here. */
export type SqliteValue = string | number | null;

export interface SqliteStatement {
  run(...values: SqliteValue[]): unknown;
  get(...values: SqliteValue[]): unknown;
  all(...values: SqliteValue[]): unknown[];
}

/** The part that `node:sqlite` and `better-sqlite3` have in common. */
export interface SqliteDatabase {
  exec(sql: string): unknown;
  prepare(sql: string): SqliteStatement;
  close(): void;
}

const PACKAGE = 'better-sqlite3';

/** Opens, or makes with 0600, a database: by Node itself where it has SQLite, else by the package `better-sqlite3`. */
export type OpenSqlite = (path: string) => SqliteDatabase;

/**
 * The SQLite that this process has. Rejects with a `ClaspError` 501 that names the package to install where it has
 * none.
 */
export async function loadSqlite(): Promise<OpenSqlite> {
  const own = await ownSqlite();
  if (own) return (path) => new own(path);
  try {
    const { default: Database }: { default: new (path: string) => SqliteDatabase } = await import(PACKAGE);
    return (path) => new Database(path);
  } catch (cause) {
    const reason = `a database needs SQLite, which this Node has not: npm install ${PACKAGE}@12`;
    throw new ClaspError(ErrorCode.NotEnabled, reason, { cause });
  }
}

async function ownSqlite(): Promise<(new (path: string) => SqliteDatabase) | undefined> {
  // Node 20 has no such module, and its types do not know it.
  const name: string = 'node:sqlite';
  try {
    return (await import(name)).DatabaseSync;
  } catch {
    return undefined;
  }
}

/**
 * Opens a database for several processes, whose commits are on the disk when they return. Throws a `ClaspError` 500
 * that says what is wrong with the file.
 */
export function openDatabase(open: OpenSqlite, path: string): SqliteDatabase {
  let database: SqliteDatabase | undefined;
  try {
    // Made here, so that nobody else can read it for a moment; SQLite gives its other files the same rights.
    if (path !== ':memory:') closeSync(openSync(path, 'a', 0o600));
    database = open(path);
    database.exec('PRAGMA busy_timeout = 5000');
    database.exec('PRAGMA journal_mode = WAL');
    database.exec('PRAGMA synchronous = FULL');
    database.exec('PRAGMA foreign_keys = ON');
    return database;
  } catch (cause) {
    database?.close();
    throw databaseError(path, cause);
  }
}

/** A failure of SQLite in words: which file, and what is wrong with it. */
export function databaseError(path: string, cause: unknown): ClaspError {
  if (cause instanceof ClaspError) return cause;
  const text = cause instanceof Error ? cause.message : String(cause);
  const { code } = cause as { code?: string };
  const known: readonly [pattern: RegExp, words: string][] = [
    [/not a database|malformed/i, 'is not a SQLite database, or a broken one'],
    [/readonly|EACCES|EPERM|EROFS/i, 'cannot be written: check who owns it'],
    [/unable to open|ENOENT|EISDIR|ENOTDIR/i, 'cannot be opened: is there such a folder?'],
    [/full|ENOSPC/i, 'cannot grow: the disk is full'],
    [/locked|busy/i, 'is locked by another process'],
  ];
  const words = known.find(([pattern]) => pattern.test(`${code ?? ''} ${text}`))?.[1] ?? `failed: ${text}`;
  return new ClaspError(ErrorCode.Internal, `the database ${path} ${words}`, { cause });
}
