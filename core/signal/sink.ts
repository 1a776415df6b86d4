import { type Observable, type Observer, Subject } from 'rxjs';
import { ClaspError, ErrorCode } from '../errors.ts';

/** An Observer that performs an effect. It never throws; what it could not do appears on `failures`. */
export interface Sink<T> extends Observer<T> {
  /** What could not be done, as it happens. Hot; completes when the sink is closed. */
  readonly failures: Observable<ClaspError>;
}

export interface SinkActions<T> {
  /** Performs the effect. What it throws becomes a failure. */
  write(value: T): void;
  /** Ends the effect; `reason` is what the source failed with. Called once. */
  close?(reason?: ClaspError): void;
}

/**
 * Makes a {@link Sink} from a `write` that may throw: a throwing observer would end the process, a sink never does.
 * After `complete` or `error` everything is ignored.
 *
 * @example
 * ```ts
 * const lines = sink<string>({ write: (line) => void console.log(line) });
 * lines.failures.subscribe((failure) => console.error(failure.message));
 * lines.next('hello');
 * ```
 */
export function sink<T>({ write, close }: SinkActions<T>): Sink<T> {
  const failures = new Subject<ClaspError>();
  let open = true;

  const guarded = (action: () => void) => {
    try {
      action();
    } catch (cause) {
      failures.next(ClaspError.from(cause, ErrorCode.Internal));
    }
  };
  const end = (reason?: ClaspError) => {
    if (!open) return;
    open = false;
    if (close) guarded(() => close(reason));
    failures.complete();
  };

  return {
    failures: failures.asObservable(),
    next(value) {
      if (!open) return;
      try {
        write(value);
      } catch (cause) {
        failures.next(ClaspError.from(cause, ErrorCode.Internal));
      }
    },
    error: (cause) => end(ClaspError.from(cause, ErrorCode.Internal)),
    complete: () => end(),
  };
}
