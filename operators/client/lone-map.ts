/**
 * A map that most often holds one entry or none, and keeps that one beside the table. In the order of
 * insertion.
 *
 * A `Map` gets a new table each time that its last entry goes; V8 links those, so that one that has grown old makes all
 * later ones grow old.
 */
export class LoneMap<K, V extends NonNullable<unknown>> implements Iterable<[K, V]> {
  #first: K | undefined;
  #value: V | undefined;
  readonly #others = new Map<K, V>();

  get size(): number {
    return this.#others.size + (this.#first === undefined ? 0 : 1);
  }

  /** The oldest key, unless it has gone and others have not. */
  get first(): K | undefined {
    return this.#first;
  }

  set(key: K, value: V): void {
    if (this.#first === key || this.size === 0) {
      this.#first = key;
      this.#value = value;
    } else {
      this.#others.set(key, value);
    }
  }

  delete(key: K): void {
    if (this.#first === key) {
      this.#first = undefined;
      this.#value = undefined;
    } else {
      this.#others.delete(key);
    }
  }

  clear(): void {
    this.#first = undefined;
    this.#value = undefined;
    this.#others.clear();
  }

  *[Symbol.iterator](): Generator<[K, V], void> {
    if (this.#first !== undefined) yield [this.#first, this.#value as V];
    yield* this.#others;
  }
}
