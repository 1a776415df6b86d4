import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { passing, type StageOperator, stage } from '../stage.ts';
import type { Envelope } from './envelope.ts';
import type { Session } from './session-state.ts';

export interface RateLimitOptions {
  /**
   * Messages a second that one session may send, those in bundles too, and how many at once after a silence; 0 =
   * unlimited. @defaultValue 0
   */
  readonly maxMessagesPerSecond?: number | undefined;
}

const SECOND = 1_000_000;

/**
 * Refuses what a session sends beyond its rate with a `ClaspError` 429: a bucket of one second's messages a session,
 * filled by the time that envelopes carry. A bundle
 * counts as its messages: one with more of them than the bucket holds never passes. Everything else passes at once, in order.
 */
export function rateLimit({ maxMessagesPerSecond = 0 }: RateLimitOptions = {}): StageOperator<Envelope> {
  if (maxMessagesPerSecond <= 0) return passing();

  return stage((out) => {
    const buckets = new Map<Session, { left: number; at: number }>();

    return {
      next(envelope) {
        const { kind, session, at, parts } = envelope;
        if (kind === 'closed') buckets.delete(session);
        if (kind === 'opened' || kind === 'closed' || kind === 'refused') {
          out.next(envelope);
          return;
        }
        let bucket = buckets.get(session);
        if (!bucket) {
          bucket = { left: maxMessagesPerSecond, at };
          buckets.set(session, bucket);
        }
        const refill = (Math.max(0, at - bucket.at) * maxMessagesPerSecond) / SECOND;
        bucket.left = Math.min(maxMessagesPerSecond, bucket.left + refill);
        bucket.at = at;
        const count = Math.max(1, parts.length);
        if (bucket.left >= count) {
          bucket.left -= count;
          out.next(envelope);
        } else {
          const reason = `too many messages, at most ${maxMessagesPerSecond} a second`;
          out.next(envelope.refuse(new ClaspError(ErrorCode.TooMany, reason, { address: envelope.entry?.address })));
        }
      },
    };
  });
}
