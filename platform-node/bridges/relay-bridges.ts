import { isDeepStrictEqual } from 'node:util';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { checkEntry } from '../config/check-entry.ts';
import type { BridgeStatus } from './bridge-status.ts';
import type { BridgeConfig } from './bridge-types.ts';
import { bridgeTypes } from './bridge-types.ts';
import {
  type BridgeAddress,
  bridgeName,
  type RelayBridge,
  type RelayBridgeOptions,
  relayBridge,
} from './relay-bridge.ts';

/** What a change did to the bridges, by name. */
export interface BridgesChange {
  /** Opened: new ones, and those whose entry has changed. */
  readonly opened: readonly string[];
  /** Closed and not opened again. */
  readonly closed: readonly string[];
}

/** Kinds of bridges whose devices are participants of their own, as sessions of CLASP are. */
const LETTING_IN: ReadonlySet<string> = new Set(['mqtt-server', 'websocket-json']);

/** The bridges of a running relay, which come and go one by one. */
export class RelayBridges {
  readonly #options: RelayBridgeOptions;
  readonly #status: BridgeStatus;
  readonly #running = new Map<string, RelayBridge>();
  /** Those that have ended by themselves: a change tries them again. */
  readonly #ended = new Set<string>();
  /** How many each has let in, by its name. */
  readonly #guests = new Map<string, number>();
  #closed = false;

  constructor(options: RelayBridgeOptions, status: BridgeStatus) {
    this.#options = {
      ...options,
      tell: (event) => {
        if (event.type === 'ended') {
          this.#ended.add(event.bridge);
          this.#guests.delete(event.bridge);
        } else if (event.type === 'devices' && LETTING_IN.has(this.#running.get(event.bridge)?.config.type ?? '')) {
          this.#guests.set(event.bridge, event.devices.length);
        }
        status.follow(event);
        options.tell(event);
      },
    };
    this.#status = status;
  }

  /** How many participants they have let in: MQTT clients, peers that speak JSON. */
  get guests(): number {
    let sum = 0;
    for (const count of this.#guests.values()) sum += count;
    return sum;
  }

  /** Opens all; gives where those are that are open. Rejects with the `ClaspError` of the first that can never work. */
  async openAll(configs: readonly BridgeConfig[]): Promise<readonly BridgeAddress[]> {
    const opened = configs.map((config) => this.#open(config).opened.catch(named(bridgeName(config))));
    const addresses = await Promise.all(opened);
    return addresses.filter((address) => address !== undefined);
  }

  /**
   * Closes what is not wanted any more and opens what is new; a bridge whose entry is the same does not notice, but one
   * that has ended is tried again. Rejects with a `ClaspError` 402 and touches nothing when an entry makes no sense. A
   * bridge that cannot be opened ends by itself, and the others go on.
   */
  async change(configs: readonly BridgeConfig[]): Promise<BridgesChange> {
    const wanted = new Map(configs.map((config) => [bridgeName(config), config]));
    const isSame = (config: BridgeConfig) => {
      const name = bridgeName(config);
      return !this.#ended.has(name) && isDeepStrictEqual(this.#running.get(name)?.config, config);
    };
    const fresh = configs.filter((config) => !isSame(config));
    for (const config of fresh) checkEntry((await bridgeTypes[config.type]()).schema, config, bridgeName(config));
    if (this.#closed) return { opened: [], closed: [] };

    const closed: string[] = [];
    for (const [name, bridge] of this.#running) {
      if (wanted.has(name) && !fresh.some((config) => bridgeName(config) === name)) continue;
      bridge.close();
      this.#running.delete(name);
      this.#guests.delete(name);
      if (wanted.has(name)) continue;
      this.#status.forget(name);
      closed.push(name);
    }
    // Whether they open is told by their events.
    await Promise.allSettled(fresh.map((config) => this.#open(config).opened));
    return { opened: fresh.map(bridgeName), closed };
  }

  /** Closes all. */
  close(): void {
    this.#closed = true;
    for (const bridge of this.#running.values()) bridge.close();
  }

  #open(config: BridgeConfig): RelayBridge {
    const name = bridgeName(config);
    this.#ended.delete(name);
    this.#status.connecting(name);
    const bridge = relayBridge(config, this.#options);
    this.#running.set(name, bridge);
    return bridge;
  }
}

/** Says which bridge cannot work; of what is wrong with its entry (402) the key is named already. */
function named(bridge: string): (cause: unknown) => never {
  return (cause) => {
    if (!(cause instanceof ClaspError) || cause.code === ErrorCode.BadValue) throw cause;
    throw new ClaspError(cause.code, `bridge ${bridge}: ${cause.reason}`, { cause });
  };
}
