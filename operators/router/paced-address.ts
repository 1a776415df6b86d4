import { type Numbers, type Pacing, UNPACED } from '../../core/pacing.ts';
import type { Alarmed } from '../alarms.ts';
import type { Entry } from './envelope.ts';
import type { PacedDelivery } from './paced-delivery.ts';

/** What paced deliveries are of: the param at an address, or the stream. */
export type PacedKind = 'param' | 'stream';

/** Bytes of the object itself, its place in a map and in the heap: an estimate. */
const OWN_BYTES = 250;

/** What one session was told about one param or stream, and what waits to be told. */
export class PacedAddress implements Alarmed {
  readonly owner: PacedDelivery;
  /** The newest: an address may be interned anew while something waits. */
  entry: Entry;
  readonly kind: PacedKind;
  due = 0;
  place = -1;
  pacing: Pacing = UNPACED;
  /** Under which subscriptions `pacing` was found. */
  rules: object | undefined = undefined;
  /** When the next delivery may be, microseconds. */
  freeAt: number = Number.NEGATIVE_INFINITY;
  /** What was delivered last, where distance matters. */
  last: Numbers | undefined = undefined;
  /** The frame that waits, and what it carries. */
  bytes: Uint8Array | undefined = undefined;
  value: Numbers | undefined = undefined;
  /** Samples that are gathered, oldest first. */
  samples: number[] | undefined = undefined;
  /** When the first of them came, microseconds. */
  openedAt = 0;
  /** Samples a second as their sender says; of several different, none. */
  rate: number | undefined = undefined;
  /** Of the newest sample. */
  timestamp: number | undefined = undefined;
  /** Bytes that this is thought to hold; owned by {@link PacedDelivery}. */
  weight = 0;

  constructor(owner: PacedDelivery, entry: Entry, kind: PacedKind) {
    this.owner = owner;
    this.entry = entry;
    this.kind = kind;
  }

  /** Bytes that this holds now. */
  weigh(): number {
    const { bytes, samples, last, value } = this;
    return OWN_BYTES + (bytes?.length ?? 0) + (samples?.length ?? 0) * 8 + sizeOf(last) + sizeOf(value);
  }

  /** Adds samples to those that wait; a sender's rate holds only while all frames agree on it. */
  gather(samples: readonly number[], rate: number | undefined, timestamp: number | undefined, now: number): void {
    if (this.samples === undefined) {
      this.samples = [];
      this.openedAt = now;
      this.rate = rate;
    } else if (this.rate !== rate) {
      this.rate = undefined;
    }
    for (const sample of samples) this.samples.push(sample);
    this.timestamp = timestamp;
  }
}

function sizeOf(numbers: Numbers | undefined): number {
  return typeof numbers === 'object' ? numbers.length * 8 : 0;
}
