import { DmxSources } from './dmx-sources.ts';

/**
 * How several sources of one universe become one. `htp`: of each channel the highest level. `ltp`: of each channel the
 * level that was changed last.
 */
export type DmxMerge = 'htp' | 'ltp';

export interface DmxInputOptions {
  /** @defaultValue 'ltp' */
  readonly merge?: DmxMerge | undefined;
  /** Milliseconds of silence after which a source counts no more. @defaultValue 2500 */
  readonly timeout?: number | undefined;
  /**
   * What the universe is known to show before anybody has sent to it: the `first` frame is compared with it.
   * @defaultValue all zero
   */
  readonly known?: ((universe: number, first: Uint8Array) => Uint8Array | undefined) | undefined;
}

/** One packet of levels. */
export interface DmxPacket {
  /** Tells sources apart. */
  readonly source: string;
  /** The address it came from, where `source` is not that. @defaultValue `source` */
  readonly from?: string | undefined;
  readonly universe: number;
  /** 512 at most; copied. */
  readonly levels: Uint8Array;
  /** Only the sources of the highest priority count. @defaultValue 0 */
  readonly priority?: number | undefined;
  /** 0–255, to tell late packets; undefined where the source does not count. */
  readonly sequence?: number | undefined;
}

/** What a universe shows now. */
export interface DmxFrame {
  readonly universe: number;
  /** One byte a channel, the first is channel 1. Yours only until the subscriber returns; copy what you keep. */
  readonly levels: Uint8Array;
  /** The channels, from 1, whose level is not what it was in the frame before; none in a mere repetition. */
  readonly changed: readonly number[];
  /** Whose packet made it. */
  readonly source: string;
}

/** A frame that shows nothing new is given again after this many milliseconds. */
const REPEAT = 900;

/**
 * The universes that come in: merges their sources, drops what comes late, and says what changed. Pure: time is an
 * argument, in milliseconds.
 *
 * A channel that is zero in the first frame of a universe has not changed, unless it is known to have been something
 * else. A source that joins others brings only what is not zero. When the last source falls silent, the universe
 * keeps its levels.
 */
export class DmxInput {
  readonly #merge: DmxMerge;
  readonly #timeout: number;
  readonly #known: (universe: number, first: Uint8Array) => Uint8Array | undefined;
  readonly #universes = new Map<number, DmxSources>();

  constructor({ merge = 'ltp', timeout = 2_500, known = () => undefined }: DmxInputOptions = {}) {
    this.#merge = merge;
    this.#timeout = timeout;
    this.#known = known;
  }

  /** Takes a packet; gives the frame it makes, or undefined when it is late, of low priority, or changes nothing. */
  receive(packet: DmxPacket, now: number): DmxFrame | undefined {
    const { universe, source } = packet;
    let sources = this.#universes.get(universe);
    if (sources === undefined) {
      sources = new DmxSources(this.#merge);
      this.#universes.set(universe, sources);
    }
    const known = sources.count === 0 ? this.#known(universe, packet.levels) : undefined;
    if (known !== undefined) sources.levels.set(known);
    const isNew = sources.receive(packet, now);
    if (isNew === undefined || (!isNew && now - sources.toldAt < REPEAT)) return undefined;
    return this.#frame(universe, sources, source, now);
  }

  /** A source leaves a universe; gives the frame of those that stay when it shows something else. */
  leave(source: string, universe: number, now: number): DmxFrame | undefined {
    const sources = this.#universes.get(universe);
    return sources?.leave(source) ? this.#frame(universe, sources, source, now) : undefined;
  }

  /** Forgets who has been silent for too long; gives the frames that show something else without them. */
  expire(now: number): DmxFrame[] {
    const frames: DmxFrame[] = [];
    for (const [universe, sources] of this.#universes) {
      for (const source of sources.silent(now - this.#timeout)) {
        if (sources.leave(source)) frames.push(this.#frame(universe, sources, source, now));
      }
    }
    return frames;
  }

  /** When {@link expire} may have something to do; Infinity while nobody sends. */
  get nextExpiry(): number {
    let earliest = Number.POSITIVE_INFINITY;
    for (const sources of this.#universes.values()) earliest = Math.min(earliest, sources.earliest);
    return earliest + this.#timeout;
  }

  /** Notes that the relay has this level too: what it says from now on is not on its way back any more. */
  settle(universe: number, channel: number, level: number): void {
    this.#universes.get(universe)?.settle(channel, level);
  }

  /**
   * What to send to a peer, given what is to be shown: undefined when the peer itself says the same at present, so that
   * nothing is sent back to whom it came from. Where levels of a peer that sends are on their way through the relay
   * and back, they are replaced by its newest.
   *
   * @param isPeer which addresses of sources are the peer; undefined when everybody hears what is sent.
   */
  answer(
    universe: number,
    levels: Uint8Array,
    isPeer: ((source: string) => boolean) | undefined,
    now: number,
  ): Uint8Array | undefined {
    const sources = this.#universes.get(universe);
    return sources === undefined ? levels : sources.answer(levels, isPeer, now - this.#timeout, now);
  }

  #frame(universe: number, sources: DmxSources, source: string, now: number): DmxFrame {
    sources.toldAt = now;
    return { universe, levels: sources.levels.subarray(0, sources.length), changed: sources.takeChanged(), source };
  }
}
