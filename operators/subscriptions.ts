import type { SubscribeOptions } from '../core/message.ts';
import type { Pattern } from '../core/pattern.ts';

/** One SUBSCRIBE of a session. */
export interface SessionSubscription {
  readonly pattern: Pattern;
  /** Kinds of signal as bits, see `KindBit`. */
  readonly mask: number;
  readonly options: SubscribeOptions | undefined;
}

/** What a session subscribed to: an id may stand for several patterns (embedded clients always use 0). */
export type Subscriptions = Map<number, SessionSubscription[]>;

/** How many patterns those are. */
export function countSubscriptions(subscriptions: Subscriptions | undefined): number {
  let count = 0;
  if (subscriptions) for (const patterns of subscriptions.values()) count += patterns.length;
  return count;
}
