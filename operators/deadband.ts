import type { MonoTypeOperatorFunction } from 'rxjs';
import { areWithin, isWithin, type Numbers, numbersOf } from '../core/signal/pacing.ts';
import type { Signal } from '../core/signal/signal.ts';
import { pacedKey } from './paced-key.ts';
import { stage } from './stage.ts';

export interface DeadbandOptions {
  /** Numbers no further than this from the last that went through are held back. Negative or NaN: none are. */
  readonly epsilon: number;
  /** Addresses whose last value is remembered; the one longest without a value goes first. @defaultValue 10 000 */
  readonly maxAddresses?: number;
}

/**
 * Holds back numbers, and arrays of numbers of which each is, within `epsilon` of the last that went through. No two
 * neighbours that come out are that near, and what came out last is never further than `epsilon` from what came in.
 * The same as `epsilon` of a subscription does in the relay. `deadband(0.5)` is short for `deadband({ epsilon: 0.5 })`.
 *
 * Takes signals, of which params and streams are compared by address and the others pass; or plain numbers and arrays of
 * numbers, compared as one series. Whatever is no number passes too, the deletion of a param among it, and the next
 * number after it. A stream with several samples is held back if all of them are near. Everything else at once and in
 * order.
 *
 * @example
 * ```ts
 * of(1, 1.2, 1.4, 1.6).pipe(deadband({ epsilon: 0.5 })).subscribe(console.log); // 1 1.6
 * ```
 */
export function deadband<T extends Signal | Numbers>(options: number | DeadbandOptions): MonoTypeOperatorFunction<T> {
  const { epsilon, maxAddresses = 10_000 } = typeof options === 'number' ? { epsilon: options } : options;

  return stage((out) => {
    const passed = new Map<string, Numbers>();

    return {
      next(value) {
        const key = pacedKey(value);
        if (key !== undefined) {
          const last = passed.get(key);
          const samples = samplesIn(value);
          const numbers = samples ? samples.at(-1) : numbersIn(value);
          if (samples ? areWithin(last, samples, epsilon) : isWithin(last, numbers, epsilon)) return;
          passed.delete(key);
          if (numbers !== undefined) passed.set(key, numbers);
          if (passed.size > maxAddresses) for (const oldest of passed.keys()) if (passed.delete(oldest)) break;
        }
        out.next(value);
      },
    };
  });
}

const isSignal = (value: Signal | Numbers): value is Signal => typeof value === 'object' && 'kind' in value;

function samplesIn(value: Signal | Numbers): readonly number[] | undefined {
  return isSignal(value) && value.kind === 'stream' ? value.samples : undefined;
}

function numbersIn(value: Signal | Numbers): Numbers | undefined {
  if (!isSignal(value)) return value;
  return value.kind === 'param' || value.kind === 'stream' ? numbersOf(value.value) : undefined;
}
