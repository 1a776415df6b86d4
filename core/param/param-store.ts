import type { AddressEntry, AddressTable } from '../address/address-table.ts';
import { compilePattern, isLiteral } from '../address/pattern.ts';
import type { Scopes } from '../address/scope.ts';
import { ValueCode } from '../wire/codes.ts';
import type { Ttl } from '../wire/message.ts';
import {
  type LeaseTimes,
  type OnFull,
  ParamLease,
  ParamPlace,
  ParamPlaces,
  StoredParam,
  type WrittenValue,
  write,
} from './param.ts';

/** An address with its param. */
export type ParamEntry = AddressEntry<StoredParam>;

/** What {@link ParamStore.save} remembers of an address. */
export interface SavedState {
  readonly state: StoredParam | undefined;
  readonly buried: boolean;
  readonly lease: LeaseTimes | undefined;
  /** The param before it in the order of eviction. */
  readonly older: ParamPlace | undefined;
}

export interface ParamStoreOptions {
  /** How many deleted params are remembered for their revision, about; those with a lock not counted. @defaultValue 100 000 */
  readonly maxDeleted?: number;
  /** How many params there may be; 0 = unlimited. @defaultValue 0 */
  readonly maxParams?: number | undefined;
  /** What happens when there are more. @defaultValue 'lru' */
  readonly onFull?: OnFull | undefined;
}

/** Below this are the params of the relay itself. */
const OWN = '/clasp/';
/** By how much more than `maxDeleted` are kept until the oldest are forgotten. */
const SPARE = 1 / 16;

/** Every param of a relay: its value, revision and lock live on the interned address. No clock, no decisions. */
export class ParamStore {
  readonly #table: AddressTable<StoredParam>;
  readonly #maxDeleted: number;
  /** Those without a lock, in the order they were deleted in. */
  readonly #deleted = new Set<ParamEntry>();
  readonly #places: ParamPlaces | undefined;
  /** Told of every lease whose end is nearer than it was, or gone: belongs to whoever waits for it. */
  leased: (lease: ParamLease) => void = () => undefined;
  /** No revision below this one is given again, so that a forgotten deleted param cannot go back. */
  #floor = 0;
  #count = 0;
  #ownCount = 0;
  /** Of all values that no frame of CLASP holds. */
  #largeBytes = 0;

  constructor(table: AddressTable<StoredParam>, options: ParamStoreOptions = {}) {
    const { maxDeleted = 100_000, maxParams = 0, onFull = 'lru' } = options;
    this.#table = table;
    this.#maxDeleted = maxDeleted;
    this.#places = maxParams > 0 ? new ParamPlaces(maxParams, onFull) : undefined;
  }

  /** How many params exist. */
  get size(): number {
    return this.#count;
  }

  /** How many of them are below `/clasp`: the relay's own. */
  get ownSize(): number {
    return this.#ownCount;
  }

  /** How many params there may be; Infinity without a limit. */
  get maxParams(): number {
    return this.#places?.max ?? Number.POSITIVE_INFINITY;
  }

  /** Whether the limit permits to write a value to this address, or to lock it. Always, without a limit. */
  hasRoom({ state }: ParamEntry, locks: boolean): boolean {
    if (!this.#places) return true;
    const place = state?.place;
    if (place && (!locks || place.pinned)) return true;
    return this.#places.hasRoom(this.#count, place === undefined);
  }

  /** Whether the values that no frame of CLASP holds take no more than `max` bytes together when this is written. */
  hasRoomForLarge({ state }: ParamEntry, { valueCode, valueStart, valueEnd }: WrittenValue, max: number): boolean {
    if (valueCode !== ValueCode.Large) return true;
    return this.#largeBytes - (state?.largeBytes ?? 0) + valueEnd - valueStart <= max;
  }

  /** The param that has to go because there are too many; deleting it is up to the caller. */
  get surplus(): ParamEntry | undefined {
    if (!this.#places || this.#count <= this.#places.max) return undefined;
    return this.#places.next();
  }

  /** Writes (or with null deletes) and gives the new revision: one more than the last, starting at 1. */
  write(entry: ParamEntry, written: WrittenValue, writer: string, at: number): number {
    const param = this.#stateOf(entry);
    const existed = param.exists;
    const revision = param.revision + 1;
    this.#largeBytes -= param.largeBytes;
    write(param, written, revision, writer, at);
    this.#largeBytes += param.largeBytes;
    if (param.exists) {
      if (!existed) {
        this.#counted(entry, 1);
        this.#deleted.delete(entry);
      }
      if (param.lease !== undefined) param.lease.renew(at);
      if (this.#places !== undefined) this.#place(entry, param);
    } else {
      if (existed) this.#counted(entry, -1);
      if (param.lease !== undefined) this.#end(param.lease);
      if (param.place !== undefined) this.#displace(param);
      this.#bury(entry);
    }
    return revision;
  }

  /** Gives an existing param a TTL, counted from `at`; 0 seconds = for ever. */
  lease(entry: ParamEntry, ttl: Ttl, at: number): void {
    const param = this.#stateOf(entry);
    if (!param.lease && ttl.seconds === 0) return;
    param.lease ??= new ParamLease(entry);
    const { lease } = param;
    lease.begin(ttl, at);
    if (lease.end < lease.due || lease.place < 0 || lease.duration === 0) this.leased(lease);
  }

  /** A param was read: a sliding TTL begins anew, and it is the last to be evicted. */
  use({ state }: ParamEntry, at: number): void {
    state?.lease?.renew(at);
    if (state?.place) this.#places?.use(state.place);
  }

  /** Makes a session the holder of a param's lock, or nobody. */
  hold(entry: ParamEntry, holder: string | undefined): void {
    const state = this.#stateOf(entry);
    const wasPinned = state.place?.pinned === true;
    state.holder = holder;
    if (state.place) this.#places?.repin(state.place, wasPinned);
    if (state.exists) return;
    if (holder === undefined) this.#bury(entry);
    else this.#deleted.delete(entry);
  }

  /** What there is at an address now, for {@link restore}. */
  save(entry: ParamEntry): SavedState {
    const { state } = entry;
    return {
      state: state?.copy(),
      buried: this.#deleted.has(entry),
      lease: state?.lease?.times(),
      older: state?.place?.older,
    };
  }

  /** Undoes every write, lock and TTL of an address since it was saved, revisions too. Once for each `save`. */
  restore(entry: ParamEntry, { state, buried, lease, older }: SavedState): void {
    const now = entry.state;
    if (now?.place) this.#displace(now);
    if (now?.lease && now.lease !== state?.lease) this.#end(now.lease);
    this.#counted(entry, Number(state?.exists === true) - Number(now?.exists === true));
    this.#largeBytes += (state?.largeBytes ?? 0) - (now?.largeBytes ?? 0);
    entry.state = state;
    if (state?.lease) {
      state.lease.resume(lease);
      this.leased(state.lease);
    }
    if (state?.place) {
      this.#places?.add(state.place);
      this.#places?.putBack(state.place, older);
    }
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

  #counted({ address }: ParamEntry, more: number): void {
    this.#count += more;
    if (address.startsWith(OWN)) this.#ownCount += more;
  }

  #place(entry: ParamEntry, param: StoredParam): void {
    if (param.place) {
      this.#places?.use(param.place);
    } else {
      param.place = new ParamPlace(entry);
      this.#places?.add(param.place);
    }
  }

  #displace(param: StoredParam): void {
    if (param.place) this.#places?.remove(param.place);
    param.place = undefined;
  }

  #end(lease: ParamLease): void {
    lease.resume(undefined);
    this.leased(lease);
  }

  #stateOf(entry: ParamEntry): StoredParam {
    if (!entry.state) {
      entry.state = new StoredParam();
      entry.state.revision = this.#floor;
    }
    return entry.state;
  }

  /** Remembers a deleted param for its revision; the oldest are forgotten. One that is locked is remembered for that. */
  #bury(entry: ParamEntry): void {
    this.#deleted.delete(entry);
    if (entry.state?.holder !== undefined) return;
    this.#deleted.add(entry);
    // Many at a time: to find the first of a set takes the longer the more before it were deleted.
    if (this.#deleted.size > this.#maxDeleted * (1 + SPARE)) this.#forgetDeleted();
  }

  #forgetDeleted(): void {
    for (const oldest of this.#deleted) {
      if (this.#deleted.size <= this.#maxDeleted) return;
      this.#floor = Math.max(this.#floor, oldest.state?.revision ?? 0);
      oldest.state = undefined;
      this.#deleted.delete(oldest);
    }
  }
}
