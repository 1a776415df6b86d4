import { ease } from '../timeline/timeline.ts';
import { clampedTo } from './clamp.ts';
import { badOption, checkSpan, numeric, type Range, type Transform } from './transform.ts';

/** The names of the curves. */
export const CURVES = ['linear', 'ease-in', 'ease-out', 'ease-in-out', 'exponential', 'logarithmic'] as const;

/** One of {@link CURVES}. */
export type CurveName = (typeof CURVES)[number];

/** How a range is bent. */
export interface CurveOptions {
  /** `exponential` starts slowly and `logarithmic` fast; each undoes the other. The others are those of CSS. */
  readonly curve: CurveName;
  /** Numbers outside are cut to it. @defaultValue [0, 1] */
  readonly range?: Range | undefined;
}

/** How much the exponential curve bends: its slope grows e^4, about 55 times, from one end to the other. */
const BEND = 4;

/** Bends a range, whose ends stay where they are. What is larger stays larger. */
export function curveTransform({ curve, range = [0, 1] }: CurveOptions): Transform {
  if (!CURVES.includes(curve)) throw badOption('curve', `must be one of ${CURVES.join(', ')}`, curve);
  checkSpan('range', range);
  const [low, high] = range;
  const bend = bendOf(curve);
  const within = clampedTo(range);
  return numeric((value) => {
    const part = bend((within(value) - low) / (high - low));
    return low * (1 - part) + high * part;
  });
}

function bendOf(curve: CurveName): (part: number) => number {
  switch (curve) {
    case 'exponential':
      return (part) => Math.expm1(BEND * part) / Math.expm1(BEND);
    case 'logarithmic':
      return (part) => Math.log1p(part * Math.expm1(BEND)) / BEND;
    default:
      return (part) => (Number.isNaN(part) ? part : ease({ easing: curve }, part));
  }
}
