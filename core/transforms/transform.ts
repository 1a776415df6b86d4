import { ClaspError, ErrorCode } from '../errors.ts';
import type { Value } from '../signal/value.ts';

/**
 * Maps the values of one address, one after the other; undefined holds a value back. Never throws.
 *
 * `past` tells that the value was there before anything happened, as in a snapshot: it is no press and no rise.
 */
export type Step = (value: Value, past?: boolean) => Value | undefined;

/** One kind of mapping with its options: what a route and an operator are made of. */
export interface Transform {
  /** Begins a series of values: those of one address. A step that remembers keeps its series apart. */
  open(): Step;
}

/** A transform without a memory. */
export function stateless(step: Step): Transform {
  return { open: () => step };
}

/**
 * A transform of numbers: an integer beyond 2^53 counts as the number next to it, an array of numbers is mapped item
 * by item, and whatever else, the null of a deleted param among it, passes as it is.
 */
export function numeric(map: (value: number) => number): Transform {
  const item = (value: Value): Value => (isNumber(value) ? map(Number(value)) : value);
  return stateless((value) => (isNumbers(value) ? value.map(item) : item(value)));
}

/** Whether a value is a number to the steps. */
export function isNumber(value: Value): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

/** Whether a value is an array of nothing but numbers. */
export function isNumbers(value: Value): value is readonly (number | bigint)[] {
  return Array.isArray(value) && value.every(isNumber);
}

/** A number, or a switch as 1 and 0; undefined for anything else. */
export function levelOf(value: Value): number | undefined {
  if (typeof value === 'boolean') return value ? 1 : 0;
  return isNumber(value) ? Number(value) : undefined;
}

/** From … to. */
export type Range = readonly [number, number];

/** Throws a `ClaspError` 402 unless the option is a finite number. */
export function checkNumber(name: string, value: number): void {
  if (!Number.isFinite(value)) throw badOption(name, 'must be a number', value);
}

/** Throws a `ClaspError` 402 unless the option is two different finite numbers, in either order. */
export function checkSpan(name: string, range: Range): void {
  if (range.length !== 2 || !range.every(Number.isFinite)) throw badOption(name, 'must be two numbers', range);
  if (range[0] === range[1]) throw badOption(name, 'must be two different numbers', range);
}

/** A `ClaspError` 402 for an option. */
export function badOption(name: string, problem: string, value: unknown): ClaspError {
  return new ClaspError(ErrorCode.BadValue, `${name} ${problem}, not ${JSON.stringify(value)}`, { value });
}
