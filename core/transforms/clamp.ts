import { badOption, numeric, type Range, type Transform } from './transform.ts';

/** The ends that numbers are cut to. */
export interface ClampOptions {
  /** @defaultValue 0 */
  readonly min?: number | undefined;
  /** @defaultValue 1 */
  readonly max?: number | undefined;
}

/** No lower than `min`, no higher than `max`. */
export function clampTransform({ min = 0, max = 1 }: ClampOptions): Transform {
  if (!(min <= max)) throw badOption('max', `must be at least min (${min})`, max);
  return numeric(clampedTo([min, max]));
}

/** Cuts to a range given in either order. */
export function clampedTo([one, other]: Range): (value: number) => number {
  const low = Math.min(one, other);
  const high = Math.max(one, other);
  return (value) => (value < low ? low : value > high ? high : value);
}
