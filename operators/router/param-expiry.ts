import { asyncScheduler, type SchedulerLike } from 'rxjs';
import type { ParamLease } from '../../core/param-lease.ts';
import type { ParamStore } from '../../core/param-store.ts';
import { decodeFrame, encodeSet } from '../../core/wire/index.ts';
import { Alarms } from '../alarms.ts';
import { type Entry, Envelope } from './envelope.ts';
import { relaySession } from './relay-session.ts';
import type { Session } from './session-state.ts';

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
 * there are more than the store's limit. Costs nothing while no param has a TTL and there is no limit. One per store.
 */
export class ParamExpiry {
  readonly #store: ParamStore;
  readonly #out: (removal: Envelope) => void;
  readonly #now: () => number;
  readonly #inUse: (entry: Entry) => boolean;
  readonly #relay: Session;
  readonly #alarms: Alarms<ParamLease>;

  /** @param out gets each removal: a SET of null that has been stored, under its revision */
  constructor(store: ParamStore, out: (removal: Envelope) => void, options: ParamExpiryOptions = {}) {
    const { scheduler = asyncScheduler, now = () => scheduler.now() * 1000, inUse = () => false } = options;
    this.#store = store;
    this.#out = out;
    this.#now = now;
    this.#inUse = inUse;
    this.#relay = relaySession(now());
    this.#alarms = new Alarms(scheduler, now, (lease) => this.#lapse(lease), AT_ONCE);
    store.leased = (lease) => {
      if (lease.duration > 0) this.#alarms.set(lease, lease.end);
      else this.#alarms.delete(lease);
    };
  }

  /** Deletes what is more than the store's limit. */
  evict(at: number): void {
    for (let entry = this.#store.surplus; entry !== undefined; entry = this.#store.surplus) this.#remove(entry, at);
  }

  /** Nothing expires any more. */
  dispose(): void {
    this.#alarms.dispose();
  }

  #lapse(lease: ParamLease): void {
    const at = this.#now();
    if (lease.sliding && this.#inUse(lease.entry)) lease.renew(at);
    if (lease.end > at) this.#alarms.set(lease, lease.end);
    else this.#remove(lease.entry, at);
  }

  #remove(entry: Entry, at: number): void {
    const frame = decodeFrame(encodeSet(entry.address, null));
    const removal = new Envelope('SET', this.#relay, frame, entry, at);
    removal.revision = this.#store.write(entry, frame, this.#relay.id, at);
    this.#out(removal);
  }
}
