import { DMX_CHANNELS } from './dmx-mapping.ts';

interface Source {
  name: string;
  from: string;
  /** Which input of a device it is; undefined where sources have names of their own. */
  readonly input: number | undefined;
  readonly levels: Uint8Array;
  /** The channels it has ever carried. */
  length: number;
  priority: number;
  /** Of each channel, 0 for those it leaves to others; undefined while `priority` holds for all. */
  priorities: Uint8Array | undefined;
  prioritiesAt: number;
  prioritiesSequence: number | undefined;
  sequence: number | undefined;
  /** When it was last heard, when its levels were, and when it last changed something. */
  at: number;
  levelsAt: number;
  changedAt: number;
}

/** More than these at once are not believed; the most silent gives way. */
const MOST = 64;
/** Milliseconds for which a level counts as on its way through the relay and back. */
const RETURN = 1_000;
/** Milliseconds without priorities of channels after which the source's own holds for all of them again. */
const PRIORITIES = 10_000;

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
  /** Who changed each channel last, kept while channels have priorities of their own. */
  readonly #owners: (Source | undefined)[] = [];
  #hasPriorities = false;
  /** Sources whose place another of the same device has taken: heard again, they are two. */
  readonly #displaced = new Set<string>();
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
  receive(packet: DmxPacket, now: number): boolean | undefined {
    const { source: name, from = name, levels, priority = 0, sequence, priorities } = packet;
    const known = this.#sources.get(name);
    const last = priorities === undefined ? known?.sequence : known?.prioritiesSequence;
    const lastAt = (priorities === undefined ? known?.levelsAt : known?.prioritiesAt) ?? Number.NEGATIVE_INFINITY;
    if (isLate(sequence, last) && now - lastAt < BEGUN_AGAIN) return undefined;
    const source = known ?? this.#begunAgain(packet, from) ?? this.#join(packet, from, now);
    const isMoved = source.priority !== priority;
    source.at = now;
    source.from = from;
    source.priority = priority;
    if (priorities !== undefined) {
      source.prioritiesSequence = sequence;
      return this.#prioritise(source, priorities, now);
    }
    source.sequence = sequence;
    source.levelsAt = now;
    if (this.#hasPriorities) return this.#weigh(source, levels, now);
    if (isMoved) return this.#move(source, levels, now);
    if (!this.#active.includes(source)) {
      take(source, levels);
      return undefined;
    }
    this.length = Math.max(this.length, levels.length);
    // Alone, it says everything that it carries; beside others, what it changes.
    return this.#active.length === 1 ? this.#replace(source, levels, now) : this.#add(source, levels, now);
  }

  /** Forgets a source. True when the levels changed. */
  leave(name: string): boolean {
    const source = this.#sources.get(name);
    if (source === undefined) return false;
    this.#sources.delete(name);
    if (this.#sources.size === 0) this.#displaced.clear();
    this.#choose();
    return this.#sources.size > 0 && this.#rebuild(source.length);
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

  #join({ source: name, input, priority = 0 }: DmxPacket, from: string, now: number): Source {
    if (this.#sources.size >= MOST) this.leave(this.silent(this.earliest)[0] ?? '');
    const levels = new Uint8Array(DMX_CHANNELS);
    const times = { at: now, levelsAt: now, changedAt: now, prioritiesAt: now };
    const own = { priorities: undefined, prioritiesSequence: undefined, sequence: undefined };
    const source: Source = { name, from, input, levels, length: 0, priority, ...own, ...times };
    this.#sources.set(name, source);
    this.#choose();
    return source;
  }

  /**
   * A program that runs again has another port, and would be merged with its former self. So a new port takes the place
   * of the most silent of the same address and input; who is heard again after that runs beside it.
   */
  #begunAgain({ source: name, input }: DmxPacket, from: string): Source | undefined {
    if (input === undefined || this.#displaced.delete(name)) return undefined;
    let former: Source | undefined;
    for (const each of this.#sources.values()) {
      if (each.input !== input || hostOf(each.from) !== hostOf(from)) continue;
      if (former === undefined || each.at < former.at) former = each;
    }
    if (former === undefined) return undefined;
    this.#sources.delete(former.name);
    if (this.#displaced.size >= MOST) this.#displaced.clear();
    this.#displaced.add(former.name);
    former.name = name;
    this.#sources.set(name, former);
    return former;
  }

  #choose(): void {
    let highest = -1;
    this.#hasPriorities = false;
    for (const { priority, priorities } of this.#sources.values()) {
      highest = Math.max(highest, priority);
      if (priorities !== undefined) this.#hasPriorities = true;
    }
    this.#active = [...this.#sources.values()].filter(({ priority }) => priority === highest);
  }

  /** A source has another priority than before: others may count now, or not any more. */
  #move(source: Source, levels: Uint8Array, now: number): boolean {
    take(source, levels);
    source.changedAt = now;
    this.length = Math.max(this.length, levels.length);
    this.#choose();
    return this.#rebuild(this.#longest());
  }

  #replace(source: Source, levels: Uint8Array, now: number): boolean {
    take(source, levels);
    let changed = false;
    for (let i = 0; i < source.length; i++) {
      if (this.levels[i] !== source.levels[i]) changed = this.#set(i, source.levels[i] as number);
    }
    if (changed) source.changedAt = now;
    return changed;
  }

  #add(source: Source, levels: Uint8Array, now: number): boolean {
    let changed = false;
    const { levels: own } = source;
    for (let i = 0; i < levels.length; i++) {
      const level = levels[i] as number;
      if (own[i] === level) continue;
      own[i] = level;
      source.changedAt = now;
      const merged = this.#merge === 'ltp' ? level : this.#highest(i);
      if (this.levels[i] !== merged) changed = this.#set(i, merged);
    }
    source.length = Math.max(source.length, levels.length);
    return changed;
  }

  /** A source says what each of its channels is worth. */
  #prioritise(source: Source, priorities: Uint8Array, now: number): boolean | undefined {
    const before = source.priorities;
    source.prioritiesAt = now;
    if (before !== undefined && isSame(before, priorities)) return undefined;
    const own = new Uint8Array(DMX_CHANNELS);
    own.set(priorities);
    source.priorities = own;
    this.#choose();
    return this.#rebuild(this.#longest()) || undefined;
  }

  /** Takes levels where channels have priorities of their own. */
  #weigh(source: Source, levels: Uint8Array, now: number): boolean {
    for (let i = 0; i < levels.length; i++) {
      if (source.levels[i] === levels[i]) continue;
      source.changedAt = now;
      // Who has no say in a channel takes it from nobody.
      if (this.#hasSay(source, i)) this.#owners[i] = source;
    }
    take(source, levels);
    this.length = Math.max(this.length, levels.length);
    this.#forgetPriorities(now);
    return this.#rebuild(this.#longest());
  }

  #forgetPriorities(now: number): void {
    let forgotten = false;
    for (const source of this.#sources.values()) {
      if (source.priorities === undefined || now - source.prioritiesAt < PRIORITIES) continue;
      source.priorities = undefined;
      forgotten = true;
    }
    if (forgotten) this.#choose();
  }

  /** The first channels, out of those sources that count now; what none of them carries is 0. */
  #rebuild(end: number): boolean {
    let changed = false;
    const newest = this.#active.reduce((a, b) => (b.changedAt > a.changedAt ? b : a));
    for (let i = 0; i < end; i++) {
      const level = this.#hasPriorities ? this.#weightiest(i) : this.#of(newest, i);
      if (level !== undefined && this.levels[i] !== level) changed = this.#set(i, level);
    }
    return changed;
  }

  #of(newest: Source, i: number): number {
    return this.#merge === 'ltp' ? (newest.levels[i] as number) : this.#highest(i);
  }

  /** The level of a channel whose sources have priorities for it; undefined when nobody speaks for it. */
  #weightiest(i: number): number | undefined {
    let best: Source | undefined;
    let bestPriority = 0;
    let level = 0;
    for (const source of this.#sources.values()) {
      if (i >= source.length) continue;
      const priority = priorityOf(source, i);
      if (priority === 0 || priority < bestPriority) continue;
      const own = source.levels[i] as number;
      if (best === undefined || priority > bestPriority) {
        best = source;
        bestPriority = priority;
        level = own;
      } else if (this.#merge === 'htp') {
        level = Math.max(level, own);
      } else if (this.#isNewer(source, best, i)) {
        best = source;
        level = own;
      }
    }
    return best === undefined ? undefined : level;
  }

  /** Whether nobody who carries a channel has a higher priority for it. */
  #hasSay(source: Source, i: number): boolean {
    const own = priorityOf(source, i);
    if (own === 0) return false;
    for (const other of this.#sources.values()) if (i < other.length && priorityOf(other, i) > own) return false;
    return true;
  }

  #isNewer(a: Source, b: Source, i: number): boolean {
    const owner = this.#owners[i];
    return owner === a || (owner !== b && a.changedAt > b.changedAt);
  }

  #longest(): number {
    let longest = 0;
    for (const { length } of this.#sources.values()) longest = Math.max(longest, length);
    return longest;
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

/** Puts a packet's levels in place of the source's; channels beyond its end keep theirs. */
function take(source: Source, levels: Uint8Array): void {
  source.levels.set(levels);
  source.length = Math.max(source.length, levels.length);
}

/** Priorities of channels know 0 as "not mine"; 0 for a whole universe is merely the lowest. */
function priorityOf(source: Source, i: number): number {
  return source.priorities === undefined ? source.priority + 1 : weight(source.priorities[i] as number);
}

/** A priority of a channel beside those of universes, which begin at 0. */
function weight(priority: number): number {
  return priority === 0 ? 0 : Math.min(priority, 200) + 1;
}

function isSame(whole: Uint8Array, part: Uint8Array): boolean {
  for (let i = 0; i < whole.length; i++) if (whole[i] !== (part[i] ?? 0)) return false;
  return true;
}

function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':'));
}

/**
 * Milliseconds after which no packet is on its way any more: a sequence that has been late so long was begun again, or
 * its sender does not count.
 */
const BEGUN_AGAIN = 1_000;

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
  /**
   * Which input of the device at that address it is. Given, a new source of the same address and input takes the place
   * of the one that is most silent, as of a program that was started again; one that is heard again stays beside it.
   */
  readonly input?: number | undefined;
  readonly universe: number;
  /** 512 at most; copied. Channels beyond its end keep their level. */
  readonly levels: Uint8Array;
  /**
   * Priorities of single channels in place of levels, 1–200, and 0 for those that the source leaves to others; channels
   * beyond its end are 0. They hold for 10 s, and of each channel the sources of its highest priority count.
   */
  readonly priorities?: Uint8Array | undefined;
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

/** A copy of `levels`, and of those before it the ones beyond its end. */
export function overlaid(before: Uint8Array | undefined, levels: Uint8Array): Uint8Array {
  if (before === undefined || before.length <= levels.length) return levels.slice();
  const both = before.slice();
  both.set(levels);
  return both;
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
