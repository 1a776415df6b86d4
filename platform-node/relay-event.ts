import type { ClaspError } from '../core/errors.ts';
import type { RouterEvent } from '../operators/router/router-event.ts';
import type { RelayBridgeEvent } from './bridges/relay-bridge.ts';
import type { RouteEvent } from './relay-routes.ts';

/** What a change of the configuration did. */
export interface RelayChange {
  /** Bridges that were opened: new ones, and those whose entry has changed. */
  readonly opened: readonly string[];
  /** Bridges that were closed and not opened again. */
  readonly closed: readonly string[];
  /** Routes that were started, also those that were changed. */
  readonly routesStarted: number;
  readonly routesStopped: number;
  /** Keys that have changed but count only when the relay starts. */
  readonly restart: readonly string[];
}

/** What happens in a running relay: in its router, in its bridges and in its routes. */
export type RelayEvent =
  | RouterEvent
  | RouteEvent
  /** Something that a person should know of how the relay is set up; it goes on. */
  | { readonly type: 'warning'; readonly reason: string }
  /** A connection could not be accepted; the relay goes on. */
  | { readonly type: 'listen-failure'; readonly failure: ClaspError }
  /** A bridge is open; again after each `bridge-retrying`. */
  | {
      readonly type: 'bridge-ready';
      readonly bridge: string;
      readonly address: string;
      readonly targets?: readonly string[];
    }
  /** Something did not get through; the bridge goes on. */
  | { readonly type: 'bridge-failure'; readonly bridge: string; readonly failure: ClaspError }
  /** The far side is gone, or was never there; the bridge tries again by itself. */
  | {
      readonly type: 'bridge-retrying';
      readonly bridge: string;
      readonly reason: ClaspError;
      readonly retryInMs: number;
    }
  /** Who is at the far side now. */
  | { readonly type: 'bridge-devices'; readonly bridge: string; readonly devices: readonly string[] }
  /** A bridge has ended for good; the others go on. */
  | { readonly type: 'bridge-ended'; readonly bridge: string; readonly reason: ClaspError | undefined }
  /** A signal went in a circle over these addresses and was stopped; told once for each circle. */
  | { readonly type: 'loop'; readonly addresses: readonly string[] }
  /** The configuration was changed while it ran. */
  | { readonly type: 'changed'; readonly change: RelayChange };

/** What happens to a bridge, in the words of {@link RelayEvent}. */
export function toRelayEvent(event: RelayBridgeEvent): RelayEvent {
  const { bridge } = event;
  switch (event.type) {
    case 'ready':
      return {
        type: 'bridge-ready',
        bridge,
        address: event.address,
        ...(event.targets && { targets: event.targets }),
      };
    case 'failure':
      return { type: 'bridge-failure', bridge, failure: event.failure };
    case 'retrying':
      return { type: 'bridge-retrying', bridge, reason: event.reason, retryInMs: event.retryInMs };
    case 'devices':
      return { type: 'bridge-devices', bridge, devices: event.devices };
    case 'ended':
      return { type: 'bridge-ended', bridge, reason: event.reason };
  }
}
