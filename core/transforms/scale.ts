import { clampedTo } from './clamp.ts';
import { checkSpan, numeric, type Range, type Transform } from './transform.ts';

/** How one range of numbers becomes another. */
export interface ScaleOptions {
  /** What comes in; either order. @defaultValue [0, 1] */
  readonly from?: Range | undefined;
  /** What goes out; the other way round where its order is. @defaultValue [0, 1] */
  readonly to?: Range | undefined;
  /** Whether what comes in from outside the range is cut to it. @defaultValue false */
  readonly clamp?: boolean | undefined;
}

/** From one range to another, in a straight line. */
export function scaleTransform({ from = [0, 1], to = [0, 1], clamp = false }: ScaleOptions): Transform {
  checkSpan('from', from);
  if (to[0] !== to[1]) checkSpan('to', to);
  const [low, high] = from;
  const [first, last] = to;
  const within = clampedTo(to);
  // Of both ends, so that each is met exactly.
  const map = (value: number) => {
    const part = (value - low) / (high - low);
    return first * (1 - part) + last * part;
  };
  return numeric(clamp ? (value) => within(map(value)) : map);
}
