import { type Numbers, numbersOf, type Pacing } from '../../core/pacing.ts';
import { type Frame, ValueCode } from '../../core/wire/index.ts';
import { readValue } from '../../core/wire/value.ts';
import type { Entry } from './envelope.ts';

/** The numbers that a frame's value is, read only where the pacing looks at them. */
export function carriedNumbers(frame: Frame, { epsilon, window }: Pacing): Numbers | undefined {
  const { valueCode } = frame;
  const number = valueCode >= ValueCode.I8 && valueCode <= ValueCode.F64;
  if (number ? epsilon < 0 && window === 0 : epsilon < 0 || valueCode !== ValueCode.Array) return undefined;
  return numbersOf(frame.value);
}

/** The numbers that a stored param is. */
export function storedNumbers({ state }: Entry): Numbers | undefined {
  if (!state?.exists) return undefined;
  if (state.code === ValueCode.Array) return numbersOf(readValue(state.body as Uint8Array, 0, ValueCode.Array));
  return numbersOf(state.content);
}
