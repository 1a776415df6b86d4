import { numeric, type Transform } from './transform.ts';

/** The other sign. 0 stays 0. */
export function negateTransform(): Transform {
  return numeric((value) => 0 - value);
}
