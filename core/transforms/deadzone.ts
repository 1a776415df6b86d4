import { badOption, checkNumber, numeric, type Transform } from './transform.ts';

/** Where nothing shall happen. */
export interface DeadzoneOptions {
  /** Numbers nearer than this to the centre become the centre; 0 or more. */
  readonly threshold: number;
  /** @defaultValue 0 */
  readonly center?: number | undefined;
}

/** A stick that rests near its centre rests in it; all other numbers stay as they are. */
export function deadzoneTransform({ threshold, center = 0 }: DeadzoneOptions): Transform {
  if (!(threshold >= 0 && Number.isFinite(threshold))) throw badOption('threshold', 'must be 0 or more', threshold);
  checkNumber('center', center);
  return numeric((value) => (Math.abs(value - center) < threshold ? center : value));
}
