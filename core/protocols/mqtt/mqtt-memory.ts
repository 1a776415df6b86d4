import { EchoMemory } from '../../signal/echo-memory.ts';
import type { Value } from '../../signal/value.ts';
import { sameValue } from '../../signal/value.ts';
import { RecentMap } from '../../transforms/recent-map.ts';

export interface MqttMemoryOptions {
  /** Milliseconds for which a value is known as the one that comes back. @defaultValue 1000 */
  readonly echoWindow?: number;
  /** Addresses that are remembered, about. @defaultValue 65536 */
  readonly maxAddresses?: number;
  /**
   * Whether the relay brings the broker's events back. It sends them to everybody but who sent them: so only where the
   * sink hears as another participant than the one that the source writes as.
   * @defaultValue true
   */
  readonly events?: boolean;
}

/** Either side, as `EchoMemory` knows its peers; what lasts and what happens do not take the place of each other. */
const BROKER = 'broker';
const BROKER_EVENTS = 'events of the broker';
const RELAY = 'relay';
const RELAY_EVENTS = 'events of the relay';

/**
 * What a bridge knows of its broker: what it said, what it was told, and which topics it retains. Give the same to
 * `mqttSource` and `mqttSink`: then nothing goes back to where it came from. Time is an argument, in milliseconds.
 */
export class MqttMemory {
  readonly #echoes: EchoMemory;
  readonly #withEvents: boolean;
  readonly #said: RecentMap<string, { readonly value: Value }>;
  readonly #retained: RecentMap<string, true>;

  constructor({ echoWindow = 1_000, maxAddresses = 65_536, events = true }: MqttMemoryOptions = {}) {
    this.#echoes = new EchoMemory({ window: echoWindow });
    this.#withEvents = events;
    this.#said = new RecentMap(maxAddresses);
    this.#retained = new RecentMap(maxAddresses);
  }

  /** The broker said `value`; `retained` if it keeps it. */
  brokerSaid(address: string, value: Value, retained: boolean, now: number): void {
    if (!retained) {
      if (this.#withEvents) this.#echoes.heard(BROKER_EVENTS, address, value, now);
      return;
    }
    this.#echoes.heard(BROKER, address, value, now);
    this.#said.set(address, { value });
    this.#note(address, value);
  }

  /**
   * Whether `value`, about to be sent to the broker, `retained` or not, is what it said itself. If not, it is taken to be
   * sent.
   */
  isBrokers(address: string, value: Value, retained: boolean, now: number): boolean {
    if (!retained) return this.#echoes.isEventEcho(BROKER_EVENTS, address, value, now);
    if (this.#echoes.isEcho(BROKER, address, value, now)) return true;
    // A snapshot brings it up again long after.
    const said = this.#said.get(address);
    if (said === undefined) return false;
    if (sameValue(said.value, value)) return true;
    this.#said.delete(address);
    return false;
  }

  /** The broker was told `value`; null for an empty payload. */
  relaySaid(address: string, value: Value, retained: boolean, now: number): void {
    this.#echoes.heard(retained ? RELAY : RELAY_EVENTS, address, value, now);
    if (retained) this.#note(address, value);
  }

  /**
   * Whether what the broker sends, null for an empty payload, is what it was told itself: a broker of MQTT 3.1.1 sends it
   * to everybody, and does not say whether it was retained.
   */
  isRelays(address: string, value: Value, now: number): boolean {
    if (this.#echoes.isEventEcho(RELAY_EVENTS, address, value, now)) return true;
    return this.#echoes.isEcho(RELAY, address, value, now);
  }

  /** Whether the broker is known to retain something at the address. */
  isRetained(address: string): boolean {
    return this.#retained.get(address) === true;
  }

  #note(address: string, value: Value): void {
    if (value === null) this.#retained.delete(address);
    else this.#retained.set(address, true);
  }
}
