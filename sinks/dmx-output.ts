import type { SchedulerLike, Subscription } from 'rxjs';
import { ClaspError, ErrorCode } from '../core/errors.ts';
import { DMX_CHANNELS, type DmxMapping } from '../core/protocols/dmx/dmx-mapping.ts';
import type { Signal } from '../core/signal/signal.ts';
import type { Defer } from '../core/time/schedule-once.ts';

export interface DmxOutputOptions {
  readonly mapping: DmxMapping;
  /** The universes that are sent; what is for others is passed over. Undefined: all. */
  readonly universes: readonly number[] | undefined;
  /** Frames a second of one universe at most. */
  readonly rate: number;
  /** Milliseconds after which a universe without changes is sent again; 0 = never. */
  readonly keepAlive: number;
  /** How often a changed frame is repeated at the full rate. */
  readonly repeats: number;
  /** Whether all universes go at the same moments, so that they can be shown together. */
  readonly aligned: boolean;
  readonly scheduler: SchedulerLike;
  /** When to send what need not wait; undefined: by a timer, which takes a millisecond and more. */
  readonly defer: Defer | undefined;
  /** Sends one frame; the levels are ours and change afterwards. `written` has 1 for each channel somebody has written. */
  readonly send: (universe: number, levels: Uint8Array, now: number, written: Uint8Array) => void;
  /** Called after all frames of one moment. */
  readonly sent?: ((now: number) => void) | undefined;
  /** Told every level that the relay has. */
  readonly settle?: ((universe: number, channel: number, level: number) => void) | undefined;
}

interface Universe {
  readonly number: number;
  readonly levels: Uint8Array;
  readonly written: Uint8Array;
  /** It differs from what was sent last. */
  changed: boolean;
  /** Full-rate repetitions that are left. */
  repeats: number;
  sentAt: number;
}

/** Universes sent in one go: the buffer of a receiver holds some two hundred packets. */
const AT_ONCE = 120;
/** Milliseconds between two goes. */
const PAUSE = 2;

/**
 * The universes that go out: gathers changes into frames, at most so many a second of each universe, and repeats what
 * does not change. One timer for all of it.
 */
export class DmxOutput {
  readonly #options: DmxOutputOptions;
  readonly #only: ReadonlySet<number> | undefined;
  readonly #frame: number;
  readonly #universes = new Map<number, Universe>();
  #timer: Subscription | undefined;
  #timerDue = Number.POSITIVE_INFINITY;
  #deferred = false;
  #lastFrame = Number.NEGATIVE_INFINITY;
  #partial = false;

  constructor(options: DmxOutputOptions) {
    this.#options = options;
    this.#only = options.universes === undefined ? undefined : new Set(options.universes);
    // Timers count whole milliseconds: rounded down it would be more than the rate.
    this.#frame = Math.ceil(1_000 / options.rate);
  }

  /** Takes a level, or a whole frame. Throws a `ClaspError` (200, 402) for what has no form in DMX. */
  write(signal: Signal): void {
    const { mapping, settle } = this.#options;
    const { address, kind } = signal;
    if (kind !== 'param' && kind !== 'stream') {
      throw new ClaspError(ErrorCode.BadValue, `a ${kind} has no form in DMX`, { address });
    }
    const place = mapping.place(address);
    const channel = place & 1023;
    const number = (place - channel) / 1024;
    if (this.#only !== undefined && !this.#only.has(number)) return;

    const known = this.#universes.get(number);
    if (channel > 0) {
      const owned = signal.value === null ? 0 : 1;
      mapping.levelsFor(signal.value, number, channel, address, (each, level) => {
        settle?.(number, each, level);
        this.#set(known ?? this.#open(number), each, level, owned);
      });
      return;
    }
    // A frame that was deleted says nothing about the channels.
    if (signal.value === null) return;
    const levels = mapping.levels(signal.value, address);
    const universe = known ?? this.#open(number);
    universe.levels.set(levels);
    universe.written.fill(1, 0, levels.length);
    if (!universe.changed) this.#change(universe);
  }

  #set(universe: Universe, channel: number, level: number, owned: number): void {
    const { levels, written, sentAt, changed } = universe;
    if (levels[channel - 1] === level && written[channel - 1] === owned && sentAt !== Number.NEGATIVE_INFINITY) return;
    levels[channel - 1] = level;
    written[channel - 1] = owned;
    if (!changed) this.#change(universe);
  }

  /** What a universe shows; undefined while nothing is known of it. */
  levels(universe: number): Uint8Array | undefined {
    return this.#universes.get(universe)?.levels;
  }

  /** The universes that are sent, rising. */
  get universes(): number[] {
    return [...this.#universes.keys()].sort((a, b) => a - b);
  }

  /** Has every universe sent anew, as to a receiver that has just come. */
  resend(): void {
    for (const universe of this.#universes.values()) if (!universe.changed) this.#change(universe);
  }

  /** Ends it; what has not been sent is not. */
  close(): void {
    this.#timer?.unsubscribe();
    this.#timer = undefined;
    this.#universes.clear();
  }

  #open(number: number): Universe {
    const known = this.#universes.get(number);
    if (known !== undefined) return known;
    const levels = new Uint8Array(DMX_CHANNELS);
    const written = new Uint8Array(DMX_CHANNELS);
    const universe = { number, levels, written, changed: false, repeats: 0, sentAt: Number.NEGATIVE_INFINITY };
    this.#universes.set(number, universe);
    return universe;
  }

  #change(universe: Universe): void {
    universe.changed = true;
    universe.repeats = this.#options.repeats;
    // In the pause between two goes its turn comes with the next.
    if (!this.#partial) this.#wakeAt(this.#due(universe));
  }

  /** When a universe is to be sent next. */
  #due({ changed, repeats, sentAt }: Universe): number {
    const { keepAlive, aligned } = this.#options;
    if (changed || repeats > 0) return (aligned ? this.#lastFrame : sentAt) + this.#frame;
    return keepAlive > 0 ? sentAt + keepAlive : Number.POSITIVE_INFINITY;
  }

  #wakeAt(due: number): void {
    if (due >= this.#timerDue || this.#deferred) return;
    const { scheduler, defer } = this.#options;
    const wait = due - scheduler.now();
    if (defer !== undefined && wait <= 0) {
      this.#deferred = true;
      defer(() => {
        this.#deferred = false;
        this.#wake();
      });
      return;
    }
    this.#timer?.unsubscribe();
    this.#timerDue = due;
    this.#timer = scheduler.schedule(
      () => {
        this.#timer = undefined;
        this.#timerDue = Number.POSITIVE_INFINITY;
        this.#wake();
      },
      Math.max(0, wait),
    );
  }

  #wake(): void {
    const { scheduler, send, sent } = this.#options;
    const now = scheduler.now();
    let count = 0;
    let next = Number.POSITIVE_INFINITY;
    for (const universe of this.#universes.values()) {
      const due = this.#due(universe);
      if (due > now) {
        next = Math.min(next, due);
      } else if (count === AT_ONCE) {
        next = now + PAUSE;
        break;
      } else {
        count++;
        if (!universe.changed && universe.repeats > 0) universe.repeats--;
        universe.changed = false;
        universe.sentAt = now;
        send(universe.number, universe.levels, now, universe.written);
      }
    }
    this.#partial = count === AT_ONCE && next === now + PAUSE;
    if (count > 0 && !this.#partial) {
      this.#lastFrame = now;
      sent?.(now);
      for (const universe of this.#universes.values()) next = Math.min(next, this.#due(universe));
    }
    if (next < Number.POSITIVE_INFINITY) this.#wakeAt(next);
  }
}
