import type { AddressEntry } from './address-entry.ts';
import type { Ttl } from './message.ts';
import type { StoredParam } from './param.ts';

const SECOND = 1_000_000;

/** The times of a lease, without the param. */
export interface LeaseTimes {
  readonly duration: number;
  readonly sliding: boolean;
  readonly from: number;
}

/** How long a param lives. One object per param that ever had a TTL; a relay waits for its end. */
export class ParamLease implements LeaseTimes {
  readonly entry: AddressEntry<StoredParam>;
  /** Microseconds; 0 while the param lives for ever or does not exist. */
  duration = 0;
  /** Whether each write and read begins it anew. */
  sliding = false;
  /** When it began, microseconds. */
  from = 0;
  /** When it is looked at next: belongs to whoever waits for it. */
  due = 0;
  /** Where it waits; -1 while it does not: belongs to whoever waits for it. */
  place = -1;

  constructor(entry: AddressEntry<StoredParam>) {
    this.entry = entry;
  }

  /** When it ends, microseconds; Infinity for never. */
  get end(): number {
    return this.duration === 0 ? Number.POSITIVE_INFINITY : this.from + this.duration;
  }

  begin({ seconds, mode }: Ttl, at: number): void {
    this.duration = seconds * SECOND;
    this.sliding = mode === 'sliding';
    this.from = at;
  }

  /** The param was written or read. */
  renew(at: number): void {
    if (this.sliding) this.from = at;
  }

  times(): LeaseTimes {
    const { duration, sliding, from } = this;
    return { duration, sliding, from };
  }

  /** What {@link times} gave, or none. */
  resume(times: LeaseTimes | undefined): void {
    this.duration = times?.duration ?? 0;
    this.sliding = times?.sliding ?? false;
    this.from = times?.from ?? 0;
  }
}
