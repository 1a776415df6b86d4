import type { MqttQos } from '../../core/protocols/mqtt.ts';
import type { MqttPublishProperties } from '../../core/protocols/mqtt-packet.ts';
import { sameValue } from '../../core/same-value.ts';
import type { Value } from '../../core/value.ts';
import { mqttMessageBytes } from './mqtt-message-bytes.ts';

/** What an MQTT client published, as it did. */
export interface MqttPublication {
  readonly value: Value;
  /** Whose it is. */
  readonly publisher: object;
  readonly payload: Uint8Array;
  readonly qos: MqttQos;
  readonly properties: MqttPublishProperties | undefined;
  /** When it is of no use any more, milliseconds; `Infinity` for never. */
  readonly expires: number;
}

/** The newest publications that are kept per address and kind. */
const LONGEST = 16;

/**
 * Remembers how MQTT clients published what passes through the relay, which carries the value only: so that other MQTT
 * clients receive the payload byte by byte, its properties, and at its QoS. Bounded by bytes; what is forgotten arrives
 * as the relay has it.
 */
export class MqttPublications {
  readonly #halfOfBytes: number;
  #young = new Map<string, MqttPublication[]>();
  #old = new Map<string, MqttPublication[]>();
  #youngBytes = 0;

  /** @param maxBytes - that may be remembered, about. */
  constructor(maxBytes: number = 8 * 1024 * 1024) {
    this.#halfOfBytes = maxBytes / 2;
  }

  note(kind: 'param' | 'event', address: string, publication: MqttPublication): void {
    const key = `${kind}${address}`;
    let list = this.#young.get(key);
    if (list === undefined) {
      list = [];
      this.#young.set(key, list);
      this.#youngBytes += 100 + 2 * key.length;
    }
    list.push(publication);
    if (list.length > LONGEST) list.shift();
    this.#youngBytes += 200 + mqttMessageBytes(publication);
    if (this.#youngBytes < this.#halfOfBytes) return;
    this.#old = this.#young;
    this.#young = new Map();
    this.#youngBytes = 0;
  }

  /** The newest publication of this value that is still good at `now`, milliseconds. */
  find(kind: 'param' | 'event', address: string, value: Value, now: number): MqttPublication | undefined {
    const key = `${kind}${address}`;
    return newest(this.#young.get(key), value, now) ?? newest(this.#old.get(key), value, now);
  }

  /** The relay has refused a publication: it never was. */
  remove(kind: 'param' | 'event', address: string, publication: MqttPublication): void {
    for (const generation of [this.#young, this.#old]) {
      const list = generation.get(`${kind}${address}`);
      const index = list?.indexOf(publication) ?? -1;
      if (index >= 0) list?.splice(index, 1);
    }
  }

  /** Whether the newest publication at the address was to end by itself. */
  expires(address: string): boolean {
    const list = this.#young.get(`param${address}`) ?? this.#old.get(`param${address}`);
    return (list?.at(-1)?.expires ?? Number.POSITIVE_INFINITY) < Number.POSITIVE_INFINITY;
  }

  /** The param has another value, which no MQTT client wrote. */
  forget(address: string): void {
    this.#young.delete(`param${address}`);
    this.#old.delete(`param${address}`);
  }
}

function newest(list: readonly MqttPublication[] | undefined, value: Value, now: number): MqttPublication | undefined {
  for (let i = (list?.length ?? 0) - 1; i >= 0; i--) {
    const publication = list?.[i];
    if (publication && publication.expires > now && sameValue(publication.value, value)) return publication;
  }
  return undefined;
}
