import type { Subscription as Listening } from 'rxjs';
import { compilePattern, type Pattern } from '../../core/address/pattern.ts';
import type { Client } from '../../core/client/client.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { MqttReason, type MqttSubscribePacket, type MqttSubscription } from '../../core/protocols/mqtt/mqtt-packet.ts';
import { fromMqttFilter } from '../../core/protocols/mqtt/mqtt-topic.ts';
import type { Param, Signal } from '../../core/signal/signal.ts';

/** One topic filter of an MQTT client, and how it is served. */
export interface FilterSubscription {
  readonly pattern: Pattern;
  /** Whether it finds topics that begin with `$`: only where it says so itself. */
  readonly dollar: boolean;
  wish: MqttSubscription;
  /** The subscription identifier. */
  id: number | undefined;
}

interface Entry extends FilterSubscription {
  readonly listening: Listening;
  /** Others listen for it too, and what comes goes to one of them. */
  readonly shared: boolean;
  /** What is retained, until the client has been told that it is subscribed. */
  held: Map<string, Param> | undefined;
  /** Answers for it, once. */
  readonly settle: (code: number) => void;
}

export interface MqttSubscriptionsOptions {
  readonly client: Client;
  readonly namespace: string;
  /** Filters at a time. */
  readonly maxFilters: number;
  /** A signal for every filter it matches; once, however many those are. */
  readonly live: (signal: Signal) => void;
  /** What is retained, for one filter. */
  readonly retained: (param: Param, subscription: FilterSubscription) => void;
  /** Takes part in what others listen for too; `settle` is called with the code that is granted. */
  readonly share: (filter: string, subscription: FilterSubscription, settle: (code: number) => void) => Listening;
}

/** A name, and the filter that is shared. */
const SHARED = /^\$share\/[^/+#]+\/(.+)$/s;
const KINDS = ['param', 'event', 'stream'] as const;

/** The topic filters of one MQTT client, as subscriptions at the relay. */
export class MqttSubscriptions {
  readonly #options: MqttSubscriptionsOptions;
  readonly #entries = new Map<string, Entry>();
  /** The signal delivered last: the relay's client hands the same one to every filter that matches. */
  #last: Signal | undefined;

  constructor(options: MqttSubscriptionsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Those that match an address and, as MQTT has it, its topic. */
  matching(address: string, topic: string): FilterSubscription[] {
    const found: FilterSubscription[] = [];
    const hidden = topic.startsWith('$');
    for (const entry of this.#entries.values()) {
      if (!entry.shared && (!hidden || entry.dollar) && entry.pattern.matches(address)) found.push(entry);
    }
    return found;
  }

  /**
   * Takes a SUBSCRIBE: `answer` is called once, with a code for each filter, when the relay has said to all of them what
   * it thinks; what is retained follows.
   */
  subscribe({ subscriptions, properties }: MqttSubscribePacket, answer: (granted: readonly number[]) => void): void {
    const granted: number[] = new Array(subscriptions.length).fill(-1);
    const begun: Entry[] = [];
    let open = subscriptions.length;
    const settle = (index: number, code: number) => {
      if (granted[index] !== -1) return;
      granted[index] = code;
      open--;
      if (open > 0) return;
      answer(granted);
      for (const entry of begun) this.#release(entry);
    };
    for (const [index, wish] of subscriptions.entries()) {
      const entry = this.#begin(wish, properties?.subscriptionIdentifier, (code) => settle(index, code));
      if (entry) begun.push(entry);
    }
    // One that was answered in the same turn was not known yet when it was its turn to be released.
    if (open === 0) for (const entry of begun) this.#release(entry);
  }

  /** Ends a filter. False when there is none. */
  unsubscribe(filter: string): boolean {
    const entry = this.#entries.get(filter);
    if (!entry) return false;
    this.#entries.delete(filter);
    entry.listening.unsubscribe();
    // Whoever still waits for the relay's answer to it would wait for ever.
    entry.held = undefined;
    entry.settle(entry.wish.qos);
    return true;
  }

  close(): void {
    for (const filter of [...this.#entries.keys()]) this.unsubscribe(filter);
  }

  #begin(wish: MqttSubscription, id: number | undefined, settle: (code: number) => void): Entry | undefined {
    const { topic: filter, qos, rh = 0 } = wish;
    const shared = SHARED.exec(filter)?.[1];
    const pattern = filter.startsWith('$share/') && !shared ? MqttReason.BadFilter : this.#patternOf(shared ?? filter);
    if (typeof pattern === 'number') {
      settle(pattern);
      return undefined;
    }
    const known = this.#entries.get(filter);
    if (known && rh > 0 && !shared) {
      known.wish = wish;
      known.id = id;
      settle(qos);
      return undefined;
    }
    if (!known && this.#entries.size >= this.#options.maxFilters) {
      settle(MqttReason.QuotaExceeded);
      return undefined;
    }
    if (shared === undefined) return this.#listen(filter, pattern, wish, id, settle);
    this.unsubscribe(filter);
    const subscription = { pattern, dollar: shared.startsWith('$'), wish, id };
    const listening = this.#options.share(filter, subscription, settle);
    const entry = { ...subscription, listening, shared: true, held: undefined, settle };
    if (!listening.closed) this.#entries.set(filter, entry);
    return entry;
  }

  #listen(
    filter: string,
    pattern: Pattern,
    wish: MqttSubscription,
    id: number | undefined,
    settle: (code: number) => void,
  ): Entry {
    const held = new Map<string, Param>();
    // Asked for again, what is retained is sent again: the relay does so for a new subscription only.
    this.unsubscribe(filter);
    const heard = this.#options.client.on(pattern.source, {
      types: KINDS,
      synced: () => settle(wish.qos),
    });
    let entry: Entry | undefined;
    const early: Signal[] = [];
    const listening = heard.subscribe({
      next: (signal) => (entry ? this.#heard(entry, signal) : early.push(signal)),
      error: (cause) => {
        if (this.#entries.get(filter) === entry) this.#entries.delete(filter);
        settle(reasonOf(ClaspError.from(cause, ErrorCode.Internal)));
      },
    });
    entry = { pattern, dollar: filter.startsWith('$'), wish, id, listening, shared: false, held, settle };
    if (!listening.closed) this.#entries.set(filter, entry);
    for (const signal of early) this.#heard(entry, signal);
    return entry;
  }

  #heard(entry: Entry, signal: Signal): void {
    if (signal.kind === 'param' && signal.snapshot) {
      if ((entry.wish.rh ?? 0) === 2) return;
      if (entry.held) entry.held.set(signal.address, signal);
      else this.#options.retained(signal, entry);
      return;
    }
    entry.held?.delete(signal.address); // what is retained there is old by now
    if (signal === this.#last) return;
    this.#last = signal;
    this.#options.live(signal);
  }

  #release(entry: Entry): void {
    const held = entry.held;
    entry.held = undefined;
    if (!held) return;
    for (const param of held.values()) this.#options.retained(param, entry);
  }

  #patternOf(filter: string): Pattern | number {
    try {
      return compilePattern(fromMqttFilter(filter, this.#options.namespace));
    } catch {
      return MqttReason.BadFilter; // it says nothing more
    }
  }
}

/** What MQTT 5 calls what the relay refuses. */
export function reasonOf({ code }: ClaspError): MqttReason {
  switch (code) {
    case ErrorCode.BadAddress:
      return MqttReason.BadTopic;
    case ErrorCode.BadPattern:
      return MqttReason.BadFilter;
    case ErrorCode.NotAuthenticated:
    case ErrorCode.Forbidden:
    case ErrorCode.TokenExpired:
      return MqttReason.NotAuthorized;
    case ErrorCode.TooMany:
    case ErrorCode.Overloaded:
      return MqttReason.QuotaExceeded;
    case ErrorCode.BadValue:
      return MqttReason.BadPayloadFormat;
    case ErrorCode.Internal:
      return MqttReason.Unspecified;
    default:
      return MqttReason.ImplementationError;
  }
}
