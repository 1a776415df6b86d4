import type { AddressEntry } from './address-entry.ts';
import { ClaspError, ErrorCode } from './errors.ts';
import type { StoredParam } from './param.ts';

/**
 * What happens to a new param when there is no room: `lru` deletes the param that was not written or read for longest,
 * `oldest` the one that was created first, `reject` refuses the new one with 503.
 */
export type OnFull = (typeof ON_FULL)[number];

const ON_FULL = ['lru', 'oldest', 'reject'] as const;

/** Where an existing param stands among all. */
export class ParamPlace {
  readonly entry: AddressEntry<StoredParam>;
  /** Whether it belongs to the relay (under `/clasp/`), and so is never evicted. */
  readonly own: boolean;
  listed = false;
  older: ParamPlace | undefined = undefined;
  newer: ParamPlace | undefined = undefined;

  constructor(entry: AddressEntry<StoredParam>) {
    this.entry = entry;
    this.own = entry.address.startsWith('/clasp/');
  }

  /** Whether it may not be evicted now. */
  get pinned(): boolean {
    return this.own || this.entry.state?.holder !== undefined;
  }
}

/** The existing params in the order in which they would be evicted, for relays with a limit. Every step is O(1). */
export class ParamPlaces {
  readonly max: number;
  readonly #onFull: OnFull;
  #oldest: ParamPlace | undefined;
  #newest: ParamPlace | undefined;
  /** How many may not be evicted. */
  #pinned = 0;

  /** Throws a `ClaspError` 402 for an `onFull` that there is not. */
  constructor(max: number, onFull: OnFull) {
    if (!ON_FULL.includes(onFull)) {
      const reason = `onFull must be ${ON_FULL.join(', ')}, not ${JSON.stringify(onFull)}`;
      throw new ClaspError(ErrorCode.BadValue, reason, { value: onFull });
    }
    this.max = max;
    this.#onFull = onFull;
  }

  /** Whether one more param can be created, or an existing one locked, when there are `size`. */
  hasRoom(size: number, creates: boolean): boolean {
    if (this.#onFull === 'reject') return !creates || size < this.max;
    // What cannot be evicted must never be more than there is room for.
    return this.#pinned < this.max;
  }

  /** A param exists from now on; it is the last to be evicted. */
  add(place: ParamPlace): void {
    if (place.pinned) this.#pinned++;
    this.#link(place, this.#newest);
  }

  /** A param is where it was before: after `older`, or else first. */
  putBack(place: ParamPlace, older: ParamPlace | undefined): void {
    if (place.listed) this.#unlink(place);
    this.#link(place, older?.listed ? older : undefined);
  }

  /** A param exists no longer. */
  remove(place: ParamPlace): void {
    if (place.pinned) this.#pinned--;
    if (place.listed) this.#unlink(place);
  }

  /** A param was written or read. */
  use(place: ParamPlace): void {
    if (this.#onFull !== 'lru' || this.#newest === place) return;
    if (place.listed) this.#unlink(place);
    this.#link(place, this.#newest);
  }

  /** Tells that a param may have got a lock or lost it. */
  repin(place: ParamPlace, wasPinned: boolean): void {
    const { pinned } = place;
    if (pinned === wasPinned) return;
    this.#pinned += pinned ? 1 : -1;
    // It was passed over while it was locked, so its turn had come.
    if (!pinned && !place.listed) this.#link(place, undefined);
  }

  /** The param to evict next, if there is one. With `reject` none is: what the relay writes itself may be more. */
  next(): AddressEntry<StoredParam> | undefined {
    if (this.#onFull === 'reject') return undefined;
    for (let place = this.#oldest; place; place = this.#oldest) {
      if (!place.pinned) return place.entry;
      this.#unlink(place);
    }
    return undefined;
  }

  /** Puts a place after `older`, or first. */
  #link(place: ParamPlace, older: ParamPlace | undefined): void {
    const newer = older ? older.newer : this.#oldest;
    place.older = older;
    place.newer = newer;
    if (older) older.newer = place;
    else this.#oldest = place;
    if (newer) newer.older = place;
    else this.#newest = place;
    place.listed = true;
  }

  #unlink(place: ParamPlace): void {
    const { older, newer } = place;
    if (older) older.newer = newer;
    else this.#oldest = newer;
    if (newer) newer.older = older;
    else this.#newest = older;
    place.older = undefined;
    place.newer = undefined;
    place.listed = false;
  }
}
