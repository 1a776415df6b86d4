import { Observable, type SchedulerLike } from 'rxjs';
import type {
  BundlePart,
  Client,
  ClientStatus,
  SetOptions,
  SignalCallback,
  TimelineOptions,
} from '../../core/client/client.ts';
import type { Connections } from '../../core/connection/connection.ts';
import { ClaspError } from '../../core/errors.ts';
import type { GesturePhase, Keyframe } from '../../core/signal/signal.ts';
import type { PlainValue, Value } from '../../core/signal/value.ts';
import { monotonicScheduler } from '../../core/time/monotonic-scheduler.ts';
import type { ErrorMessage, Message, SignalDefinition, SubscribeOptions } from '../../core/wire/message.ts';
import { createClient } from './client.ts';
import type { ConnectOptions } from './client-builder.ts';
import { patternTest } from './client-pattern.ts';
import { bundleMessage } from './client-requests.ts';
import { errorMessageOf } from './client-session.ts';
import { PendingReply } from './reply.ts';

/** A dial that waits until it is opened, and then dials for whoever subscribes or has subscribed. */
export class GatedDial {
  readonly connections: Connections;
  /** Whether the newest attempt got as far as a connection. */
  reached = false;
  #start: (() => void) | undefined;
  #open = false;

  constructor(dial: Connections) {
    this.connections = new Observable((out) => {
      this.reached = false;
      this.#start = () =>
        out.add(
          dial.subscribe({
            next: (connection) => {
              this.reached = true;
              out.next(connection);
            },
            error: (cause) => out.error(cause),
            complete: () => out.complete(),
          }),
        );
      if (this.#open) this.#start();
    });
  }

  open(): void {
    if (this.#open) return;
    this.#open = true;
    this.#start?.();
  }
}

/** What a {@link CallbackClient} needs of its platform. */
export interface CallbackPlatform {
  readonly dial: (url: string) => Connections;
  readonly random: () => number;
  /** The local time, microseconds, as for `createClient`. */
  readonly now?: () => number;
  /** @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
}

/**
 * The client with callbacks and promises: methods, defaults and order of callbacks of `Clasp` of `@clasp-to/core` 3.3.2,
 * so that a program changes its import and runs. The platforms bind it to their dial as `Clasp`.
 *
 * Different: `on` and `set` also work before `connect`; writes are kept over a reconnect, and subscriptions keep their
 * options; reconnecting waits a random time and never gives up, except when the relay refuses this client; nothing is
 * printed, so see `getLastError`; a callback that throws, and a request that failed on this side, call `onError`.
 */
export class CallbackClient {
  readonly #url: string;
  readonly #options: ConnectOptions;
  readonly #platform: CallbackPlatform;
  readonly #scheduler: SchedulerLike;
  /** Each begins a subscription: at this client, or at the one that follows it after `close`. */
  readonly #listening = new Set<() => void>();
  readonly #signals = new Map<string, SignalDefinition>();
  readonly #onConnect: (() => void)[] = [];
  readonly #onDisconnect: ((reason?: string) => void)[] = [];
  readonly #onError: ((error: Error) => void)[] = [];
  readonly #onReconnect: ((attempt: number) => void)[] = [];
  #client: Client;
  #status: ClientStatus['state'] = 'connecting';
  /** Opened by `connect`. */
  #gate: GatedDial;
  #retries = 0;
  #outcome: PendingReply<void> | undefined;
  #session: string | null = null;
  #lastError: ErrorMessage | null = null;

  constructor(url: string, options: ConnectOptions, platform: CallbackPlatform) {
    this.#url = url;
    this.#options = options;
    this.#platform = platform;
    this.#scheduler = platform.scheduler ?? monotonicScheduler;
    this.#gate = this.#newGate();
    this.#client = this.#open();
  }

  /**
   * Connects. Rejects with the reason when the first attempt fails, and after `timeout` milliseconds (default: the
   * option `connectionTimeout`); it goes on trying then, unless `reconnect` is off.
   */
  connect(timeout: number = this.#options.connectionTimeout ?? 10_000): Promise<void> {
    if (this.#status === 'closed') this.#reopen();
    this.#outcome ??= new PendingReply<void>();
    const outcome = this.#outcome;
    if (this.#status === 'connected') this.#settle();
    const timer = this.#scheduler.schedule(() => {
      const error = new ClaspError(502, `Connection timeout after ${timeout}ms`);
      this.#settle(error);
      if (this.#options.reconnect === false) this.close();
      this.#fail(error);
    }, timeout);
    outcome.subscribe({ error: () => undefined }).add(timer);
    this.#gate.open();
    return outcome.then();
  }

  get connected(): boolean {
    return this.#status === 'connected';
  }

  /** Id of the current or last session; null before the first. */
  get session(): string | null {
    return this.#session;
  }

  /** Relay time, microseconds. */
  time(): number {
    return this.#client.time();
  }

  /** Calls back for each matching signal, params out of the snapshot first. Gives the function that ends it. */
  subscribe<T extends Value = PlainValue>(
    pattern: string,
    callback: SignalCallback<T>,
    options?: SubscribeOptions,
  ): () => void {
    let leave: () => void;
    const listen = () => {
      leave = this.#client.on(pattern, callback, options);
    };
    listen();
    this.#listening.add(listen);
    return () => {
      this.#listening.delete(listen);
      leave();
    };
  }

  /** The same as `subscribe`. */
  on<T extends Value = PlainValue>(
    pattern: string,
    callback: SignalCallback<T>,
    options?: SubscribeOptions,
  ): () => void {
    return this.subscribe(pattern, callback, options);
  }

  /** Writes a param (QoS 1). */
  set(address: string, value: Value, options?: SetOptions): void {
    this.#client.set(address, value, options);
  }

  /** The value as last seen, or else as the relay says; null when there is none. Rejects after 5 s without an answer. */
  get<T extends Value = PlainValue>(address: string): Promise<T | null> {
    const cached = this.#client.cached<T>(address);
    const reply = new PendingReply<T | null>();
    if (cached === undefined) this.#client.get<T>(address).subscribe(reply);
    else reply.resolve(cached);
    return reply.then();
  }

  /** Sends an event (QoS 1). */
  emit(address: string, payload: Value = null): void {
    this.#client.emit(address, payload);
  }

  /** Sends one sample of a stream (QoS 0). */
  stream(address: string, value: Value): void {
    this.#client.stream(address, value);
  }

  /** Sends one phase of a gesture (QoS 0). */
  gesture(address: string, gestureId: number, phase: GesturePhase, payload: Value = null): void {
    this.#client.gesture(address, gestureId, phase, payload);
  }

  /** Gives the relay keyframes to play, times in microseconds. */
  timeline(address: string, keyframes: readonly Keyframe[], options?: TimelineOptions): void {
    this.#client.timeline(address, keyframes, options);
  }

  /**
   * Sends writes and events (and whatever else `Client.bundle` takes) that are applied together, or not at all; `at` is
   * relay time in microseconds.
   */
  bundle(
    messages: readonly (BundlePart | { readonly set?: [string, Value]; readonly emit?: [string, Value] })[],
    options?: { readonly at?: number },
  ): void {
    for (const message of messages) bundleMessage(message);
    this.#client.bundle(messages as readonly BundlePart[], options);
  }

  /** The value as last seen; undefined when none was. */
  cached<T extends Value = PlainValue>(address: string): T | undefined {
    return this.#client.cached<T>(address);
  }

  /** Every signal that was announced so far. */
  getSignals(): SignalDefinition[] {
    return [...this.#signals.values()];
  }

  /** Those that match a pattern. */
  querySignals(pattern: string): SignalDefinition[] {
    const test = patternTest(pattern);
    return this.getSignals().filter(({ address }) => test.test(address));
  }

  /** The last ERROR of the relay. */
  getLastError(): ErrorMessage | null {
    return this.#lastError;
  }

  clearError(): void {
    this.#lastError = null;
  }

  /** Called at each session that begins. */
  onConnect(callback: () => void): void {
    this.#onConnect.push(callback);
  }

  /** Called at each connection that ends, also one that never became a session. */
  onDisconnect(callback: (reason?: string) => void): void {
    this.#onDisconnect.push(callback);
  }

  /** Called when the relay cannot be reached, or a request fails on this side. */
  onError(callback: (error: Error) => void): void {
    this.#onError.push(callback);
  }

  /** Called before each attempt to reconnect. */
  onReconnect(callback: (attempt: number) => void): void {
    this.#onReconnect.push(callback);
  }

  /** Ends the session and stops reconnecting. */
  close(): void {
    const hadConnection = this.#status === 'connected' || (this.#status === 'connecting' && this.#gate.reached);
    this.#status = 'closed';
    this.#client.close();
    this.#settle(new ClaspError(503, 'closed'));
    if (hadConnection) this.#scheduler.schedule(() => this.#tell(this.#onDisconnect, ''));
  }

  #newGate(): GatedDial {
    return new GatedDial(this.#platform.dial(this.#url));
  }

  #open(): Client {
    const { name, token, features = ['param', 'event', 'stream'] } = this.#options;
    const { reconnect = true, reconnectInterval } = this.#options;
    const client = createClient(this.#gate.connections, {
      name,
      token,
      features,
      greeting: true,
      random: this.#platform.random,
      now: this.#platform.now,
      scheduler: this.#scheduler,
      reconnect: reconnect && { initial: reconnectInterval || 5_000, factor: 1.5 },
      onMessage: (message) => this.#announced(message),
    });
    client.errors.subscribe((error) => this.#refused(error));
    client.status.subscribe((status) => this.#follow(status));
    return client;
  }

  #reopen(): void {
    this.#status = 'connecting';
    this.#gate = this.#newGate();
    this.#client = this.#open();
    for (const listen of this.#listening) listen();
  }

  #follow(status: ClientStatus): void {
    if (this.#status === 'closed') return;
    const before = this.#status;
    this.#status = status.state;
    switch (status.state) {
      case 'connecting':
        if (before !== 'disconnected') return;
        this.#retries++;
        this.#tell(this.#onReconnect, this.#retries);
        break;
      case 'connected':
        this.#retries = 0;
        this.#session = status.session;
        this.#settle();
        this.#tell(this.#onConnect);
        break;
      default:
        this.#lost(before, status.reason);
    }
  }

  #lost(before: ClientStatus['state'], reason: ClaspError | undefined): void {
    const error = reason ?? new ClaspError(503, 'Connection closed before WELCOME');
    // First: a callback may ask to connect again, and that is another attempt.
    this.#settle(error);
    if (before === 'connecting' && !this.#gate.reached) this.#fail(error);
    this.#tell(this.#onDisconnect, reason?.reason ?? '');
  }

  #tell<Given extends unknown[]>(callbacks: readonly ((...given: Given) => void)[], ...given: Given): void {
    for (const callback of callbacks) {
      try {
        callback(...given);
      } catch (cause) {
        this.#fail(ClaspError.from(cause, 500));
      }
    }
  }

  #fail(error: Error): void {
    for (const callback of this.#onError) callback(error);
  }

  #settle(failure?: ClaspError): void {
    if (failure) this.#outcome?.reject(failure);
    else this.#outcome?.resolve();
    this.#outcome = undefined;
  }

  #refused(error: ClaspError): void {
    const message = errorMessageOf(error);
    if (message) this.#lastError = message;
    else this.#fail(error);
  }

  #announced(message: Message): void {
    if (message.type !== 'ANNOUNCE' && message.type !== 'RESULT') return;
    for (const signal of message.signals) this.#signals.set(signal.address, signal);
  }
}
