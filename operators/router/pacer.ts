import type { SchedulerLike } from 'rxjs';
import { UNPACED } from '../../core/pacing.ts';
import { Alarms } from '../alarms.ts';
import type { PacedAddress } from './paced-address.ts';
import { PacedDelivery } from './paced-delivery.ts';
import type { Session } from './session-state.ts';
import type { SessionSubscription } from './subscriptions.ts';

export interface PacerOptions {
  readonly scheduler: SchedulerLike;
  /** Relay time, microseconds. */
  readonly now: () => number;
  /** Where deliveries are counted: `dispatch` has counted each signal as delivered before it is paced. */
  readonly delivered: { signals: number };
}

/**
 * Gives the sessions that subscribe with maxRate, epsilon or window their {@link PacedDelivery}, takes it away when
 * they no longer do, and has the one timer for all of them.
 */
export class Pacer {
  readonly now: () => number;
  readonly delivered: { signals: number };
  readonly alarms: Alarms<PacedAddress>;

  constructor({ scheduler, now, delivered }: PacerOptions) {
    this.now = now;
    this.delivered = delivered;
    this.alarms = new Alarms(scheduler, now, (address) => address.owner.ring(address));
  }

  /** A session subscribes; its snapshot comes after this. */
  subscribed(session: Session, subscription: SessionSubscription): void {
    if (session.paced === undefined) {
      if (subscription.pacing === UNPACED) return;
      session.paced = new PacedDelivery(this, session.outbox, session.connection.maxFrame);
      for (const earlier of session.subscriptions?.all() ?? []) session.paced.add(earlier);
    } else {
      session.paced.add(subscription);
    }
  }

  /** A session gives subscriptions up. What waits only because of them is not delivered any more. */
  unsubscribed(session: Session, removed: readonly SessionSubscription[]): void {
    const { paced } = session;
    if (paced === undefined) return;
    for (const subscription of removed) paced.remove(subscription);
    if (paced.needed) return;
    paced.release();
    session.paced = undefined;
  }

  /** The session has ended. */
  left(session: Session): void {
    session.paced?.close();
    session.paced = undefined;
  }

  dispose(): void {
    this.alarms.dispose();
  }
}
