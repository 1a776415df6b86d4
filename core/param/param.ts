import type { AddressEntry } from '../address/address-table.ts';
import { ClaspError, ErrorCode } from '../errors.ts';
import type { Value } from '../signal/value.ts';
import { ValueCode } from '../wire/codes.ts';
import { readLargeValue } from '../wire/large-value.ts';
import type { Ttl } from '../wire/message.ts';
import { readValue } from '../wire/value.ts';
import { Writer, writeBodyAs } from '../wire/writer.ts';

const SECOND = 1_000_000;

/** The times of a lease, without the param. */
export interface LeaseTimes {
  readonly duration: number;
  readonly sliding: boolean;
  readonly from: number;
}

/** How long a param lives. One object per param that ever had a TTL; a relay waits for its end. */
export class ParamLease implements LeaseTimes {
  readonly entry: AddressEntry<StoredParam>;
  /** Microseconds; 0 while the param lives for ever or does not exist. */
  duration = 0;
  /** Whether each write and read begins it anew. */
  sliding = false;
  /** When it began, microseconds. */
  from = 0;
  /** When it is looked at next: belongs to whoever waits for it. */
  due = 0;
  /** Where it waits; -1 while it does not: belongs to whoever waits for it. */
  place = -1;

  constructor(entry: AddressEntry<StoredParam>) {
    this.entry = entry;
  }

  /** When it ends, microseconds; Infinity for never. */
  get end(): number {
    return this.duration === 0 ? Number.POSITIVE_INFINITY : this.from + this.duration;
  }

  begin({ seconds, mode }: Ttl, at: number): void {
    this.duration = seconds * SECOND;
    this.sliding = mode === 'sliding';
    this.from = at;
  }

  /** The param was written or read. */
  renew(at: number): void {
    if (this.sliding) this.from = at;
  }

  times(): LeaseTimes {
    const { duration, sliding, from } = this;
    return { duration, sliding, from };
  }

  /** What {@link times} gave, or none. */
  resume(times: LeaseTimes | undefined): void {
    this.duration = times?.duration ?? 0;
    this.sliding = times?.sliding ?? false;
    this.from = times?.from ?? 0;
  }
}

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

/**
 * Whether a value is kept decoded, because that is smaller, which its code then gives the same bytes for again. Bytes,
 * arrays and maps stay wire bytes; so do NaNs, of which there are many, and booleans that are written as more than 1.
 */
function isKeptDecoded({ valueCode, bytes, valueStart, value }: WrittenValue): boolean {
  if (valueCode > ValueCode.String) return false;
  if (typeof value === 'boolean') return (bytes[valueStart] as number) <= 1;
  return !Number.isNaN(value);
}

/** `code` of a param that was deleted: it keeps its revision, so that revisions never go back. */
const DELETED = -1;

/** The state of one address: its value, revision and lock. One object per address that was ever written. */
export class StoredParam {
  /** Wire code of the value, -1 when deleted. */
  code: number = DELETED;
  /** The value (codes 00–08), or the body of the value as wire bytes (09–0C). */
  content: Value = null;
  /** 0 before the first accepted write. */
  revision = 0;
  /** Session id of the last writer. */
  writer = '';
  /** Time of the last write, microseconds since the Unix epoch. */
  at = 0;
  /** Session id of the lock's holder. */
  holder: string | undefined = undefined;
  /** How long it lives; absent while it never had a TTL. */
  lease: ParamLease | undefined = undefined;
  /** Where it stands when there is a limit; absent while it does not exist. */
  place: ParamPlace | undefined = undefined;

  get exists(): boolean {
    return this.code !== DELETED;
  }

  /** Bytes of a value that no frame of CLASP holds; 0 of any other. */
  get largeBytes(): number {
    return this.code === ValueCode.Large ? (this.content as Uint8Array).length : 0;
  }

  /** The value, decoded; null when deleted. */
  get value(): Value {
    if (!this.body) return this.content;
    return this.code === ValueCode.Large ? readLargeValue(this.body, 0) : readValue(this.body, 0, this.code);
  }

  /** The same state in another object, which later writes leave as it is. */
  copy(): StoredParam {
    return Object.assign(new StoredParam(), this);
  }

  /** The wire bytes of the value where it is kept as such. */
  get body(): Uint8Array | undefined {
    return this.content instanceof Uint8Array ? this.content : undefined;
  }

  /** The value as it was written: its code, and its body at `at`. Undefined when deleted. */
  get wire(): { readonly bytes: Uint8Array; readonly code: number; readonly at: number } | undefined {
    if (!this.exists) return undefined;
    const { code, content } = this;
    return { bytes: this.body ?? writeBodyAs(new Writer(), code, content).finish(), code, at: 0 };
  }
}

/** Where the value of a write comes from: usually a decoded frame. */
export interface WrittenValue {
  readonly bytes: Uint8Array;
  readonly valueCode: number;
  readonly valueStart: number;
  readonly valueEnd: number;
  readonly value: Value;
}

/**
 * Puts a written value into a param under the next revision. Null deletes. Value bytes are copied, never kept: a
 * frame may be a slice of a large receive buffer.
 */
export function write(param: StoredParam, written: WrittenValue, revision: number, writer: string, at: number): void {
  const { valueCode: code } = written;
  param.revision = revision;
  param.writer = writer;
  param.at = at;
  if (code <= 0) {
    param.code = DELETED;
    param.content = null;
  } else {
    param.code = code;
    param.content = isKeptDecoded(written)
      ? written.value
      : new Uint8Array(written.bytes.subarray(written.valueStart, written.valueEnd)); // a Buffer's slice is no copy
  }
}

/** What somebody wants to do to a param. */
export interface WriteRequest {
  /** Session id. */
  readonly by: string;
  /** May override locks. */
  readonly admin: boolean;
  readonly lock: boolean;
  readonly unlock: boolean;
  /** The revision the writer expects, when it cares. */
  readonly expected: number | undefined;
}

/** `locked`: somebody else holds it. `not-holder`: only the holder may unlock. `stale`: not at the expected revision. */
export type WriteVerdict = 'accept' | 'locked' | 'not-holder' | 'stale';

/** Decides whether a write may happen, in the order of checks of the protocol: lock, then revision. */
export function judgeWrite(param: StoredParam | undefined, request: WriteRequest): WriteVerdict {
  const holder = param?.holder;
  if (request.unlock) {
    if (holder !== request.by && !(request.admin && holder !== undefined)) return 'not-holder';
  } else if (holder !== undefined && holder !== request.by) {
    return 'locked';
  }
  const { expected } = request;
  if (expected !== undefined) {
    const current = param?.revision ?? 0;
    const absent = param === undefined || !param.exists;
    if (expected !== current && !(absent && expected === 0)) return 'stale';
  }
  return 'accept';
}
