import { NEVER, type Observable } from 'rxjs';
import { expect, vi } from 'vitest';
import type { BridgeEvent, Client } from '../core/client/client.ts';
import type { ClaspError } from '../core/errors.ts';
import { type Router, router } from '../operators/router/router.ts';

/** A bridge that runs, and all that it told. */
export interface WatchedBridge {
  readonly events: BridgeEvent[];
  readonly failures: () => ClaspError[];
  /** Where it is ready; empty before. */
  readonly address: string;
  /** Why it ended: undefined while it runs, `complete`, or its error. */
  readonly ended: () => unknown;
  readonly close: () => void;
}

/** Runs a bridge until the test ends: whatever is put into `open` is closed then. */
export function watchBridge(bridge: Observable<BridgeEvent>, open: { unsubscribe(): void }[]): WatchedBridge {
  const events: BridgeEvent[] = [];
  let ended: unknown;
  const running = bridge.subscribe({
    next: (event) => events.push(event),
    error: (reason) => {
      ended = reason;
    },
    complete: () => {
      ended = 'complete';
    },
  });
  open.push(running);
  return {
    events,
    failures: () => events.flatMap((event) => (event.type === 'failure' ? [event.failure] : [])),
    get address() {
      return events[0]?.type === 'ready' ? events[0].address : '';
    },
    ended: () => ended,
    close: () => running.unsubscribe(),
  };
}

/** {@link watchBridge}, once the bridge has told anything or has ended. */
export async function startBridge(
  bridge: Observable<BridgeEvent>,
  open: { unsubscribe(): void }[],
): Promise<WatchedBridge> {
  const watched = watchBridge(bridge, open);
  await vi.waitFor(() => expect(watched.events[0] ?? watched.ended()).toBeDefined(), { timeout: 20_000, interval: 5 });
  return watched;
}

/** A relay without connections, and a client of it. */
export function relayWithApp(open: { unsubscribe(): void }[]): { relay: Router; app: Client } {
  const relay = router();
  open.push(relay(NEVER).subscribe());
  return { relay, app: relay.client('app') };
}
