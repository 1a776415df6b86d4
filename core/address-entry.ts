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
export class EntryList<S> {
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
