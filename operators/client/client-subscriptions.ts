import type { SchedulerLike, Subscriber } from 'rxjs';
import type { OnOptions, SignalCallback } from '../../core/client/client.ts';
import { ClaspError } from '../../core/errors.ts';
import type { Param, Signal, SignalKind } from '../../core/signal/signal.ts';
import type { Value } from '../../core/signal/value.ts';
import { writeTimeline } from '../../core/timeline/timeline-value.ts';
import { SIGNAL_KINDS, signalMask, ValueCode } from '../../core/wire/codes.ts';
import { encodeMessage } from '../../core/wire/encode.ts';
import type { AckMessage, ParamState, SubscribeMessage, SubscribeOptions } from '../../core/wire/message.ts';
import { decodeValue, encodeValue } from '../../core/wire/value.ts';
import { codeOf } from '../../core/wire/writer.ts';
import { patternTest, requirePattern } from './client-pattern.ts';

/** Calls back as `@clasp-to/core` does: value, address, and for a value out of a snapshot what is known about it. */
export function callBack(callback: SignalCallback<never>, signal: Signal): void {
  if (signal.kind === 'param' && signal.snapshot) callback(signal.value as never, signal.address, stateOf(signal));
  else callback(valueInOnePiece(signal) as never, signal.address);
}

/** The value of a signal in one piece: a gesture's with its `phase` and `gestureId`, a timeline as it travels. */
function valueInOnePiece(signal: Signal): Value {
  if (signal.kind === 'timeline') return writeTimeline(signal);
  if (signal.kind !== 'gesture') return signal.value;
  const { value, phase, id } = signal;
  // As published: the fields of whatever is there, and none of a plain value.
  const fields = typeof value === 'object' ? (value as { readonly [key: string]: Value } | null) : null;
  return { ...fields, phase, gestureId: id };
}

/** A param as a snapshot tells it; what is not known has no key. */
function stateOf({ address, value, revision = 0, writer, at }: Param): ParamState {
  return {
    address,
    value,
    revision,
    ...(writer === undefined ? undefined : { writer }),
    ...(at === undefined ? undefined : { timestamp: at }),
  };
}

/**
 * The newest param of each address that a client has seen. Deleted ones are not kept.
 *
 * What was seen in an earlier session is kept apart: revisions of different sessions cannot be compared, since the
 * relay may have restarted, and what does not come up again is gone.
 */
export class ClientParams {
  readonly #current = new Map<string, ParamState>();
  readonly #earlier = new Map<string, ParamState>();

  /** A new session has begun. */
  begin(): void {
    for (const [address, state] of this.#current) this.#earlier.set(address, state);
    this.#current.clear();
  }

  /** The newest state, of whatever session. */
  get(address: string): ParamState | undefined {
    return this.#current.get(address) ?? this.#earlier.get(address);
  }

  /** The state, if it was seen in this session. */
  current(address: string): ParamState | undefined {
    return this.#current.get(address);
  }

  /** Keeps a state; null forgets it. */
  put(state: ParamState): void {
    this.#earlier.delete(state.address);
    if (state.value === null) this.#current.delete(state.address);
    else this.#current.set(state.address, state);
  }

  /**
   * Takes over a write that the relay accepted where something older is known. Where nothing is, nobody listens, and what
   * others write later would not be heard either.
   */
  written(address: string, value: Value, revision: number): void {
    const known = this.#current.get(address);
    if (!known || revision <= known.revision) return;
    // The relay may have merged a map into what was there: then nothing is known until it says so.
    const isMap = codeOf(value) === ValueCode.Map;
    this.put({ address, value: isMap ? null : asSent(value), revision });
  }

  /** Every address that is known. */
  addresses(): string[] {
    return [...this.#earlier.keys(), ...this.#current.keys()];
  }

  /** Addresses that were seen in an earlier session and not in this one. */
  missing(): Iterable<string> {
    return this.#earlier.keys();
  }

  forgetMissing(): void {
    this.#earlier.clear();
  }
}

/** One subscriber of an `on`. */
interface Listener {
  readonly out: Subscriber<Signal>;
  readonly subscription: Subscription;
  readonly synced: (() => void) | undefined;
}

/** One SUBSCRIBE on the wire, shared by every listener with an equal pattern and options. */
interface Subscription {
  readonly key: string;
  readonly pattern: RegExp;
  /** A bit for each kind it wants, as in SUBSCRIBE. */
  readonly mask: number;
  readonly message: SubscribeMessage;
  readonly listeners: Set<Listener>;
  /** While the snapshot is coming: the addresses it has told so far, with their revisions. */
  seen: Map<string, number> | undefined;
  /** Those of them that only the snapshot of the greeting told: deleted since, unless its own tells them too. */
  unsure: Set<string> | undefined;
  /** Whether its listeners know params: a snapshot has come whole, or in part before the connection was lost. */
  synced: boolean;
  /** Scratch of one delivery. */
  due: boolean;
}

/** Addresses whose listeners are remembered. */
const MAX_ROUTES = 10_000;
const PARAM = 1;

/**
 * Who listens to what in this client. The relay sends one copy of a signal however many subscriptions match it; this
 * brings it to every listener it is for, in the order they came.
 */
export class ClientSubscriptions {
  readonly #params: ClientParams;
  readonly #report: (error: ClaspError) => void;
  readonly #guard: (call: () => void) => void;
  readonly #byKey = new Map<string, Subscription>();
  readonly #byId = new Map<number, Subscription>();
  readonly #listeners = new Set<Listener>();
  /** Listeners whose pattern matches, by address; forgotten when anybody comes or goes. */
  #routes = new Map<string, readonly Listener[]>();
  #nextId = 1;
  #send: ((frame: Uint8Array) => void) | undefined;
  #greeted = false;
  #closed = false;

  /** `guard` calls what may throw. */
  constructor(params: ClientParams, report: (error: ClaspError) => void, guard: (call: () => void) => void) {
    this.#params = params;
    this.#report = report;
    this.#guard = guard;
  }

  /**
   * Adds a listener, subscribing if it is the first of its kind; another is told what the first has heard, where a
   * scheduler is given only when this has returned. A refusal is reported and errors `out`.
   */
  listen(
    pattern: string,
    { types, synced, ...options }: OnOptions,
    out: Subscriber<Signal>,
    later?: SchedulerLike,
  ): void {
    if (this.#closed) {
      out.complete();
      return;
    }
    let subscription: Subscription;
    try {
      subscription = this.#open(pattern, types, options);
    } catch (cause) {
      const error = ClaspError.from(cause, 202, { address: pattern });
      this.#report(error);
      out.error(error);
      return;
    }
    const listener: Listener = { out, subscription, synced };
    const first = subscription.listeners.size === 0;
    subscription.listeners.add(listener);
    this.#listeners.add(listener);
    this.#routes = new Map();
    out.add(() => this.#leave(listener));
    if (first) {
      if (this.#send) this.#subscribe(subscription, this.#send);
    } else if (later) later.schedule(() => this.#catchUp(listener));
    else this.#catchUp(listener);
  }

  /** A session has begun: subscribes again, in the same order. */
  resume(send: (frame: Uint8Array) => void): void {
    this.#send = send;
    for (const subscription of this.#byId.values()) this.#subscribe(subscription, send);
  }

  suspend(): void {
    this.#send = undefined;
    this.#greeted = false;
    for (const subscription of this.#byId.values()) {
      if (subscription.seen?.size) subscription.synced = true;
      subscription.seen = undefined;
      subscription.unsure = undefined;
    }
  }

  /** The snapshot that follows every greeting is over: what comes now answers something that was asked. */
  greeted(): void {
    if (this.#greeted) return;
    this.#greeted = true;
    for (const subscription of this.#byId.values()) {
      if (subscription.seen) subscription.unsure = new Set(subscription.seen.keys());
    }
    this.#forgetMissing();
  }

  /** Completes every listener, and all that come later. */
  close(): void {
    this.#closed = true;
    this.#send = undefined;
    for (const { out } of [...this.#listeners]) out.complete();
  }

  /** A change of a param, or any other signal. */
  deliver(signal: Signal): void {
    const listeners = this.#route(signal.address);
    if (signal.kind === 'param') this.#remember(signal, listeners);
    const bit = 1 << SIGNAL_KINDS.indexOf(signal.kind);
    for (const { out, subscription } of listeners) if (subscription.mask & bit) out.next(signal);
  }

  /**
   * A param out of a SNAPSHOT. It is told to those whose own snapshot is coming and that have not heard it yet, and to
   * the others only if it is news.
   */
  deliverState(state: ParamState): void {
    const { address, value, revision } = state;
    const listeners = this.#route(address);
    const known = this.#params.current(address);
    const newer = known === undefined || revision > known.revision;
    const gone = value === null;
    for (const { subscription } of listeners) {
      const { seen } = subscription;
      if (!(subscription.mask & PARAM)) subscription.due = false;
      else if (seen) {
        subscription.unsure?.delete(address);
        subscription.due = !gone && revision > (seen.get(address) ?? -1);
      } else subscription.due = subscription.synced && newer && (known !== undefined || !gone);
    }
    for (const { subscription } of listeners) if (subscription.due) subscription.seen?.set(address, revision);
    if (gone || newer) this.#params.put(state);
    if (!listeners.some(({ subscription }) => subscription.due)) return;
    const signal = asSignal(state);
    for (const { out, subscription } of listeners) if (subscription.due) out.next(signal);
  }

  /** Takes the ACK of a SUBSCRIBE: its snapshot is complete. */
  acknowledged({ correlationId, address }: AckMessage): void {
    const subscription = correlationId === undefined ? this.#awaiting(address) : this.#byId.get(correlationId);
    if (!subscription?.seen) return;
    const { seen } = subscription;
    if (subscription.synced && subscription.mask & PARAM) this.#tellVanished(subscription, seen);
    for (const gone of subscription.unsure ?? []) {
      this.#params.put({ address: gone, value: null, revision: 0 });
      tellGone(subscription, gone);
    }
    subscription.seen = undefined;
    subscription.unsure = undefined;
    subscription.synced = true;
    this.#forgetMissing();
    for (const { synced } of [...subscription.listeners]) if (synced) this.#guard(synced);
  }

  /** Takes the ERROR to a SUBSCRIBE. */
  refused(correlationId: number, error: ClaspError): void {
    const subscription = this.#byId.get(correlationId);
    if (!subscription) return;
    this.#remove(subscription);
    for (const { out } of [...subscription.listeners]) out.error(error);
  }

  #open(pattern: string, types: readonly SignalKind[] | undefined, options: SubscribeOptions): Subscription {
    requirePattern(pattern);
    const mask = signalMask(types);
    const message: SubscribeMessage = { type: 'SUBSCRIBE', id: this.#nextId, pattern, types, options };
    // What it would be on the wire, so that what cannot be sent throws now rather than at each reconnect.
    const key = String(encodeMessage({ ...message, id: 0 }));
    const shared = this.#byKey.get(key);
    if (shared) return shared;

    this.#nextId++;
    const subscription: Subscription = {
      key,
      pattern: patternTest(pattern),
      mask,
      message,
      listeners: new Set(),
      seen: undefined,
      unsure: undefined,
      synced: false,
      due: false,
    };
    this.#byKey.set(key, subscription);
    this.#byId.set(message.id, subscription);
    return subscription;
  }

  #subscribe(subscription: Subscription, send: (frame: Uint8Array) => void): void {
    subscription.seen = new Map();
    send(encodeMessage(subscription.message, { qos: 1 }));
  }

  #leave(listener: Listener): void {
    const { subscription } = listener;
    subscription.listeners.delete(listener);
    this.#listeners.delete(listener);
    this.#routes = new Map();
    if (subscription.listeners.size > 0 || this.#byId.get(subscription.message.id) !== subscription) return;
    this.#remove(subscription);
    this.#send?.(encodeMessage({ type: 'UNSUBSCRIBE', id: subscription.message.id }));
  }

  #remove({ key, message }: Subscription): void {
    this.#byKey.delete(key);
    this.#byId.delete(message.id);
  }

  /** Tells a listener that joins what the others of its subscription have heard. */
  #catchUp({ out, subscription, synced }: Listener): void {
    const { seen, pattern, mask } = subscription;
    if (mask & PARAM && (seen || subscription.synced)) {
      for (const address of seen ? [...seen.keys()] : this.#params.addresses()) {
        if (out.closed) return;
        const state = pattern.test(address) ? this.#params.get(address) : undefined;
        if (state) out.next(asSignal(state));
      }
    }
    if (synced && this.#send && !seen && !out.closed) this.#guard(synced);
  }

  /** After a reconnect: tells the deletion of what was there before and is not any more. */
  #tellVanished(subscription: Subscription, seen: ReadonlyMap<string, number>): void {
    for (const address of this.#params.missing()) {
      if (!seen.has(address) && subscription.pattern.test(address)) tellGone(subscription, address);
    }
  }

  /** What no snapshot has told is gone, unless there is one that still comes. */
  #forgetMissing(): void {
    if (!this.#all().some(({ seen }) => seen)) this.#params.forgetMissing();
  }

  #remember(signal: Param, listeners: readonly Listener[]): void {
    const { address, value, revision, writer, at } = signal;
    for (const { subscription } of listeners) {
      subscription.seen?.set(address, revision ?? Number.POSITIVE_INFINITY);
      subscription.unsure?.delete(address);
    }
    const current = this.#params.current(address);
    if (current && revision !== undefined && revision < current.revision) return;
    this.#params.put({ address, value, revision: revision ?? current?.revision ?? 0, writer, timestamp: at });
  }

  #route(address: string): readonly Listener[] {
    const known = this.#routes.get(address);
    if (known) return known;
    const route = [...this.#listeners].filter(({ subscription }) => subscription.pattern.test(address));
    if (this.#routes.size >= MAX_ROUTES) this.#routes.clear();
    this.#routes.set(address, route);
    return route;
  }

  /** For relays that acknowledge a SUBSCRIBE without its id. */
  #awaiting(pattern: string | undefined): Subscription | undefined {
    return this.#all().find(({ seen, message }) => seen && message.pattern === pattern);
  }

  #all(): Subscription[] {
    return [...this.#byId.values()];
  }
}

/** What a receiver sees of a value: nothing of the caller's, and what is no value as it was written. */
function asSent(value: Value): Value {
  return typeof value === 'object' ? decodeValue(encodeValue(value)) : (value ?? null);
}

function tellGone({ listeners }: Subscription, address: string): void {
  for (const { out } of [...listeners]) out.next({ kind: 'param', address, value: null, snapshot: true });
}

function asSignal({ address, value, revision, writer, timestamp }: ParamState): Param {
  return { kind: 'param', address, value, at: timestamp, revision, writer, snapshot: true };
}
