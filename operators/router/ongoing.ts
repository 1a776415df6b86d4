import type { Pattern } from '../../core/address/pattern.ts';
import type { SubscriptionIndex } from '../../core/address/subscription-index.ts';
import type { Entry } from './envelope.ts';
import type { Session } from './session-state.ts';
import type { SessionSubscription } from './subscriptions.ts';

/** Something that began and has not ended, as somebody who subscribes now has to learn of it. */
export interface OngoingSignal {
  readonly entry: Entry;
  /** The frame to send. */
  readonly beginning: Uint8Array;
  /** Who hears it anyway or must not: the sender of a gesture. */
  readonly sender: Session | undefined;
}

/** All of one kind that go on: open gestures, active timelines. */
export interface Ongoing {
  /** The kind, as in a subscription's mask. */
  readonly kindBit: number;
  /** Whether it is sent again to a session that another of its subscriptions has told of it already. */
  readonly repeats: boolean;
  matching(pattern: Pattern): Iterable<OngoingSignal>;
}

/** What a session has to be sent because it subscribes only now. Ask before the subscription is added. */
export function missedBy(
  session: Session,
  { pattern, mask }: SessionSubscription,
  ongoing: readonly Ongoing[],
  subscriptions: SubscriptionIndex<Session>,
): Uint8Array[] {
  const missed: Uint8Array[] = [];
  for (const kind of ongoing) {
    if ((mask & kind.kindBit) === 0) continue;
    for (const { entry, beginning, sender } of kind.matching(pattern)) {
      if (sender === session || !session.scopes.allows('read', entry.address)) continue;
      if (!kind.repeats && subscriptions.lookup(entry, kind.kindBit).includes(session)) continue;
      missed.push(beginning);
    }
  }
  return missed;
}
