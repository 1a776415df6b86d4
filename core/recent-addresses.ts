import type { AddressEntry } from './address-entry.ts';

/** Of one place: the length in bytes, then the bytes, four a word. */
const WORDS = 16;
const MOST_BYTES = (WORDS - 1) * 4;

/**
 * A small copy of what an `AddressTable` knows, for the addresses that came last. Each hash has one place, which the
 * newest takes. Here addresses are compared four bytes at a time; against a string it is one, and each costs more.
 */
export class RecentAddresses<S> {
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
    if (length > MOST_BYTES) return;
    const place = entry.hash & this.#mask;
    this.#entries[place] = entry;
    let at = place * WORDS;
    this.#words[at++] = length;
    for (let index = 0, count = (length + 3) >> 2; index < count; index++) this.#words[at++] = words[index] as number;
  }

  /** Forgets `entry`, which the table has dropped. */
  drop(entry: AddressEntry<S>): void {
    const place = entry.hash & this.#mask;
    if (this.#entries[place] === entry) this.#entries[place] = undefined;
  }
}
