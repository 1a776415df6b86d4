import type { AddressEntry } from '../address/address-table.ts';
import { compilePattern, type Pattern } from '../address/pattern.ts';
import { ClaspError, ErrorCode } from '../errors.ts';
import type { Value } from '../signal/value.ts';
import type { Ttl } from '../wire/message.ts';
import { put } from '../wire/value.ts';

/**
 * Who wins when a param is written again. `lww`: the last write. `max`, `min`: the extreme number; a write of the same
 * number is accepted, one that loses is refused with 400, and what is not a number is written as with `lww`. `lock`:
 * whoever writes first holds the lock, until it unlocks or disconnects. `merge`: maps are merged, key by key.
 */
export type ParamStrategy = (typeof STRATEGIES)[number];

/**
 * Makes the new value of a param out of the one it has and the one that is written. Called for neither a param's first
 * value nor its deletion. What it throws refuses the write: a `ClaspError` as it is, anything else with 400.
 */
export type MergeValues = (current: Value, written: Value, address: string) => Value;

/** What holds for the params under a pattern. */
export interface ParamRule {
  readonly pattern: string;
  /** @defaultValue 'merge' where there is a `merge`, otherwise 'lww' */
  readonly strategy?: ParamStrategy | undefined;
  /** Smallest and largest number; one outside (also NaN) is refused with 402. @defaultValue any */
  readonly range?: readonly [number, number] | undefined;
  /**
   * How long a param lives that was created without a TTL: seconds since it was last written or read, or seconds and
   * mode; 0 = for ever. @defaultValue for ever
   */
  readonly ttl?: number | Ttl | undefined;
  /**
   * With the strategy 'merge'. It gets numbers for integers, and what it gives is written as any value is: numbers as
   * f64, a bigint as i64. @defaultValue as {@link mergeMaps}, with every integer as it came
   */
  readonly merge?: MergeValues | undefined;
}

const STRATEGIES = ['lww', 'max', 'min', 'lock', 'merge'] as const;
const MAX_TTL = 0x7fff_ffff;

/** A {@link ParamRule}, checked and with every default filled in. */
export class CompiledParamRule {
  readonly strategy: ParamStrategy;
  readonly min: number;
  readonly max: number;
  readonly bounded: boolean;
  /** Undefined where it says for ever. */
  readonly ttl: Ttl | undefined;
  /** Absent where maps are merged without a function. */
  readonly merge: MergeValues | undefined;

  constructor({ range, ttl = 0, merge, strategy = merge ? 'merge' : 'lww' }: Omit<ParamRule, 'pattern'>) {
    const { seconds, mode }: Ttl = typeof ttl === 'number' ? { seconds: ttl, mode: 'sliding' } : ttl;
    const wrong = (what: string, wanted: string, value: unknown) =>
      new ClaspError(ErrorCode.BadValue, `${what} of a param must be ${wanted}, not ${JSON.stringify(value)}`, {
        value,
      });
    if (!STRATEGIES.includes(strategy)) throw wrong('the strategy', STRATEGIES.join(', '), strategy);
    if (merge && strategy !== 'merge') throw wrong('the strategy', "'merge' where there is a merge function", strategy);
    if (range && !(range[0] <= range[1])) throw wrong('the range', '[min, max]', range);
    if (!(seconds >= 0 && seconds <= MAX_TTL)) throw wrong('the ttl', `0 to ${MAX_TTL} seconds`, ttl);
    if (mode !== 'sliding' && mode !== 'absolute') throw wrong('the mode of the ttl', 'sliding or absolute', mode);
    this.strategy = strategy;
    this.bounded = range !== undefined;
    this.min = range?.[0] ?? Number.NEGATIVE_INFINITY;
    this.max = range?.[1] ?? Number.POSITIVE_INFINITY;
    this.ttl = seconds > 0 ? { seconds, mode } : undefined;
    this.merge = merge;
  }

  /** Whether a value may be written, as far as the range goes. */
  admits(value: Value): boolean {
    if (!this.bounded || (typeof value !== 'number' && typeof value !== 'bigint')) return true;
    return value >= this.min && value <= this.max;
  }

  /** Whether a written value may take the place of the current one, as far as the strategy goes. */
  accepts(current: Value, written: Value): boolean {
    if (this.strategy !== 'max' && this.strategy !== 'min') return true;
    if (!isNumber(current) || !isNumber(written) || Number.isNaN(current)) return true;
    return this.strategy === 'max' ? written >= current : written <= current;
  }
}

const NO_RULE = new CompiledParamRule({});

/**
 * The rules of a relay's params, in order: for each address the first that matches. Found once per address, and
 * remembered on its entry; an entry must be asked for by one `ParamRules` only.
 *
 * Throws a `ClaspError` 202 for a bad pattern and 402 for anything else that cannot be.
 */
export class ParamRules {
  readonly #patterns: readonly Pattern[];
  readonly #rules: readonly CompiledParamRule[];

  constructor(rules: readonly ParamRule[]) {
    this.#patterns = rules.map(({ pattern }) => compilePattern(pattern));
    this.#rules = rules.map((rule) => new CompiledParamRule(rule));
  }

  get size(): number {
    return this.#rules.length;
  }

  of(entry: AddressEntry): CompiledParamRule {
    entry.rule ??= this.#find(entry.address);
    return entry.rule as CompiledParamRule;
  }

  #find(address: string): CompiledParamRule {
    return this.#rules[this.#patterns.findIndex((pattern) => pattern.matches(address))] ?? NO_RULE;
  }
}

/**
 * Merges two maps key by key, and maps in them alike. Where either is something else the written one takes its place:
 * lists are not merged, and a null inside a map is a value like any other. What the strategy `merge` does, for merge
 * functions that want it as a part.
 */
export function mergeMaps(current: Value, written: Value): Value {
  if (!isMap(current) || !isMap(written)) return written;
  const merged: Record<string, Value> = {};
  for (const key of Object.keys(current)) put(merged, key, current[key] as Value);
  for (const key of Object.keys(written)) {
    const value = written[key] as Value;
    put(merged, key, Object.hasOwn(current, key) ? mergeMaps(current[key] as Value, value) : value);
  }
  return merged;
}

function isNumber(value: Value): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

function isMap(value: Value): value is { readonly [key: string]: Value } {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}
