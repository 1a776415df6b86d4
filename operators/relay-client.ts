import { asyncScheduler, Observable, Subject, type Subscription } from 'rxjs';
import { checkAddress, checkPattern } from '../core/address.ts';
import type {
  Ack,
  BundleOptions,
  BundlePart,
  Client,
  ClientCounts,
  ClientStatus,
  OnOptions,
  Reply,
  SetOptions,
  SignalCallback,
  TimelineOptions,
} from '../core/client.ts';
import type { Connections } from '../core/connection.ts';
import { ClaspError, ErrorCode } from '../core/errors.ts';
import { PROTOCOL_VERSION, type PublishMessage, type SignalDefinition, type WelcomeMessage } from '../core/message.ts';
import type { GesturePhase, Keyframe, Signal } from '../core/signal.ts';
import { writeTimeline } from '../core/timeline-value.ts';
import type { Value } from '../core/value.ts';
import type { RelayMessage } from '../core/wire/client-decode.ts';
import { encodeClientMessage } from '../core/wire/client-encode.ts';
import { SIGNAL_KINDS } from '../core/wire/codes.ts';
import { backoffWait } from './backoff.ts';
import { bundleMessage } from './bundle-part.ts';
import { clientLink } from './client-link.ts';
import type { ClientOptions } from './client-options.ts';
import { ClientParams } from './client-params.ts';
import { writeOptions } from './client-request.ts';
import { ClientRequests } from './client-requests.ts';
import { clientSession, relayError } from './client-session.ts';
import { signalOf } from './client-signal.ts';
import { ClientStreams } from './client-streams.ts';
import { ClientSubscriptions } from './client-subscriptions.ts';
import { RelayClock } from './relay-clock.ts';
import { PendingReply } from './reply.ts';
import { callBack } from './signal-callback.ts';

/** The {@link Client} of `createClient`: joins link, requests, subscriptions and streams, and knows no more than that. */
export class RelayClient implements Client {
  readonly status: Observable<ClientStatus> = new Observable((out) => {
    out.next(this.#status);
    return this.#statuses.subscribe(out);
  });
  readonly errors: Subject<ClaspError> = new Subject<ClaspError>();
  readonly #statuses = new Subject<ClientStatus>();
  readonly #onMessage: ClientOptions['onMessage'];
  readonly #params = new ClientParams();
  readonly #clock: RelayClock;
  readonly #requests: ClientRequests;
  readonly #subscriptions: ClientSubscriptions;
  readonly #streams = new ClientStreams();
  readonly #link: Subscription | undefined;
  #send: ((frame: Uint8Array) => void) | undefined;
  #session: string | null = null;
  #status: ClientStatus = { state: 'connecting', attempt: 1 };
  #badFrames = 0;
  #closed = false;

  constructor(connections: Connections, options: ClientOptions) {
    const { name = 'clasp-rx', token, features = SIGNAL_KINDS, scheduler = asyncScheduler, random } = options;
    const { reconnect = {}, maxWaiting = 1_000, onMessage } = options;
    const report = (error: ClaspError) => this.errors.next(error);
    this.#onMessage = onMessage;
    this.#clock = new RelayClock(scheduler);
    this.#subscriptions = new ClientSubscriptions(this.#params, report, (call) => this.#guard(call));
    this.#requests = new ClientRequests({ scheduler, limit: maxWaiting, report, params: this.#params });

    const session = {
      hello: { type: 'HELLO', version: PROTOCOL_VERSION, name, features, token },
      scheduler,
      welcomed: (welcome: WelcomeMessage, send: (frame: Uint8Array) => void) => this.#welcomed(welcome, send),
      refused: report,
      received: (message: RelayMessage, timestamp: number | undefined) => this.#received(message, timestamp),
      misunderstood: (error: ClaspError) => this.#misunderstood(error),
      saturated: (saturated: boolean) => this.#streams.saturate(saturated),
      left: () => this.#left(),
    } as const;
    this.#link = clientLink(connections, {
      session: (connection) => clientSession(connection, session),
      wait: reconnect ? backoffWait({ ...reconnect, scheduler, ...(random && { random }) }) : undefined,
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

    const subscription = this.on(pattern, options).subscribe({
      next: (signal) => this.#guard(() => callBack(how, signal)),
      error: () => undefined, // a refusal; `errors` has told it
    });
    return () => subscription.unsubscribe();
  }

  set(address: string, value: Value, options?: SetOptions): Reply<Ack> {
    return this.#ask(checkAddress(address), () => this.#requests.write(address, value, writeOptions(options)));
  }

  get(address: string): Reply<Value> {
    return this.#ask(checkAddress(address), () => this.#requests.get(address));
  }

  query(pattern: string): Reply<readonly SignalDefinition[]> {
    return this.#ask(checkPattern(pattern), () => this.#requests.query(pattern));
  }

  emit(address: string, value: Value = null): Reply<Ack> {
    return this.#publish('event', address, value, this.#clock.now());
  }

  timeline(address: string, keyframes: readonly Keyframe[], options: TimelineOptions = {}): Reply<Ack> {
    const value = writeTimeline({ keyframes, ...options });
    return this.#publish('timeline', address, value, options.startTime ?? this.#clock.now());
  }

  bundle(parts: readonly BundlePart[], { at }: BundleOptions = {}): Reply<Ack> {
    const messages = parts.map(bundleMessage);
    const addresses = messages.map(({ address }) => address);
    return this.#ask(addresses.map(checkAddress).find(Boolean), () => {
      const frame = encodeClientMessage({ type: 'BUNDLE', timestamp: at, messages }, 2);
      return this.#requests.confirm('bundle', addresses, frame);
    });
  }

  stream(address: string, value: Value): void {
    const timestamp = this.#clock.now();
    this.#tell({ type: 'PUBLISH', signal: 'stream', address, value, timestamp });
  }

  gesture(address: string, id: number, phase: GesturePhase, value: Value = null): void {
    this.#tell({ type: 'PUBLISH', signal: 'gesture', address, value, id, phase, timestamp: this.#clock.now() });
  }

  cached(address: string): Value | undefined {
    return this.#params.get(address)?.value;
  }

  time(): number {
    return this.#clock.now();
  }

  close(): void {
    this.#end(undefined);
  }

  #welcomed(welcome: WelcomeMessage, send: (frame: Uint8Array) => void): void {
    this.#session = welcome.session;
    this.#send = send;
    this.#clock.set(welcome.time);
    this.#params.begin();
    this.#subscriptions.resume(send);
    this.#requests.resume(send);
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
    this.#subscriptions.suspend();
    this.#streams.suspend();
    this.#requests.suspend();
  }

  #end(reason: ClaspError | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#link?.unsubscribe();
    this.#requests.close(reason ?? new ClaspError(ErrorCode.Overloaded, 'the client is closed'));
    this.#tellStatus({ state: 'closed', reason });
    this.#subscriptions.close();
    this.#statuses.complete();
    this.errors.complete();
  }

  #received(message: RelayMessage, timestamp: number | undefined): void {
    if (this.#onMessage) this.#guard(() => this.#onMessage?.(message));
    switch (message.type) {
      case 'SET':
      case 'PUBLISH':
        this.#subscriptions.deliver(signalOf(message, timestamp));
        break;
      case 'BUNDLE':
        for (const inner of message.messages) this.#received(inner as RelayMessage, timestamp);
        break;
      case 'SNAPSHOT':
        for (const state of message.params) {
          this.#subscriptions.deliverState(state);
          this.#requests.told(state);
        }
        break;
      case 'ACK':
        if (message.correlationId !== undefined || !this.#requests.acknowledged(message)) {
          this.#subscriptions.acknowledged(message);
        }
        break;
      case 'ERROR': {
        const error = relayError(message);
        this.errors.next(error);
        if (message.correlationId !== undefined) this.#subscriptions.refused(message.correlationId, error);
        else if (message.address !== undefined) this.#requests.refused(message.address, error);
        break;
      }
      case 'RESULT':
        this.#requests.found(message.signals);
        break;
      case 'PING':
        this.#send?.(encodeClientMessage({ type: 'PONG' }));
        break;
      case 'PONG':
        this.#requests.foundAll();
        break;
    }
  }

  #misunderstood(error: ClaspError): void {
    this.#badFrames++;
    this.errors.next(error);
  }

  #publish(kind: 'event' | 'timeline', address: string, value: Value, timestamp: number): Reply<Ack> {
    return this.#ask(checkAddress(address), () =>
      this.#requests.confirm(
        'event',
        [address],
        encodeClientMessage({ type: 'PUBLISH', signal: kind, address, value, timestamp }, 1),
      ),
    );
  }

  /** Asks; what is wrong with the question is its answer. */
  #ask<T>(fault: ClaspError | undefined, question: () => Reply<T>): Reply<T> {
    let reason = fault;
    if (!reason) {
      try {
        return question();
      } catch (cause) {
        reason = ClaspError.from(cause, ErrorCode.BadValue);
      }
    }
    this.errors.next(reason);
    const reply = new PendingReply<T>();
    reply.reject(reason);
    return reply;
  }

  /** Sends something that nobody answers; what cannot be sent is counted. */
  #tell(message: PublishMessage): void {
    try {
      const frame = encodeClientMessage(message);
      if (message.signal === 'stream') this.#streams.sample(message.address, frame);
      else this.#streams.send(frame);
    } catch (cause) {
      this.#streams.dropped++;
      this.errors.next(ClaspError.from(cause, ErrorCode.BadValue));
    }
  }

  #guard(call: () => void): void {
    try {
      call();
    } catch (cause) {
      this.errors.next(ClaspError.from(cause, ErrorCode.Internal));
    }
  }
}
