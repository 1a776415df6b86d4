import { badOption, levelOf, stateless, type Transform } from './transform.ts';

/** What may pass. */
export interface GateOptions {
  /** No number below passes. @defaultValue none is too low */
  readonly min?: number | undefined;
  /** No number above passes. @defaultValue none is too high */
  readonly max?: number | undefined;
}

/** Lets numbers (and switches, as 0 and 1) within the ends pass as they are, and holds the others back. */
export function gateTransform(options: GateOptions): Transform {
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = options;
  if (options.min === undefined && options.max === undefined) throw badOption('gate', 'needs min or max', options);
  if (!(min <= max)) throw badOption('max', `must be at least min (${min})`, max);
  return stateless((value) => {
    const level = levelOf(value);
    return level === undefined || (level >= min && level <= max) ? value : undefined;
  });
}
