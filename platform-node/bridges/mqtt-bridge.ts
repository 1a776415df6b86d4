import { filter, merge, Observable, type SchedulerLike, Subscription } from 'rxjs';
import type { BridgeEvent, Client } from '../../core/client/client.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { HomeAssistantOptions } from '../../core/protocols/mqtt/home-assistant.ts';
import type { MqttQos } from '../../core/protocols/mqtt/mqtt.ts';
import { MqttMemory } from '../../core/protocols/mqtt/mqtt-memory.ts';
import { fromMqttFilter, toMqttFilter } from '../../core/protocols/mqtt/mqtt-topic.ts';
import type { Signal } from '../../core/signal/signal.ts';
import { monotonicScheduler } from '../../core/time/monotonic-scheduler.ts';
import { scheduleOnce } from '../../core/time/schedule-once.ts';
import { backoffWait } from '../../operators/backoff.ts';
import { FailureDigest } from '../../operators/failure-digest.ts';
import { type MqttSink, mqttSink } from '../../sinks/mqtt.ts';
import { mqttSource } from '../../sources/mqtt.ts';
import { homeAssistant } from './mqtt-announce.ts';
import { hostOf, type MqttDialOptions, type MqttLink, mqttDial } from './mqtt-dial.ts';

export interface MqttBridgeOptions extends Omit<MqttDialOptions, 'status'> {
  /** Topic filters: what the relay hears of the broker. @defaultValue none */
  readonly subscribe?: readonly string[];
  /** Patterns below the namespace: what the broker hears of the relay. @defaultValue everything below the namespace */
  readonly publish?: readonly string[];
  /** Where topics live in the relay; `''` for the root. @defaultValue '/mqtt' */
  readonly namespace?: string;
  /** Of subscriptions, params and events; samples go at 0. @defaultValue 1 */
  readonly qos?: MqttQos;
  /** Topic filters: what comes there is a param, retained or not. @defaultValue none */
  readonly params?: readonly string[];
  /** Whether the broker gets the current params at the start, and again when it returns. @defaultValue true */
  readonly sendState?: boolean;
  /**
   * A topic that says `online`, and `offline` when the bridge or its relay is gone.
   * @defaultValue none; with `homeAssistant` `clasp/<name>/status`
   */
  readonly status?: string;
  /** Tells Home Assistant of announced params; an object names its discovery prefix. @defaultValue false */
  readonly homeAssistant?: boolean | Pick<HomeAssistantOptions, 'prefix'>;
  /** Milliseconds for which a value is not sent back to where it came from. @defaultValue 1000 */
  readonly echoWindow?: number;
  /** Named in events and in the origin of signals. @defaultValue 'mqtt' */
  readonly name?: string;
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
}

/** Milliseconds that the broker's own retained messages have at first, before it gets the relay's. */
const SETTLE = 250;

/**
 * Joins a relay with an MQTT broker: topics that are subscribed to come in, retained ones as params and others as events,
 * and what changes below the namespace goes out, but not back to where it came from.
 *
 * Subscribing connects, unsubscribing disconnects. Emits `ready` when the broker has accepted it, `retrying` when it is
 * gone or not there yet, then a failure a second at most: topics without an address and addresses without a topic,
 * values that MQTT cannot carry, what the broker or the relay refuses, events that came while there was no broker. Params
 * of that time are sent when it returns. Errors with a `ClaspError` when the package `mqtt` is not installed (501), an option
 * is wrong (202, 402), the broker refuses us (300) or the relay refuses the subscription (301); completes when the client
 * is closed.
 *
 * @example
 * ```ts
 * const relay = router();
 * relay(NEVER).subscribe();
 * const bridge = mqttBridge(relay.client('broker'), { url: 'mqtt://localhost:1883', subscribe: ['sensors/#'] });
 * bridge.subscribe({ next: console.log, error: console.error });
 * ```
 */
export function mqttBridge(client: Client, options: MqttBridgeOptions): Observable<BridgeEvent> {
  const { url, subscribe = [], namespace = '/mqtt', publish = [`${namespace}/**`], qos = 1 } = options;
  const { params = [], sendState = true, echoWindow = 1_000, name: bridge = 'mqtt' } = options;
  const { scheduler = monotonicScheduler } = options;
  const discovery = options.homeAssistant ? (options.homeAssistant === true ? {} : options.homeAssistant) : undefined;
  const status = options.status ?? (discovery ? `clasp/${bridge}/status` : undefined);

  return new Observable((out) => {
    // The relay does not send our own events back to us: one that comes is somebody else's, whatever its value.
    const memory = new MqttMemory({ echoWindow, events: false });
    const digest = new FailureDigest({ scheduler });
    const fail = (failure: ClaspError) => out.next({ type: 'failure', bridge, failure });
    const sink = mqttSink({ namespace, qos, memory, scheduler });
    const wait = backoffWait({ scheduler, random: Math.random });
    let attempt = 0;
    let listening = false;

    /** From now on the relay's changes go to the sink, its present state first. */
    const listen = () => {
      if (listening) return;
      listening = true;
      out.add(changes(client, publish, sendState).subscribe(sinkOf(sink, out)));
    };

    const serve = (link: MqttLink, life: Subscription) => {
      attempt = 0;
      const { retainAsPublished } = link;
      const source = mqttSource(link.incoming, {
        namespace,
        name: bridge,
        params,
        retainAsPublished,
        memory,
        scheduler,
      });
      life.add(source.failures.subscribe(fail));
      life.add(source.subscribe((signal) => write(client, signal)));
      life.add(() => sink.disconnect());
      out.next({ type: 'ready', bridge, address: hostOf(url) });

      const tell = (failures: readonly ClaspError[]) => {
        for (const failure of failures) digest.pass(failure);
      };
      if (status !== undefined) link.publish({ topic: status, payload: ONLINE, retain: true, qos: 1 }, () => undefined);
      if (discovery) {
        const named = { ...discovery, namespace, node: bridge, availability: status };
        life.add(homeAssistant(client, link, named, { scheduler, qos, tell }));
      }
      // What changed while it was away goes first, so that what the broker retained of ours does not undo it.
      if (listening) {
        sink.connect(link, () => void link.subscribe(subscribe, qos).then(tell));
        return;
      }
      void link.subscribe(subscribe, qos).then((failures) => {
        tell(failures);
        if (life.closed) return;
        const begin = () => {
          sink.connect(link);
          listen();
        };
        life.add(scheduler.schedule(begin, subscribe.length === 0 ? 0 : SETTLE));
      });
    };

    const dial = mqttDial({ ...options, status });
    const connect = () => {
      const life = new Subscription();
      out.add(life);
      const lost = (cause: unknown) => {
        // Before the link says of what it has not confirmed that it failed: params are written again, and events are named.
        sink.disconnect();
        life.unsubscribe();
        const reason = ClaspError.from(cause, ErrorCode.Overloaded);
        if (FATAL.includes(reason.code)) {
          out.error(reason);
          return;
        }
        const retryInMs = wait(++attempt);
        scheduleOnce(out, scheduler, retryInMs, connect);
        out.next({ type: 'retrying', bridge, reason, retryInMs });
      };
      life.add(dial.subscribe({ next: (link) => serve(link, life), error: lost }));
    };

    out.add(() => digest.close());
    out.add(digest.failures.subscribe(fail));
    out.add(sink.failures.subscribe((failure) => digest.pass(failure)));
    const ours = (failure: ClaspError) => failure.address?.startsWith(`${namespace}/`) ?? false;
    out.add(client.errors.pipe(filter(ours)).subscribe((failure) => digest.pass(failure)));
    out.add(client.status.subscribe({ complete: () => out.complete() }));
    const fault = faultOf(subscribe, params, publish, namespace);
    if (fault) out.error(fault);
    else if (!out.closed) connect();
  });
}

const ONLINE = new TextEncoder().encode('online');
/** What no second attempt changes. */
const FATAL: readonly number[] = [ErrorCode.BadValue, ErrorCode.NotAuthenticated, ErrorCode.NotEnabled];

/** The relay's changes; a signal that several patterns match comes once. */
function changes(client: Client, patterns: readonly string[], sendState: boolean): Observable<Signal> {
  let last: Signal | undefined;
  return merge(...patterns.map((pattern) => client.on(pattern, { types: ['param', 'event', 'stream'] }))).pipe(
    filter((signal) => {
      if (signal === last) return false;
      last = signal;
      return sendState || signal.kind !== 'param' || signal.snapshot !== true;
    }),
  );
}

function sinkOf(sink: MqttSink, out: { error(reason: unknown): void; complete(): void }) {
  return {
    next: (signal: Signal) => sink.next(signal),
    error: (reason: unknown) => out.error(reason),
    complete: () => out.complete(),
  };
}

function write(client: Client, signal: Signal): void {
  if (signal.kind === 'param') client.set(signal.address, signal.value);
  else if (signal.kind === 'event') client.emit(signal.address, signal.value);
}

function faultOf(
  subscribe: readonly string[],
  params: readonly string[],
  publish: readonly string[],
  namespace: string,
): ClaspError | undefined {
  try {
    for (const each of [...subscribe, ...params]) fromMqttFilter(each, namespace);
    for (const pattern of publish) toMqttFilter(pattern, namespace);
    return undefined;
  } catch (cause) {
    return ClaspError.from(cause, ErrorCode.BadValue);
  }
}
