import type { Client } from '../../core/client/client.ts';
import type { Value } from '../../core/signal/value.ts';
import { failureCount } from '../../operators/failure-digest.ts';
import type { RelayBridgeEvent } from './relay-bridge.ts';

/** Where the relay says how its bridges are; nobody else writes there. */
export const BRIDGES = '/clasp/bridges';

type Status = { readonly state: string } & { readonly [key: string]: Value };

/**
 * Keeps the params that tell how each bridge is: `/clasp/bridges/{name}/status`, a map with `state` (`connecting`,
 * `ready`, `retrying` or `failed`) and what belongs to it (`address`, `targets`; `reason` and `retryInMs`; `reason`), with
 * `failures`, how many there were, and `failure`, the newest, once there was one; and
 * `/clasp/bridges/{name}/devices`, a list of names, which is written when it differs from the one before.
 */
export class BridgeStatus {
  readonly #open: () => Client;
  readonly #states = new Map<string, Status>();
  readonly #failures = new Map<string, { readonly count: number; readonly newest: string }>();
  /** What was told last as the devices of each bridge. */
  readonly #devices = new Map<string, readonly string[]>();
  #client: Client | undefined;

  /** `open` makes the client that may write there; asked when there is something to tell. */
  constructor(open: () => Client) {
    this.#open = open;
  }

  /** The state of each bridge, by name. */
  get states(): Readonly<Record<string, string>> {
    return Object.fromEntries([...this.#states].map(([bridge, { state }]) => [bridge, state]));
  }

  /** How many failures each bridge had that had any, by name: packets dropped, values refused, targets not reached. */
  get failures(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#failures].map(([bridge, { count }]) => [bridge, count]));
  }

  /** A bridge is being opened. */
  connecting(bridge: string): void {
    this.#state(bridge, { state: 'connecting' });
  }

  /** Something happened to a bridge. */
  follow(event: RelayBridgeEvent): void {
    const { bridge } = event;
    switch (event.type) {
      case 'ready': {
        const { address, targets } = event;
        this.#state(bridge, { state: 'ready', address, ...(targets && { targets }) });
        break;
      }
      case 'retrying': {
        const { reason, retryInMs } = event;
        this.#state(bridge, { state: 'retrying', reason: reason.reason, retryInMs });
        break;
      }
      case 'ended':
        this.#state(bridge, { state: 'failed', reason: event.reason?.reason ?? 'it has ended' });
        break;
      case 'devices':
        if (sameTexts(this.#devices.get(bridge), event.devices)) break;
        this.#devices.set(bridge, event.devices);
        this.#tell(bridge, 'devices', event.devices);
        break;
      case 'failure': {
        const count = (this.#failures.get(bridge)?.count ?? 0) + failureCount(event.failure);
        this.#failures.set(bridge, { count, newest: event.failure.reason });
        const status = this.#states.get(bridge);
        // A bridge that cannot pass on its own status would go on about that for ever.
        const isOwn = event.failure.address?.startsWith(BRIDGES) ?? false;
        if (status && !isOwn) this.#state(bridge, status);
        break;
      }
    }
  }

  /** A bridge is gone, and so is what was told of it. */
  forget(bridge: string): void {
    this.#states.delete(bridge);
    this.#failures.delete(bridge);
    this.#devices.delete(bridge);
    for (const part of ['status', 'devices']) {
      if (this.#client?.cached(`${BRIDGES}/${bridge}/${part}`) !== null) this.#tell(bridge, part, null);
    }
  }

  #state(bridge: string, status: Status): void {
    this.#states.set(bridge, status);
    const failures = this.#failures.get(bridge);
    const known = failures && { failures: failures.count, failure: failures.newest };
    this.#tell(bridge, 'status', { ...status, ...known });
  }

  #tell(bridge: string, part: string, value: Value): void {
    this.#client ??= this.#open();
    this.#client.set(`${BRIDGES}/${bridge}/${part}`, value);
  }
}

function sameTexts(a: readonly string[] | undefined, b: readonly string[]): boolean {
  return a !== undefined && a.length === b.length && a.every((text, i) => text === b[i]);
}
