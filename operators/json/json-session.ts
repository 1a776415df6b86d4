import { defer, EMPTY, map, mergeMap, type Observable, of, Subscription } from 'rxjs';
import { checkAddress } from '../../core/address/address.ts';
import type { Client } from '../../core/client/client.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { errorJson, signalJson } from '../../core/protocols/http/http.ts';
import { type JsonRequest, parseJsonRequest } from '../../core/protocols/http/json-message.ts';
import { stringifyJson } from '../../core/signal/json.ts';
import type { Signal, Stream } from '../../core/signal/signal.ts';
import type { Value } from '../../core/signal/value.ts';
import { valueBytes } from '../../core/signal/value.ts';
import { readParams } from './read-params.ts';

export interface JsonSessionOptions {
  /** Takes each message to the peer, one JSON text. */
  readonly send: (text: string) => void;
  /** Whether the peer lags: params and streams then wait, only the newest of each address, until `relieved`. */
  readonly congested: () => boolean;
  /** Subscriptions that one peer may have. @defaultValue 1000 */
  readonly maxSubscriptions?: number;
}

/** Bytes of samples that wait for a peer that lags; beyond it those of the oldest addresses are dropped. */
const MAX_SAMPLES = 1024 * 1024;
/** What a sample costs beside its address and value. */
const SAMPLE = 256;

/** A sample that waits, and what it costs. */
interface Held {
  readonly signal: Signal;
  readonly bytes: number;
}

/** How messages to a JSON client name the kinds of signal. */
const TYPES = { param: 'value', event: 'event', stream: 'stream', gesture: 'gesture', timeline: 'timeline' } as const;

/**
 * One peer that speaks JSON over something like a WebSocket: takes its messages, acts as `client`, and sends answers
 * and signals. Never throws; what is wrong with a message is an `error` to its sender. The client is not closed here.
 */
export class JsonSession {
  readonly #client: Client;
  readonly #options: JsonSessionOptions;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #asked = new Subscription();
  /** Params and samples that wait for a peer that lags, newest per address. */
  readonly #held = new Map<string, Signal>();
  readonly #samples = new Map<string, Held>();
  #sampleBytes = 0;
  /** What came last: it comes once from each subscription that it matches. */
  #last: Signal | undefined;
  #closed = false;

  constructor(client: Client, options: JsonSessionOptions) {
    this.#client = client;
    this.#options = options;
  }

  /** Takes one message. */
  receive(text: string): void {
    if (this.#closed) return;
    let request: JsonRequest;
    try {
      request = parseJsonRequest(text);
    } catch (cause) {
      const error = ClaspError.from(cause, ErrorCode.BadMessage);
      const map = (error.value ?? {}) as { readonly [key: string]: Value };
      this.#refuse(error, typeof map['type'] === 'string' ? map['type'] : '', map['id']);
      return;
    }
    this.#asked.add(
      // As text within: what there is may be longer than a text can be.
      defer(() => this.#answer(request).pipe(map(stringifyJson))).subscribe({
        next: (text) => this.#sendText(text),
        error: (cause) =>
          this.#refuse(ClaspError.from(cause, ErrorCode.Internal), request.type, request.id, aboutOf(request)),
      }),
    );
  }

  /** The peer can take more. */
  relieved(): void {
    for (const [address, signal] of this.#held) {
      if (this.#options.congested()) return;
      this.#held.delete(address);
      this.#sendSignal(signal);
    }
    for (const [address, { signal }] of this.#samples) {
      if (this.#options.congested()) return;
      this.#drop(address);
      this.#sendSignal(signal);
    }
  }

  /** Ends its subscriptions. */
  close(): void {
    this.#closed = true;
    this.#asked.unsubscribe();
    for (const subscription of this.#subscriptions.values()) subscription.unsubscribe();
    this.#subscriptions.clear();
    this.#held.clear();
    this.#samples.clear();
  }

  #answer(request: JsonRequest): Observable<Value> {
    const client = this.#client;
    const ok = (about: { readonly [key: string]: Value } = {}) =>
      request.id === undefined ? EMPTY : of({ type: 'ok', ...idOf(request), ...about });
    switch (request.type) {
      case 'set':
        return client
          .set(request.address, request.value, request.options)
          .pipe(mergeMap(({ revision = 0 }) => ok({ address: request.address, revision: BigInt(revision) })));
      case 'get':
        checked(request.address); // a pattern would be answered with some param
        return readParams(client, request.address).pipe(
          map(([param]) => {
            const found = param ? signalJson(param) : { address: request.address, value: null, revision: 0n };
            return { type: 'value', ...found, ...idOf(request) };
          }),
        );
      case 'emit':
        return client.emit(request.address, request.value).pipe(mergeMap(() => ok()));
      case 'stream':
        this.#stream(request.address, request.value);
        return ok();
      case 'subscribe':
        this.#subscribe(request);
        return EMPTY;
      case 'unsubscribe':
        this.#unsubscribe(request.pattern);
        return ok();
      case 'snapshot': {
        const prefix = request.prefix.replace(/^\/+|\/+$/g, '');
        return readParams(client, prefix === '' ? '/**' : `/${prefix}/**`).pipe(
          map((params) => {
            const state = Object.fromEntries(params.map(({ address, value }) => [address, value]));
            return { type: 'snapshot', state, ...idOf(request) };
          }),
        );
      }
    }
  }

  /** A sample has no answer: what the client or the relay says about it at once is thrown. */
  #stream(address: string, value: Value): void {
    checked(address);
    let lost: ClaspError | undefined;
    const errors = this.#client.errors.subscribe((error) => {
      if ((error.address ?? address) === address) lost ??= error;
    });
    this.#client.stream(address, value);
    errors.unsubscribe();
    if (lost) throw lost;
  }

  #unsubscribe(pattern: string): void {
    const subscription = this.#subscriptions.get(pattern);
    if (!subscription) {
      throw new ClaspError(ErrorCode.NotFound, `there is no subscription to ${pattern}`, { address: pattern });
    }
    subscription.unsubscribe();
    this.#subscriptions.delete(pattern);
  }

  #subscribe(request: JsonRequest & { readonly type: 'subscribe' }): void {
    const { pattern, types, maxRate, epsilon } = request;
    const { maxSubscriptions = 1000 } = this.#options;
    if (!this.#subscriptions.has(pattern) && this.#subscriptions.size >= maxSubscriptions) {
      throw new ClaspError(ErrorCode.TooMany, `too many subscriptions, at most ${maxSubscriptions}`);
    }
    // The same pattern again: the new options count.
    this.#subscriptions.get(pattern)?.unsubscribe();
    let answered = false;
    const synced = () => {
      this.#send({ type: 'synced', pattern, ...(answered ? {} : idOf(request)) });
      answered = true;
    };
    const options = {
      synced,
      ...(types && { types }),
      ...(maxRate !== undefined && { maxRate }),
      ...(epsilon !== undefined && { epsilon }),
    };
    const subscription = this.#client.on(pattern, options).subscribe({
      next: (signal) => this.#deliver(signal),
      error: (cause) => {
        this.#subscriptions.delete(pattern);
        this.#refuse(ClaspError.from(cause, ErrorCode.Internal), request.type, request.id);
      },
    });
    if (!subscription.closed) this.#subscriptions.set(pattern, subscription);
  }

  #deliver(signal: Signal): void {
    if (signal === this.#last) return;
    this.#last = signal;
    const { kind, address } = signal;
    if (this.#options.congested() || this.#held.size > 0 || this.#samples.size > 0) {
      if (kind === 'gesture' && signal.phase === 'move') return;
      if (kind === 'param') {
        this.#held.set(address, signal);
        return;
      }
      if (kind === 'stream') {
        this.#hold(signal);
        return;
      }
    }
    this.#sendSignal(signal);
  }

  /** Keeps a sample for later. There may be ever new addresses, so the oldest are dropped when it is too much. */
  #hold(signal: Stream): void {
    const { address, value, samples } = signal;
    const bytes = SAMPLE + 2 * address.length + valueBytes(value) + 8 * (samples?.length ?? 0);
    this.#sampleBytes += bytes - (this.#samples.get(address)?.bytes ?? 0);
    this.#samples.set(address, { signal, bytes });
    for (const oldest of this.#samples.keys()) {
      if (this.#sampleBytes <= MAX_SAMPLES) return;
      this.#drop(oldest);
    }
  }

  #drop(address: string): void {
    this.#sampleBytes -= this.#samples.get(address)?.bytes ?? 0;
    this.#samples.delete(address);
  }

  #sendSignal(signal: Signal): void {
    this.#send({ type: TYPES[signal.kind], ...signalJson(signal) });
  }

  #refuse(error: ClaspError, requestType: string, id: Value | undefined, about?: string): void {
    const fault = errorJson(error, about);
    this.#send({ type: 'error', ...fault, request_type: requestType, ...(id !== undefined && { id }) });
  }

  #send(message: Value): void {
    if (!this.#closed) this.#sendText(stringifyJson(message));
  }

  #sendText(text: string): void {
    if (!this.#closed) this.#options.send(text);
  }
}

function checked(address: string): void {
  const malformed = checkAddress(address);
  if (malformed) throw malformed;
}

/** The address or pattern that a request is about. */
function aboutOf(request: JsonRequest): string | undefined {
  if ('address' in request) return request.address;
  return 'pattern' in request ? request.pattern : undefined;
}

function idOf({ id }: JsonRequest): { readonly id?: Value } {
  return id === undefined ? {} : { id };
}
