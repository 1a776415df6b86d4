import type { DmxMerge, DmxPacket } from './dmx-input.ts';
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
