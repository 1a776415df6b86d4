import { type Observable, type SchedulerLike, Subject, type Subscription } from 'rxjs';
import { ClaspError } from '../core/errors.ts';
import { monotonicScheduler } from '../core/time/monotonic-scheduler.ts';

export interface FailureDigestOptions {
  /** Tell of one failure in this many milliseconds at most. @defaultValue 1000 */
  readonly interval?: number;
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
}

/** How many failures each told one stands for, and its reason without their number. */
const standsFor = new WeakMap<ClaspError, { readonly count: number; readonly reason: string }>();

/** How many failures a failure stands for: more than one where a digest told of them together. */
export function failureCount(failure: ClaspError): number {
  return standsFor.get(failure)?.count ?? 1;
}

/** What one failure was about. */
export interface FailureDetail {
  /** Whom or what it concerns: a peer's address, a port. Begins the message. */
  readonly where: string;
  /** Byte of the packet at which it went wrong. */
  readonly offset?: number;
  /** The address of the signal. */
  readonly address?: string;
}

/**
 * Failures that can come by the ten thousand a second, told at a rate that people and logs can bear: the first at
 * once, then one an interval, which says how many it stands for. None goes uncounted.
 *
 * @example
 * ```ts
 * const digest = new FailureDigest();
 * digest.failures.subscribe((failure) => console.error(failure.message));
 * for (let i = 0; i < 1000; i++) digest.report(ErrorCode.BadMessage, 'not OSC', { where: '10.0.0.7:5000' });
 * digest.close(); // two lines: the first failure, and the other 999
 * ```
 */
export class FailureDigest {
  /** What went wrong; `value` is how many failures one stands for. Hot; completes on `close`. */
  readonly failures: Observable<ClaspError>;
  readonly #told = new Subject<ClaspError>();
  readonly #interval: number;
  readonly #scheduler: SchedulerLike;
  #timer: Subscription | undefined;
  #total = 0;
  #untold = 0;
  #closed = false;
  // The newest untold failure: as it is, or in words that exist already, so that no error is made for each.
  #failure: ClaspError | undefined;
  #code = 0;
  #reason = '';
  #detail: FailureDetail | undefined;

  constructor({ interval = 1_000, scheduler = monotonicScheduler }: FailureDigestOptions = {}) {
    this.#interval = interval;
    this.#scheduler = scheduler;
    this.failures = this.#told.asObservable();
  }

  /** How many failures there were. */
  get total(): number {
    return this.#total;
  }

  /** Counts one failure, or `times` of a kind: its code, a constant text, and what it is about. */
  report(code: number, reason: string, detail: FailureDetail, times = 1): void {
    if (this.#closed || times < 1) return;
    this.#failure = undefined;
    this.#code = code;
    this.#reason = reason;
    this.#detail = detail;
    this.#count(times);
  }

  /** Counts a failure that exists already; one that another digest has told counts for all that it stands for. */
  pass(failure: ClaspError): void {
    if (this.#closed) return;
    this.#failure = failure;
    this.#count(failureCount(failure));
  }

  /** Tells what is left, and completes. */
  close(): void {
    this.#timer?.unsubscribe();
    this.#timer = undefined;
    this.#tell();
    this.#closed = true;
    this.#told.complete();
  }

  #count(times = 1): void {
    this.#total += times;
    this.#untold += times;
    if (this.#timer) return;
    this.#wait();
    this.#tell();
  }

  #wait(): void {
    this.#timer = this.#scheduler.schedule(() => {
      this.#timer = undefined;
      if (this.#untold === 0) return;
      this.#wait();
      this.#tell();
    }, this.#interval);
  }

  #tell(): void {
    const count = this.#untold;
    if (count === 0) return;
    this.#untold = 0;
    const others = count === 1 ? '' : `; ${count} failures within ${this.#interval} ms, this was the last`;
    const { code, reason: whole, address } = this.#failure ?? this.#described();
    const reason = (this.#failure && standsFor.get(this.#failure)?.reason) ?? whole;
    const failure = new ClaspError(code, reason + others, { value: count, address, cause: this.#failure });
    standsFor.set(failure, { count, reason });
    this.#told.next(failure);
  }

  #described(): { code: number; reason: string; address: string | undefined } {
    const { where = '', offset, address: whole } = this.#detail ?? {};
    const address = whole?.slice(0, LONGEST);
    const place = offset === undefined ? '' : ` at byte ${offset}`;
    const whose = address === undefined ? '' : ` (${JSON.stringify(address)})`;
    return { code: this.#code, reason: `${where}: ${this.#reason}${place}${whose}`, address };
  }
}

/** An address beyond this length is cut: a message must stay small enough for a log. */
const LONGEST = 256;
