import { readFileSync } from 'node:fs';
import type { IClientOptions, IConnackPacket, MqttClient } from 'mqtt';
import { Observable, Subject, type Subscriber } from 'rxjs';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { MqttMessage, MqttQos } from '../../core/protocols/mqtt/mqtt.ts';
import type { MqttCarrier } from '../../sinks/mqtt.ts';

/** How a broker is reached. */
export interface MqttDialOptions {
  /** `mqtt://host:1883`, `mqtts://host:8883`, `ws://host/mqtt` or `wss://host/mqtt`. */
  readonly url: string;
  /** 4 is MQTT 3.1.1. @defaultValue 'auto': 5, and 4 where the broker does not know it */
  readonly protocolVersion?: 4 | 5 | 'auto';
  /** @defaultValue `clasp-rx-` and eight random digits */
  readonly clientId?: string;
  readonly username?: string;
  readonly password?: string;
  /** Whether the broker forgets this client when it goes; `false` wants a `clientId`. @defaultValue true */
  readonly clean?: boolean;
  /** Seconds between signs of life. @defaultValue 30 */
  readonly keepalive?: number;
  /** Certificate authority, for a certificate that the system does not know: a file, or the PEM text itself. */
  readonly ca?: string;
  /** This client's certificate: a file, or the PEM text itself. */
  readonly cert?: string;
  /** Its key. */
  readonly key?: string;
  /** Whether a certificate that cannot be verified ends the attempt. @defaultValue true */
  readonly rejectUnauthorized?: boolean;
  /** Milliseconds that the broker has to answer. @defaultValue 10000 */
  readonly connectTimeout?: number;
  /** A topic that says `online`, and `offline` (the will) when this client is gone. @defaultValue none */
  readonly status?: string | undefined;
}

/** One connection to a broker that has accepted us. */
export interface MqttLink extends MqttCarrier {
  /** Whether messages tell that they were published retained: those of MQTT 5 do. */
  readonly retainAsPublished: boolean;
  /** Messages, from the subscription on. */
  readonly incoming: Observable<MqttMessage>;
  /** Subscribes; resolves with a failure for each filter that the broker refuses. */
  subscribe(filters: readonly string[], qos: MqttQos): Promise<readonly ClaspError[]>;
}

/** Unconfirmed messages at a time, where the broker allows more. */
const WINDOW = 1_000;
/** Milliseconds for the last words to a broker that does not answer. */
const FAREWELL = 1_000;
/** What brokers answer to a version that they do not speak: 3.1.1 and 5. */
const UNKNOWN_VERSION: readonly number[] = [0x01, 0x84];
/** What will not change by asking again: client id, user or password, not authorised, banned. */
const REFUSALS: readonly number[] = [0x02, 0x04, 0x05, 0x85, 0x86, 0x87, 0x8a, 0x8c];

type Mqtt = typeof import('mqtt');

/**
 * Dials a broker: subscribing connects and emits the link, unsubscribing disconnects. Errors with a `ClaspError` when it
 * cannot be reached (502) or goes (503), refuses us (300), an option is wrong (402), or the package `mqtt` is not
 * installed (501). Never completes.
 */
export function mqttDial(options: MqttDialOptions): Observable<MqttLink> {
  const { clientId = `clasp-rx-${Math.random().toString(16).slice(2, 10)}`, protocolVersion = 'auto' } = options;
  let version: 4 | 5 = protocolVersion === 4 ? 4 : 5;
  let stores: Pick<IClientOptions, 'incomingStore' | 'outgoingStore'> = {};

  const dial = (mqtt: Mqtt, out: Subscriber<MqttLink>) => {
    if (options.clean === false && !stores.incomingStore) {
      stores = { incomingStore: new mqtt.Store(), outgoingStore: new mqtt.Store() };
    }
    const client = mqtt.connect(options.url, {
      ...settingsOf(options),
      ...stores,
      clientId,
      protocolVersion: version,
      reconnectPeriod: 0,
      resubscribe: false,
    });
    let asked: number | undefined;
    client.on('error', (cause) => {
      const code = 'code' in cause && typeof cause.code === 'number' ? cause.code : undefined;
      if (code !== undefined && UNKNOWN_VERSION.includes(code) && version === 5 && protocolVersion === 'auto') {
        asked = code;
        return;
      }
      out.error(failureOf(cause, code, options.url));
    });
    let said = '';
    client.on('disconnect', ({ reasonCode = 0 }) => {
      said = `: ${mqtt.ReasonCodes[reasonCode as keyof typeof mqtt.ReasonCodes] ?? reasonCode}`;
    });
    client.on('close', () => {
      if (asked === undefined) {
        const reason = `${hostOf(options.url)}: the broker closed the connection${said}`;
        out.error(new ClaspError(ErrorCode.Overloaded, reason));
      } else {
        version = 4;
        client.end(true);
        out.add(dial(mqtt, out));
      }
    });
    const link = linkOver(client, version);
    client.on('connect', (connack) => out.next(link.open(connack)));
    return () => {
      link.close();
      leave(client, options.status);
    };
  };

  return new Observable((out) => {
    const fault = faultOf(options);
    if (fault) {
      out.error(fault);
      return;
    }
    import('mqtt').then(
      (mqtt) => {
        if (out.closed) return;
        try {
          out.add(dial(mqtt, out));
        } catch (cause) {
          out.error(ClaspError.from(cause, ErrorCode.BadValue));
        }
      },
      (cause: unknown) => {
        const reason = 'MQTT needs the package mqtt: npm install mqtt';
        out.error(new ClaspError(ErrorCode.NotEnabled, reason, { cause }));
      },
    );
  });
}

/** The broker's host and port, without the user and password that a URL may hold. */
export function hostOf(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname === '/' ? '' : pathname}`;
}

/** Why a text is no URL of a broker, as a `ClaspError` 402; undefined when it is one. */
export function brokerUrlFault(url: string): ClaspError | undefined {
  if (URL.canParse(url) && /^(?:mqtts?|tcp|ssl|wss?):$/.test(new URL(url).protocol)) return undefined;
  const reason = `must be mqtt://, mqtts://, ws:// or wss://, not ${JSON.stringify(url)}`;
  return new ClaspError(ErrorCode.BadValue, reason, { value: url });
}

function faultOf({ url, clean, clientId }: MqttDialOptions): ClaspError | undefined {
  const fault = brokerUrlFault(url);
  if (fault) return new ClaspError(fault.code, `url ${fault.reason}`, { value: url });
  if (clean === false && clientId === undefined) {
    return new ClaspError(ErrorCode.BadValue, 'clean: false wants a clientId, by which the broker knows this client');
  }
  return undefined;
}

function settingsOf(options: MqttDialOptions): IClientOptions {
  const { username, password, clean = true, keepalive = 30, connectTimeout = 10_000, status } = options;
  const { rejectUnauthorized = true } = options;
  return {
    clean,
    keepalive,
    connectTimeout,
    rejectUnauthorized,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...pem(options, 'ca'),
    ...pem(options, 'cert'),
    ...pem(options, 'key'),
    ...(status !== undefined && { will: { topic: status, payload: Buffer.from('offline'), qos: 1, retain: true } }),
    // An hour for a session that is to survive: without it MQTT 5 would forget it at once.
    ...(!clean && { properties: { sessionExpiryInterval: 3_600 } }),
  };
}

function pem(options: MqttDialOptions, key: 'ca' | 'cert' | 'key'): IClientOptions {
  const given = options[key];
  if (given === undefined) return {};
  if (given.startsWith('-----BEGIN')) return { [key]: given };
  try {
    return { [key]: readFileSync(given) };
  } catch (cause) {
    throw new ClaspError(ErrorCode.BadValue, `${key}: cannot read ${given}`, { value: given, cause });
  }
}

function failureOf(cause: Error, code: number | undefined, url: string): ClaspError {
  const where = hostOf(url);
  if (code !== undefined && REFUSALS.includes(code)) {
    return new ClaspError(ErrorCode.NotAuthenticated, `${where}: ${cause.message}`, { cause });
  }
  if (code !== undefined) return new ClaspError(ErrorCode.Overloaded, `${where}: ${cause.message}`, { cause });
  // Node tries IPv4 and IPv6, and an error of both has no message.
  const why = cause.message || (cause instanceof AggregateError ? cause.errors.map(String).join(', ') : cause.name);
  return new ClaspError(ErrorCode.Timeout, `cannot reach ${where}: ${why}`, { cause });
}

/** A link over a client of mqtt.js; `open` is called when the broker has accepted it. */
function linkOver(client: MqttClient, version: 4 | 5) {
  const incoming = new Subject<MqttMessage>();
  const early: MqttMessage[] = [];
  const unconfirmed = new Set<(failure?: ClaspError) => void>();
  const subscribed = new Set<string>();

  client.on('message', (topic, payload, { retain, qos }) => {
    const message = { topic, payload, retain, qos };
    if (incoming.observed) incoming.next(message);
    else early.push(message); // of a session that goes on
  });

  const publish: MqttCarrier['publish'] = ({ topic, payload, retain, qos }, done) => {
    unconfirmed.add(done);
    const { buffer, byteOffset, length } = payload;
    client.publish(topic, Buffer.from(buffer, byteOffset, length), { qos, retain }, (cause) => {
      if (unconfirmed.delete(done)) done(cause ? refusalOf(cause, topic) : undefined);
    });
  };
  const subscribe: MqttLink['subscribe'] = async (filters, qos) => {
    const failures: ClaspError[] = [];
    // One by one, so that it is known whom a refusal is about.
    await Promise.all(
      filters.map(async (filter) => {
        subscribed.add(filter);
        try {
          const nl = !filter.startsWith('$share/'); // with a shared one it is a protocol error
          await client.subscribeAsync({ [filter]: { qos, nl, rap: true, rh: 0 } });
        } catch (cause) {
          const reason = `broker refuses to subscribe to ${filter}: ${cause instanceof Error ? cause.message : cause}`;
          failures.push(new ClaspError(ErrorCode.Forbidden, reason, { value: filter, cause }));
        }
      }),
    );
    return failures;
  };

  return {
    open: ({ properties }: IConnackPacket): MqttLink => ({
      window: Math.max(1, Math.min(WINDOW, properties?.receiveMaximum ?? WINDOW)),
      retainAsPublished: version === 5,
      // MQTT 5 keeps our own from us, where asked to.
      sendsBack: () => version === 4 && subscribed.size > 0,
      incoming: new Observable((out) => {
        for (const message of early.splice(0)) out.next(message);
        return incoming.subscribe(out);
      }),
      publish,
      subscribe,
    }),
    close: () => {
      const gone = new ClaspError(ErrorCode.Overloaded, 'the broker is gone');
      for (const done of unconfirmed) done(gone);
      unconfirmed.clear();
      incoming.complete();
    },
  };
}

function refusalOf(cause: Error, topic: string): ClaspError {
  const code = 'code' in cause ? cause.code : undefined;
  const meaning = code === 0x87 ? ErrorCode.Forbidden : ErrorCode.Refused;
  return new ClaspError(meaning, `broker refuses ${topic}: ${cause.message}`, { address: topic, cause });
}

/** Says goodbye, as the will would have, and waits for the broker only so long. */
function leave(client: MqttClient, status: string | undefined): void {
  client.removeAllListeners('close');
  client.removeAllListeners('error');
  client.on('error', () => undefined); // of no interest any more, but unheard it would end the process
  if (!client.connected) {
    client.end(true);
    return;
  }
  if (status !== undefined) client.publish(status, 'offline', { qos: 1, retain: true });
  const timer = setTimeout(() => client.end(true), FAREWELL);
  client.end(false, () => clearTimeout(timer));
}
