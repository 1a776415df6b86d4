import type { MonoTypeOperatorFunction, SchedulerLike } from 'rxjs';
import { sampleRate, windowOf } from '../core/signal/pacing.ts';
import type { Signal, Stream } from '../core/signal/signal.ts';
import { monotonicScheduler } from '../core/time/monotonic-scheduler.ts';
import { stage } from './stage.ts';
import { type TimerEntry, TimerHeap } from './timer-heap.ts';

export interface BatchOptions {
  /** Milliseconds of samples that come together, at most 60 000. 0 lets everything pass. */
  readonly window: number;
  /** Samples that end a batch early. @defaultValue 8000, which fits one frame */
  readonly maxSamples?: number;
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
}

/** The samples of one address, since the first of them came. */
class Batch implements TimerEntry {
  due = 0;
  place = -1;
  readonly openedAt: number;
  readonly samples: number[] = [];
  /** As the senders say; of several different, none. */
  rate: number | undefined;
  newest: Stream;

  constructor(first: Stream, openedAt: number) {
    this.openedAt = openedAt;
    this.rate = first.rate;
    this.newest = first;
  }
}

/**
 * Gathers the samples of each stream: what comes within `window` of the first comes out as one stream signal with
 * `samples`, oldest first, and `rate`. The same as `window` of a subscription does in the relay.
 *
 * The rate is that of the senders, or how many samples came a second if they say none or not the same; time, origin and
 * value are those of the newest. Other signals, and streams of what is no number, pass; a stream's behind the samples
 * before it. Completion delivers what was gathered first; an error does not. One timer for all addresses.
 *
 * For plain numbers take `bufferTime`.
 *
 * @example
 * ```ts
 * const relay = router();
 * relay(NEVER).subscribe();
 * relay.client('scope').on('/adc/*').pipe(batch({ window: 20 })).subscribe();
 * ```
 */
export function batch(options: BatchOptions): MonoTypeOperatorFunction<Signal> {
  const { window, maxSamples = 8000, scheduler = monotonicScheduler } = options;
  const length = windowOf(window);
  const now = () => scheduler.now() * 1000;

  return stage((out) => {
    const batches = new Map<string, Batch>();

    const send = (open: Batch) => {
      const { newest, samples, openedAt, rate = sampleRate(samples.length, now() - openedAt) } = open;
      timers.delete(open);
      batches.delete(newest.address);
      out.next({ ...newest, samples, rate });
    };
    const timers = new TimerHeap<Batch>(scheduler, now, send);

    const gather = (stream: Stream, samples: readonly number[]) => {
      let open = batches.get(stream.address);
      if (open === undefined) {
        open = new Batch(stream, now());
        batches.set(stream.address, open);
        timers.set(open, open.openedAt + length);
      }
      if (open.rate !== stream.rate) open.rate = undefined;
      open.newest = stream;
      for (const sample of samples) open.samples.push(sample);
      if (open.samples.length >= maxSamples) send(open);
    };

    return {
      next(signal) {
        if (signal.kind === 'stream' && length > 0) {
          const { value, samples = typeof value === 'number' ? [value] : [], address } = signal;
          if (samples.length > 0) {
            gather(signal, samples);
            return;
          }
          const open = batches.get(address);
          if (open !== undefined) send(open);
        }
        out.next(signal);
      },
      complete() {
        for (const open of batches.values()) send(open);
      },
      dispose: () => timers.dispose(),
    };
  });
}
