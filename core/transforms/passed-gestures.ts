import type { Gesture } from '../signal/signal.ts';
import type { Value } from '../signal/value.ts';
import { RecentMap } from './recent-map.ts';

/**
 * The open gestures of which something has got through a transform. Their end or cancel gets through as well, whatever
 * the transform holds back: without it they would stay open at the other side. That of others does not.
 *
 * Bounded, and the end of a gesture forgets it; of very many open ones those used longest ago are forgotten first.
 */
export class PassedGestures {
  readonly #newest: RecentMap<string, { readonly value: Value }>;

  constructor(capacity: number) {
    this.#newest = new RecentMap(capacity);
  }

  /**
   * What gets through of a phase of which the transform made `value`, undefined standing for nothing: an end whose own
   * value is held back has the newest one that got through.
   */
  pass({ address, id, phase }: Gesture, value: Value | undefined): Value | undefined {
    const key = `${id} ${address}`;
    if (phase === 'start' || phase === 'move') {
      if (value !== undefined) this.#newest.set(key, { value });
      return value;
    }
    const newest = this.#newest.get(key);
    if (newest === undefined) return undefined;
    this.#newest.delete(key);
    return value === undefined ? newest.value : value;
  }
}
