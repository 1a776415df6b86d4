import {
  concatWith,
  endWith,
  type MonoTypeOperatorFunction,
  NEVER,
  type Observable,
  type SchedulerLike,
  type Subscription,
} from 'rxjs';
import { ClaspError, ErrorCode } from '../core/errors.ts';
import type { Signal } from '../core/signal/signal.ts';
import { monotonicScheduler } from '../core/time/monotonic-scheduler.ts';
import { frameOf } from '../core/wire/signal-frame.ts';
import { stage } from './stage.ts';

export interface CongestionOptions {
  /** Whether the slow side takes more; it counts as ready until this says otherwise. What it fails with ends the stream. */
  readonly ready: Observable<boolean>;
  /** Bytes that may wait, as they would be on the wire, 128 added to each signal. @defaultValue 8 MiB */
  readonly maxWaitingBytes?: number | undefined;
  /** Bytes waiting above which the oldest samples are dropped. @defaultValue 1 MiB */
  readonly softBytes?: number | undefined;
  /** Milliseconds that the slow side may be not ready without a break. @defaultValue 30 000 */
  readonly maxLag?: number | undefined;
  /** Told each time a sample or move is not delivered, since a newer one took its place or too much waits. */
  readonly dropped?: ((signal: Signal) => void) | undefined;
  /** Timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike | undefined;
}

interface Waiting<S> {
  /** Undefined once delivered or dropped. */
  signal: S | undefined;
  bytes: number;
  readonly key: string;
}

const MEBIBYTE = 1024 * 1024;
/** What a signal costs beside its bytes. */
const OVERHEAD = 128;

/**
 * Holds signals back while the slow side is not ready, by the relay's policy for a receiver that lags (protocol
 * semantics, section 3): of a param the newest value per address, of a stream the newest sample, of a gesture the newest
 * move, each in the place of the older one; everything else is kept, in order. The order at an address never changes.
 *
 * When more than `maxWaitingBytes` wait, or for longer than `maxLag`, it errors with a `ClaspError` 503. When the source
 * completes, what waits is delivered as soon as the slow side is ready, and then it completes.
 *
 * @example
 * ```ts
 * const ready = new BehaviorSubject(true);
 * router().client('sensor').on('/sensors/**').pipe(congestion({ ready })).subscribe(console.log);
 * ```
 */
export function congestion<S extends Signal>(options: CongestionOptions): MonoTypeOperatorFunction<S> {
  const { ready, maxWaitingBytes = 8 * MEBIBYTE, softBytes = MEBIBYTE, maxLag = 30_000 } = options;
  const { dropped, scheduler = monotonicScheduler } = options;

  const hold = stage<S | typeof END, S>((out) => {
    let open = true;
    let draining = false;
    let completed = false;
    let queue: Waiting<S>[] = [];
    let streams: Waiting<S>[] = [];
    const newest = new Map<string, Waiting<S>>();
    let waitingBytes = 0;
    let lag: Subscription | undefined;

    const fail = (reason: string) => {
      queue = [];
      newest.clear();
      out.error(new ClaspError(ErrorCode.Overloaded, `slow consumer: ${reason}`));
    };

    const forget = (waiting: Waiting<S>) => {
      waiting.signal = undefined;
      waitingBytes -= waiting.bytes;
      if (newest.get(waiting.key) === waiting) newest.delete(waiting.key);
    };

    const drain = () => {
      if (draining) return;
      draining = true;
      let next = 0;
      while (open && next < queue.length && !out.closed) {
        const waiting = queue[next++] as Waiting<S>;
        const { signal } = waiting;
        if (!signal) continue;
        forget(waiting);
        out.next(signal);
      }
      queue.splice(0, next);
      if (queue.length === 0) streams = [];
      draining = false;
      if (completed && queue.length === 0) out.complete();
    };

    const dropOldestSamples = () => {
      let next = 0;
      while (next < streams.length && waitingBytes > softBytes) {
        const oldest = streams[next++] as Waiting<S>;
        if (!oldest.signal) continue;
        dropped?.(oldest.signal);
        forget(oldest);
      }
      streams.splice(0, next);
      // Emptied places go many at a time, so that a flood of samples costs a constant time each.
      if (!draining && queue.length > 1024 && queue.length > 2 * (newest.size + streams.length)) {
        queue = queue.filter(({ signal }) => signal !== undefined);
      }
    };

    const wait = (signal: S) => {
      const key = keyOf(signal);
      const bytes = sizeOf(signal) + OVERHEAD;
      const replaces = isReplaceable(signal);
      const older = replaces ? newest.get(key) : undefined;
      waitingBytes += bytes;
      if (older?.signal) {
        if (signal.kind !== 'param') dropped?.(older.signal);
        waitingBytes -= older.bytes;
        older.signal = signal;
        older.bytes = bytes;
      } else {
        const waiting: Waiting<S> = { signal, bytes, key };
        queue.push(waiting);
        if (replaces) newest.set(key, waiting);
        else newest.delete(key); // a gesture's start or end: later moves must not overtake it
        if (signal.kind === 'stream') streams.push(waiting);
      }
      if (waitingBytes > softBytes && streams.length > 0) dropOldestSamples();
      if (waitingBytes > maxWaitingBytes) fail(`more than ${maxWaitingBytes} bytes wait`);
    };

    const readiness = ready.subscribe({
      next: (now) => {
        open = now;
        lag?.unsubscribe();
        lag = open ? undefined : scheduler.schedule(() => fail(`not ready for ${maxLag} ms`), maxLag);
        if (open) drain();
      },
      error: (cause) => out.error(cause),
    });

    return {
      next(signal) {
        if (signal === END) {
          completed = true;
          if (queue.length === 0) out.complete();
          return;
        }
        if (open && queue.length === 0 && !draining) out.next(signal);
        else wait(signal);
      },
      dispose() {
        readiness.unsubscribe();
        lag?.unsubscribe();
      },
    };
  });
  // The end of the source is a value here, since what waits comes after it.
  return (source) => source.pipe(endWith(END), concatWith(NEVER), hold);
}

const END = Symbol('end');

/** What makes two signals the same param, stream or gesture. */
function keyOf(signal: Signal): string {
  const { kind, address } = signal;
  return kind === 'gesture' ? `${kind} ${signal.id} ${address}` : `${kind} ${address}`;
}

function isReplaceable(signal: Signal): boolean {
  const { kind } = signal;
  return kind === 'param' || kind === 'stream' || (kind === 'gesture' && signal.phase === 'move');
}

/** Bytes on the wire; of what the wire cannot carry, those of its address. */
function sizeOf(signal: Signal): number {
  try {
    return frameOf(signal).length;
  } catch {
    return signal.address.length;
  }
}
