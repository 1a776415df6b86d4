import { asyncScheduler, Observable, type SchedulerLike, type Subscription } from 'rxjs';
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
  TimelineOptions,
} from '../../core/client.ts';
import type { Connections } from '../../core/connection.ts';
import { Emitter } from '../../core/emitter.ts';
import { ClaspError } from '../../core/errors.ts';
import {
  PROTOCOL_VERSION,
  type PublishMessage,
  type QoS,
  type SignalDefinition,
  type WelcomeMessage,
} from '../../core/message.ts';
import type { GesturePhase, Keyframe, Signal } from '../../core/signal.ts';
import type { Value } from '../../core/value.ts';
import { decodeRelayFrame, type RelayMessage } from '../../core/wire/client-decode.ts';
import { encodeClientMessage } from '../../core/wire/client-encode.ts';
import { SIGNAL_KINDS } from '../../core/wire/codes.ts';
import { backoffWait } from '../backoff.ts';
import { timelineMessage } from './bundle-part.ts';
import { clientLink } from './client-link.ts';
import type { ClientOptions } from './client-options.ts';
import { ClientParams } from './client-params.ts';
import { receive } from './client-receive.ts';
import { addressesIn, type ConfirmedMessage, writeOptions } from './client-request.ts';
import { ClientRequests } from './client-requests.ts';
import { clientSession } from './client-session.ts';
import { ClientStreams } from './client-streams.ts';
import { ClientSubscriptions } from './client-subscriptions.ts';
import { RelayClock } from './relay-clock.ts';
import { cancellable, PendingReply } from './reply.ts';
import { SCHEDULE } from './sent-requests.ts';
import { callBack } from './signal-callback.ts';

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
    const { name = 'clasp-rx', token, features = SIGNAL_KINDS, scheduler = asyncScheduler, random } = options;
    const { reconnect = {}, maxWaiting = 1_000, onMessage, now = () => scheduler.now() * 1000, sync = true } = options;
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
    });

    const parts = {
      subscriptions: this.#subscriptions,
      requests: this.#requests,
      clock: this.#clock,
      errors: this.errors,
      answer: (frame: Uint8Array) => this.#send?.(frame),
    };
    const session = {
      hello: { type: 'HELLO', version: PROTOCOL_VERSION, name, features, token },
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

  on(pattern: string, options?: OnOptions): Observable<Signal>;
  on(pattern: string, callback: SignalCallback, options?: OnOptions): () => void;
  on(
    pattern: string,
    how: SignalCallback | OnOptions = {},
    options: OnOptions = {},
  ): Observable<Signal> | (() => void) {
    if (typeof how !== 'function') return new Observable((out) => this.#subscriptions.listen(pattern, how, out));

    const signals = new Observable<Signal>((out) => this.#subscriptions.listen(pattern, options, out, this.#scheduler));
    const subscription = signals.subscribe({
      next: (signal) => this.#guard(() => callBack(how, signal)),
      error: () => undefined, // a refusal; `errors` has told it
    });
    return () => subscription.unsubscribe();
  }

  set(address: string, value: Value, options?: SetOptions): Reply<Ack> {
    return this.#ask(() => this.#requests.write(address, value, writeOptions(options), options?.qos));
  }

  get(address: string): Reply<Value> {
    return this.#ask(() => this.#requests.get(address));
  }

  query(pattern: string): Reply<readonly SignalDefinition[]> {
    return this.#ask(() => this.#requests.query(pattern));
  }

  emit(address: string, value: Value = null, { qos }: QoSOptions = {}): Reply<Ack> {
    const message = { type: 'PUBLISH', signal: 'event', address, value, timestamp: this.time() } as const;
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
      next: () => this.#announced.set(String(addressesIn(message)), encodeClientMessage(message)),
      error: () => undefined, // whoever asked is told
    });
    return reply;
  }

  stream(address: string, value: Value): void {
    this.#tell({ type: 'PUBLISH', signal: 'stream', address, value, timestamp: this.time() });
  }

  gesture(address: string, id: number, phase: GesturePhase, value: Value = null): void {
    this.#tell({ type: 'PUBLISH', signal: 'gesture', address, value, id, phase, timestamp: this.time() });
  }

  cached(address: string): Value | undefined {
    return this.#params.get(address)?.value;
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
      const frame = encodeClientMessage(message);
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
