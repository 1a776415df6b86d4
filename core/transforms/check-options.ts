import { ClaspError, ErrorCode } from '../errors.ts';

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
