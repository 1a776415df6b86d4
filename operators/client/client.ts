import type { Client } from '../../core/client/client.ts';
import type { Connections } from '../../core/connection/connection.ts';
import { LocalRequests } from './local-requests.ts';
import { type ClientOptions, RelayClient } from './relay-client.ts';
import { type AddressReader, relaySignals } from './relay-signals.ts';

/**
 * A participant over any {@link Connections}: usually a dial, which gives one connection and ends when that is lost.
 *
 * It starts connecting at once, and goes on for ever: after a loss, or when nobody answers, it waits (see `backoff`)
 * and subscribes to `connections` again. Only `close`, a relay that refuses it (102, 300, 301, 302) and a malformed URL
 * (402) end it;
 * `status` then says `closed` with the reason, open replies fail, and subscribers complete. What went wrong with a
 * connection is told by `status`; `errors` tells what the relay or this client refused.
 *
 * While there is no connection, requests wait, at most `maxWaiting`; more fail with 503. What was sent and not
 * acknowledged when the connection was lost waits again. After a reconnect it all follows the subscriptions, in order.
 * In detail:
 *
 * - `set` with QoS 1: only the newest write to an address waits, as long as it takes, and the writes it replaced are
 *   answered as it is (one that compared a revision fails with 400). A lock that a replaced write asked for is still
 *   asked for; a lock that was held is gone with its session, so there is nothing left to unlock.
 * - `set` and `emit` with QoS 2, and `bundle`: each is applied once and in order, however often it is repeated.
 * - `emit` with QoS 1 and `timeline`: may be applied again when only the acknowledgement was lost.
 * - `get` and `query` wait until 5 s after they were asked, everything else but writes of QoS 1 until 290 s, then 502.
 * - `stream` and `gesture` are dropped, and counted.
 *
 * What the relay did not acknowledge within 10 s of one session fails with 502 and is not repeated; whether it was
 * applied is not known. What was announced is announced again in each session.
 *
 * `on` shares one subscription of the relay between equal patterns and options. A subscriber that joins later hears the
 * current params from this client. After a reconnect every subscriber hears the snapshot anew, and value null for each
 * param that is not there any more, before `synced`. Where several subscriptions with different pacing match, signals
 * come as often as the loosest of them asks.
 *
 * @example
 * ```ts
 * import { createClient, memoryPair, router } from 'clasp-rx';
 * import { of } from 'rxjs';
 *
 * const [here, there] = memoryPair();
 * router()(of(there)).subscribe();
 * const client = createClient(of(here), { name: 'desk' });
 * client.on('/mixer/*').subscribe(({ address }) => console.log(address));
 * client.set('/mixer/1', 0.75).subscribe(({ revision }) => console.log('revision', revision));
 * ```
 */
export function createClient(connections: Connections, options: ClientOptions = {}): Client {
  return new RelayClient(connections, options);
}

/**
 * The same as `createClient`, for the process of the relay itself: faster, and larger.
 *
 * @param connections to a relay of this package
 * @param addressOf reads the addresses of what the relay delivers
 */
export function createLocalClient(connections: Connections, options: ClientOptions, addressOf: AddressReader): Client {
  return new RelayClient(connections, { ...options, acknowledges: true }, LocalRequests, relaySignals(addressOf));
}
