import { badOption, checkSpan, numeric, type Range, type Transform } from './transform.ts';

/** How fine the grid is. */
export interface QuantizeOptions {
  /** Into how many equal parts the range is divided; a whole number from 1. */
  readonly steps: number;
  /** @defaultValue [0, 1] */
  readonly range?: Range | undefined;
}

/** The nearest line of a grid that divides the range into equal parts, and goes on outside of it. */
export function quantizeTransform({ steps, range = [0, 1] }: QuantizeOptions): Transform {
  if (!(Number.isInteger(steps) && steps >= 1)) throw badOption('steps', 'must be a whole number from 1', steps);
  checkSpan('range', range);
  const [low, high] = range;
  return numeric((value) => {
    const line = Math.round(((value - low) / (high - low)) * steps);
    return line === steps ? high : low + (line / steps) * (high - low);
  });
}
