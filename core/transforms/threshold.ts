import type { Value } from '../signal/value.ts';
import { checkNumber, isNumbers, levelOf, stateless, type Transform } from './transform.ts';

/** Where low ends and high begins, and what they are called. */
export interface ThresholdOptions {
  /** Numbers from here on are high. @defaultValue 0.5 */
  readonly at?: number | undefined;
  /** What stands for high. @defaultValue 1 */
  readonly above?: Value | undefined;
  /** What stands for low. @defaultValue 0 */
  readonly below?: Value | undefined;
}

/** One of two values, for low and for high. A switch counts as 0 and 1; arrays of numbers item by item. */
export function thresholdTransform({ at = 0.5, above = 1, below = 0 }: ThresholdOptions): Transform {
  checkNumber('at', at);
  const side = (level: number): Value => (level >= at ? above : below);
  return stateless((value) => {
    if (isNumbers(value)) return value.map((item) => side(Number(item)));
    const level = levelOf(value);
    return level === undefined ? value : side(level);
  });
}
