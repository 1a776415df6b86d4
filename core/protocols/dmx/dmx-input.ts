import { DMX_CHANNELS } from './dmx-mapping.ts';

interface Source {
  readonly name: string;
  from: string;
  readonly levels: Uint8Array;
  length: number;
  priority: number;
  sequence: number | undefined;
  /** When it was last heard, and when it last changed something. */
  at: number;
  changedAt: number;
}

/** More than these at once are not believed; the most silent gives way. */
const MOST = 64;
/** Milliseconds for which a level counts as on its way through the relay and back. */
const RETURN = 1_000;

/** Who sends to one universe, and what comes of it. */
export class DmxSources {
  /** What they make together. */
  readonly levels: Uint8Array = new Uint8Array(DMX_CHANNELS);
  /** How many channels are known of. */
  length: number = 0;
  /** When it was last told. */
  toldAt: number = Number.NEGATIVE_INFINITY;
  readonly #merge: DmxMerge;
  readonly #sources = new Map<string, Source>();
  /** Those of the highest priority. */
  #active: Source[] = [];
  #changed: number[] = [];
  /** Channels that were told of, and have not come back from the relay. */
  readonly #onWay: Uint8Array = new Uint8Array(DMX_CHANNELS);

  constructor(merge: DmxMerge) {
    this.#merge = merge;
  }

  get count(): number {
    return this.#sources.size;
  }

  /** When the most silent source was heard; Infinity when there is none. */
  get earliest(): number {
    let earliest = Number.POSITIVE_INFINITY;
    for (const { at } of this.#sources.values()) earliest = Math.min(earliest, at);
    return earliest;
  }

  /** Takes a packet. True when the levels changed, false when not, undefined when it does not count. */
  receive({ source: name, from = name, levels, priority = 0, sequence }: DmxPacket, now: number): boolean | undefined {
    let source = this.#sources.get(name);
    if (source !== undefined && isLate(sequence, source.sequence)) return undefined;
    const isMoved = source !== undefined && source.priority !== priority;
    if (source === undefined) {
      if (this.#sources.size >= MOST) this.leave(this.silent(this.earliest)[0] ?? '');
      const own = new Uint8Array(DMX_CHANNELS);
      source = { name, from, levels: own, length: 0, priority, sequence, at: now, changedAt: now };
      this.#sources.set(name, source);
      this.#choose();
    }
    source.at = now;
    source.from = from;
    source.sequence = sequence;
    source.priority = priority;
    if (isMoved) return this.#move(source, levels, now);
    if (!this.#active.includes(source)) {
      take(source, levels);
      return undefined;
    }
    this.length = Math.max(this.length, levels.length);
    // Alone, it says everything; beside others, what it changes.
    return this.#active.length === 1 ? this.#replace(source, levels, now) : this.#add(source, levels, now);
  }

  /** Forgets a source. True when the levels changed. */
  leave(name: string): boolean {
    if (!this.#sources.delete(name)) return false;
    this.#choose();
    return this.#active.length > 0 && this.#rebuild();
  }

  /** The sources not heard since. */
  silent(since: number): string[] {
    const names: string[] = [];
    for (const { name, at } of this.#sources.values()) if (at <= since) names.push(name);
    return names;
  }

  /** The channels that changed since this was last asked; they are on their way to the relay now. */
  takeChanged(): readonly number[] {
    const changed = this.#changed;
    this.#changed = [];
    for (let i = 0; i < changed.length; i++) this.#onWay[(changed[i] as number) - 1] = 1;
    return changed;
  }

  settle(channel: number, level: number): void {
    if (this.levels[channel - 1] === level) this.#onWay[channel - 1] = 0;
  }

  /** See `DmxInput.answer`. */
  answer(
    levels: Uint8Array,
    isPeer: ((source: string) => boolean) | undefined,
    since: number,
    now: number,
  ): Uint8Array | undefined {
    const said = isPeer === undefined ? this.#mergedSince(since) : this.#saidBy(isPeer, since);
    if (said === undefined) return levels;
    const onWay = now - this.toldAt < RETURN ? this.#onWay : undefined;
    let same = true;
    let answer = levels;
    for (let i = 0; i < DMX_CHANNELS; i++) {
      if (onWay?.[i] === 1) {
        if (answer[i] === this.levels[i]) continue;
        if (answer === levels) answer = levels.slice();
        answer[i] = this.levels[i] as number;
      } else if (levels[i] !== said[i]) {
        same = false;
      }
    }
    return same ? undefined : answer;
  }

  #mergedSince(since: number): Uint8Array | undefined {
    return this.#active.some(({ at }) => at > since) ? this.levels : undefined;
  }

  #saidBy(isPeer: (source: string) => boolean, since: number): Uint8Array | undefined {
    for (const { from, at, levels } of this.#sources.values()) if (at > since && isPeer(from)) return levels;
    return undefined;
  }

  #choose(): void {
    let highest = -1;
    for (const { priority } of this.#sources.values()) highest = Math.max(highest, priority);
    this.#active = [...this.#sources.values()].filter(({ priority }) => priority === highest);
  }

  /** A source has another priority than before: others may count now, or not any more. */
  #move(source: Source, levels: Uint8Array, now: number): boolean {
    take(source, levels);
    source.changedAt = now;
    this.length = Math.max(this.length, levels.length);
    this.#choose();
    return this.#rebuild();
  }

  #replace(source: Source, levels: Uint8Array, now: number): boolean {
    take(source, levels);
    let changed = false;
    for (let i = 0; i < this.length; i++) {
      if (this.levels[i] !== source.levels[i]) changed = this.#set(i, source.levels[i] as number);
    }
    if (changed) source.changedAt = now;
    return changed;
  }

  #add(source: Source, levels: Uint8Array, now: number): boolean {
    let changed = false;
    const { levels: own, length } = source;
    const end = Math.max(length, levels.length);
    for (let i = 0; i < end; i++) {
      const level = levels[i] ?? 0;
      if (own[i] === level) continue;
      own[i] = level;
      source.changedAt = now;
      const merged = this.#merge === 'ltp' ? level : this.#highest(i);
      if (this.levels[i] !== merged) changed = this.#set(i, merged);
    }
    source.length = levels.length;
    return changed;
  }

  /** The levels out of those sources that count now. */
  #rebuild(): boolean {
    let changed = false;
    const newest = this.#active.reduce((a, b) => (b.changedAt > a.changedAt ? b : a));
    for (let i = 0; i < this.length; i++) {
      const level = this.#merge === 'ltp' ? (newest.levels[i] as number) : this.#highest(i);
      if (this.levels[i] !== level) changed = this.#set(i, level);
    }
    return changed;
  }

  #highest(i: number): number {
    let highest = 0;
    for (const { levels } of this.#active) highest = Math.max(highest, levels[i] as number);
    return highest;
  }

  #set(i: number, level: number): true {
    this.levels[i] = level;
    this.#changed.push(i + 1);
    return true;
  }
}

/** Puts a packet's levels in place of the source's; what it no longer says is zero. */
function take(source: Source, levels: Uint8Array): void {
  source.levels.set(levels);
  if (levels.length < source.length) source.levels.fill(0, levels.length, source.length);
  source.length = levels.length;
}

/** Whether a packet came later than one that was sent after it (E1.31 §6.7.2); a jump of 20 is a new beginning. */
function isLate(sequence: number | undefined, last: number | undefined): boolean {
  if (sequence === undefined || last === undefined) return false;
  const step = ((sequence - last + 128) & 255) - 128;
  return step <= 0 && step > -20;
}

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
