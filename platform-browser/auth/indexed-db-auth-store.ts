import { type Answer, follow, type Steps, wait } from '../../core/answer.ts';
import { type Account, type AuthStore, type AuthTables, nameKey } from '../../core/auth/auth-store.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';

const STORES = ['accounts', 'tokens', 'revocations'] as const;
type Store = (typeof STORES)[number];

/**
 * Users, tokens and revocations in IndexedDB, for a relay in a tab. Rejects with a `ClaspError` 500 where the browser
 * keeps nothing.
 *
 * @param name tells the databases of one origin apart
 */
export async function indexedDbAuthStore(name = 'clasp-auth'): Promise<AuthStore> {
  const database = await new Promise<IDBDatabase>((resolve, reject) => {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => {
      const accounts = request.result.createObjectStore('accounts', { keyPath: 'id' });
      accounts.createIndex('named', 'userKey');
      accounts.createIndex('of', 'parent');
      request.result.createObjectStore('tokens', { keyPath: 'hash' }).createIndex('of', 'subject');
      request.result.createObjectStore('revocations', { keyPath: 'id' });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(failed(request.error));
  });
  return new IndexedDbAuthStore(database);
}

/** An account with what users are found by. */
type KeptAccount = Account & { readonly userKey?: string };

class IndexedDbAuthStore implements AuthStore {
  readonly #database: IDBDatabase;

  constructor(database: IDBDatabase) {
    this.#database = database;
  }

  read<T>(work: (tables: AuthTables) => Steps<T>): Promise<T> {
    return this.#transaction('readonly', work);
  }

  write<T>(work: (tables: AuthTables) => Steps<T>): Promise<T> {
    return this.#transaction('readwrite', work);
  }

  changedElsewhere(): boolean {
    // Another tab of this origin may have changed something: the database does not tell.
    return true;
  }

  close(): void {
    this.#database.close();
  }

  async #transaction<T>(mode: IDBTransactionMode, work: (tables: AuthTables) => Steps<T>): Promise<T> {
    const transaction = this.#database.transaction(STORES, mode, { durability: 'strict' });
    const committed = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(failed(transaction.error));
    });
    // What the work throws is told, not that its transaction was aborted.
    committed.catch(() => undefined);
    let result: T;
    try {
      result = await follow(work(tablesOf(transaction)));
    } catch (cause) {
      transaction.abort();
      throw cause;
    }
    await committed;
    return result;
  }
}

function tablesOf(transaction: IDBTransaction): AuthTables {
  const ask = <T>(store: Store, act: (store: IDBObjectStore) => IDBRequest): Promise<T> =>
    new Promise((resolve, reject) => {
      const request = act(transaction.objectStore(store));
      request.onsuccess = () => resolve(request.result as T);
      request.onerror = () => reject(failed(request.error));
    });
  const change = (store: Store, act: (store: IDBObjectStore) => IDBRequest): Answer<void> =>
    ask<unknown>(store, act).then(() => undefined);

  function* userNamed(name: string): Steps<Account | undefined> {
    const named = yield* wait(ask<KeptAccount[]>('accounts', (store) => store.index('named').getAll(nameKey(name))));
    const found = named.find((account) => account.name === name) ?? named[0];
    return found && accountOf(found);
  }
  return {
    account: (id) =>
      ask<KeptAccount | undefined>('accounts', (store) => store.get(id)).then((it) => it && accountOf(it)),
    userNamed: (name) => follow(userNamed(name)),
    accounts: (parent) =>
      ask<KeptAccount[]>('accounts', (store) =>
        parent === undefined ? store.getAll() : store.index('of').getAll(parent),
      ).then((list) => list.map(accountOf)),
    putAccount: (account) =>
      change('accounts', (store) =>
        store.put(account.kind === 'user' ? { ...account, userKey: nameKey(account.name) } : account),
      ),
    dropAccount: (id) => change('accounts', (store) => store.delete(id)),
    token: (hash) => ask('tokens', (store) => store.get(hash)),
    tokens: (subject) =>
      ask('tokens', (store) => (subject === undefined ? store.getAll() : store.index('of').getAll(subject))),
    putToken: (token) => change('tokens', (store) => store.put(token)),
    dropToken: (hash) => change('tokens', (store) => store.delete(hash)),
    revocations: () => ask('revocations', (store) => store.getAll()),
    putRevocation: (revocation) => change('revocations', (store) => store.put(revocation)),
    dropRevocation: (id) => change('revocations', (store) => store.delete(id)),
  };
}

function accountOf({ userKey: _, ...account }: KeptAccount): Account {
  return account;
}

function failed(cause: unknown): ClaspError {
  return new ClaspError(ErrorCode.Internal, 'users and tokens cannot be kept in this browser', { cause });
}
