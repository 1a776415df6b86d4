import type { AddressEntry, AddressTable } from './address-table.ts';
import { StoredParam, type WrittenValue, write } from './param.ts';
import { compilePattern, isLiteral } from './pattern.ts';
import type { Scopes } from './scope.ts';

/** An address with its param. */
export type ParamEntry = AddressEntry<StoredParam>;

/** What {@link ParamStore.save} remembers of an address. */
export interface SavedState {
  readonly state: StoredParam | undefined;
  readonly buried: boolean;
}

export interface ParamStoreOptions {
  /** How many deleted params are remembered for their revision. @defaultValue 100 000 */
  readonly maxDeleted?: number;
}

/** Every param of a relay: its value, revision and lock live on the interned address. No clock, no decisions. */
export class ParamStore {
  readonly #table: AddressTable<StoredParam>;
  readonly #maxDeleted: number;
  readonly #deleted = new Set<ParamEntry>();
  /** No revision below this one is given again, so that a forgotten deleted param cannot go back. */
  #floor = 0;
  #count = 0;

  constructor(table: AddressTable<StoredParam>, { maxDeleted = 100_000 }: ParamStoreOptions = {}) {
    this.#table = table;
    this.#maxDeleted = maxDeleted;
  }

  /** How many params exist. */
  get size(): number {
    return this.#count;
  }

  /** Writes (or with null deletes) and gives the new revision: one more than the last, starting at 1. */
  write(entry: ParamEntry, written: WrittenValue, writer: string, at: number): number {
    const param = this.#stateOf(entry);
    const existed = param.exists;
    const revision = param.revision + 1;
    write(param, written, revision, writer, at);
    if (param.exists) {
      if (!existed) this.#count++;
      this.#deleted.delete(entry);
    } else {
      if (existed) this.#count--;
      this.#bury(entry);
    }
    return revision;
  }

  /** Makes a session the holder of a param's lock, or nobody. */
  hold(entry: ParamEntry, holder: string | undefined): void {
    this.#stateOf(entry).holder = holder;
  }

  /** What there is at an address now, for {@link restore}. */
  save(entry: ParamEntry): SavedState {
    return { state: entry.state?.copy(), buried: this.#deleted.has(entry) };
  }

  /** Undoes every write and lock of an address since it was saved, revisions too. Once for each `save`. */
  restore(entry: ParamEntry, { state, buried }: SavedState): void {
    const existed = entry.state?.exists === true;
    const exists = state?.exists === true;
    entry.state = state;
    this.#count += Number(exists) - Number(existed);
    if (buried) this.#deleted.add(entry);
    else this.#deleted.delete(entry);
  }

  /** The existing params that match a pattern and may be read. */
  *matching(pattern: string, scopes: Scopes): Iterable<ParamEntry> {
    if (isLiteral(pattern)) {
      const entry = this.#table.find(pattern);
      if (entry?.state?.exists && scopes.allows('read', pattern)) yield entry;
      return;
    }
    const compiled = compilePattern(pattern);
    for (const entry of this.#table.entries()) {
      if (entry.state?.exists && compiled.matches(entry.address) && scopes.allows('read', entry.address)) yield entry;
    }
  }

  #stateOf(entry: ParamEntry): StoredParam {
    if (!entry.state) {
      entry.state = new StoredParam();
      entry.state.revision = this.#floor;
    }
    return entry.state;
  }

  /** Remembers a deleted param for its revision; the oldest without a lock are forgotten. */
  #bury(entry: ParamEntry): void {
    this.#deleted.delete(entry);
    this.#deleted.add(entry);
    if (this.#deleted.size <= this.#maxDeleted) return;
    for (const oldest of this.#deleted) {
      if (oldest.state?.holder !== undefined) continue;
      this.#floor = Math.max(this.#floor, oldest.state?.revision ?? 0);
      oldest.state = undefined;
      this.#deleted.delete(oldest);
      return;
    }
  }
}
