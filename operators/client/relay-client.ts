import { Observable, type SchedulerLike, type Subscriber, type Subscription } from 'rxjs';
import type {
  Ack,
  BundleOptions,
  BundlePart,
  BundleReply,
  Client,
  ClientClock,
  ClientCounts,
  ClientStatus,
  OnOptions,
  QoSOptions,
  Reply,
  SetOptions,
  SignalCallback,
  StreamOptions,
  TagOptions,
  TimelineOptions,
} from '../../core/client/client.ts';
import type { Connections } from '../../core/connection/connection.ts';
import { Emitter } from '../../core/connection/emitter.ts';
import { ClaspError } from '../../core/errors.ts';
import type { GesturePhase, Keyframe, Signal } from '../../core/signal/signal.ts';
import type { PlainValue, Value } from '../../core/signal/value.ts';
import { monotonic } from '../../core/time/monotonic.ts';
import { monotonicScheduler } from '../../core/time/monotonic-scheduler.ts';
import { NARROW, SIGNAL_KINDS } from '../../core/wire/codes.ts';
import { encodeMessage } from '../../core/wire/encode.ts';
import {
  type Message,
  PROTOCOL_VERSION,
  type PublishMessage,
  type QoS,
  type SignalDefinition,
  type WelcomeMessage,
} from '../../core/wire/message.ts';
import { decodeRelayFrame, type RelayMessage } from '../../core/wire/relay-frame.ts';
import { signalOf } from '../../core/wire/signal-frame.ts';
import { type BackoffOptions, backoffWait } from '../backoff.ts';
import {
  addressesIn,
  ClientRequests,
  type ConfirmedMessage,
  SCHEDULE,
  timelineMessage,
  writeOptions,
} from './client-requests.ts';
import { clientLink, clientSession, relayError } from './client-session.ts';
import { ClientParams, ClientSubscriptions, callBack } from './client-subscriptions.ts';
import { RelayClock } from './relay-clock.ts';
import { cancellable, PendingReply } from './reply.ts';
import { write } from './write.ts';

export interface ClientOptions {
  /** What the relay calls this client. @defaultValue 'clasp-rx' */
  readonly name?: string | undefined;
  /** Proves what this client may do. @defaultValue none */
  readonly token?: string | undefined;
  /** What this client says it understands. @defaultValue the five kinds of signal */
  readonly features?: readonly string[] | undefined;
  /** How to wait between attempts; false: one attempt, and the first loss closes the client. @defaultValue `backoff()` */
  readonly reconnect?: Omit<BackoffOptions, 'random' | 'scheduler'> | false | undefined;
  /** Numbers from 0 up to 1, which spread the attempts of many clients. Give `Math.random` where there is one. */
  readonly random?: (() => number) | undefined;
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike | undefined;
  /**
   * The local time in microseconds, from which relay time is reckoned: best one with a fine resolution, as `clock` of
   * both platforms is. Where it is set by more than half a second, that is not followed. @defaultValue the scheduler's milliseconds times 1000
   */
  readonly now?: (() => number) | undefined;
  /**
   * Whether to find out the relay's time with SYNC, in 5 rounds after each connect and one every 30 s. Without it what
   * the relay says in its greeting is all that is known. @defaultValue true
   */
  readonly sync?: boolean | undefined;
  /**
   * Whether the relay sends every param that this client may read when it greets it: then `cached` knows them all.
   * Without it `cached` knows what was subscribed to or asked for. A published relay does so in any case. @defaultValue false
   */
  readonly greeting?: boolean | undefined;
  /**
   * Whether the relay is known to acknowledge events and timelines, as one of this package does and published ones do not.
   * @defaultValue found out with the first of them: until then what a lost connection left unanswered is not repeated
   */
  readonly acknowledges?: boolean | undefined;
  /** Requests that may wait for a connection; of the writes to one address only the newest counts. @defaultValue 1000 */
  readonly maxWaiting?: number | undefined;
  /** Sees each message of the relay after WELCOME, a BUNDLE as a whole, before the client acts on it. For tools. @defaultValue none */
  readonly onMessage?: ((message: Message) => void) | undefined;
}

/** The parts of a client that messages are for. */
interface ClientParts {
  readonly subscriptions: ClientSubscriptions;
  readonly requests: ClientRequests;
  readonly clock: RelayClock;
  readonly errors: Emitter<ClaspError>;
  readonly answer: (frame: Uint8Array) => void;
}

/** Brings a message of the relay to where it belongs. `timestamp` is that of its frame. False when it meant nothing. */
function receive(message: RelayMessage, timestamp: number | undefined, to: ClientParts): boolean {
  const { subscriptions, requests, clock, errors, answer } = to;
  switch (message.type) {
    case 'SET':
    case 'PUBLISH':
      subscriptions.deliver(signalOf(message, timestamp));
      break;
    case 'BUNDLE':
      for (const inner of message.messages) receive(inner as RelayMessage, timestamp, to);
      break;
    case 'SNAPSHOT':
      for (const state of message.params) {
        subscriptions.deliverState(state);
        requests.told(state);
      }
      break;
    case 'ACK':
      if (message.correlationId !== undefined || !requests.acknowledged(message)) subscriptions.acknowledged(message);
      break;
    case 'ERROR': {
      const error = relayError(message);
      errors.next(error);
      if (message.correlationId !== undefined) subscriptions.refused(message.correlationId, error);
      else if (message.address !== undefined) requests.refused(message.address, error);
      break;
    }
    case 'SYNC':
      // It was asked before everything else in this session.
      subscriptions.greeted();
      return clock.answered(message);
    case 'RESULT':
      requests.found(message.signals);
      break;
    case 'PING':
      answer(encodeMessage({ type: 'PONG' }));
      break;
    case 'PONG':
      requests.ponged();
      break;
  }
  return true;
}

/** Addresses whose newest sample is kept while the way to the relay is congested. */
const MAX_HELD = 1_000;

/**
 * What a client sends without asking for an answer. Nothing is kept for a relay that is not there; while the way to it
 * is congested only the newest sample of each address is.
 */
class ClientStreams {
  readonly #held = new Map<string, Uint8Array>();
  #send: ((frame: Uint8Array) => void) | undefined;
  #saturated = false;
  /** Frames that were not sent. */
  dropped = 0;

  resume(send: (frame: Uint8Array) => void): void {
    this.#send = send;
    this.#flush();
  }

  suspend(): void {
    this.#send = undefined;
    this.dropped += this.#held.size;
    this.#held.clear();
  }

  saturate(saturated: boolean): void {
    this.#saturated = saturated;
    this.#flush();
  }

  /** Sends a sample; a newer one may take its place. */
  sample(address: string, frame: Uint8Array): void {
    if (!this.#send || !this.#saturated) {
      this.send(frame);
      return;
    }
    const full = this.#held.size >= MAX_HELD && !this.#held.has(address);
    if (full) for (const oldest of this.#held.keys()) if (this.#held.delete(oldest)) break;
    if (full || this.#held.delete(address)) this.dropped++;
    this.#held.set(address, frame);
  }

  /** Sends a frame that none may replace. */
  send(frame: Uint8Array): void {
    if (this.#send) this.#send(frame);
    else this.dropped++;
  }

  #flush(): void {
    for (const [address, frame] of this.#held) {
      if (this.#saturated || !this.#send) return;
      this.#held.delete(address);
      this.#send(frame);
    }
  }
}

/** The {@link Client} of `createClient`: joins link, requests, subscriptions and streams, and knows no more than that. */
export class RelayClient implements Client {
  readonly status: Observable<ClientStatus> = new Observable((out) => {
    out.next(this.#status);
    return this.#statuses.subscribe(out);
  });
  readonly errors: Emitter<ClaspError> = new Emitter<ClaspError>();
  readonly #statuses = new Emitter<ClientStatus>();
  readonly #params = new ClientParams();
  readonly #clock: RelayClock;
  readonly #scheduler: SchedulerLike;
  readonly #requests: ClientRequests;
  readonly #subscriptions: ClientSubscriptions;
  readonly #streams = new ClientStreams();
  /** What the relay was told that this client offers, as frames to tell it again, by their addresses. */
  readonly #announced = new Map<string, Uint8Array>();
  readonly #link: Subscription | undefined;
  #send: ((frame: Uint8Array) => void) | undefined;
  #session: string | null = null;
  #status: ClientStatus = { state: 'connecting', attempt: 1 };
  #badFrames = 0;
  #closed = false;

  /**
   * @param Requests keeps what is asked
   * @param decode reads what comes from the relay
   */
  constructor(
    connections: Connections,
    options: ClientOptions,
    Requests: typeof ClientRequests = ClientRequests,
    decode: typeof decodeRelayFrame = decodeRelayFrame,
  ) {
    const { name = 'clasp-rx', token, features = SIGNAL_KINDS, scheduler = monotonicScheduler, random } = options;
    const { reconnect = {}, maxWaiting = 1_000, onMessage, sync = true, greeting = false } = options;
    const now = options.now ? monotonic(options.now, scheduler) : () => scheduler.now() * 1000;
    const report = (error: ClaspError) => this.errors.next(error);
    this.#scheduler = scheduler;
    this.#clock = new RelayClock(scheduler, now);
    this.#subscriptions = new ClientSubscriptions(this.#params, report, (call) => this.#guard(call));
    this.#requests = new Requests({
      scheduler,
      limit: maxWaiting,
      report,
      params: this.#params,
      now: () => this.time(),
      acknowledges: options.acknowledges,
    });

    const parts = {
      subscriptions: this.#subscriptions,
      requests: this.#requests,
      clock: this.#clock,
      errors: this.errors,
      answer: (frame: Uint8Array) => this.#send?.(frame),
    };
    const session = {
      hello: {
        type: 'HELLO',
        version: PROTOCOL_VERSION,
        name,
        features: greeting ? features : [...features, NARROW],
        token,
      },
      scheduler,
      decode,
      welcomed: (welcome: WelcomeMessage, send: (frame: Uint8Array) => void) => this.#welcomed(welcome, send, sync),
      refused: report,
      received: (message: RelayMessage, timestamp: number | undefined) => {
        if (onMessage) this.#guard(() => onMessage(message));
        if (!receive(message, timestamp, parts)) this.#badFrames++;
      },
      misunderstood: (error: ClaspError) => {
        this.#badFrames++;
        report(error);
      },
      saturated: (saturated: boolean) => this.#streams.saturate(saturated),
      left: () => this.#left(),
    } as const;
    this.#link = clientLink(connections, {
      session: (connection) => clientSession(connection, session),
      wait: reconnect ? backoffWait({ ...reconnect, scheduler, random }) : undefined,
      scheduler,
      tell: (status) => this.#tellStatus(status),
    }).subscribe({ error: (reason: ClaspError | undefined) => this.#end(reason) });
  }

  get session(): string | null {
    return this.#session;
  }

  get counts(): ClientCounts {
    return { dropped: this.#streams.dropped, badFrames: this.#badFrames };
  }

  next(signal: Signal): void {
    write(this, signal);
  }

  error(cause: unknown): void {
    this.errors.next(ClaspError.from(cause, 500));
  }

  complete(): void {
    // Other pipelines may end here too.
  }

  on<T extends Value = PlainValue>(pattern: string, options?: OnOptions): Observable<Signal<T>>;
  on<T extends Value = PlainValue>(pattern: string, callback: SignalCallback<T>, options?: OnOptions): () => void;
  on<T extends Value>(
    pattern: string,
    how: SignalCallback<T> | OnOptions = {},
    options: OnOptions = {},
  ): Observable<Signal<T>> | (() => void) {
    const listen = (wanted: OnOptions, scheduler?: SchedulerLike) =>
      new Observable<Signal<T>>((out) =>
        // The type is the caller's word for what comes.
        this.#subscriptions.listen(pattern, wanted, out as Subscriber<Signal>, scheduler),
      );
    if (typeof how !== 'function') return listen(how);

    const signals = listen(options, this.#scheduler);
    const subscription = signals.subscribe({
      next: (signal) => this.#guard(() => callBack(how, signal)),
      error: () => undefined, // a refusal; `errors` has told it
    });
    return () => subscription.unsubscribe();
  }

  set(address: string, value: Value, options?: SetOptions): Reply<Ack> {
    return this.#ask(() => this.#requests.write(address, value, writeOptions(options), options?.qos));
  }

  get<T extends Value = PlainValue>(address: string): Reply<T | null> {
    return this.#ask(() => this.#requests.get(address) as Reply<Value> as Reply<T | null>);
  }

  query(pattern: string): Reply<readonly SignalDefinition[]> {
    return this.#ask(() => this.#requests.query(pattern));
  }

  emit(address: string, value: Value = null, { qos, tag }: QoSOptions & TagOptions = {}): Reply<Ack> {
    const message = { type: 'PUBLISH', signal: 'event', address, value, timestamp: this.time(), tag } as const;
    return this.#confirm(message, qos);
  }

  timeline(address: string, keyframes: readonly Keyframe[], options: TimelineOptions = {}): Reply<Ack> {
    const timestamp = options.startTime ?? this.time();
    return this.#confirm({ ...timelineMessage(address, keyframes, options), timestamp });
  }

  bundle(parts: readonly BundlePart[], { at }: BundleOptions = {}): BundleReply {
    const reply = this.#ask(() => this.#requests.bundle(parts, at));
    return cancellable(reply, ({ address }) =>
      this.#ask(() => {
        if (!address.startsWith(SCHEDULE)) throw new ClaspError(400, 'it did not wait', { address });
        return this.set(address, null);
      }),
    );
  }

  announce(definitions: readonly SignalDefinition[]): Reply<Ack> {
    const message = { type: 'ANNOUNCE', signals: definitions } as const;
    const reply = this.#confirm(message);
    reply.subscribe({
      next: () => this.#announced.set(String(addressesIn(message)), encodeMessage(message)),
      error: () => undefined, // whoever asked is told
    });
    return reply;
  }

  stream(address: string, value: Value, { samples, rate }: StreamOptions = {}): void {
    const carried = samples ? { samples } : { value };
    this.#tell({ type: 'PUBLISH', signal: 'stream', address, ...carried, rate, timestamp: this.time() });
  }

  gesture(address: string, id: number, phase: GesturePhase, value: Value = null): void {
    this.#tell({ type: 'PUBLISH', signal: 'gesture', address, value, id, phase, timestamp: this.time() });
  }

  cached<T extends Value = PlainValue>(address: string): T | undefined {
    return this.#params.get(address)?.value as T | undefined;
  }

  time(): number {
    return this.#clock.now();
  }

  get clock(): ClientClock {
    return this.#clock.state;
  }

  close(): void {
    this.#end(undefined);
  }

  #welcomed(welcome: WelcomeMessage, send: (frame: Uint8Array) => void, sync: boolean): void {
    this.#session = welcome.session;
    this.#send = send;
    this.#clock.resume(welcome.time, sync ? send : undefined);
    this.#params.begin();
    this.#subscriptions.resume(send);
    for (const frame of this.#announced.values()) send(frame);
    this.#requests.resume(welcome.session, send);
    this.#streams.resume(send);
    // What was just sent may have ended the session already.
    if (this.#send === send) this.#tellStatus({ state: 'connected', session: welcome.session, relay: welcome.name });
  }

  #tellStatus(status: ClientStatus): void {
    this.#status = status;
    this.#statuses.next(status);
  }

  #left(): void {
    this.#session = null;
    this.#send = undefined;
    this.#clock.suspend();
    this.#subscriptions.suspend();
    this.#streams.suspend();
    this.#requests.suspend();
  }

  #end(reason: ClaspError | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#link?.unsubscribe();
    this.#requests.close(reason ?? new ClaspError(503, 'the client is closed'));
    this.#tellStatus({ state: 'closed', reason });
    this.#subscriptions.close();
    this.#statuses.complete();
    this.errors.complete();
  }

  #confirm(message: ConfirmedMessage, qos?: QoS): Reply<Ack> {
    return this.#ask(() => this.#requests.confirm(message, qos));
  }

  /** Asks; what is wrong with the question is its answer. */
  #ask<T>(question: () => Reply<T>): Reply<T> {
    try {
      return question();
    } catch (cause) {
      const reason = ClaspError.from(cause, 402);
      this.errors.next(reason);
      const reply = new PendingReply<T>();
      reply.reject(reason);
      return reply;
    }
  }

  /** Sends something that nobody answers; what cannot be sent is counted. */
  #tell(message: PublishMessage): void {
    try {
      const frame = encodeMessage(message);
      if (message.signal === 'stream') this.#streams.sample(message.address, frame);
      else this.#streams.send(frame);
    } catch (cause) {
      this.#streams.dropped++;
      this.errors.next(ClaspError.from(cause, 402));
    }
  }

  #guard(call: () => void): void {
    try {
      call();
    } catch (cause) {
      this.errors.next(ClaspError.from(cause, 500));
    }
  }
}
