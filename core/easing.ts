import type { Keyframe } from './signal.ts';

type Bezier = readonly [number, number, number, number];

/** The named curves of CSS Easing Functions Level 1, section 2.2. */
const EASE_IN: Bezier = [0.42, 0, 1, 1];
const EASE_OUT: Bezier = [0, 0, 0.58, 1];
const EASE_IN_OUT: Bezier = [0.42, 0, 0.58, 1];
/** Halvings of the parameter; in what remains the curve is as good as straight. */
const STEPS = 16;

/**
 * How far the value has moved when a part `progress` (0 … 1) of the time to the next keyframe has passed: 0 there, 1 at
 * the next keyframe. `step` stays 0 until then. Between 0 and 1 and never falling, except for a `cubic-bezier` whose y
 * coordinates are not.
 *
 * The curves are those of CSS (CSS Easing Functions Level 1).
 */
export function ease({ easing = 'linear', bezier }: Pick<Keyframe, 'easing' | 'bezier'>, progress: number): number {
  if (progress <= 0) return 0;
  if (progress >= 1) return 1;
  switch (easing) {
    case 'step':
      return 0;
    case 'ease-in':
      return cubic(EASE_IN, progress);
    case 'ease-out':
      return cubic(EASE_OUT, progress);
    case 'ease-in-out':
      return cubic(EASE_IN_OUT, progress);
    case 'cubic-bezier':
      return bezier ? cubic(bezier, progress) : progress;
    default:
      return progress;
  }
}

/** The y of the curve from (0, 0) to (1, 1) where its x is `x`. Its x never falls, since x1 and x2 are within 0 … 1. */
function cubic(bezier: Bezier, x: number): number {
  const [x1, y1, x2, y2] = bezier;
  // The x at t as ((a t + b) t + c) t, for it is asked for many times.
  const c = 3 * x1;
  const b = 3 * (x2 - x1) - c;
  const a = 1 - c - b;
  let low = 0;
  let high = 1;
  let before = 0;
  let after = 1;
  // By halves, not by Newton's method: a later time can never get an earlier place on the curve.
  for (let step = 0; step < STEPS; step++) {
    const middle = (low + high) / 2;
    const there = ((a * middle + b) * middle + c) * middle;
    if (there < x) {
      low = middle;
      before = there;
    } else {
      high = middle;
      after = there;
    }
  }
  const part = after > before ? Math.min((x - before) / (after - before), 1) : 1;
  return coordinate(y1, y2, low + (high - low) * part);
}

function coordinate(first: number, second: number, t: number): number {
  const rest = 1 - t;
  return 3 * rest * rest * t * first + 3 * rest * t * t * second + t * t * t;
}
