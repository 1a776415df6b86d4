import type { Observable, SchedulerLike } from 'rxjs';
import { type ClaspError, ErrorCode } from '../core/errors.ts';
import type { MqttMessage } from '../core/protocols/mqtt/mqtt.ts';
import { MqttMemory } from '../core/protocols/mqtt/mqtt-memory.ts';
import { fromMqttPayload, fromRetainedPayload } from '../core/protocols/mqtt/mqtt-payload.ts';
import { fromMqttTopic, mqttFilterMatches } from '../core/protocols/mqtt/mqtt-topic.ts';
import type { Signal } from '../core/signal/signal.ts';
import { monotonicScheduler } from '../core/time/monotonic-scheduler.ts';
import { RecentMap } from '../core/transforms/recent-map.ts';
import { FailureDigest } from '../operators/failure-digest.ts';
import { stage } from '../operators/stage.ts';

export interface MqttSourceOptions {
  /** Prefix of all addresses; `''` for none. @defaultValue '/mqtt' */
  readonly namespace?: string;
  /** The `origin` of every signal. @defaultValue 'mqtt' */
  readonly name?: string;
  /** Topic filters: what comes there is a param, retained or not. @defaultValue none */
  readonly params?: readonly string[];
  /**
   * Whether messages tell that they were published retained. A broker of MQTT 3.1.1 tells it only of what it sends right
   * after a subscription: with `false`, a message to a topic that is known to be retained is a param too.
   * @defaultValue true
   */
  readonly retainAsPublished?: boolean;
  /** What is known of the broker: give the same to `mqttSink`. @defaultValue nothing is known */
  readonly memory?: MqttMemory;
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
}

/** Signals, and beside them what could not be understood. */
export type MqttSource = Observable<Signal> & {
  /**
   * Messages whose topic has no address (200). Hot; the first at once, then one a second at most, whose `value` is how
   * many it stands for. Completes with the signals.
   */
  readonly failures: Observable<ClaspError>;
};

/** Topics whose translation is remembered. */
const MAX_TOPICS = 16_384;

/**
 * MQTT messages as signals: a retained one is a param, any other an event, `sensors/temp` `21.5` is
 * `/mqtt/sensors/temp` 21.5. What was sent by the sink with the same `memory` is left out. Cold; completes and errors as
 * `messages` does. Subscribe once.
 *
 * @example
 * ```ts
 * const payload = new TextEncoder().encode('21.5');
 * const messages = of<MqttMessage>({ topic: 'sensors/temp', payload, retain: true, qos: 0 });
 * mqttSource(messages).subscribe((signal) => console.log(signal.kind, signal.address));
 * ```
 */
export function mqttSource(messages: Observable<MqttMessage>, options: MqttSourceOptions = {}): MqttSource {
  const { namespace = '/mqtt', name = 'mqtt', params = [], retainAsPublished = true } = options;
  const { memory = new MqttMemory(), scheduler = monotonicScheduler } = options;
  const digest = new FailureDigest({ scheduler });

  const signals = messages.pipe(
    stage<MqttMessage, Signal>((out) => {
      const topics = new RecentMap<string, { readonly address: string; readonly isParam: boolean }>(MAX_TOPICS);

      const known = (topic: string) => {
        const found = topics.get(topic);
        if (found) return found;
        const address = fromMqttTopic(topic, namespace);
        if (address === undefined) return undefined;
        const made = { address, isParam: params.some((filter) => mqttFilterMatches(filter, topic)) };
        topics.set(topic, made);
        return made;
      };

      return {
        next({ topic, payload, retain }) {
          const place = known(topic);
          if (place === undefined) {
            digest.report(ErrorCode.BadAddress, 'topic without an address', { where: name, address: topic });
            return;
          }
          const { address } = place;
          const isParam = retain || place.isParam || (!retainAsPublished && memory.isRetained(address));
          const retained = fromRetainedPayload(payload);
          const value = isParam ? retained : fromMqttPayload(payload);
          const now = scheduler.now();
          // With 3.1.1 the end of a param comes back like an event without a payload.
          if (memory.isRelays(address, retained, now)) return;
          memory.brokerSaid(address, value, isParam, now);
          if (isParam) out.next({ kind: 'param', address, value, origin: name });
          else out.next({ kind: 'event', address, value, origin: name });
        },
        dispose: () => digest.close(),
      };
    }),
  );
  return Object.assign(signals, { failures: digest.failures });
}
