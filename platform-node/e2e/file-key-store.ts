import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { KeyData, KeyStore, TofuRecord } from '../../operators/e2e/key-store.ts';

/**
 * Keys in a folder that only its owner may read (0700, files 0600). Each file is replaced as a whole, so that none is
 * ever half written. Rejects with a `ClaspError` 500 for what the disk refuses, or a file that somebody changed.
 */
export class FileKeyStore implements KeyStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  saveGroupKey(sessionId: string, data: KeyData): Promise<void> {
    return this.#save('key', sessionId, data);
  }

  loadGroupKey(sessionId: string): Promise<KeyData | null> {
    return this.#load<KeyData>('key', sessionId);
  }

  async deleteGroupKey(sessionId: string): Promise<void> {
    await rm(this.#path('key', sessionId), { force: true });
  }

  saveTofuRecord(id: string, record: TofuRecord): Promise<void> {
    return this.#save('peer', id, record);
  }

  loadTofuRecord(id: string): Promise<TofuRecord | null> {
    return this.#load<TofuRecord>('peer', id);
  }

  /** Ids are addresses and names of others: as they are they could lead out of the folder. */
  #path(kind: string, id: string): string {
    return join(this.#folder, `${kind}-${createHash('sha256').update(id).digest('hex').slice(0, 32)}.json`);
  }

  async #save(kind: string, id: string, data: object): Promise<void> {
    const path = this.#path(kind, id);
    const fresh = `${path}.${randomUUID()}`;
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      await writeFile(fresh, JSON.stringify({ id, ...data }), { mode: 0o600, flag: 'wx' });
      await rename(fresh, path);
    } catch (cause) {
      await rm(fresh, { force: true }).catch(() => undefined);
      throw new ClaspError(ErrorCode.Internal, `keys cannot be written to ${this.#folder}`, { cause });
    }
  }

  async #load<T>(kind: string, id: string): Promise<T | null> {
    const path = this.#path(kind, id);
    try {
      const { id: _, ...data } = JSON.parse(await readFile(path, 'utf8'));
      return data as T;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
      // What a parser says of JSON quotes it, and with it a key.
      throw new ClaspError(ErrorCode.Internal, `the key file ${path} cannot be read`);
    }
  }
}
