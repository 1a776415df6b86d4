import { merge, type SchedulerLike, Subject } from 'rxjs';
import { ClaspError, ErrorCode } from '../core/errors.ts';
import { type MqttMessage, type MqttQos, toMqtt } from '../core/protocols/mqtt/mqtt.ts';
import { MqttMemory } from '../core/protocols/mqtt/mqtt-memory.ts';
import { fromRetainedPayload } from '../core/protocols/mqtt/mqtt-payload.ts';
import type { Event, Param, Signal, Stream } from '../core/signal/signal.ts';
import { type Sink, sink } from '../core/signal/sink.ts';
import { monotonicScheduler } from '../core/time/monotonic-scheduler.ts';

/** A connection to a broker, as far as a sink needs it. */
export interface MqttCarrier {
  /** How many messages may be on their way unconfirmed. */
  readonly window: number;
  /** Whether the broker sends back to us what we publish. */
  readonly sendsBack: (topic: string) => boolean;
  /** Sends; `done` is called once: when it is confirmed (QoS 0: written), or with what is wrong. */
  publish(message: MqttMessage, done: (failure?: ClaspError) => void): void;
}

export interface MqttSinkOptions {
  /** Prefix that is taken off the addresses; `''` for none. @defaultValue '/mqtt' */
  readonly namespace?: string;
  /** Of params and events; samples go at 0. @defaultValue 1 */
  readonly qos?: MqttQos;
  /** Events and samples that may wait for the broker to confirm; what comes beyond is dropped (503). @defaultValue 1000 */
  readonly maxQueued?: number;
  /** What is known of the broker: give the same to `mqttSource`. @defaultValue nothing is known */
  readonly memory?: MqttMemory;
  /** Clock. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
}

/** A sink whose broker comes and goes. */
export interface MqttSink extends Sink<Signal> {
  /**
   * There is a broker: it gets every param that it does not have from elsewhere, then `pushed` is called, then it gets
   * what comes.
   */
  connect(carrier: MqttCarrier, pushed?: () => void): void;
  /** It is gone. Params are kept for the next one. */
  disconnect(): void;
}

/** What waits: a signal, or a call for when all before it is sent. */
type Waiting = Signal | (() => void);

/**
 * Publishes signals below the namespace: params retained (null as an empty payload, which deletes), events not, the newest
 * sample of a stream not and at QoS 0.
 *
 * What the broker itself has said is not sent to it. While it lags, or is not there, of each param only the newest value
 * waits. Failures: 200 for an address without a topic, 402 for gestures and timelines, 503 for events and samples that
 * came while there was no broker, or too many, or that it did not confirm before it went; and what it refuses.
 *
 * @example
 * ```ts
 * const sink = mqttSink();
 * const publish: MqttCarrier['publish'] = ({ topic }, done) => {
 *   console.log(topic);
 *   done();
 * };
 * sink.connect({ window: 20, sendsBack: () => false, publish });
 * sink.next({ kind: 'param', address: '/mqtt/lamp/on', value: true }); // lamp/on
 * ```
 */
export function mqttSink(options: MqttSinkOptions = {}): MqttSink {
  const { namespace = '/mqtt', qos = 1, maxQueued = 1_000 } = options;
  const { memory = new MqttMemory(), scheduler = monotonicScheduler } = options;
  const refused = new Subject<ClaspError>();
  /** Params whose newest value is not the broker's; a deleted one until the broker knows. */
  const own = new Map<string, Param>();
  const waiting = new Map<string | number, Waiting>();
  /** Addresses of waiting params behind which an event or sample of the address waits, or did. */
  const followed = new Set<string>();
  let carrier: MqttCarrier | undefined;
  let unconfirmed = 0;
  let queued = 0;
  let nextKey = 0;
  let pumping = false;

  const overloaded = ({ kind, address }: Signal, why: string) =>
    new ClaspError(ErrorCode.Overloaded, `${kind} ${address} not sent: ${why}`, { address });

  const confirmed = (to: MqttCarrier, signal: Signal, failure: ClaspError | undefined) => {
    if (to !== carrier) {
      if (failure && signal.kind !== 'param') refused.next(overloaded(signal, 'the broker went without confirming it'));
      return;
    }
    unconfirmed--;
    if (failure) refused.next(failure);
    else if (signal.kind === 'param' && signal.value === null && own.get(signal.address) === signal) {
      own.delete(signal.address);
    }
    pump();
  };

  const send = (to: MqttCarrier, signal: Signal) => {
    const message = toMqtt(signal, { namespace, qos });
    if (to.sendsBack(message.topic)) {
      memory.relaySaid(signal.address, fromRetainedPayload(message.payload), message.retain, scheduler.now());
    }
    unconfirmed++;
    to.publish(message, (failure) => confirmed(to, signal, failure));
  };

  const pump = () => {
    if (pumping) return; // a confirmation that comes while sending
    pumping = true;
    for (const [key, next] of waiting) {
      if (!carrier || unconfirmed >= carrier.window) break;
      waiting.delete(key);
      if (typeof key === 'string') followed.delete(key);
      if (typeof next === 'function') {
        next();
        continue;
      }
      if (next.kind !== 'param') queued--;
      try {
        send(carrier, next);
      } catch (cause) {
        refused.next(ClaspError.from(cause, ErrorCode.Internal));
      }
    }
    pumping = false;
  };

  const enqueue = (signal: Signal) => {
    const { address, kind } = signal;
    if (kind === 'param') {
      // In the place of the older value it would overtake what has been said at the address since.
      if (followed.delete(address)) waiting.delete(address);
      waiting.set(address, signal);
      return;
    }
    if (queued >= maxQueued) throw overloaded(signal, `${maxQueued} wait already`);
    queued++;
    if (waiting.has(address)) followed.add(address);
    waiting.set(nextKey++, signal);
  };

  const { failures, ...guarded } = sink<Signal>({
    write(signal) {
      toMqtt(signal, { namespace }); // throws what is wrong with it
      const { address, value, kind } = signal as Param | Event | Stream;
      if (memory.isBrokers(address, value, kind === 'param', scheduler.now())) {
        if (kind === 'param') {
          own.delete(address);
          waiting.delete(address);
          followed.delete(address);
        }
        return;
      }
      if (kind === 'param') own.set(address, signal as Param);
      if (!carrier) {
        if (kind !== 'param') throw overloaded(signal, 'no broker');
      } else if (waiting.size === 0 && unconfirmed < carrier.window) {
        send(carrier, signal);
      } else {
        enqueue(signal);
      }
    },
    close: () => {
      carrier = undefined;
      waiting.clear();
      followed.clear();
      own.clear();
      refused.complete();
    },
  });

  return {
    ...guarded,
    failures: merge(failures, refused),
    connect(to, pushed) {
      carrier = to;
      unconfirmed = 0;
      for (const param of own.values()) waiting.set(param.address, param);
      if (pushed) waiting.set(nextKey++, pushed);
      pump();
    },
    disconnect() {
      carrier = undefined;
      queued = 0;
      const left = [...waiting.values()];
      waiting.clear();
      followed.clear();
      for (const signal of left) {
        if (typeof signal !== 'function' && signal.kind !== 'param') {
          refused.next(overloaded(signal, 'the broker is gone'));
        }
      }
    },
  };
}
