import { ClaspError, ErrorCode } from '../../errors.ts';
import type { Value } from '../../signal/value.ts';

/** Two channels that together are one value of 16 bits, as pan and tilt of a moving light. */
export interface DmxPair {
  /** @defaultValue the pair is in every universe */
  readonly universe?: number | undefined;
  /** The channel of the high byte, 1–512: the value lives at its address. */
  readonly coarse: number;
  /** The channel of the low byte, 1–512. @defaultValue the one after `coarse` */
  readonly fine?: number | undefined;
}

export interface DmxMappingOptions {
  /** Prefix of all addresses; `''` for none. */
  readonly namespace: string;
  /** Lowest and highest universe; undefined for a single universe, whose number is not in the addresses. */
  readonly range?: readonly [lowest: number, highest: number] | undefined;
  /** Whether params are 0.0–1.0 rather than 0–255. @defaultValue false */
  readonly normalize?: boolean | undefined;
  /** Channels that are one value of 16 bits: 0–65535, or 0.0–1.0 with `normalize`. @defaultValue none */
  readonly pairs?: readonly DmxPair[] | undefined;
}

/** Channels of a universe. */
export const DMX_CHANNELS = 512;

/** Levels as integers, which travel as integers. */
const LEVELS: readonly bigint[] = Array.from({ length: 256 }, (_, level) => BigInt(level));

/**
 * Where universes and channels live in the address space, and what a level is as a value:
 *
 * | foreign | address | value in | value out |
 * |---|---|---|---|
 * | universe u, channel c | `{namespace}/{u}/{c}` | integer 0–255, or 0.0–1.0 with `normalize` | clamped, rounded; true is full |
 * | coarse channel c of a pair | `{namespace}/{u}/{c}` | integer 0–65535, or 0.0–1.0 with `normalize` | as above |
 * | universe u, whole frame | `{namespace}/{u}` | bytes | bytes, or an array of levels |
 *
 * The fine channel of a pair has no address of its own. For a single universe the `/{u}` is left out. Pure.
 */
export class DmxMapping {
  readonly normalize: boolean;
  readonly #namespace: string;
  readonly #range: readonly [number, number] | undefined;
  readonly #addresses = new Map<number, string[]>();

  /** By universe, -1 for all others: of each coarse channel the fine one, and of each fine channel minus the coarse one. */
  readonly #partners = new Map<number, Int16Array>();

  /** Throws a `ClaspError` 402 for a pair that cannot be: no such channel, or one that is in another pair already. */
  constructor({ namespace, range, normalize = false, pairs = [] }: DmxMappingOptions) {
    this.#namespace = namespace;
    this.#range = range;
    this.normalize = normalize;
    const everywhere = pairs.filter(({ universe }) => universe === undefined);
    const named = pairs.filter(({ universe }) => universe !== undefined);
    for (const { universe } of named) this.#checkUniverse(universe as number);
    for (const universe of new Set([
      ...(pairs.length > 0 ? [-1] : []),
      ...named.map((pair) => pair.universe as number),
    ])) {
      this.#partners.set(universe, partnersOf([...everywhere, ...named.filter((pair) => pair.universe === universe)]));
    }
  }

  /** The fine channel that belongs to a coarse one, minus the coarse channel that a fine one belongs to, else 0. */
  partner(universe: number, channel: number): number {
    if (this.#partners.size === 0) return 0;
    const partners = this.#partners.get(universe) ?? (this.#partners.get(-1) as Int16Array);
    return partners[channel] as number;
  }

  /** The channel whose address has the value of this one: the coarse channel for a fine one, else itself. */
  owner(universe: number, channel: number): number {
    const partner = this.partner(universe, channel);
    return partner < 0 ? -partner : channel;
  }

  /** The channels whose addresses have new values when these levels have changed, each once. */
  owners(universe: number, changed: readonly number[]): readonly number[] {
    if (this.#partners.size === 0) return changed;
    return [...new Set(changed.map((channel) => this.owner(universe, channel)))];
  }

  /** The value at the address of a channel, out of all levels of its universe. */
  valueIn(levels: Uint8Array, universe: number, channel: number): Value {
    const fine = this.partner(universe, channel);
    const level = levels[channel - 1] ?? 0;
    if (fine <= 0) return this.value(level);
    const wide = level * 256 + (levels[fine - 1] ?? 0);
    return this.normalize ? wide / 65_535 : BigInt(wide);
  }

  /**
   * Calls `set` with each channel that a value at the address of `channel` is for, and its level. Throws a `ClaspError` 402
   * for a fine channel, and for what is neither number nor boolean.
   */
  levelsFor(
    value: Value,
    universe: number,
    channel: number,
    address: string,
    set: (channel: number, level: number) => void,
  ): void {
    const fine = this.partner(universe, channel);
    if (fine === 0) {
      set(channel, this.level(value, address));
      return;
    }
    if (fine < 0) {
      const reason = `channel ${channel} is the fine part of channel ${-fine}`;
      throw new ClaspError(ErrorCode.BadValue, reason, { address, value });
    }
    const wide = this.#number(value, address, 65_535);
    set(channel, wide >> 8);
    set(fine, wide & 255);
  }

  /** The address of a channel. Known channels cost a lookup. */
  channel(universe: number, channel: number): string {
    let addresses = this.#addresses.get(universe);
    if (addresses === undefined) {
      addresses = [];
      this.#addresses.set(universe, addresses);
    }
    addresses[channel] ??= `${this.frame(universe)}/${channel}`;
    return addresses[channel];
  }

  /** The address of a whole universe. */
  frame(universe: number): string {
    return this.#range === undefined ? this.#namespace : `${this.#namespace}/${universe}`;
  }

  /**
   * Reads an address as `universe * 1024 + channel`, where channel 0 is the whole frame. Throws a `ClaspError` 402 for
   * a universe or channel that does not exist, and 200 for what is no address of the mapping.
   */
  place(address: string): number {
    const namespace = this.#namespace;
    if (!address.startsWith(namespace)) throw notHere(address, namespace);
    let from = namespace.length;
    let universe = 0;
    if (this.#range !== undefined) {
      const end = address.indexOf('/', from + 1);
      const stop = end === -1 ? address.length : end;
      universe = digits(address, from, stop);
      const [lowest, highest] = this.#range;
      if (universe < 0) throw notHere(address, namespace);
      if (universe < lowest || universe > highest) throw beyond('universe', address, from, stop, this.#range);
      from = stop;
    }
    if (from === address.length) return universe * 1024;
    const channel = digits(address, from, address.length);
    if (channel < 0) throw notHere(address, namespace);
    if (channel < 1 || channel > DMX_CHANNELS)
      throw beyond('channel', address, from, address.length, [1, DMX_CHANNELS]);
    return universe * 1024 + channel;
  }

  /** A level as the value of its param. */
  value(level: number): Value {
    return this.normalize ? level / 255 : (LEVELS[level] as bigint);
  }

  /** The level that a value means: clamped and rounded. Throws a `ClaspError` 402 for what is neither number nor boolean. */
  level(value: Value, address: string): number {
    return this.#number(value, address, 255);
  }

  #number(value: Value, address: string, full: number): number {
    if (typeof value === 'boolean') return value ? full : 0;
    if (value === null) return 0;
    const number = typeof value === 'bigint' ? Number(value) : value;
    if (typeof number !== 'number' || Number.isNaN(number)) {
      throw new ClaspError(ErrorCode.BadValue, `${JSON.stringify(address)} needs a number, not ${shown(value)}`, {
        address,
        value,
      });
    }
    return Math.max(0, Math.min(full, Math.round(this.normalize ? number * full : number)));
  }

  #checkUniverse(universe: number): void {
    const [lowest, highest] = this.#range ?? [0, 0];
    if (Number.isInteger(universe) && universe >= lowest && universe <= highest) return;
    const reason =
      this.#range === undefined
        ? 'a pair of a single universe names none'
        : `universe ${universe} of a pair is not from ${lowest} to ${highest}`;
    throw new ClaspError(ErrorCode.BadValue, reason, { value: universe });
  }

  /** The levels of a whole frame. Throws a `ClaspError` 402 for what is neither bytes nor an array of 512 numbers at most. */
  levels(value: Value, address: string): Uint8Array {
    if (value instanceof Uint8Array && value.length <= DMX_CHANNELS) return value;
    if (Array.isArray(value) && value.length <= DMX_CHANNELS) {
      return Uint8Array.from(value as readonly Value[], (each) => this.level(each, address));
    }
    throw new ClaspError(ErrorCode.BadValue, `${JSON.stringify(address)} needs ${DMX_CHANNELS} bytes at most`, {
      address,
      value,
    });
  }
}

function partnersOf(pairs: readonly DmxPair[]): Int16Array {
  const partners = new Int16Array(DMX_CHANNELS + 1);
  for (const { coarse, fine = coarse + 1 } of pairs) {
    for (const channel of [coarse, fine]) {
      const exists = Number.isInteger(channel) && channel >= 1 && channel <= DMX_CHANNELS;
      if (exists && partners[channel] === 0 && coarse !== fine) continue;
      const wrong = exists ? 'is in two pairs' : `is not from 1 to ${DMX_CHANNELS}`;
      throw new ClaspError(ErrorCode.BadValue, `channel ${channel} of a pair ${wrong}`, { value: channel });
    }
    partners[coarse] = fine;
    partners[fine] = -coarse;
  }
  return partners;
}

/** `/` and a number without sign between two places of an address; -1 for anything else, and for `/07`. */
function digits(address: string, from: number, to: number): number {
  if (address.charCodeAt(from) !== 47 || to - from < 2) return -1;
  if (address.charCodeAt(from + 1) === 48 && to - from > 2) return -1;
  let number = 0;
  for (let i = from + 1; i < to; i++) {
    const digit = address.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    number = Math.min(number * 10 + digit, 1e9);
  }
  return number;
}

function notHere(address: string, namespace: string): ClaspError {
  const where = namespace === '' ? 'the universes' : namespace;
  return new ClaspError(ErrorCode.BadAddress, `${JSON.stringify(address)} is no universe or channel of ${where}`, {
    address,
  });
}

function beyond(
  what: string,
  address: string,
  from: number,
  to: number,
  [lowest, highest]: readonly [number, number],
): ClaspError {
  const value = address.slice(from + 1, to);
  return new ClaspError(ErrorCode.BadValue, `${what} ${value} is not from ${lowest} to ${highest}`, { address, value });
}

function shown(value: Value): string {
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 64));
  return typeof value === 'number' ? 'NaN' : Array.isArray(value) ? 'an array' : 'a map';
}
