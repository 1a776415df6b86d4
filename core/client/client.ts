import type { Observable, Observer } from 'rxjs';
import type { ClaspError } from '../errors.ts';
import type { GesturePhase, Keyframe, Signal, SignalKind, Stream } from '../signal/signal.ts';
import type { PlainValue, Value } from '../signal/value.ts';
import type { ParamState, QoS, SignalDefinition, SubscribeOptions, Ttl } from '../wire/message.ts';

/** What the relay said to a write. */
export interface Ack {
  readonly address: string;
  /** The revision the write got; absent for events. */
  readonly revision?: number | undefined;
  /** Present when the write asked for a lock or its release. */
  readonly locked?: boolean | undefined;
  /** Session id of the lock's holder. */
  readonly holder?: string | undefined;
}

/**
 * An answer that is on its way: an Observable of exactly one value, which can also be awaited.
 *
 * The request was sent when you got it, whether or not anybody listens; the answer is remembered for late
 * subscribers; a failure is a `ClaspError`, and a failure that nobody asked about disturbs nobody.
 */
export interface Reply<T> extends Observable<T>, PromiseLike<T> {}

/** The answer to a bundle, with the way to call it off. */
export interface BundleReply extends Reply<Ack> {
  /**
   * Calls off a bundle that waits for its time, as soon as the relay has said that it does. Fails with the relay's error
   * when it has run or is not known any more, with 400 when it did not wait, and as the bundle itself when that failed.
   */
  cancel(): Reply<Ack>;
}

/** What a client knows about the relay's clock. */
export interface ClientClock {
  /** Microseconds that the relay's clock is ahead of the local one. */
  readonly offset: number;
  /** Microseconds from question to answer of the best sample: the offset is wrong by at most half of it. */
  readonly roundTrip: number;
  /** Microseconds by which the other samples took longer, on average. */
  readonly jitter: number;
  /** From 0, not known at all, to 1, known to the microsecond; 0.5 means about 10 ms. */
  readonly quality: number;
  /** Answers that it comes from, at most 8; 0 before the first, when `offset` is what the relay said in its greeting. */
  readonly samples: number;
}

/** How a request is repeated that was not acknowledged when the connection was lost. */
export interface QoSOptions {
  /** 1: at least once. 2: exactly once, and in the order of everything that is sent with 2. @defaultValue 1 */
  readonly qos?: Exclude<QoS, 0> | undefined;
}

/** How a signal is known again by whoever said it. */
export interface TagOptions {
  /** A number of `nextTag`, which the signal has for those who hear it in this process. @defaultValue none */
  readonly tag?: number | undefined;
}

/** Where a client stands with its relay. */
export type ClientStatus =
  | { readonly state: 'connecting'; readonly attempt: number }
  | { readonly state: 'connected'; readonly session: string; readonly relay: string }
  | { readonly state: 'disconnected'; readonly reason: ClaspError | undefined; readonly retryInMs: number }
  | { readonly state: 'closed'; readonly reason: ClaspError | undefined };

export interface SetOptions extends QoSOptions, TagOptions {
  /** Become the holder of the param: nobody else can write it until unlock or disconnect. */
  readonly lock?: boolean;
  /** Give the lock up. */
  readonly unlock?: boolean;
  /** Write only if the param is at this revision; otherwise 400. */
  readonly revision?: number;
  /** Seconds (sliding), or seconds and mode. */
  readonly ttl?: number | Ttl;
  /** Whether a `ttl` in seconds counts from this write on, whatever is read or written later. @defaultValue false */
  readonly absolute?: boolean;
}

export interface OnOptions extends SubscribeOptions {
  /** Only these kinds. @defaultValue every kind */
  readonly types?: readonly SignalKind[];
  /** Called when the relay has sent the whole snapshot: at first, and again after each reconnect. */
  readonly synced?: () => void;
}

export interface TimelineOptions {
  /** Start over after the last keyframe. @defaultValue false */
  readonly loop?: boolean | undefined;
  /** Relay time in microseconds. @defaultValue at once */
  readonly startTime?: number | undefined;
}

/** One part of a bundle: the method of the client, with its arguments. */
export type BundlePart =
  | { readonly set: readonly [address: string, value: Value, options?: Omit<SetOptions, 'qos'>] }
  | { readonly emit: readonly [address: string, value?: Value] }
  | { readonly stream: readonly [address: string, value: Value] }
  | { readonly gesture: readonly [address: string, id: number, phase: GesturePhase, value?: Value] }
  | { readonly timeline: readonly [address: string, keyframes: readonly Keyframe[], options?: TimelineOptions] };

export interface BundleOptions {
  /** Relay time in microseconds at which it is applied. @defaultValue at once */
  readonly at?: number;
}

/** What a client lost without being able to tell the caller; only ever rises. */
export interface ClientCounts {
  /** Stream samples and gesture phases that were not sent: no session, or newer ones took their place. */
  readonly dropped: number;
  /** Frames from the relay that could not be decoded, or tell an impossible time. */
  readonly badFrames: number;
}

/** Value first, then address, as in `@clasp-to/core`; `meta` is present for values out of a snapshot. */
export type SignalCallback<T extends Value = PlainValue> = (value: T, address: string, meta?: ParamState) => void;

/** Samples of a stream that go together, and how many come in a second. */
export interface StreamOptions extends Pick<Stream, 'rate'> {
  /** All of them, oldest first; they are sent instead of the value. */
  readonly samples?: readonly number[] | undefined;
}

/**
 * A participant: the same whether the relay is remote or in this process.
 *
 * It is an `Observer<Signal>` too, so that a pipeline can end in it: what comes is written, see `write`. Many may end in
 * one client: that one of them completes does not close it, and what one fails with appears on `errors`.
 */
export interface Client extends Observer<Signal> {
  /**
   * Signals that match `pattern`: first the current params (`snapshot: true`), then everything as it happens.
   * Cold: subscribes on subscription and unsubscribes when the last subscriber of an equal pattern and options has
   * left. Survives reconnects. Errors with the relay's `ClaspError` when the subscription is refused (202, 301, 429);
   * completes when the client is closed.
   *
   * `T` is the type that you expect the values to have: nothing checks it, and a deleted param is null all the same.
   */
  on<T extends Value = PlainValue>(pattern: string, options?: OnOptions): Observable<Signal<T>>;
  /** The same with a callback; gives the function that ends it. Refusals appear on `errors`. */
  on<T extends Value = PlainValue>(pattern: string, callback: SignalCallback<T>, options?: OnOptions): () => void;

  /**
   * Writes a param. Kept and repeated over a reconnect until acknowledged: with QoS 1 only the newest per address, with
   * QoS 2 each one, once and in order.
   */
  set(address: string, value: Value, options?: SetOptions): Reply<Ack>;
  /** The current value, of the type that you expect; null when there is none. 502 after 5 s. */
  get<T extends Value = PlainValue>(address: string): Reply<T | null>;
  /** Sends an event. Repeated over a reconnect when it was not acknowledged: with QoS 1 it may then come twice. */
  emit(address: string, value?: Value, options?: QoSOptions & TagOptions): Reply<Ack>;
  /** Sends a sample of a stream, or several (QoS 0): no answer, may be dropped on the way to a slow receiver. */
  stream(address: string, value: Value, options?: StreamOptions): void;
  /** Sends one phase of a gesture (QoS 0). `id` is any u32 and tells gestures at one address apart. */
  gesture(address: string, id: number, phase: GesturePhase, value?: Value): void;
  /** Gives the relay keyframes to play as writes to the param (QoS 1); none at all ends what plays there. */
  timeline(address: string, keyframes: readonly Keyframe[], options?: TimelineOptions): Reply<Ack>;
  /**
   * Has the relay apply all parts in order, or none (QoS 2). The answer carries the revision of the last write; that to
   * one with `at` in the future comes when the relay has accepted it, and names its place under `/clasp/schedule`.
   */
  bundle(parts: readonly BundlePart[], options?: BundleOptions): BundleReply;
  /** Tells the relay what this client offers (QoS 1), also after each reconnect: the relay forgets it with the session. */
  announce(definitions: readonly SignalDefinition[]): Reply<Ack>;
  /** What the relay knows under `pattern`: announced signals and existing params. 502 after 5 s. */
  query(pattern: string): Reply<readonly SignalDefinition[]>;

  /**
   * The newest value this client has seen at `address`, without asking; undefined when none. What it wrote itself counts
   * where it had seen the param before. `T` is the type that you expect it to have.
   */
  cached<T extends Value = PlainValue>(address: string): T | undefined;
  /**
   * Relay time, whole microseconds since the Unix epoch. Never goes back; when this client finds that it was ahead, time
   * goes at half speed until the relay's has caught up. Only a relay whose greeting is more than a second away is
   * believed at once. Before the first connection it is the local time.
   */
  time(): number;
  /** How well relay time is known at present. */
  readonly clock: ClientClock;

  /** Session id; null while not connected. */
  readonly session: string | null;
  /** Replays the current state, then tells each change; completes after `closed`. */
  readonly status: Observable<ClientStatus>;
  /** Every error the relay sent, and everything this client could not do. Hot. */
  readonly errors: Observable<ClaspError>;
  /** What was lost so far. */
  readonly counts: ClientCounts;
  /** Ends the session and stops reconnecting. */
  close(): void;
}

/** What happens in a bridge, beside the signals themselves; `bridge` is its name. */
export type BridgeEvent =
  /**
   * It is open; `address` is where it listens, what it is connected to, or where one that only sends sends to, for people.
   * `targets` are those that one sends to which listens too, where they are known. Again after each `retrying`.
   */
  | {
      readonly type: 'ready';
      readonly bridge: string;
      readonly address: string;
      readonly targets?: readonly string[];
    }
  /** Something did not get through, in either direction; the bridge goes on. */
  | { readonly type: 'failure'; readonly bridge: string; readonly failure: ClaspError }
  /** The device, broker or peer is gone, or was never there; the bridge tries again by itself. */
  | { readonly type: 'retrying'; readonly bridge: string; readonly reason: ClaspError; readonly retryInMs: number }
  /** The devices, nodes or clients at the far side, newest list; for people. */
  | { readonly type: 'devices'; readonly bridge: string; readonly devices: readonly string[] };
