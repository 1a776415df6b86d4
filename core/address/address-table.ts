import { ClaspError, ErrorCode } from '../errors.ts';
import { checkAddress, MAX_ADDRESS_BYTES } from './address.ts';

/** The one object that stands for an address while its `AddressTable` knows it. */
export class AddressEntry<S = unknown> {
  /** Unique for the life of the table, never given to another address. */
  readonly id: number;
  readonly address: string;
  /** Yours: the stored param, say. An entry with a state is never dropped; set to undefined to let it go. */
  state: S | undefined;
  /** Whose matches `cachedAs` points to: owned by a `SubscriptionIndex`. */
  cachedIn: object | undefined;
  /** Place (upper bits) and kinds (lower five) of the cached matches: owned by a `SubscriptionIndex`. */
  cachedAs: number;
  /** The rule that was found for the address: owned by a `ParamRules`. */
  rule: object | undefined;
  /** @internal */
  readonly hash: number;
  /** @internal The next entry of the same bucket. */
  next: AddressEntry<S> | undefined;
  /** @internal When it was pushed to its list. */
  pushed: number;
  /** @internal Neighbour in its list. */
  newer: AddressEntry<S> | undefined;
  /** @internal Neighbour in its list. */
  older: AddressEntry<S> | undefined;

  /** @internal Entries are made by an `AddressTable`. */
  constructor(id: number, address: string, hash: number) {
    this.id = id;
    this.address = address;
    this.state = undefined;
    this.cachedIn = undefined;
    this.cachedAs = 0;
    this.rule = undefined;
    this.hash = hash;
    this.next = undefined;
    this.pushed = 0;
    this.newer = undefined;
    this.older = undefined;
  }
}

/** Entries in the order in which they were added, linked through themselves: each is in one list at a time. */
class EntryList<S> {
  size = 0;
  /** How many have ever been pushed. */
  pushes = 0;
  newest: AddressEntry<S> | undefined;
  oldest: AddressEntry<S> | undefined;

  push(entry: AddressEntry<S>): void {
    entry.older = this.newest;
    if (this.newest === undefined) this.oldest = entry;
    else this.newest.newer = entry;
    this.newest = entry;
    entry.pushed = this.pushes++;
    this.size++;
  }

  remove(entry: AddressEntry<S>): void {
    const { newer, older } = entry;
    if (newer === undefined) this.newest = older;
    else newer.older = older;
    if (older === undefined) this.oldest = newer;
    else older.newer = newer;
    entry.newer = undefined;
    entry.older = undefined;
    this.size--;
  }
}

/**
 * Copies `bytes[start..end)` to `words`, four bytes a word and the last one filled with zeros, and returns its
 * MurmurHash3 cut to 30 bits: a small integer on every engine.
 */
function hashInto(words: Int32Array, bytes: Uint8Array, start: number, end: number): number {
  let hash = 0;
  let at = start;
  let place = 0;
  for (const whole = end - 3; at < whole; at += 4) {
    const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
    const word = low | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24);
    words[place++] = word;
    hash = mix(hash, word);
  }
  let tail = 0;
  for (let shift = 0; at < end; at++, shift += 8) tail |= (bytes[at] as number) << shift;
  words[place] = tail;
  hash = mix(hash, tail) ^ (end - start);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) & 0x3fffffff;
}

function mix(hash: number, word: number): number {
  let part = Math.imul(word, 0xcc9e2d51);
  part = Math.imul((part << 15) | (part >>> 17), 0x1b873593);
  const mixed = hash ^ part;
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}

/** Whether `bytes[start..end)` is the UTF-8 of `text`, which has no unpaired surrogate. Makes no string. */
function isUtf8Of(text: string, bytes: Uint8Array, start: number, end: number): boolean {
  const length = text.length;
  if (length > end - start) return false;
  let at = start;
  for (let index = 0; index < length; index++) {
    const code = text.charCodeAt(index);
    if (code < 0x80) {
      if (bytes[at++] !== code) return false;
    } else if (code < 0x800) {
      if (bytes[at++] !== (0xc0 | (code >> 6)) || bytes[at++] !== (0x80 | (code & 0x3f))) return false;
    } else if (code >= 0xd800 && code <= 0xdbff) {
      const point = 0x10000 + ((code & 0x3ff) << 10) + (text.charCodeAt(++index) & 0x3ff);
      if (bytes[at++] !== (0xf0 | (point >> 18)) || bytes[at++] !== (0x80 | ((point >> 12) & 0x3f))) return false;
      if (bytes[at++] !== (0x80 | ((point >> 6) & 0x3f)) || bytes[at++] !== (0x80 | (point & 0x3f))) return false;
    } else {
      if (bytes[at++] !== (0xe0 | (code >> 12)) || bytes[at++] !== (0x80 | ((code >> 6) & 0x3f))) return false;
      if (bytes[at++] !== (0x80 | (code & 0x3f))) return false;
    }
  }
  return at === end;
}

/** The failure for bytes that cannot be an address, with what can be shown of them. */
function refuse(bytes: Uint8Array, start: number, end: number): ClaspError {
  const lenient = new TextDecoder('utf-8', { ignoreBOM: true });
  const shown = lenient.decode(bytes.subarray(start, Math.min(end, start + MAX_ADDRESS_BYTES + 1)));
  const fault = checkAddress(shown);
  if (fault !== undefined) return fault;
  const reason = `address is not valid UTF-8: ${JSON.stringify(shown.slice(0, 48))}`;
  return new ClaspError(ErrorCode.BadAddress, reason, { address: shown });
}

/** Of one place: the length in bytes, then the bytes, four a word. */
const WORDS = 16;
const MAX_BYTES = (WORDS - 1) * 4;

/**
 * A small copy of what an `AddressTable` knows, for the addresses that came last. Each hash has one place, which the
 * newest takes. Here addresses are compared four bytes at a time; against a string it is one, and each costs more.
 */
class RecentAddresses<S> {
  readonly #entries: (AddressEntry<S> | undefined)[];
  readonly #words: Int32Array;
  readonly #mask: number;

  /** @param places - how many; a power of two. Each takes 72 bytes. */
  constructor(places: number) {
    this.#entries = new Array<undefined>(places).fill(undefined);
    this.#words = new Int32Array(places * WORDS);
    this.#mask = places - 1;
  }

  /** The entry whose hash is `hash` and whose UTF-8 is the `length` bytes in `words`, if it is here. */
  get(hash: number, words: Int32Array, length: number): AddressEntry<S> | undefined {
    const place = hash & this.#mask;
    const entry = this.#entries[place];
    if (entry === undefined || entry.hash !== hash) return undefined;
    const known = this.#words;
    let at = place * WORDS;
    if (known[at++] !== length) return undefined;
    for (let index = 0, count = (length + 3) >> 2; index < count; index++) {
      if (known[at++] !== words[index]) return undefined;
    }
    return entry;
  }

  /** Remembers `entry`, whose UTF-8 is the `length` bytes in `words`, unless it is too long. */
  put(entry: AddressEntry<S>, words: Int32Array, length: number): void {
    if (length > MAX_BYTES) return;
    const place = entry.hash & this.#mask;
    this.#entries[place] = entry;
    let at = place * WORDS;
    this.#words[at++] = length;
    for (let index = 0, count = (length + 3) >> 2; index < count; index++) this.#words[at++] = words[index] as number;
  }

  /** Whether `entry` is here with `bytes[start..end)` as its UTF-8. Compares the end first, where addresses differ most. */
  isAt(entry: AddressEntry<S>, bytes: Uint8Array, start: number, end: number): boolean {
    const place = entry.hash & this.#mask;
    if (this.#entries[place] !== entry) return false;
    const known = this.#words;
    const first = place * WORDS;
    if (known[first] !== end - start) return false;
    let at = first + 1 + ((end - start) >> 2);
    const whole = end - ((end - start) & 3);
    if (whole < end) {
      let tail = 0;
      for (let next = end - 1; next >= whole; next--) tail = (tail << 8) | (bytes[next] as number);
      if (known[at] !== tail) return false;
    }
    for (let next = whole - 4; next >= start; next -= 4) {
      const low = (bytes[next] as number) | ((bytes[next + 1] as number) << 8);
      if (known[--at] !== (low | ((bytes[next + 2] as number) << 16) | ((bytes[next + 3] as number) << 24)))
        return false;
    }
    return true;
  }

  /** Forgets `entry`, which the table has dropped. */
  drop(entry: AddressEntry<S>): void {
    const place = entry.hash & this.#mask;
    if (this.#entries[place] === entry) this.#entries[place] = undefined;
  }
}

/** Entries of one bucket beyond this many live in a `Map`, so that chosen collisions cannot make lookups slow. */
const LONGEST_CHAIN = 16;
const FIRST_BUCKETS = 1024;
/** The largest number of addresses that are compared by words: about one megabyte. */
const MAX_RECENT = 16_384;
/** Strings whose entry is remembered, so that a caller with a constant address need not have it hashed again. */
const MAX_STRINGS = 4096;
/** Stands for the time of an entry's push while it is in the list of those kept: long ago. */
const KEPT = -0x3fffffff;

export interface AddressTableOptions {
  /**
   * How many entries without a state or a hold may be remembered; the least recently used go first.
   * @defaultValue 65 536
   */
  readonly maxIdle?: number;
  /** Replaces the hash of an address by another integer of 30 bits. For tests of collisions. */
  readonly rehash?: ((hash: number) => number) | undefined;
}

/**
 * Turns addresses into entries, one per address, so that after the edge nothing compares or hashes a string.
 *
 * An entry without a state and without a hold may be dropped, but not before half of `maxIdle` others have been created,
 * looked up or deprived of their state since it was looked up: whatever is done with it in the same turn is safe. Hold
 * it ({@link AddressTable.retain}) to keep it longer.
 *
 * About 125 bytes an entry beside the address.
 *
 * @example
 * ```ts
 * const table = new AddressTable<number>();
 * const entry = table.internString('/mixer/1');
 * entry.state = 0.5;
 * table.find('/mixer/1')?.state; // 0.5
 * ```
 */
export class AddressTable<S = unknown> {
  readonly #maxIdle: number;
  /** How many newer entries an idle one may have before a use moves it. */
  readonly #spared: number;
  readonly #rehash: ((hash: number) => number) | undefined;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  readonly #encoder = new TextEncoder();
  /** UTF-8 of an address that came as a string. */
  readonly #bytes = new Uint8Array(MAX_ADDRESS_BYTES);
  /** The address at hand, four bytes a word. */
  readonly #words = new Int32Array(MAX_ADDRESS_BYTES / 4 + 1);
  #recent = new RecentAddresses<S>(FIRST_BUCKETS);
  /** What was interned last. */
  #last: AddressEntry<S> | undefined;
  readonly #strings = new Map<string, AddressEntry<S>>();

  #buckets: (AddressEntry<S> | undefined)[] = new Array<undefined>(FIRST_BUCKETS).fill(undefined);
  /** Entries whose bucket was full. */
  readonly #overflow = new Map<string, AddressEntry<S>>();
  /** Entries that may be dropped, by their last use or nearly so; also some that have got a state or a hold since. */
  readonly #idle = new EntryList<S>();
  /** Entries that had a state or a hold when they were last examined. */
  readonly #kept = new EntryList<S>();
  /** How many holds there are on an entry. */
  readonly #holds = new Map<AddressEntry<S>, number>();
  #created = 0;

  constructor(options: AddressTableOptions = {}) {
    const { maxIdle = 65_536, rehash } = options;
    this.#maxIdle = Math.max(1, maxIdle);
    this.#spared = this.#maxIdle >> 1;
    this.#rehash = rehash;
  }

  /** How many entries there are. */
  get size(): number {
    return this.#idle.size + this.#kept.size;
  }

  /**
   * The entry of the address whose UTF-8 is `bytes[start..end)`, created when new. Makes no string when it is known.
   * Throws a `ClaspError` with code 200 when it is not an address.
   */
  intern(bytes: Uint8Array, start: number, end: number): AddressEntry<S> {
    // Who moves a fader says its address again and again: then there is nothing to hash.
    const last = this.#last;
    if (last !== undefined && this.#recent.isAt(last, bytes, start, end)) {
      this.#use(last);
      return last;
    }
    if (end - start > MAX_ADDRESS_BYTES) throw refuse(bytes, start, end);
    const hash = this.#hash(bytes, start, end);
    const known = this.#lookUp(hash, bytes, start, end);
    if (known !== undefined) {
      this.#last = known;
      return known;
    }

    let address: string;
    try {
      address = this.#decoder.decode(bytes.subarray(start, end));
    } catch {
      throw refuse(bytes, start, end);
    }
    const fault = checkAddress(address);
    if (fault !== undefined) throw fault;
    return this.#create(address, hash);
  }

  /** The entry of `address`, created when new. Throws a `ClaspError` with code 200 when it is not an address. */
  internString(address: string): AddressEntry<S> {
    const known = this.find(address);
    if (known !== undefined) return known;
    const fault = checkAddress(address);
    if (fault !== undefined) throw fault;
    const entry = this.intern(this.#bytes, 0, this.#encoder.encodeInto(address, this.#bytes).written);
    this.#rememberString(entry);
    return entry;
  }

  /** The entry of `address`, if there is one. */
  find(address: string): AddressEntry<S> | undefined {
    const remembered = this.#strings.get(address);
    if (remembered !== undefined) {
      this.#use(remembered);
      return remembered;
    }
    // An unpaired surrogate would be encoded as U+FFFD and find another address.
    if (checkAddress(address) !== undefined) return undefined;
    const end = this.#encoder.encodeInto(address, this.#bytes).written;
    const known = this.#lookUp(this.#hash(this.#bytes, 0, end), this.#bytes, 0, end);
    if (known !== undefined) this.#rememberString(known);
    return known;
  }

  /** Keeps an entry, state or not, until {@link release}. May be nested. */
  retain(entry: AddressEntry<S>): void {
    this.#holds.set(entry, (this.#holds.get(entry) ?? 0) + 1);
  }

  /** Undoes one {@link retain}. Throws a `ClaspError` with code 500 when there is none to undo. */
  release(entry: AddressEntry<S>): void {
    const holds = this.#holds.get(entry);
    if (holds === undefined) {
      throw new ClaspError(ErrorCode.Internal, 'entry released more often than retained', { address: entry.address });
    }
    if (holds > 1) this.#holds.set(entry, holds - 1);
    else this.#holds.delete(entry);
  }

  /** Every entry there is now, in no order. */
  entries(): Iterable<AddressEntry<S>> {
    const entries: AddressEntry<S>[] = [];
    for (let entry = this.#kept.oldest; entry !== undefined; entry = entry.newer) entries.push(entry);
    for (let entry = this.#idle.oldest; entry !== undefined; entry = entry.newer) entries.push(entry);
    return entries;
  }

  /**
   * Looks through all entries for those that have lost their state, and drops what is more than `maxIdle`. Also
   * happens bit by bit as addresses are created; call it after many states were removed at once. Not while entries
   * without state or hold are in use.
   */
  sweep(): void {
    for (let left = this.#kept.size; left > 0; left--) this.#examineKept();
    this.#trim();
  }

  /** Hashes an address and leaves its words in `#words`. */
  #hash(bytes: Uint8Array, start: number, end: number): number {
    const hash = hashInto(this.#words, bytes, start, end);
    return this.#rehash === undefined ? hash : this.#rehash(hash);
  }

  /** Finds the address that was hashed last. */
  #lookUp(hash: number, bytes: Uint8Array, start: number, end: number): AddressEntry<S> | undefined {
    const length = end - start;
    let entry = this.#recent.get(hash, this.#words, length);
    if (entry === undefined) {
      entry = this.#search(hash, bytes, start, end);
      if (entry === undefined) return undefined;
      this.#recent.put(entry, this.#words, length);
    }
    this.#use(entry);
    return entry;
  }

  #search(hash: number, bytes: Uint8Array, start: number, end: number): AddressEntry<S> | undefined {
    const buckets = this.#buckets;
    let entry = buckets[hash & (buckets.length - 1)];
    for (; entry !== undefined; entry = entry.next) {
      if (entry.hash === hash && isUtf8Of(entry.address, bytes, start, end)) return entry;
    }
    if (this.#overflow.size === 0) return undefined;
    try {
      return this.#overflow.get(this.#decoder.decode(bytes.subarray(start, end)));
    } catch {
      return undefined; // not UTF-8, so no address has it
    }
  }

  #rememberString(entry: AddressEntry<S>): void {
    if (this.#strings.size >= MAX_STRINGS) this.#strings.clear();
    // Not the string it was asked with, which may be a slice of something large.
    this.#strings.set(entry.address, entry);
  }

  #create(address: string, hash: number): AddressEntry<S> {
    const entry = new AddressEntry<S>(this.#created++, address, hash);
    // Before the new one is pushed: it must be the last to be dropped.
    this.#examineKept();
    this.#examineKept();
    this.#link(entry);
    this.#idle.push(entry);
    if (this.size > this.#buckets.length) this.#grow();
    this.#trim();
    return entry;
  }

  /** Makes an entry one of the last that would be dropped. */
  #use(entry: AddressEntry<S>): void {
    // What stands in the younger half need not be moved, and what is kept neither: most are one or the other.
    if (this.#idle.pushes - entry.pushed < this.#spared) return;
    const kept = entry.pushed === KEPT;
    if (this.#isInUse(entry)) {
      if (kept) return;
      this.#idle.remove(entry);
      this.#keep(entry);
    } else if (kept) {
      this.#kept.remove(entry);
      this.#idle.push(entry);
      this.#trim();
    } else {
      this.#idle.remove(entry);
      this.#idle.push(entry);
    }
  }

  /** Looks whether the entry that has not been examined for longest is still in use. */
  #examineKept(): void {
    const entry = this.#kept.oldest;
    if (entry === undefined) return;
    this.#kept.remove(entry);
    if (this.#isInUse(entry)) this.#keep(entry);
    else this.#idle.push(entry);
  }

  #keep(entry: AddressEntry<S>): void {
    this.#kept.push(entry);
    entry.pushed = KEPT;
  }

  #isInUse(entry: AddressEntry<S>): boolean {
    return entry.state !== undefined || (this.#holds.size > 0 && this.#holds.has(entry));
  }

  #trim(): void {
    while (this.#idle.size > this.#maxIdle) {
      const entry = this.#idle.oldest;
      if (entry === undefined) return;
      this.#idle.remove(entry);
      if (this.#isInUse(entry)) this.#keep(entry);
      else this.#drop(entry);
    }
  }

  #link(entry: AddressEntry<S>): void {
    const slot = entry.hash & (this.#buckets.length - 1);
    const head = this.#buckets[slot];
    let length = 0;
    for (let other = head; other !== undefined; other = other.next) length++;
    if (length < LONGEST_CHAIN) {
      entry.next = head;
      this.#buckets[slot] = entry;
    } else {
      this.#overflow.set(entry.address, entry);
    }
  }

  #drop(entry: AddressEntry<S>): void {
    this.#recent.drop(entry);
    if (this.#last === entry) this.#last = undefined;
    if (this.#strings.size > 0) this.#strings.delete(entry.address);
    if (this.#overflow.size > 0 && this.#overflow.delete(entry.address)) return;
    const slot = entry.hash & (this.#buckets.length - 1);
    let before: AddressEntry<S> | undefined;
    let other = this.#buckets[slot];
    while (other !== undefined && other !== entry) {
      before = other;
      other = other.next;
    }
    if (before === undefined) this.#buckets[slot] = entry.next;
    else before.next = entry.next;
    entry.next = undefined;
  }

  #grow(): void {
    const length = this.#buckets.length * 2;
    this.#buckets = new Array<undefined>(length).fill(undefined);
    if (length <= MAX_RECENT) this.#recent = new RecentAddresses<S>(length);
    this.#overflow.clear();
    for (const entry of this.entries()) {
      entry.next = undefined;
      this.#link(entry);
    }
  }
}
