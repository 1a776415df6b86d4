import { Observable } from 'rxjs';
import type { Client } from '../../core/client/client.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { Param } from '../../core/signal/signal.ts';

/**
 * The params under a pattern as they are now, with revision and time. Cold; emits once and completes. Errors with the
 * relay's `ClaspError` (202, 301) when it refuses, and with 503 when the client is closed before all have come.
 */
export function readParams(client: Client, pattern: string): Observable<readonly Param[]> {
  return new Observable((out) => {
    const params = new Map<string, Param>();
    const synced = () => {
      out.next([...params.values()]);
      out.complete();
    };
    out.add(
      client.on(pattern, { types: ['param'], synced }).subscribe({
        next: (signal) => {
          if (signal.kind !== 'param') return;
          if (signal.value === null) params.delete(signal.address);
          else params.set(signal.address, signal);
        },
        error: (cause) => out.error(cause),
        complete: () => out.error(new ClaspError(ErrorCode.Overloaded, 'the client is closed')),
      }),
    );
  });
}
