import { Observable, type SchedulerLike, Subscription } from 'rxjs';
import type { ClientStatus } from '../../core/client.ts';
import type { Connection, Connections } from '../../core/connection.ts';
import { ClaspError } from '../../core/errors.ts';

export interface ClientLinkOptions {
  /** Runs one session over a connection: emits when welcomed, errors when it is over. */
  readonly session: (connection: Connection) => Observable<void>;
  /** How long to wait before attempt 1, 2, 3 … since the last session; undefined: not at all, give up. */
  readonly wait: ((attempt: number) => number) | undefined;
  readonly scheduler: SchedulerLike;
  readonly tell: (status: ClientStatus) => void;
}

/** What the next attempt would meet again: refusals of the relay, and a URL that is none. */
const FINAL: readonly number[] = [102, 300, 301, 302, 402];

/**
 * Keeps one session running over whatever `connections` gives: subscribes again when a session has ended or none came
 * about, and never gives up, unless the relay refuses this client (102, 300, 301, 302), the URL is none (402), or reconnecting is off. Then it
 * errors with the reason, undefined when the connection was just closed.
 */
export function clientLink(connections: Connections, options: ClientLinkOptions): Observable<never> {
  const { session, wait, scheduler, tell } = options;

  return new Observable((out) => {
    /** Attempts since the last session, and those of them that failed. */
    let attempt = 0;
    let failures = 0;
    let trying: Subscription;

    const connect = () => {
      trying = new Subscription();
      out.add(trying);
      tell({ state: 'connecting', attempt: ++attempt });
      let current: Subscription | undefined;
      trying.add(
        connections.subscribe({
          next: (connection) => {
            current?.unsubscribe();
            current = session(connection).subscribe({ next: succeed, error: fail });
            trying.add(current);
          },
          error: (cause) => fail(ClaspError.from(cause, 503)),
          // A session may outlive what it came from; its end is heard from itself.
          complete: () => {
            if (!current || current.closed) fail(new ClaspError(503, 'no connection'));
          },
        }),
      );
    };
    const succeed = () => {
      attempt = 0;
      failures = 0;
    };
    const fail = (reason: ClaspError | undefined) => {
      if (trying.closed) return;
      trying.unsubscribe();
      if (!wait || (reason && FINAL.includes(reason.code))) {
        out.error(reason);
        return;
      }
      const retryInMs = wait(++failures);
      tell({ state: 'disconnected', reason, retryInMs });
      // `later`, written out: that is less to load for a page.
      out.add(
        scheduler.schedule(function () {
          this.unsubscribe();
          connect();
        }, retryInMs),
      );
    };
    connect();
  });
}
