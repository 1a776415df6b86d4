import { Observable, retry, type SchedulerLike, type Subscription, throwError, timer } from 'rxjs';
import type { ClientStatus } from '../core/client.ts';
import type { Connection, Connections } from '../core/connection.ts';
import { ClaspError, ErrorCode } from '../core/errors.ts';

export interface ClientLinkOptions {
  /** Runs one session over a connection: emits when welcomed, errors when it is over. */
  readonly session: (connection: Connection) => Observable<void>;
  /** How long to wait before attempt 1, 2, 3 … since the last session; undefined: not at all, give up. */
  readonly wait: ((attempt: number) => number) | undefined;
  readonly scheduler: SchedulerLike;
  readonly tell: (status: ClientStatus) => void;
}

/** Refusals that the next attempt would meet again. */
const FINAL: readonly number[] = [
  ErrorCode.UnsupportedVersion,
  ErrorCode.NotAuthenticated,
  ErrorCode.Forbidden,
  ErrorCode.TokenExpired,
];

/**
 * Keeps one session running over whatever `connections` gives: subscribes again when a session has ended or none came
 * about, and never gives up, unless the relay refuses this client (102, 300, 301, 302) or reconnecting is off. Then it
 * errors with the reason, undefined when the connection was just closed.
 */
export function clientLink(connections: Connections, options: ClientLinkOptions): Observable<void> {
  const { session, wait, scheduler, tell } = options;
  let attempt = 0;

  const once = new Observable<void>((out) => {
    let current: Subscription | undefined;
    tell({ state: 'connecting', attempt: ++attempt });
    return connections.subscribe({
      next: (connection) => {
        current?.unsubscribe();
        current = session(connection).subscribe({
          next: () => {
            attempt = 0;
            out.next();
          },
          error: (reason) => out.error(reason),
        });
        out.add(current);
      },
      error: (cause) => out.error(ClaspError.from(cause, ErrorCode.Overloaded)),
      // A session may outlive what it came from; its end is heard from itself.
      complete: () => {
        if (!current || current.closed) out.error(new ClaspError(ErrorCode.Overloaded, 'no connection'));
      },
    });
  });

  return once.pipe(
    retry({
      resetOnSuccess: true,
      delay: (reason: ClaspError | undefined, failures) => {
        if (!wait || (reason && FINAL.includes(reason.code))) return throwError(() => reason);
        const retryInMs = wait(failures);
        tell({ state: 'disconnected', reason, retryInMs });
        return timer(retryInMs, scheduler);
      },
    }),
  );
}
