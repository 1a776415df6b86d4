import { badOption, numeric, type Transform } from './transform.ts';

/** What is divided by. */
export interface ModuloOptions {
  /** Above 0. */
  readonly divisor: number;
}

/** What is left of a division, from 0 up to the divisor, for negative numbers too: -1 modulo 12 is 11. */
export function moduloTransform({ divisor }: ModuloOptions): Transform {
  if (!(divisor > 0 && Number.isFinite(divisor))) throw badOption('divisor', 'must be above 0', divisor);
  return numeric((value) => {
    const rest = value % divisor;
    if (rest >= 0) return rest + 0;
    // What is hardly below 0 would be rounded up to the divisor itself.
    return rest + divisor < divisor ? rest + divisor : 0;
  });
}
