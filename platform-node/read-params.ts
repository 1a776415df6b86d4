import type { Subscription } from 'rxjs';
import type { Client } from '../core/client.ts';
import { ClaspError, ErrorCode } from '../core/errors.ts';
import type { Param } from '../core/signal.ts';

/**
 * The params under a pattern as they are now, with revision and time. Rejects with the relay's `ClaspError` (202, 301)
 * when it refuses, and with 503 when the client is closed before all have come.
 */
export function readParams(client: Client, pattern: string): Promise<readonly Param[]> {
  return new Promise((resolve, reject) => {
    const params = new Map<string, Param>();
    let done = false;
    let subscription: Subscription | undefined;
    const finish = (end: () => void) => {
      done = true;
      subscription?.unsubscribe();
      end();
    };
    subscription = client
      .on(pattern, { types: ['param'], synced: () => finish(() => resolve([...params.values()])) })
      .subscribe({
        next: (signal) => {
          if (signal.kind !== 'param') return;
          if (signal.value === null) params.delete(signal.address);
          else params.set(signal.address, signal);
        },
        error: (cause) => finish(() => reject(cause)),
        complete: () => finish(() => reject(new ClaspError(ErrorCode.Overloaded, 'the client is closed'))),
      });
    // It may have been over before there was anything to unsubscribe.
    if (done) subscription.unsubscribe();
  });
}
