import { badOption, numeric, type Transform } from './transform.ts';

/** How numbers are rounded. */
export interface RoundOptions {
  /** Digits after the point, 0 … 15. @defaultValue 0 */
  readonly decimals?: number | undefined;
  /** `nearest` (halves up), `floor`, `ceil`. @defaultValue 'nearest' */
  readonly mode?: 'nearest' | 'floor' | 'ceil' | undefined;
}

const MODES = { nearest: Math.round, floor: Math.floor, ceil: Math.ceil } as const;

/** Rounded numbers. A number too large for its digits to matter stays as it is. */
export function roundTransform({ decimals = 0, mode = 'nearest' }: RoundOptions): Transform {
  if (!(Number.isInteger(decimals) && decimals >= 0 && decimals <= 15)) {
    throw badOption('decimals', 'must be a whole number from 0 to 15', decimals);
  }
  const round = MODES[mode];
  if (round === undefined) throw badOption('mode', 'must be nearest, floor or ceil', mode);
  const scale = 10 ** decimals;
  return numeric((value) => {
    const rounded = round(value * scale) / scale;
    return Number.isFinite(rounded) ? rounded + 0 : value;
  });
}
