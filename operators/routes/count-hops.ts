import { Observable } from 'rxjs';
import type { Ack, Client, OnOptions, Reply, SetOptions, SignalCallback } from '../../core/client/client.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { GesturePhase, Signal } from '../../core/signal/signal.ts';
import type { Value } from '../../core/signal/value.ts';
import { PassedGestures } from '../../core/transforms/passed-gestures.ts';
import { PendingReply } from '../client/reply.ts';
import { write } from '../client/write.ts';
import type { HopBudget, HopVerdict } from './hop-budget.ts';

/** Open gestures that are remembered. */
const MAX_GESTURES = 65_536;

/**
 * The same client, whose writes count as passed on when it makes them while a signal is delivered to it. One that
 * would only echo is not made and answered as if it was; one beyond the budget is answered with 400.
 *
 * Params, events, samples and gestures count; the end of a gesture that is passed on is made where something of that
 * gesture was, and only there. Bundles and timelines pass as they are, and so does a write that asks for a lock or gives
 * one up.
 *
 * @example
 * ```ts
 * const client = countHops(router().client('desk'), new HopBudget());
 * ```
 */
export function countHops(client: Client, budget: HopBudget): Client {
  const gestures = new PassedGestures(MAX_GESTURES);

  function on(pattern: string, options?: OnOptions): Observable<Signal>;
  function on(pattern: string, callback: SignalCallback, options?: OnOptions): () => void;
  function on(
    pattern: string,
    given?: OnOptions | SignalCallback,
    options?: OnOptions,
  ): Observable<Signal> | (() => void) {
    if (typeof given === 'function') {
      const called: SignalCallback = (value, address, meta) => {
        const before = budget.enter({ kind: 'event', address, value });
        try {
          given(value, address, meta);
        } finally {
          budget.leave(before);
        }
      };
      return client.on(pattern, called, options);
    }
    const signals = client.on(pattern, given);
    return new Observable((out) =>
      signals.subscribe({
        next: (signal) => {
          const before = budget.enter(signal);
          try {
            out.next(signal);
          } finally {
            budget.leave(before);
          }
        },
        error: (cause) => out.error(cause),
        complete: () => out.complete(),
      }),
    );
  }

  const set: Client['set'] = (address: string, value: Value, options?: SetOptions) => {
    if (options?.lock || options?.unlock) return client.set(address, value, options);
    const answer = budget.ask(address, value);
    if (answer.verdict !== 'write') return unwritten(answer.verdict, address);
    const reply = client.set(address, value, options);
    // A refusal tells of itself on `errors`.
    if (answer.counts) reply.subscribe({ next: ({ revision }) => answer.written(revision), error: () => undefined });
    return reply;
  };
  const emit: Client['emit'] = (address, value = null, options) => {
    const { verdict } = budget.ask(address, value);
    return verdict === 'write' ? client.emit(address, value, options) : unwritten(verdict, address);
  };
  const stream: Client['stream'] = (address, value, options) => {
    if (budget.ask(address, value).verdict === 'write') client.stream(address, value, options);
  };
  const gesture: Client['gesture'] = (address: string, id: number, phase: GesturePhase, value: Value = null) => {
    const { verdict, counts } = budget.ask(address, value);
    const passed = gestures.pass(
      { kind: 'gesture', address, id, phase, value },
      verdict === 'write' ? value : undefined,
    );
    const isOwn = verdict === 'write' && !counts;
    if (isOwn || passed !== undefined) client.gesture(address, id, phase, passed === undefined ? value : passed);
  };

  const next: Client['next'] = (signal) => void write(counted, signal);
  const counted = withOther(client, { on, set, emit, stream, gesture, next });
  return counted;
}

/** The same object with other methods; what is not among them works on the object itself, which keeps its fields private. */
function withOther(client: Client, methods: Partial<Client>): Client {
  const other: object = {};
  const names = new Set<string | symbol>();
  for (let level: object | null = client; level && level !== Object.prototype; level = Reflect.getPrototypeOf(level)) {
    for (const name of Reflect.ownKeys(level)) names.add(name);
  }
  for (const name of names) {
    const own: unknown = Reflect.get(methods, name);
    const inherited: unknown = own ?? Reflect.get(client, name);
    if (own !== undefined) Reflect.defineProperty(other, name, { value: own });
    else if (typeof inherited === 'function') Reflect.defineProperty(other, name, { value: inherited.bind(client) });
    else Reflect.defineProperty(other, name, { get: () => Reflect.get(client, name) });
  }
  return other as Client;
}

function unwritten(verdict: HopVerdict, address: string): Reply<Ack> {
  const reply = new PendingReply<Ack>();
  if (verdict === 'echo') reply.resolve({ address });
  else reply.reject(new ClaspError(ErrorCode.Conflict, `${address} is part of a loop`, { address }));
  return reply;
}
