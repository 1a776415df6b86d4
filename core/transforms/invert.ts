import { badOption, isNumber, isNumbers, type Range, stateless, type Transform } from './transform.ts';

/** Where the two ends are that change places. */
export interface InvertOptions {
  /** @defaultValue [0, 1] */
  readonly range?: Range | undefined;
}

/** Upside down within a range: its ends change places. `true` becomes `false`, and the other way round. */
export function invertTransform({ range = [0, 1] }: InvertOptions): Transform {
  const sum = range[0] + range[1];
  if (!Number.isFinite(sum)) throw badOption('range', 'must be two numbers', range);
  return stateless((value) => {
    if (typeof value === 'boolean') return !value;
    if (isNumber(value)) return sum - Number(value);
    return isNumbers(value) ? value.map((item) => sum - Number(item)) : value;
  });
}
