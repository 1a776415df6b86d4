import { badOption, isNumber, isNumbers, type Transform } from './transform.ts';

/** How much a new value counts. */
export interface SmoothOptions {
  /** Above 0, up to 1: the part of the way toward the new value that is gone at once; 1 smooths nothing. @defaultValue 0.2 */
  readonly factor?: number | undefined;
}

/**
 * The exponential moving average: each value that comes out lies between the one before and the one that came in. The
 * first is taken as it is, and so is the first after an array has changed its length. NaN and the infinities pass and
 * are not remembered.
 */
export function smoothTransform({ factor = 0.2 }: SmoothOptions): Transform {
  if (!(factor > 0 && factor <= 1)) throw badOption('factor', 'must be above 0 and at most 1', factor);

  const next = (last: number | undefined, value: number) => {
    if (last === undefined || !Number.isFinite(value)) return value;
    return last * (1 - factor) + value * factor;
  };
  const kept = (last: number | undefined, value: number) => (Number.isFinite(value) ? value : last);

  return {
    open() {
      let last: number | undefined;
      let lasts: (number | undefined)[] = [];
      return (value) => {
        if (isNumber(value)) {
          const smoothed = next(last, Number(value));
          last = kept(last, smoothed);
          return smoothed;
        }
        if (!isNumbers(value)) return value;
        const known = lasts.length === value.length ? lasts : [];
        const smoothed = value.map((item, index) => next(known[index], Number(item)));
        lasts = smoothed.map((item, index) => kept(known[index], item));
        return smoothed;
      };
    },
  };
}
