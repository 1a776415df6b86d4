import type { Value } from '../signal/value.ts';
import { checkNumber, levelOf, type Transform } from './transform.ts';

/** When it changes over, and between what. */
export interface ToggleOptions {
  /** Numbers from here on are pressed. @defaultValue 0.5 */
  readonly at?: number | undefined;
  /** @defaultValue 1 */
  readonly on?: Value | undefined;
  /** What it is before the first press. @defaultValue 0 */
  readonly off?: Value | undefined;
}

/**
 * Makes a switch of a button: each press (a number that rises to `at`, or `true`) changes over between on and off;
 * the release, and whatever is no change, gives nothing.
 */
export function toggleTransform({ at = 0.5, on = 1, off = 0 }: ToggleOptions): Transform {
  checkNumber('at', at);
  return {
    open() {
      let pressed = false;
      let isOn = false;
      return (value, past = false) => {
        const level = levelOf(value);
        if (level === undefined) return value;
        const before = pressed;
        pressed = level >= at;
        if (before || !pressed || past) return undefined;
        isOn = !isOn;
        return isOn ? on : off;
      };
    },
  };
}
