import type { SchedulerLike } from 'rxjs';
import { KindBit, SubscriptionIndex } from '../../core/address/subscription-index.ts';
import type { ParamEntry } from '../../core/param/param-store.ts';
import {
  areWithin,
  freeAfter,
  isFree,
  isWithin,
  loosest,
  type Numbers,
  numbersOf,
  type Pacing,
  sampleRate,
  UNPACED,
  withoutWindow,
} from '../../core/signal/pacing.ts';
import { encodePublish, type Frame, MAX_PAYLOAD, ValueCode } from '../../core/wire/index.ts';
import { type TimerEntry, TimerHeap } from '../timer-heap.ts';
import { type Outbox, ownCopy } from './outbox.ts';
import type { SessionSubscription, Subscriptions } from './subscriptions.ts';

/** The numbers that a frame's value is, read only where the pacing looks at them. */
function carriedNumbers(frame: Frame, { epsilon, window }: Pacing): Numbers | undefined {
  const { valueCode } = frame;
  const number = valueCode >= ValueCode.I8 && valueCode <= ValueCode.F64;
  if (number ? epsilon < 0 && window === 0 : epsilon < 0 || valueCode !== ValueCode.Array) return undefined;
  return numbersOf(frame.value);
}

/** The numbers that a stored param is. */
function storedNumbers({ state }: ParamEntry): Numbers | undefined {
  if (!state?.exists) return undefined;
  return state.code <= ValueCode.F64 || state.code === ValueCode.Array ? numbersOf(state.value) : undefined;
}

/** What paced deliveries are of: the param at an address, or the stream. */
export type PacedKind = 'param' | 'stream';

/** Bytes of the object itself, its place in a map and in the heap: an estimate. */
const OWN_BYTES = 250;

/** What one session was told about one param or stream, and what waits to be told. */
export class PacedAddress implements TimerEntry {
  readonly owner: PacedDelivery;
  /** The newest: an address may be interned anew while something waits. */
  entry: ParamEntry;
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

  constructor(owner: PacedDelivery, entry: ParamEntry, kind: PacedKind) {
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

/** Bytes of a session's addresses and of what waits for them; beyond this the oldest are let go, early. */
const MAX_BYTES = 4 * 1024 * 1024;
/** Addresses whose pacing is remembered. */
const MAX_PACINGS = 4096;
/** Of a frame of samples, beside the samples and the address. */
const PUBLISH_BYTES = 40;

/** What a session's subscriptions, as they are now, say about addresses. */
class Rules {
  readonly param: Map<string, Pacing | undefined> = new Map<string, Pacing | undefined>();
  readonly stream: Map<string, Pacing | undefined> = new Map<string, Pacing | undefined>();
}

/**
 * The way to the outbox of a session that subscribed with maxRate, epsilon or window: decides for each param and
 * stream whether it goes now, later or not at all. Under several subscriptions the loosest of each option counts.
 *
 * What waits is always the newest, and is delivered when its time comes without anything having to happen. An address
 * is forgotten when its next delivery is free; with epsilon it is remembered for what was delivered, within
 * {@link MAX_BYTES} a session.
 */
export class PacedDelivery {
  readonly #pacer: Pacer;
  readonly #outbox: Outbox;
  readonly #maxFrame: number;
  readonly #subscriptions = new SubscriptionIndex<SessionSubscription>();
  readonly #addresses = { param: new Map<string, PacedAddress>(), stream: new Map<string, PacedAddress>() };
  #rules = new Rules();
  #paced = 0;
  #bytes = 0;

  constructor(pacer: Pacer, outbox: Outbox, maxFrame: number | undefined) {
    this.#pacer = pacer;
    this.#outbox = outbox;
    this.#maxFrame = Math.min(maxFrame ?? Number.POSITIVE_INFINITY, MAX_PAYLOAD);
  }

  /** Whether any of the subscriptions has options. */
  get needed(): boolean {
    return this.#paced > 0;
  }

  /** How many addresses are remembered. */
  get size(): number {
    return this.#addresses.param.size + this.#addresses.stream.size;
  }

  /** Takes every subscription of the session, those without options too: they set addresses free. */
  add(subscription: SessionSubscription): void {
    this.#subscriptions.add(subscription.pattern, subscription.mask, subscription);
    if (subscription.pacing !== UNPACED) this.#paced++;
    this.#rules = new Rules();
  }

  remove(subscription: SessionSubscription): void {
    this.#subscriptions.remove(subscription.pattern, subscription.mask, subscription);
    if (subscription.pacing !== UNPACED) this.#paced--;
    this.#rules = new Rules();
  }

  /** Delivers a frame now, later or not at all. */
  deliver(entry: ParamEntry, frame: Frame, bytes: Uint8Array, kind: PacedKind): void {
    const known = this.#addresses[kind].get(entry.address);
    const pacing = this.#pacing(entry, kind, known) ?? UNPACED;
    if (pacing === UNPACED) {
      if (known !== undefined) this.#dismiss(known, kind === 'stream');
      this.#outbox.send(bytes, kind, kind === 'param' ? entry : entry.id);
      return;
    }
    this.#pacer.delivered.signals--; // counted again when it is sent
    const address = known ?? this.#remember(entry, kind, pacing);
    address.entry = entry;
    const samples = kind === 'stream' ? frame.samples : undefined;
    const value = samples === undefined ? carriedNumbers(frame, pacing) : samples.at(-1);
    const now = this.#pacer.now();
    if (typeof value === 'number' && pacing.window > 0 && (samples?.length ?? 1) <= this.#room(entry)) {
      this.#gather(address, samples ?? [value], frame, now);
    } else {
      this.#giveSamples(address, now);
      const { interval, epsilon } = pacing;
      const held = samples ? areWithin(address.last, samples, epsilon) : isWithin(address.last, value, epsilon);
      address.bytes = held ? undefined : ownCopy(bytes);
      address.value = held ? undefined : value;
      if (!held && isFree(address.freeAt, now, interval)) this.#sendWaiting(address, now + interval);
    }
    this.#keep(address);
    this.#letGoOldest(address);
  }

  /**
   * Takes note of a param, or of a stream's frame, that the session is about to get past its pacing, in a snapshot or a
   * bundle: that counts as a delivery. Older samples of the stream go before it, or not at all.
   */
  told(entry: ParamEntry, samples?: Frame): void {
    const kind = samples === undefined ? 'param' : 'stream';
    const known = this.#addresses[kind].get(entry.address);
    const pacing = this.#pacing(entry, kind, known) ?? UNPACED;
    if (pacing === UNPACED) {
      if (known !== undefined) this.#dismiss(known, kind === 'stream');
      return;
    }
    const address = known ?? this.#remember(entry, kind, pacing);
    const now = this.#pacer.now();
    this.#giveSamples(address, now);
    address.bytes = undefined;
    address.value = undefined;
    const last = samples ? (samples.samples?.at(-1) ?? carriedNumbers(samples, pacing)) : storedNumbers(entry);
    address.last = pacing.epsilon < 0 ? undefined : last;
    this.#rest(address, now + pacing.interval);
    this.#keep(address);
    this.#letGoOldest(address);
  }

  /** An address's time has come: what waits is delivered; otherwise it is forgotten, unless epsilon needs it. */
  ring(address: PacedAddress): void {
    const pacing = this.#pacing(address.entry, address.kind, address);
    if (pacing === undefined) {
      this.#forget(address);
      return;
    }
    const now = this.#pacer.now();
    const next = freeAfter(address.due, now, pacing.interval);
    if (address.samples !== undefined) this.#sendSamples(address, now, next);
    else this.#sendWaiting(address, next);
    this.#keep(address);
  }

  /** There are no options any more: what still has a subscription is delivered now, all is forgotten. */
  release(): void {
    for (const addresses of [this.#addresses.param, this.#addresses.stream]) {
      for (const address of addresses.values()) {
        if (this.#pacing(address.entry, address.kind, address) === undefined) this.#forget(address);
        else this.#dismiss(address, true);
      }
    }
  }

  /** Forgets everything. */
  close(): void {
    for (const addresses of [this.#addresses.param, this.#addresses.stream]) {
      for (const address of addresses.values()) this.#forget(address);
    }
  }

  /** The loosest pacing of the subscriptions that match; undefined when none does. */
  #pacing(entry: ParamEntry, kind: PacedKind, known: PacedAddress | undefined): Pacing | undefined {
    const rules = this.#rules;
    if (known?.rules === rules) return known.pacing;
    const remembered = rules[kind];
    let pacing = remembered.get(entry.address);
    if (pacing === undefined) {
      for (const subscription of this.#subscriptions.match(entry.address, KindBit[kind])) {
        pacing = pacing === undefined ? subscription.pacing : loosest(pacing, subscription.pacing);
      }
      if (pacing !== undefined && kind === 'param') pacing = withoutWindow(pacing);
      if (remembered.size >= MAX_PACINGS) remembered.clear();
      remembered.set(entry.address, pacing);
    }
    if (known !== undefined && pacing !== undefined) {
      known.pacing = pacing;
      known.rules = rules;
    }
    return pacing;
  }

  #remember(entry: ParamEntry, kind: PacedKind, pacing: Pacing): PacedAddress {
    const address = new PacedAddress(this, entry, kind);
    address.pacing = pacing;
    address.rules = this.#rules;
    this.#addresses[kind].set(entry.address, address);
    return address;
  }

  #gather(address: PacedAddress, samples: readonly number[], frame: Frame, now: number): void {
    address.bytes = undefined; // something without samples that waited: newer ones take its place
    address.value = undefined;
    const waiting = address.samples?.length ?? 0;
    if (waiting + samples.length > this.#room(address.entry)) this.#giveSamples(address, now);
    address.gather(samples, frame.rate, frame.publishedAt, now);
    const { window, interval } = address.pacing;
    const opensAt = address.openedAt + window;
    const due = isFree(address.freeAt, opensAt, interval) ? opensAt : address.freeAt;
    if (address.place < 0 || due !== address.due) this.#pacer.timers.set(address, due);
  }

  /** How many samples fit into a frame that the peer can take. */
  #room({ address }: ParamEntry): number {
    return (this.#maxFrame - PUBLISH_BYTES - address.length * 3) >> 3;
  }

  /** Samples that cannot wait: delivered, or dropped where the rate does not allow more. */
  #giveSamples(address: PacedAddress, now: number): void {
    if (address.samples === undefined) return;
    const { interval } = address.pacing;
    if (isFree(address.freeAt, now, interval)) {
      this.#sendSamples(address, now, now + interval);
    } else {
      address.samples = undefined;
      this.#outbox.dropped++;
    }
  }

  #sendSamples(address: PacedAddress, now: number, next: number): void {
    const { samples = [], rate, timestamp, openedAt, entry, pacing } = address;
    address.samples = undefined;
    this.#rest(address, next);
    if (areWithin(address.last, samples, pacing.epsilon)) return;
    if (pacing.epsilon >= 0) this.#renew(address, samples.at(-1));
    const publish = { samples, rate: rate ?? sampleRate(samples.length, now - openedAt), timestamp };
    this.#pacer.delivered.signals++;
    this.#outbox.send(encodePublish('stream', entry.address, undefined, publish), 'stream', entry.id);
  }

  #sendWaiting(address: PacedAddress, next: number): void {
    const { bytes, value, entry, kind, pacing } = address;
    if (bytes === undefined) return;
    address.bytes = undefined;
    address.value = undefined;
    if (pacing.epsilon >= 0) this.#renew(address, value);
    this.#rest(address, next);
    this.#pacer.delivered.signals++;
    this.#outbox.send(bytes, kind, kind === 'param' ? entry : entry.id);
  }

  /** Notes what was delivered, and that this address is in use. */
  #renew(address: PacedAddress, value: Numbers | undefined): void {
    address.last = value;
    const addresses = this.#addresses[address.kind];
    addresses.delete(address.entry.address);
    addresses.set(address.entry.address, address);
  }

  /** Something was delivered: nothing more until `next`. Without an interval there is nothing to wait for. */
  #rest(address: PacedAddress, next: number): void {
    address.freeAt = next;
    if (address.pacing.interval > 0) this.#pacer.timers.set(address, next);
    else this.#pacer.timers.delete(address);
  }

  /** Ends the pacing of an address; what waits goes out now, or is older than what goes out next. */
  #dismiss(address: PacedAddress, sending: boolean): void {
    this.#forget(address);
    const { samples, bytes } = address;
    address.pacing = UNPACED;
    if (samples !== undefined) this.#sendSamples(address, this.#pacer.now(), 0);
    else if (bytes !== undefined && sending) this.#sendWaiting(address, 0);
  }

  #forget(address: PacedAddress): void {
    this.#pacer.timers.delete(address);
    this.#addresses[address.kind].delete(address.entry.address);
    this.#bytes -= address.weight;
    address.weight = 0;
  }

  /** Forgets an address that waits for nothing and whose last value does not matter; weighs any other. */
  #keep(address: PacedAddress): void {
    if (address.place < 0 && (address.last === undefined || address.pacing.epsilon < 0)) {
      this.#forget(address);
    } else if (this.#addresses[address.kind].get(address.entry.address) === address) {
      const weight = address.weigh();
      this.#bytes += weight - address.weight;
      address.weight = weight;
    }
  }

  #letGoOldest(except: PacedAddress): void {
    while (this.#bytes > MAX_BYTES && this.size > 1) {
      const { param, stream } = this.#addresses;
      for (const oldest of (param.size > stream.size ? param : stream).values()) {
        if (oldest === except) continue;
        this.#dismiss(oldest, true);
        break;
      }
    }
  }
}

export interface PacerOptions {
  readonly scheduler: SchedulerLike;
  /** Relay time, microseconds. */
  readonly now: () => number;
  /** Where deliveries are counted: `dispatch` has counted each signal as delivered before it is paced. */
  readonly delivered: { signals: number };
}

/** What pacing needs of a session: where deliveries leave, and what it subscribed to. */
export interface PacedReceiver {
  readonly outbox: Outbox;
  readonly connection: { readonly maxFrame?: number | undefined };
  readonly subscriptions: Subscriptions | undefined;
  /** Its paced way to the outbox; owned by {@link Pacer}. */
  paced: PacedDelivery | undefined;
}

/**
 * Gives the sessions that subscribe with maxRate, epsilon or window their {@link PacedDelivery}, takes it away when
 * they no longer do, and has the one timer for all of them.
 */
export class Pacer {
  readonly now: () => number;
  readonly delivered: { signals: number };
  readonly timers: TimerHeap<PacedAddress>;

  constructor({ scheduler, now, delivered }: PacerOptions) {
    this.now = now;
    this.delivered = delivered;
    this.timers = new TimerHeap(scheduler, now, (address) => address.owner.ring(address));
  }

  /** A session subscribes; its snapshot comes after this. */
  subscribed(session: PacedReceiver, subscription: SessionSubscription): void {
    if (session.paced === undefined) {
      if (subscription.pacing === UNPACED) return;
      session.paced = new PacedDelivery(this, session.outbox, session.connection.maxFrame);
      for (const earlier of session.subscriptions?.all() ?? []) session.paced.add(earlier);
    } else {
      session.paced.add(subscription);
    }
  }

  /** A session gives subscriptions up. What waits only because of them is not delivered any more. */
  unsubscribed(session: PacedReceiver, removed: readonly SessionSubscription[]): void {
    const { paced } = session;
    if (paced === undefined) return;
    for (const subscription of removed) paced.remove(subscription);
    if (paced.needed) return;
    paced.release();
    session.paced = undefined;
  }

  /** The session has ended. */
  left(session: PacedReceiver): void {
    session.paced?.close();
    session.paced = undefined;
  }

  dispose(): void {
    this.timers.dispose();
  }
}
