import { checkAddress, MAX_ADDRESS_BYTES } from './address.ts';
import { ClaspError, ErrorCode } from './errors.ts';

/** Entries of one bucket beyond this many live in a `Map`, so that chosen collisions cannot make lookups slow. */
const LONGEST_CHAIN = 16;
const INITIAL_BUCKETS = 1024;
/** Set on an entry when it is looked up, cleared when the hand of the clock passes. */
const USED = 1;
/** One hold on an entry; the bits above {@link USED} count them. */
const HOLD = 2;

/** The one object that stands for an address while the table knows it. */
export class AddressEntry<S = unknown> {
  /** Unique for the life of the table, never given to another address. */
  readonly id: number;
  readonly address: string;
  /** Yours: the stored param, say. An entry with a state is never dropped; set to undefined to let it go. */
  state: S | undefined;
  /** Whose matches `cachedAs` points to: owned by a `SubscriptionIndex`. */
  cachedIn: object | undefined;
  /** Place and kinds of the cached matches: owned by a `SubscriptionIndex`. */
  cachedAs: number;
  /** @internal */
  readonly hash: number;
  /** @internal The next entry of the same bucket. */
  next: AddressEntry<S> | undefined;
  /** @internal */
  marks: number;

  /** @internal Entries are made by an {@link AddressTable}. */
  constructor(id: number, address: string, hash: number) {
    this.id = id;
    this.address = address;
    this.state = undefined;
    this.cachedIn = undefined;
    this.cachedAs = 0;
    this.hash = hash;
    this.next = undefined;
    this.marks = 0;
  }

  /** Keeps the entry in the table, state or not, until {@link release}. May be nested. */
  retain(): void {
    this.marks += HOLD;
  }

  /** Undoes one {@link retain}. */
  release(): void {
    if (this.marks < HOLD)
      throw new ClaspError(ErrorCode.Internal, 'entry released too often', { address: this.address });
    this.marks -= HOLD;
  }
}

export interface AddressTableOptions {
  /**
   * How many entries without a state may be remembered; the least recently used go first.
   * @defaultValue 65 536
   */
  readonly maxIdle?: number;
  /** Hashes `bytes[start..end)` to an integer of 30 bits. For tests. */
  readonly hash?: (bytes: Uint8Array, start: number, end: number) => number;
}

/**
 * Turns addresses into entries, one per address, so that after the edge nothing compares or hashes a string.
 *
 * An entry without a state and without a hold may be dropped when more than `maxIdle` of them exist, but not before at
 * least a third of `maxIdle` further addresses have been created: whatever is done with it in the same turn is safe.
 * Hold it ({@link AddressEntry.retain}) to keep it longer.
 *
 * About 120 bytes an entry beside the address.
 */
export class AddressTable<S = unknown> {
  readonly #hash: (bytes: Uint8Array, start: number, end: number) => number;
  readonly #maxIdle: number;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  readonly #encoder = new TextEncoder();
  readonly #scratch = new Uint8Array(MAX_ADDRESS_BYTES + 3);
  #buckets: (AddressEntry<S> | undefined)[] = new Array<undefined>(INITIAL_BUCKETS).fill(undefined);
  /** Entries whose chain was full. */
  readonly #overflow = new Map<string, AddressEntry<S>>();
  /** Entries that may be dropped: a clock, whose hand gives those looked up since its last visit another round. */
  readonly #clock: AddressEntry<S>[] = [];
  #hand = 0;
  /** Entries that had a state or a hold when they were last examined. */
  readonly #kept: AddressEntry<S>[] = [];
  #examined = 0;
  #created = 0;

  constructor(options: AddressTableOptions = {}) {
    const { maxIdle = 65_536, hash = hashBytes } = options;
    this.#maxIdle = Math.max(1, maxIdle);
    this.#hash = hash;
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
    const length = end - start;
    if (length > MAX_ADDRESS_BYTES) throw this.#refusal(bytes, start, end);
    const hash = this.#hash(bytes, start, end);
    const known = this.#lookUp(hash, bytes, start, end);
    if (known !== undefined) {
      known.marks |= USED;
      return known;
    }

    let address: string;
    try {
      address = this.#decoder.decode(bytes.subarray(start, end));
    } catch {
      throw this.#refusal(bytes, start, end);
    }
    const fault = checkAddress(address);
    if (fault !== undefined) throw fault;
    return this.#create(address, hash);
  }

  /** The entry of `address`, created when new. Throws a `ClaspError` with code 200 when it is not an address. */
  internString(address: string): AddressEntry<S> {
    const end = this.#encode(address);
    if (end < 0)
      throw checkAddress(address) ?? new ClaspError(ErrorCode.BadAddress, 'address is too long', { address });
    return this.intern(this.#scratch, 0, end);
  }

  /** The entry of `address`, if there is one. */
  find(address: string): AddressEntry<S> | undefined {
    const end = this.#encode(address);
    if (end < 0) return undefined;
    const known = this.#lookUp(this.#hash(this.#scratch, 0, end), this.#scratch, 0, end);
    if (known !== undefined) known.marks |= USED;
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
    for (let left = this.#kept.length; left >= 0; left--) this.#examineKept();
  }

  #lookUp(hash: number, bytes: Uint8Array, start: number, end: number): AddressEntry<S> | undefined {
    const buckets = this.#buckets;
    let entry = buckets[hash & (buckets.length - 1)];
    while (entry !== undefined) {
      if (entry.hash === hash && isUtf8Of(entry.address, bytes, start, end)) return entry;
      entry = entry.next;
    }
    return this.#overflow.size === 0 ? undefined : this.#lookUpOverflow(bytes, start, end);
  }

  #lookUpOverflow(bytes: Uint8Array, start: number, end: number): AddressEntry<S> | undefined {
    try {
      return this.#overflow.get(this.#decoder.decode(bytes.subarray(start, end)));
    } catch {
      return undefined; // not UTF-8, so no address has it
    }
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
        this.#unlink(candidate);
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

  #unlink(entry: AddressEntry<S>): void {
    const slot = entry.hash & (this.#buckets.length - 1);
    let before: AddressEntry<S> | undefined;
    for (let other = this.#buckets[slot]; other !== undefined; other = other.next) {
      if (other === entry) {
        if (before === undefined) this.#buckets[slot] = entry.next;
        else before.next = entry.next;
        entry.next = undefined;
        return;
      }
      before = other;
    }
    this.#overflow.delete(entry.address);
  }

  #grow(): void {
    this.#buckets = new Array<undefined>(this.#buckets.length * 2).fill(undefined);
    this.#overflow.clear();
    for (const entry of this.entries()) {
      entry.next = undefined;
      this.#link(entry);
    }
  }

  /** Writes the UTF-8 of `address` to the scratch buffer and returns its length, or -1 when it is no address's. */
  #encode(address: string): number {
    const scratch = this.#scratch;
    const length = address.length;
    if (length > MAX_ADDRESS_BYTES) return -1;
    for (let at = 0; at < length; at++) {
      const code = address.charCodeAt(at);
      if (code >= 0x80) return this.#encodeWide(address);
      scratch[at] = code;
    }
    return length;
  }

  #encodeWide(address: string): number {
    // An unpaired surrogate would be encoded as U+FFFD and become another address.
    if (checkAddress(address) !== undefined) return -1;
    return this.#encoder.encodeInto(address, this.#scratch).written;
  }

  /** The failure for bytes that cannot be an address, with what can be shown of them. */
  #refusal(bytes: Uint8Array, start: number, end: number): ClaspError {
    const lenient = new TextDecoder('utf-8', { ignoreBOM: true });
    const address = lenient.decode(bytes.subarray(start, Math.min(end, start + MAX_ADDRESS_BYTES + 1)));
    return (
      checkAddress(address) ??
      new ClaspError(ErrorCode.BadAddress, `address is not valid UTF-8: ${JSON.stringify(address.slice(0, 48))}`, {
        address,
      })
    );
  }
}

function isKept(entry: AddressEntry): boolean {
  return entry.state !== undefined || entry.marks >= HOLD;
}

/** Whether `bytes[start..end)` is the UTF-8 of `text`, which has no unpaired surrogate. */
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

/** MurmurHash3 over the bytes, cut to 30 bits: a small integer on every engine. */
function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0;
  let at = start;
  for (const whole = end - 3; at < whole; at += 4) {
    const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
    hash = mix(hash, low | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24));
  }
  let tail = 0;
  for (let shift = 0; at < end; at++, shift += 8) tail |= (bytes[at] as number) << shift;
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
