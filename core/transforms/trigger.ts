import type { Value } from '../signal/value.ts';
import { checkNumber, levelOf, type Transform } from './transform.ts';

/** When it fires, and what. */
export interface TriggerOptions {
  /** Fires when the number rises to this. @defaultValue 0.5 */
  readonly at?: number | undefined;
  /** What goes out. @defaultValue 1 */
  readonly value?: Value | undefined;
}

/** Gives one value each time the number rises to `at` (or `true` comes after `false`), and nothing otherwise. */
export function triggerTransform({ at = 0.5, value: fired = 1 }: TriggerOptions): Transform {
  checkNumber('at', at);
  return {
    open() {
      let high = false;
      return (value, past = false) => {
        const level = levelOf(value);
        if (level === undefined) return value;
        const before = high;
        high = level >= at;
        return high && !before && !past ? fired : undefined;
      };
    },
  };
}
