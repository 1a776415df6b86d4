import { ClaspError, ErrorCode } from '../../errors.ts';
import type { Value } from '../../signal/value.ts';

export interface DmxMappingOptions {
  /** Prefix of all addresses; `''` for none. */
  readonly namespace: string;
  /** Lowest and highest universe; undefined for a single universe, whose number is not in the addresses. */
  readonly range?: readonly [lowest: number, highest: number] | undefined;
  /** Whether params are 0.0–1.0 rather than 0–255. @defaultValue false */
  readonly normalize?: boolean | undefined;
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
 * | universe u, whole frame | `{namespace}/{u}` | bytes | bytes, or an array of levels |
 *
 * For a single universe the `/{u}` is left out. Pure.
 */
export class DmxMapping {
  readonly normalize: boolean;
  readonly #namespace: string;
  readonly #range: readonly [number, number] | undefined;
  readonly #addresses = new Map<number, string[]>();

  constructor({ namespace, range, normalize = false }: DmxMappingOptions) {
    this.#namespace = namespace;
    this.#range = range;
    this.normalize = normalize;
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
    if (typeof value === 'boolean') return value ? 255 : 0;
    if (value === null) return 0;
    const number = typeof value === 'bigint' ? Number(value) : value;
    if (typeof number !== 'number' || Number.isNaN(number)) {
      throw new ClaspError(ErrorCode.BadValue, `${JSON.stringify(address)} needs a number, not ${shown(value)}`, {
        address,
        value,
      });
    }
    return Math.max(0, Math.min(255, Math.round(this.normalize ? number * 255 : number)));
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
