import type { Observable, SchedulerLike } from 'rxjs';
import type { ZodType } from 'zod';
import type { BridgeEvent, Client } from '../../core/client/client.ts';
import type { Authenticate, CompiledGrant } from '../../operators/router/authenticate.ts';
import type { AcceptStream } from '../sub-protocols.ts';

/** What a bridge may use beside its client and its entry of the configuration. */
export interface BridgeContext {
  /** Its name: in events, in the origin of its signals, and as a client. */
  readonly name: string;
  /** The address that the relay is bound to; a bridge must not open a local relay to the network unasked. */
  readonly relayHost: string;
  /** Clock and timer. */
  readonly scheduler: SchedulerLike;
  /**
   * One more participant, for a bridge that lets others in (an MQTT client, an HTTP request): named, and with what it
   * may do, with which it ends. The bridge closes it.
   */
  readonly join: (name: string, grant: CompiledGrant) => Client;
  /** Decides what the bearer of a token may do; undefined in open mode. */
  readonly authenticate: Authenticate | undefined;
  /**
   * Brings the WebSockets on the relay's own port that offer a subprotocol (`mqtt`), as streams of bytes; gives what ends
   * that. Absent where the relay has no such port.
   */
  readonly webSockets?: (subprotocol: string, accept: AcceptStream) => () => void;
}

/** One kind of bridge: what its entry under `bridges` may say, and how it is opened. */
export interface BridgeType<Config extends { readonly type: string }> {
  /** The entry's `type`. */
  readonly type: Config['type'];
  /** One line for people: what it joins to what. */
  readonly summary: string;
  /** What an entry must look like, each key with a `describe`; JSON Schema, checks and messages are made from it. */
  readonly schema: ZodType<Config>;
  /**
   * Opens it. Cold: subscribing opens, unsubscribing closes. Emits `ready` when open, and goes on through what it can
   * survive (`failure`, `retrying`). Errors with a `ClaspError` for what can never work; completes when the client is
   * closed.
   */
  open(client: Client, config: Config, context: BridgeContext): Observable<BridgeEvent>;
}
