import type { ClaspError } from './errors.ts';

/** What happens in a bridge, beside the signals themselves; `bridge` is its name. */
export type BridgeEvent =
  /** It is open; `address` is where it listens or what it is connected to, for people. Again after each `retrying`. */
  | { readonly type: 'ready'; readonly bridge: string; readonly address: string }
  /** Something did not get through, in either direction; the bridge goes on. */
  | { readonly type: 'failure'; readonly bridge: string; readonly failure: ClaspError }
  /** The device, broker or peer is gone, or was never there; the bridge tries again by itself. */
  | { readonly type: 'retrying'; readonly bridge: string; readonly reason: ClaspError; readonly retryInMs: number }
  /** The devices, nodes or clients at the far side, newest list; for people. */
  | { readonly type: 'devices'; readonly bridge: string; readonly devices: readonly string[] };
