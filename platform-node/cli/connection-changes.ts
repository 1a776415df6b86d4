import { distinctUntilChanged, filter, map, Observable, skip } from 'rxjs';
import type { Client } from '../../core/client/client.ts';
import type { ClaspError } from '../../core/errors.ts';

/** A connection that was lost and is waited for, or that is back. */
export interface ConnectionChange {
  readonly state: 'lost' | 'back';
  /** Why it was lost, or why it could not be restored yet. */
  readonly reason?: ClaspError | undefined;
}

/** What `source` emits, and between it what `told` makes of a connection that is lost and restored; ends with `source`. */
export function withConnectionChanges<T>(
  { status }: Client,
  source: Observable<T>,
  told: (change: ConnectionChange) => T,
): Observable<T> {
  return new Observable((out) => {
    out.add(
      status
        .pipe(
          filter(({ state }) => state === 'connected' || state === 'disconnected'),
          skip(1),
          map(
            (now): ConnectionChange =>
              now.state === 'disconnected' ? { state: 'lost', reason: now.reason } : { state: 'back' },
          ),
          // Each attempt fails anew, mostly for the same reason.
          distinctUntilChanged((a, b) => a.state === b.state && a.reason?.reason === b.reason?.reason),
        )
        .subscribe((change) => out.next(told(change))),
    );
    out.add(source.subscribe(out));
  });
}

/** A change in words for people. */
export function changeText({ state, reason }: ConnectionChange, url: string): string {
  if (state === 'back') return `connected to ${url} again`;
  const why = reason === undefined ? '' : ` (${reason.reason})`;
  return `the connection to ${url} was lost${why}; trying again`;
}
