import { asyncScheduler, type MonoTypeOperatorFunction, type SchedulerLike } from 'rxjs';
import type { ParamLease } from '../core/param-lease.ts';
import type { ParamStore } from '../core/param-store.ts';
import { decodeFrame, encodeSet } from '../core/wire/index.ts';
import { Alarms } from './alarms.ts';
import { type Entry, Envelope } from './envelope.ts';
import { relaySession } from './relay-session.ts';
import { stage } from './stage.ts';

export interface ParamExpiryOptions {
  /** Clock and timer. @defaultValue `asyncScheduler` */
  readonly scheduler?: SchedulerLike | undefined;
  /** Relay time, microseconds since the Unix epoch. @defaultValue the scheduler's milliseconds times 1000 */
  readonly now?: (() => number) | undefined;
  /** Whether something (a timeline) goes on at an address, so that a sliding TTL does not end. @defaultValue never */
  readonly inUse?: ((entry: Entry) => boolean) | undefined;
}

/** How many params may expire before others get a turn: a few milliseconds of work. */
const AT_ONCE = 500;

/**
 * Takes params away: when their TTL ends, within a millisecond or as soon as all that end with it are gone, and when
 * there are more than the store's limit. Each goes by a SET of null under its next revision, as if the relay had
 * written it. A lock outlives the value. A GET restarts a sliding TTL and counts as a use.
 *
 * Everything that comes passes at once, in order. Needs to be behind whatever writes to the store; one per store.
 */
export function paramExpiry(store: ParamStore, options: ParamExpiryOptions = {}): MonoTypeOperatorFunction<Envelope> {
  const { scheduler = asyncScheduler, now = () => scheduler.now() * 1000, inUse = () => false } = options;

  return stage((out) => {
    const relay = relaySession(now());
    let unbundling = false;

    const remove = (entry: Entry, at: number) => {
      const frame = decodeFrame(encodeSet(entry.address, null));
      const envelope = new Envelope('SET', relay, frame, entry, at);
      envelope.revision = store.write(entry, frame, relay.id, at);
      out.next(envelope);
    };

    const lapse = (lease: ParamLease) => {
      const at = now();
      if (lease.sliding && inUse(lease.entry)) lease.renew(at);
      if (lease.end > at) alarms.set(lease, lease.end);
      else remove(lease.entry, at);
    };
    const alarms = new Alarms<ParamLease>(scheduler, now, lapse, AT_ONCE);

    store.leased = (lease) => {
      if (lease.duration > 0) alarms.set(lease, lease.end);
      else alarms.delete(lease);
    };

    return {
      next(envelope) {
        if (envelope.kind === 'GET' && envelope.entry) store.use(envelope.entry, envelope.at);
        out.next(envelope);
        // Its writes are done before any of them is told, and what one of them has pushed out may be another.
        if (envelope.kind === 'BUNDLE') unbundling = true;
        else if (envelope.kind === 'bundled') unbundling = false;
        if (unbundling) return;
        for (let entry = store.surplus; entry !== undefined; entry = store.surplus) remove(entry, envelope.at);
      },
      dispose: () => alarms.dispose(),
    };
  });
}
