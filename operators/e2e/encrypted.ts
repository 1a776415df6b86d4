import { merge, Observable, type Subscriber, type Subscription } from 'rxjs';
import { follow, type Steps } from '../../core/answer.ts';
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
  TimelineOptions,
} from '../../core/client/client.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { GesturePhase, Keyframe, Signal } from '../../core/signal/signal.ts';
import type { PlainValue, Value } from '../../core/signal/value.ts';
import { RecentMap } from '../../core/transforms/recent-map.ts';
import type { SignalDefinition } from '../../core/wire/message.ts';
import { callBack } from '../client/client-subscriptions.ts';
import { PendingReply } from '../client/reply.ts';
import { write } from '../client/write.ts';
import { type E2EConfig, type E2EPlatform, E2ESession } from './e2e-session.ts';
import { InOrder } from './in-order.ts';

export interface EncryptedOptions extends Omit<E2EConfig, 'basePath'> {
  /** The address below which everything is encrypted. */
  readonly base: string;
}

/** A client whose values below one address only its group can read. */
export interface EncryptedClient extends Client {
  /** The keys of the group: `enableEncryption` makes the first one. */
  readonly encryption: E2ESession;
}

/** Values that were decrypted, by address, for `cached`. */
const REMEMBERED = 10_000;

/** {@link EncryptedClient} over a client, with what the platform gives. It starts, and asks for the group key, at once. */
export function encryptedClient(client: Client, options: EncryptedOptions, platform: E2EPlatform): EncryptedClient {
  return new Encrypted(client, options, platform);
}

class Encrypted implements EncryptedClient {
  readonly encryption: E2ESession;
  readonly errors: Observable<ClaspError>;
  readonly #client: Client;
  /** Everything is sent in the order in which it was said, also where sealing takes its time. */
  readonly #sending = new InOrder();
  readonly #read = new RecentMap<string, { readonly value: Value }>(REMEMBERED);
  readonly #connected: Subscription;

  constructor(client: Client, { base, ...config }: EncryptedOptions, platform: E2EPlatform) {
    this.#client = client;
    const link = {
      set: (address: string, value: Value) => client.set(address, value).subscribe(quiet),
      emit: (address: string, value?: Value) => client.emit(address, value).subscribe(quiet),
      subscribe: (pattern: string, heard: (data: Value, address: string) => void) => client.on(pattern, heard),
      get connected() {
        return client.session !== null;
      },
    };
    this.encryption = new E2ESession(link, { ...config, basePath: base }, platform);
    this.errors = merge(client.errors, this.encryption.errors);
    this.#connected = client.status.subscribe(({ state }) => {
      if (state === 'connected') this.encryption.announceAgain();
    });
    // After it, so that who is connected already announces itself once.
    this.encryption.requestGroupKey().subscribe(quiet);
  }

  get status(): Observable<ClientStatus> {
    return this.#client.status;
  }

  get clock(): ClientClock {
    return this.#client.clock;
  }

  get session(): string | null {
    return this.#client.session;
  }

  get counts(): ClientCounts {
    return this.#client.counts;
  }

  time(): number {
    return this.#client.time();
  }

  next(signal: Signal): void {
    write(this, signal)?.subscribe(quiet);
  }

  error(cause: unknown): void {
    this.#client.error(cause);
  }

  complete(): void {
    this.#client.complete();
  }

  on<T extends Value = PlainValue>(pattern: string, options?: OnOptions): Observable<Signal<T>>;
  on<T extends Value = PlainValue>(pattern: string, callback: SignalCallback<T>, options?: OnOptions): () => void;
  on<T extends Value>(
    pattern: string,
    how: SignalCallback<T> | OnOptions = {},
    options: OnOptions = {},
  ): Observable<Signal<T>> | (() => void) {
    if (typeof how !== 'function') {
      return new Observable((out) => this.#listen(pattern, how, out as Subscriber<Signal>));
    }
    const listening = this.on(pattern, options).subscribe({
      next: (signal) => {
        try {
          callBack(how, signal);
        } catch (cause) {
          this.#client.error(cause);
        }
      },
      error: (cause) => this.#client.error(cause),
    });
    return () => listening.unsubscribe();
  }

  set(address: string, value: Value, options?: SetOptions): Reply<Ack> {
    // A param is deleted by null: the relay must see that.
    if (value === null) return this.#inTurn(() => this.#client.set(address, value, options));
    return this.#sealed(address, value, (sealed) => this.#client.set(address, sealed, options));
  }

  emit(address: string, value: Value = null, options?: QoSOptions): Reply<Ack> {
    return this.#sealed(address, value, (sealed) => this.#client.emit(address, sealed, options));
  }

  stream(address: string, value: Value, options?: StreamOptions): void {
    if (options?.samples && this.encryption.covers(address)) {
      this.#client.error(unplayable(address, 'samples cannot be encrypted: send one value at a time'));
      return;
    }
    this.#unanswered(address, value, (sealed) => this.#client.stream(address, sealed, options));
  }

  gesture(address: string, id: number, phase: GesturePhase, value: Value = null): void {
    this.#unanswered(address, value, (sealed) => this.#client.gesture(address, id, phase, sealed));
  }

  timeline(address: string, keyframes: readonly Keyframe[], options?: TimelineOptions): Reply<Ack> {
    return this.#inTurn(() => {
      if (keyframes.length > 0 && this.encryption.covers(address)) throw unplayable(address);
      return this.#client.timeline(address, keyframes, options);
    });
  }

  bundle(parts: readonly BundlePart[], options?: BundleOptions): BundleReply {
    const encrypted = this;
    let sent: BundleReply | undefined;
    const reply = this.#inSteps(function* () {
      const sealed: BundlePart[] = [];
      for (const part of parts) sealed.push(yield* encrypted.#sealedPart(part));
      sent = encrypted.#client.bundle(sealed, options);
      return sent;
    });
    const cancel = () =>
      this.#inTurn(() => {
        if (!sent) throw new ClaspError(ErrorCode.NotFound, 'the bundle was never sent');
        return sent.cancel();
      });
    return Object.assign(reply, { cancel });
  }

  announce(definitions: readonly SignalDefinition[]): Reply<Ack> {
    return this.#client.announce(definitions);
  }

  query(pattern: string): Reply<readonly SignalDefinition[]> {
    return this.#client.query(pattern);
  }

  get<T extends Value = PlainValue>(address: string): Reply<T | null> {
    if (!this.encryption.covers(address)) return this.#client.get<T>(address);
    const reply = new PendingReply<T | null>();
    const encrypted = this;
    this.#client.get(address).subscribe({
      next: (value) =>
        void follow(
          (function* () {
            const opened = yield* encrypted.#opened(address, value);
            if (opened) reply.resolve(opened.value as T);
            else reply.reject(new ClaspError(ErrorCode.BadValue, 'the value cannot be read', { address }));
          })(),
        ),
      error: (cause: ClaspError) => reply.reject(cause),
    });
    return reply;
  }

  cached<T extends Value = PlainValue>(address: string): T | undefined {
    if (!this.encryption.covers(address)) return this.#client.cached<T>(address);
    return this.#read.get(address)?.value as T | undefined;
  }

  close(): void {
    this.#connected.unsubscribe();
    this.encryption.destroy();
    this.#client.close();
  }

  #listen(pattern: string, options: OnOptions, out: Subscriber<Signal>): Subscription {
    const encrypted = this;
    const reading = new InOrder();
    const { synced, ...rest } = options;
    const inTurn = (act: () => void) =>
      reading.run<void>(
        // biome-ignore lint/correctness/useYield: its turn is all it waits for
        function* () {
          act();
        },
      );
    return this.#client.on(pattern, { ...rest, ...(synced && { synced: () => inTurn(synced) }) }).subscribe({
      next: (signal) =>
        reading.run(function* () {
          const opened = yield* encrypted.#openedSignal(signal);
          if (opened) out.next(opened);
        }),
      error: (cause) => inTurn(() => out.error(cause)),
      complete: () => inTurn(() => out.complete()),
    });
  }

  *#openedSignal(signal: Signal): Steps<Signal | undefined> {
    const { address } = signal;
    if (!this.encryption.covers(address)) return signal;
    // The relay plays keyframes and takes samples as they are, so they are never encrypted: as any other plain value.
    if (signal.kind === 'timeline') return (yield* this.encryption.opening(address, null)) && signal;
    if (signal.kind === 'stream' && signal.samples) return (yield* this.encryption.opening(address, null)) && signal;
    if (signal.kind !== 'param') {
      const opened = yield* this.encryption.opening(address, signal.value);
      return opened && { ...signal, value: opened.value };
    }
    const opened = yield* this.#opened(address, signal.value);
    if (!opened) return undefined;
    this.#read.set(address, opened);
    return { ...signal, value: opened.value };
  }

  /** The value of a param. Null is that there is none, which the relay says. */
  *#opened(address: string, value: Value): Steps<{ readonly value: Value } | undefined> {
    return value === null ? { value } : yield* this.encryption.opening(address, value);
  }

  *#sealedPart(part: BundlePart): Steps<BundlePart> {
    const { encryption } = this;
    if ('timeline' in part) {
      if (part.timeline[1].length > 0 && encryption.covers(part.timeline[0])) throw unplayable(part.timeline[0]);
      return part;
    }
    if ('set' in part) {
      const [address, value, ...rest] = part.set;
      return value === null ? part : { set: [address, yield* this.#sealing(address, value), ...rest] };
    }
    if ('emit' in part) {
      const [address, value = null] = part.emit;
      return { emit: [address, yield* this.#sealing(address, value)] };
    }
    if ('stream' in part) {
      const [address, value, ...rest] = part.stream;
      return { stream: [address, yield* this.#sealing(address, value), ...rest] };
    }
    const [address, id, phase, value = null] = part.gesture;
    return { gesture: [address, id, phase, yield* this.#sealing(address, value)] };
  }

  *#sealing(address: string, value: Value): Steps<Value> {
    return this.encryption.covers(address) ? yield* this.encryption.sealing(address, value) : value;
  }

  #sealed<T>(address: string, value: Value, send: (sealed: Value) => Reply<T>): Reply<T> {
    const encrypted = this;
    return this.#inSteps(function* () {
      return send(yield* encrypted.#sealing(address, value));
    });
  }

  #unanswered(address: string, value: Value, send: (sealed: Value) => void): void {
    const encrypted = this;
    this.#sending
      .run(function* () {
        send(yield* encrypted.#sealing(address, value));
      })
      .subscribe({ error: (cause) => this.#client.error(cause) });
  }

  #inTurn<T>(send: () => Reply<T>): Reply<T> {
    return this.#inSteps(
      // biome-ignore lint/correctness/useYield: its turn is all it waits for
      function* () {
        return send();
      },
    );
  }

  /** Sends in its turn; the reply is the relay's, for which the next in turn does not wait. */
  #inSteps<T>(send: () => Steps<Reply<T>>): PendingReply<T> {
    const reply = new PendingReply<T>();
    const error = (cause: ClaspError) => reply.reject(cause);
    // In an array: a reply that is the result of steps would be waited for.
    const boxed = function* (): Steps<readonly [Reply<T>]> {
      return [yield* send()];
    };
    this.#sending.run(boxed).subscribe({
      next: ([sent]) => sent.subscribe({ next: (value) => reply.resolve(value), error }),
      error,
    });
    return reply;
  }
}

/** For replies that nobody waits for: the client tells of what is refused on `errors`. */
const quiet = { error: () => undefined };

function unplayable(address: string, why = 'the relay cannot play keyframes that it cannot read'): ClaspError {
  return new ClaspError(ErrorCode.NotEnabled, why, { address });
}
