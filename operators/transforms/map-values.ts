import type { MonoTypeOperatorFunction } from 'rxjs';
import { RecentMap } from '../../core/recent-map.ts';
import type { Signal, Stream } from '../../core/signal.ts';
import { PassedGestures } from '../../core/transforms/passed-gestures.ts';
import type { Step, Transform } from '../../core/transforms/transform.ts';
import type { Value } from '../../core/value.ts';
import { stage } from '../router/stage.ts';

/** Addresses whose state is remembered, and open gestures; those used longest ago go first. */
const MAX_ADDRESSES = 65_536;

/**
 * Maps the values of signals by a transform that is opened once per address; what it holds back does not come out.
 * Samples that came together are mapped one by one. Timelines pass as they are; everything at once and in order.
 * The end or cancel of a gesture comes out where something of that gesture has: with the newest value that has, if its
 * own is held back.
 */
export function mapValues(transform: Transform): MonoTypeOperatorFunction<Signal> {
  return stage((out) => {
    const steps = new RecentMap<string, Step>(MAX_ADDRESSES);
    const gestures = new PassedGestures(MAX_ADDRESSES);

    const stepOf = (address: string): Step => {
      let step = steps.get(address);
      if (step === undefined) {
        step = transform.open();
        steps.set(address, step);
      }
      return step;
    };

    return {
      next(signal) {
        if (signal.kind === 'timeline') {
          out.next(signal);
          return;
        }
        const step = stepOf(signal.address);
        if (signal.kind === 'stream' && signal.samples !== undefined) {
          const mapped = mapSamples(signal, signal.samples, step);
          if (mapped) out.next(mapped);
          return;
        }
        const mapped = step(signal.value, signal.kind === 'param' && signal.snapshot === true);
        const value = signal.kind === 'gesture' ? gestures.pass(signal, mapped) : mapped;
        if (value !== undefined) out.next(Object.is(value, signal.value) ? signal : { ...signal, value });
      },
    };
  });
}

/** The samples that are left, as samples where all are numbers still; the newest as the value. */
function mapSamples({ samples: _, ...signal }: Stream, samples: readonly number[], step: Step): Stream | undefined {
  const mapped = samples.map((sample) => step(sample)).filter((value): value is Value => value !== undefined);
  const value = mapped.at(-1);
  if (value === undefined) return undefined;
  const numbers = mapped.filter((item) => typeof item === 'number');
  return numbers.length === mapped.length ? { ...signal, value, samples: numbers } : { ...signal, value };
}
