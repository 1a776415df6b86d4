/**
 * A map that forgets: it holds at most `capacity` entries, and always the `capacity / 2` that were used last.
 *
 * Two maps take turns. An entry that is set or found goes to the young one; when that is half full it becomes the old
 * one, and what was old is forgotten. Unlike a list of last uses this costs one lookup for a hot key.
 */
export class RecentMap<K, V extends NonNullable<unknown>> {
  readonly #half: number;
  #young = new Map<K, V>();
  #old = new Map<K, V>();

  constructor(capacity: number) {
    this.#half = Math.max(1, capacity >> 1);
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(key: K): V | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  set(key: K, value: V): void {
    this.#old.delete(key);
    this.#young.set(key, value);
    if (this.#young.size >= this.#half) this.age();
  }

  delete(key: K): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }

  /** Makes all entries old: those not used before the next `age` are forgotten by it. */
  age(): void {
    this.#old = this.#young;
    this.#young = new Map();
  }
}
