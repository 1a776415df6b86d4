import type { Answer } from '../../core/answer.ts';

/** Keys as JWK; which fields it has tells what it is the key of. */
export type StoredJwk = { readonly [field: string]: unknown };

/** A group key as it is kept. */
export interface KeyData {
  readonly key: StoredJwk;
  /** Milliseconds since the Unix epoch. */
  readonly storedAt: number;
}

/** By which key a participant was known first. */
export interface TofuRecord {
  readonly fingerprint: string;
  /** Milliseconds since the Unix epoch. */
  readonly firstSeen: number;
}

/** Where a session keeps its keys, as the published packages have it: at once, or later. */
export interface KeyStore {
  saveGroupKey(sessionId: string, data: KeyData): Answer<void>;
  loadGroupKey(sessionId: string): Answer<KeyData | null>;
  deleteGroupKey(sessionId: string): Answer<void>;
  saveTofuRecord(id: string, record: TofuRecord): Answer<void>;
  loadTofuRecord(id: string): Answer<TofuRecord | null>;
}

/** A store that forgets everything with the program. */
export class MemoryKeyStore implements KeyStore {
  readonly #keys = new Map<string, KeyData>();
  readonly #records = new Map<string, TofuRecord>();

  saveGroupKey(sessionId: string, { key, storedAt }: KeyData): void {
    this.#keys.set(sessionId, { key: { ...key }, storedAt });
  }

  loadGroupKey(sessionId: string): KeyData | null {
    return this.#keys.get(sessionId) ?? null;
  }

  deleteGroupKey(sessionId: string): void {
    this.#keys.delete(sessionId);
  }

  saveTofuRecord(id: string, record: TofuRecord): void {
    this.#records.set(id, { ...record });
  }

  loadTofuRecord(id: string): TofuRecord | null {
    return this.#records.get(id) ?? null;
  }
}
