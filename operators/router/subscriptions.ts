import type { Pattern } from '../../core/address/pattern.ts';
import type { Pacing } from '../../core/signal/pacing.ts';
import type { SubscribeOptions } from '../../core/wire/message.ts';

/** One SUBSCRIBE of a session. */
export interface SessionSubscription {
  readonly pattern: Pattern;
  /** Kinds of signal as bits, see `KindBit`. */
  readonly mask: number;
  readonly options: SubscribeOptions | undefined;
  /** What the options say about the rate and precision of deliveries. */
  readonly pacing: Pacing;
}

/** What one session subscribed to, by id: an id may stand for several patterns (embedded clients always use 0). */
export class Subscriptions {
  readonly #byId = new Map<number, SessionSubscription[]>();
  /** How many patterns. */
  size = 0;

  add(id: number, subscription: SessionSubscription): void {
    const underId = this.#byId.get(id);
    if (underId) underId.push(subscription);
    else this.#byId.set(id, [subscription]);
    this.size++;
  }

  /** Everything there is. */
  all(): readonly SessionSubscription[] {
    return [...this.#byId.values()].flat();
  }

  /** Takes out everything under an id. */
  remove(id: number): readonly SessionSubscription[] {
    const underId = this.#byId.get(id) ?? [];
    this.#byId.delete(id);
    this.size -= underId.length;
    return underId;
  }

  /** Takes out everything. */
  clear(): readonly SessionSubscription[] {
    const all = this.all();
    this.#byId.clear();
    this.size = 0;
    return all;
  }
}
