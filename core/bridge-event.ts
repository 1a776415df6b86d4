import type { ClaspError } from './errors.ts';

/** What happens in a bridge, beside the signals themselves; `bridge` is its name. */
export type BridgeEvent =
  /** It is open; `address` is where it listens, for people. */
  | { readonly type: 'ready'; readonly bridge: string; readonly address: string }
  /** Something did not get through, in either direction; the bridge goes on. */
  | { readonly type: 'failure'; readonly bridge: string; readonly failure: ClaspError };
