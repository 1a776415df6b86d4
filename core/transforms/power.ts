import { checkNumber, numeric, type Transform } from './transform.ts';

/** The exponent. */
export interface PowerOptions {
  readonly exponent: number;
}

/** To the power of `exponent`; NaN where there is no real result, as for the root of a negative number. */
export function powerTransform({ exponent }: PowerOptions): Transform {
  checkNumber('exponent', exponent);
  return numeric((value) => value ** exponent);
}
