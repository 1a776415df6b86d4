import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { KeyData, KeyStore, TofuRecord } from '../../operators/e2e/key-store.ts';

const KEYS = 'group-keys';
const RECORDS = 'tofu-records';

/**
 * Keys in IndexedDB, in the database of the published package: what one of both has kept the other reads. Rejects with
 * a `ClaspError` 500 for what the browser refuses.
 */
export class IndexedDBKeyStore implements KeyStore {
  readonly #name: string;
  #database: Promise<IDBDatabase> | undefined;

  /** @param appName tells the databases of one origin apart */
  constructor(appName: string) {
    this.#name = `clasp-crypto-${appName}`;
  }

  async saveGroupKey(sessionId: string, { key, storedAt }: KeyData): Promise<void> {
    await this.#in(KEYS, 'readwrite', (store) => store.put({ sessionId, key, storedAt }));
  }

  async loadGroupKey(sessionId: string): Promise<KeyData | null> {
    const found = await this.#in<KeyData | undefined>(KEYS, 'readonly', (store) => store.get(sessionId));
    return found ? { key: found.key, storedAt: found.storedAt } : null;
  }

  async deleteGroupKey(sessionId: string): Promise<void> {
    await this.#in(KEYS, 'readwrite', (store) => store.delete(sessionId));
  }

  async saveTofuRecord(id: string, { fingerprint, firstSeen }: TofuRecord): Promise<void> {
    await this.#in(RECORDS, 'readwrite', (store) => store.put({ id, fingerprint, firstSeen }));
  }

  async loadTofuRecord(id: string): Promise<TofuRecord | null> {
    const found = await this.#in<TofuRecord | undefined>(RECORDS, 'readonly', (store) => store.get(id));
    return found ? { fingerprint: found.fingerprint, firstSeen: found.firstSeen } : null;
  }

  async #in<T>(name: string, mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest): Promise<T> {
    const database = await this.#open();
    return new Promise((resolve, reject) => {
      const transaction = database.transaction(name, mode);
      const request = act(transaction.objectStore(name));
      // Not when the request has succeeded: what is written is safe when the transaction is.
      transaction.oncomplete = () => resolve(request.result as T);
      const refused = () => reject(failed(transaction.error));
      transaction.onabort = refused;
      transaction.onerror = refused;
    });
  }

  #open(): Promise<IDBDatabase> {
    this.#database ??= new Promise((resolve, reject) => {
      const request = indexedDB.open(this.#name, 1);
      request.onupgradeneeded = () => {
        request.result.createObjectStore(KEYS, { keyPath: 'sessionId' });
        request.result.createObjectStore(RECORDS, { keyPath: 'id' });
      };
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => {
        this.#database = undefined;
        reject(failed(request.error));
      };
    });
    return this.#database;
  }
}

function failed(cause: unknown): ClaspError {
  return new ClaspError(ErrorCode.Internal, 'keys cannot be kept in this browser', { cause });
}
