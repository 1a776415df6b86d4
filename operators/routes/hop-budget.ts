import { type Observable, type SchedulerLike, Subject } from 'rxjs';
import type { Signal } from '../../core/signal/signal.ts';
import type { Value } from '../../core/signal/value.ts';
import { sameValue, valueBytes } from '../../core/signal/value.ts';
import { monotonicScheduler } from '../../core/time/monotonic-scheduler.ts';
import { RecentMap } from '../../core/transforms/recent-map.ts';

export interface HopBudgetOptions {
  /** How many times a signal may be passed on, from one address to the next. @defaultValue 8 */
  readonly maxHops?: number;
  /** Clock. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
}

/** A signal that went in a circle. */
export interface Loop {
  /** The addresses of the circle in order, from where it was noticed; told once. */
  readonly addresses: readonly string[];
}

/** Whether a write may be made: it may, it only says what was said already, or it has gone around too often. */
export type HopVerdict = 'write' | 'echo' | 'loop';

/** What is said to a write. */
export interface HopAnswer {
  readonly verdict: HopVerdict;
  /** Whether the write is one of a chain, and its revision is wanted. */
  readonly counts: boolean;
  /** Tells the revision that the write got. */
  written(revision: number | undefined): void;
}

/** A write that was passed on, and what it came of. Many are remembered, so they are small: this is their answer too. */
class Hop implements HopAnswer {
  readonly address: string;
  /** Undefined once it is forgotten, as the origin's. */
  value: Value | undefined;
  readonly hops: number;
  /** The write that it came of; undefined where that is of somebody else. */
  readonly cause: Hop | undefined;
  /** Where the first of all came from, which is of somebody else. */
  readonly origin: string;
  originValue: Value | undefined;
  /** Milliseconds since the budget was made. */
  readonly at: number;
  /** The relay's revision of the write, once it is known. */
  revision: number | undefined = undefined;
  /** Bytes of its values, where they are long. */
  bytes = 0;

  constructor(
    address: string,
    value: Value,
    cause: Hop | undefined,
    origin: string,
    originValue: Value | undefined,
    at: number,
  ) {
    this.address = address;
    this.value = value;
    this.hops = (cause?.hops ?? 0) + 1;
    this.cause = cause;
    this.origin = origin;
    this.originValue = originValue;
    this.at = at;
  }

  get verdict(): HopVerdict {
    return 'write';
  }

  get counts(): boolean {
    return true;
  }

  written(revision: number | undefined): void {
    this.revision = revision;
  }
}

/** Addresses of which the newest passed-on values are remembered, and how many of each. */
const MAX_ADDRESSES = 65_536;
const MAX_VALUES = 16;
/** Bytes of a value that is long, and of all long ones together; beyond it the values of the oldest are forgotten. */
const LONG = 256;
const MAX_BYTES = 16 * 1024 * 1024;
/** Circles that are remembered as told. */
const MAX_CIRCLES = 1_024;
/** Milliseconds for which a write is known again: by its revision, or by its value until that is known. */
const PARAM_WINDOW = 10_000;
/** The same for what has no revision. In one process it comes back at once, and somebody else may say the same soon. */
const EVENT_WINDOW = 100;

/**
 * Keeps signals from going in circles between routes and bridges of one relay. A SET has no room for where it came
 * from, so that is remembered here: who writes while a signal is being delivered to him writes because of it.
 *
 * What has been passed on `maxHops` times is not passed on again. What comes back with the value that it set out with
 * ends at once, so that two routes in opposite directions keep two params alike. Everything is bounded; signals that
 * nobody passes on cost nothing.
 *
 * @example
 * ```ts
 * const budget = new HopBudget();
 * budget.loops.subscribe(({ addresses }) => console.error('a loop:', addresses.join(' -> ')));
 * const client = countHops(router().client('both'), budget);
 * client.on('/a').subscribe((signal) => 'value' in signal && client.set('/b', Number(signal.value) + 1));
 * client.on('/b').subscribe((signal) => 'value' in signal && client.set('/a', Number(signal.value) + 1));
 * ```
 */
export class HopBudget {
  /** How many writes were dropped because they had gone around too often. */
  dropped = 0;
  /** Every circle once. Hot. */
  readonly loops: Observable<Loop>;
  readonly #maxHops: number;
  readonly #scheduler: SchedulerLike;
  /** Times are counted from here: what an engine keeps in a word of its own is no object more. */
  readonly #began: number;
  readonly #told = new Subject<Loop>();
  readonly #circles = new RecentMap<string, true>(MAX_CIRCLES);
  readonly #written = new RecentMap<string, Hop[]>(MAX_ADDRESSES);
  /** Those with long values, the oldest first, from `#firstLong` on. */
  readonly #long: Hop[] = [];
  #firstLong = 0;
  #longBytes = 0;
  /** What is being delivered now. */
  #delivering: Signal | undefined;

  constructor({ maxHops = 8, scheduler = monotonicScheduler }: HopBudgetOptions = {}) {
    this.#maxHops = maxHops;
    this.#scheduler = scheduler;
    this.#began = scheduler.now();
    this.loops = this.#told.asObservable();
  }

  /** From now on a signal is being delivered: what is written is written because of it. Gives what was before. */
  enter(signal: Signal): Signal | undefined {
    const before = this.#delivering;
    this.#delivering = signal;
    return before;
  }

  /** It has been delivered; `before` is what {@link HopBudget.enter} gave. */
  leave(before: Signal | undefined): void {
    this.#delivering = before;
  }

  /**
   * Asks for a write. When it may be made it is taken to be made; `written` then tells the revision it got.
   */
  ask(address: string, value: Value): HopAnswer {
    const signal = this.#delivering;
    if (signal === undefined) return FREE;
    const now = this.#scheduler.now() - this.#began;
    const cause = this.#known(signal, now);
    for (let hop = cause; hop; hop = hop.cause) {
      if (hop.address === address && isSame(hop.value, value)) return ECHO;
    }
    const origin = cause === undefined ? signal.address : cause.origin;
    const originValue = cause === undefined ? carriedBy(signal) : cause.originValue;
    if (origin === address && isSame(originValue, value)) return ECHO;
    if ((cause?.hops ?? 0) >= this.#maxHops) {
      this.dropped++;
      this.#tell(address, cause, origin);
      return LOOP;
    }
    const hop = new Hop(address, value, cause, origin, originValue, now);
    this.#remember(hop);
    this.#weigh(hop, value);
    return hop;
  }

  /** The write that a signal tells of, if it was one of these. */
  #known(signal: Signal, now: number): Hop | undefined {
    if (this.#written.size === 0) return undefined;
    const written = this.#written.get(signal.address);
    if (written === undefined) return undefined;
    const param = signal.kind === 'param';
    const revision = param ? signal.revision : undefined;
    const window = param ? PARAM_WINDOW : EVENT_WINDOW;
    for (let i = written.length - 1; i >= 0; i--) {
      const hop = written[i] as Hop;
      if (now - hop.at > window) break;
      const same =
        hop.revision !== undefined && revision !== undefined
          ? hop.revision === revision
          : isSame(hop.value, carriedBy(signal));
      if (same) return hop;
    }
    return undefined;
  }

  #remember(hop: Hop): void {
    const written = this.#written.get(hop.address);
    if (!written) {
      this.#written.set(hop.address, [hop]);
      return;
    }
    // What is too old to be known again must not grow old here: that costs a collection of everything.
    while (written.length === MAX_VALUES || hop.at - (written[0]?.at ?? hop.at) > PARAM_WINDOW) written.shift();
    written.push(hop);
  }

  /** Counts the values of a hop where they are long, and forgets those of the oldest when that is too much. */
  #weigh(hop: Hop, value: Value): void {
    const { originValue = null } = hop;
    const bytes = valueBytes(value) + (originValue === value ? 0 : valueBytes(originValue));
    if (bytes < LONG) return;
    hop.bytes = bytes;
    this.#long.push(hop);
    this.#longBytes += bytes;
    for (; this.#longBytes > MAX_BYTES; this.#firstLong++) {
      const oldest = this.#long[this.#firstLong] as Hop;
      oldest.value = undefined;
      oldest.originValue = undefined;
      this.#longBytes -= oldest.bytes;
    }
    if (this.#firstLong < 1024 || this.#firstLong < this.#long.length / 2) return;
    this.#long.splice(0, this.#firstLong);
    this.#firstLong = 0;
  }

  /** Tells of the circle once: the addresses from the last time that the signal was at `address`. */
  #tell(address: string, last: Hop | undefined, origin: string): void {
    const addresses = [address];
    let hop = last;
    for (; hop; hop = hop.cause) {
      addresses.unshift(hop.address);
      if (hop.address === address) break;
    }
    if (hop === undefined) addresses.unshift(origin);
    const circle = nameOf(addresses, last?.address ?? origin);
    if (this.#circles.get(circle)) return;
    this.#circles.set(circle, true);
    this.#told.next({ addresses });
  }
}

/** Whether it is that value; what is forgotten is none. */
function isSame(known: Value | undefined, value: Value): boolean {
  return known !== undefined && sameValue(known, value);
}

function carriedBy(signal: Signal): Value {
  return 'value' in signal ? signal.value : null;
}

/**
 * What makes two circles the same: their addresses; or, where an address only grows (`/a`, `/copy/a`, `/copy/copy/a`),
 * what it grows by.
 */
function nameOf(addresses: readonly string[], before: string): string {
  const address = addresses.at(-1) ?? '';
  if (address !== before && address.endsWith(before)) return address.slice(0, -before.length);
  return [...new Set(addresses)].sort().join(' ');
}

const nothing = () => undefined;
const FREE: HopAnswer = { verdict: 'write', counts: false, written: nothing };
const ECHO: HopAnswer = { verdict: 'echo', counts: false, written: nothing };
const LOOP: HopAnswer = { verdict: 'loop', counts: false, written: nothing };
