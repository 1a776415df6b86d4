import { ClaspError, ErrorCode } from './errors.ts';

/** Set on an entry when it is looked up, cleared when the hand of the table's clock passes. */
export const USED = 1;
/** One hold on an entry; the bits above {@link USED} count them. */
const HOLD = 2;

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
  /** @internal */
  readonly hash: number;
  /** @internal The next entry of the same bucket. */
  next: AddressEntry<S> | undefined;
  /** @internal */
  marks: number;

  /** @internal Entries are made by an `AddressTable`. */
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

  /** Undoes one {@link retain}. Throws a `ClaspError` with code 500 when there is none to undo. */
  release(): void {
    if (this.marks < HOLD) {
      throw new ClaspError(ErrorCode.Internal, 'entry released more often than retained', { address: this.address });
    }
    this.marks -= HOLD;
  }
}

/** Whether an entry must not be dropped. */
export function isKept(entry: AddressEntry): boolean {
  return entry.state !== undefined || entry.marks >= HOLD;
}
