import { checkAddress, MAX_ADDRESS_BYTES } from './address.ts';
import { hashInto, isUtf8Of } from './address-bytes.ts';
import { AddressEntry, isKept, USED } from './address-entry.ts';
import { ClaspError, ErrorCode } from './errors.ts';
import { RecentAddresses } from './recent-addresses.ts';

export { AddressEntry } from './address-entry.ts';

/** Entries of one bucket beyond this many live in a `Map`, so that chosen collisions cannot make lookups slow. */
const LONGEST_CHAIN = 16;
const FIRST_BUCKETS = 1024;
/** Strings whose entry is remembered, so that a caller with a constant address need not have it hashed again. */
const MOST_STRINGS = 4096;

export interface AddressTableOptions {
  /**
   * How many entries without a state may be remembered; the least recently used go first.
   * @defaultValue 65 536
   */
  readonly maxIdle?: number;
  /** Replaces the hash of an address by another integer of 30 bits. For tests of collisions. */
  readonly rehash?: ((hash: number) => number) | undefined;
}

/**
 * Turns addresses into entries, one per address, so that after the edge nothing compares or hashes a string.
 *
 * An entry without a state and without a hold may be dropped when more than `maxIdle` of them exist, but not before at
 * least a third of `maxIdle` further addresses have been created: whatever is done with it in the same turn is safe.
 * Hold it (`retain`) to keep it longer.
 *
 * About 110 bytes an entry beside the address.
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
  readonly #rehash: ((hash: number) => number) | undefined;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  readonly #encoder = new TextEncoder();
  /** UTF-8 of an address that came as a string. */
  readonly #bytes = new Uint8Array(MAX_ADDRESS_BYTES);
  /** The address at hand, four bytes a word. */
  readonly #words = new Int32Array(MAX_ADDRESS_BYTES / 4 + 1);
  readonly #recent = new RecentAddresses<S>();
  readonly #strings = new Map<string, AddressEntry<S>>();

  #buckets: (AddressEntry<S> | undefined)[] = new Array<undefined>(FIRST_BUCKETS).fill(undefined);
  /** Entries whose bucket was full. */
  readonly #overflow = new Map<string, AddressEntry<S>>();
  /** Entries that may be dropped: a clock, whose hand gives those looked up since its last visit another round. */
  readonly #clock: AddressEntry<S>[] = [];
  #hand = 0;
  /** Entries that had a state or a hold when they were last examined. */
  readonly #kept: AddressEntry<S>[] = [];
  #examined = 0;
  #created = 0;

  constructor(options: AddressTableOptions = {}) {
    const { maxIdle = 65_536, rehash } = options;
    this.#maxIdle = Math.max(1, maxIdle);
    this.#rehash = rehash;
  }

  /** How many entries there are. */
  get size(): number {
    return this.#clock.length + this.#kept.length;
  }

  /**
   * The entry of the address whose UTF-8 is `bytes[start..end)`, created when new. Makes no string when it is known.
   * Throws a `ClaspError` with code 200 when it is not an address.
   */
  intern(bytes: Uint8Array, start: number, end: number): AddressEntry<S> {
    if (end - start > MAX_ADDRESS_BYTES) throw refusal(bytes, start, end);
    const hash = this.#hash(bytes, start, end);
    const known = this.#lookUp(hash, bytes, start, end);
    if (known !== undefined) return known;

    let address: string;
    try {
      address = this.#decoder.decode(bytes.subarray(start, end));
    } catch {
      throw refusal(bytes, start, end);
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
      remembered.marks |= USED;
      return remembered;
    }
    // An unpaired surrogate would be encoded as U+FFFD and find another address.
    if (checkAddress(address) !== undefined) return undefined;
    const end = this.#encoder.encodeInto(address, this.#bytes).written;
    const known = this.#lookUp(this.#hash(this.#bytes, 0, end), this.#bytes, 0, end);
    if (known !== undefined) this.#rememberString(known);
    return known;
  }

  /** Every entry there is now, in no order. */
  entries(): Iterable<AddressEntry<S>> {
    return this.#clock.concat(this.#kept);
  }

  /**
   * Looks through all entries for those that have lost their state, and drops what is more than `maxIdle`. Also
   * happens bit by bit as addresses are created; call it after many states were removed at once. Not while entries
   * without state or hold are in use.
   */
  sweep(): void {
    this.#examined = 0;
    for (let left = this.#kept.length; left > 0; left--) this.#examineKept();
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
    entry.marks |= USED;
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
    if (this.#strings.size >= MOST_STRINGS) this.#strings.clear();
    // Not the string it was asked with, which may be a slice of something large.
    this.#strings.set(entry.address, entry);
  }

  #create(address: string, hash: number): AddressEntry<S> {
    const entry = new AddressEntry<S>(this.#created++, address, hash);
    this.#examineKept();
    this.#examineKept();
    this.#place(entry);
    this.#link(entry);
    if (this.size > this.#buckets.length) this.#grow();
    return entry;
  }

  /** Puts an entry that may be dropped on the clock; on a full clock in the place of one that leaves it. */
  #place(entry: AddressEntry<S>): void {
    const clock = this.#clock;
    if (clock.length < this.#maxIdle) {
      clock.push(entry);
      return;
    }
    for (;;) {
      const candidate = clock[this.#hand];
      if (candidate === undefined) {
        this.#hand = 0;
        continue;
      }
      if (isKept(candidate)) {
        this.#kept.push(candidate);
        break;
      }
      if ((candidate.marks & USED) === 0) {
        this.#drop(candidate);
        break;
      }
      candidate.marks &= ~USED;
      this.#hand++;
    }
    clock[this.#hand++] = entry;
  }

  /** Returns the next of the kept entries to the clock if it has become idle. */
  #examineKept(): void {
    const kept = this.#kept;
    const entry = kept[this.#examined];
    if (entry === undefined) {
      this.#examined = 0;
      return;
    }
    if (isKept(entry)) {
      this.#examined++;
      return;
    }
    const last = kept.pop();
    if (last !== undefined && last !== entry) kept[this.#examined] = last;
    this.#place(entry);
  }

  #link(entry: AddressEntry<S>): void {
    const slot = entry.hash & (this.#buckets.length - 1);
    const head = this.#buckets[slot];
    let length = 0;
    for (let other = head; other !== undefined; other = other.next) length++;
    if (length >= LONGEST_CHAIN) {
      this.#overflow.set(entry.address, entry);
      return;
    }
    entry.next = head;
    this.#buckets[slot] = entry;
  }

  #drop(entry: AddressEntry<S>): void {
    this.#recent.drop(entry);
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
    this.#buckets = new Array<undefined>(this.#buckets.length * 2).fill(undefined);
    this.#overflow.clear();
    for (const entry of this.entries()) {
      entry.next = undefined;
      this.#link(entry);
    }
  }
}

/** The failure for bytes that cannot be an address, with what can be shown of them. */
function refusal(bytes: Uint8Array, start: number, end: number): ClaspError {
  const lenient = new TextDecoder('utf-8', { ignoreBOM: true });
  const shown = lenient.decode(bytes.subarray(start, Math.min(end, start + MAX_ADDRESS_BYTES + 1)));
  const fault = checkAddress(shown);
  if (fault !== undefined) return fault;
  const reason = `address is not valid UTF-8: ${JSON.stringify(shown.slice(0, 48))}`;
  return new ClaspError(ErrorCode.BadAddress, reason, { address: shown });
}
