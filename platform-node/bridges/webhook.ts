import { type SchedulerLike, Subscription } from 'rxjs';
import type { Client } from '../../core/client/client.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { signalJson } from '../../core/protocols/http/http.ts';
import { stringifyJson } from '../../core/signal/json.ts';
import type { Signal, SignalKind } from '../../core/signal/signal.ts';
import { scheduleOnce } from '../../core/time/schedule-once.ts';
import { withoutSecrets } from './without-secrets.ts';

/** A URL that is called when something happens. */
export interface Webhook {
  /** Which addresses. */
  readonly pattern: string;
  /** What is called; `{address}` in it stands for the address, percent-encoded, without its leading slash. */
  readonly url: string;
  /** Which kinds of signal. @defaultValue every kind */
  readonly types?: readonly SignalKind[];
  /** @defaultValue 'POST' */
  readonly method?: 'POST' | 'PUT' | 'GET';
  /** Sent with each call. @defaultValue none */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface OutgoingHttpOptions {
  /** Told what did not get through. */
  readonly failed: (failure: ClaspError) => void;
  /** Timer. */
  readonly scheduler: SchedulerLike;
}

/** Calls that may wait; beyond it the oldest is dropped and told as a failure. */
const MAX_WAITING = 1000;
/** Milliseconds that one call may take. */
const TIMEOUT = 10_000;
/** Milliseconds before each further attempt, when nobody answers or the answer is 5xx. */
const RETRIES = [500, 2_000, 8_000];

/**
 * Calls a URL for each signal, with `{ kind, address, value, … }` as JSON, one after the other in order; of a param
 * that changes faster than the far side answers, only the newest value. What exists already is not told.
 */
export function webhook(client: Client, hook: Webhook, { failed, scheduler }: OutgoingHttpOptions): Subscription {
  const { pattern, url, types, method = 'POST', headers = {} } = hook;
  const shown = withoutSecrets(url);
  const waiting = new Map<unknown, Signal>();
  const running = new Subscription();
  const abort = new AbortController();
  running.add(() => abort.abort());
  let calling = false;

  const attempt = async (signal: Signal): Promise<void> => {
    const { address } = signal;
    const target = url.replaceAll('{address}', encodeURIComponent(address.slice(1)));
    const body = stringifyJson({ kind: signal.kind, ...(signalJson(signal) as object) });
    const response = await fetch(target, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      ...(method !== 'GET' && { body }),
      signal: AbortSignal.any([abort.signal, AbortSignal.timeout(TIMEOUT)]),
    });
    await response.body?.cancel();
    if (response.status >= 500)
      throw new ClaspError(ErrorCode.Timeout, `${shown} answered ${response.status}`, { address });
    // What the far side refuses, it would refuse again.
    if (!response.ok) failed(new ClaspError(ErrorCode.Refused, `${shown} answered ${response.status}`, { address }));
  };

  const call = async (signal: Signal): Promise<void> => {
    for (const pause of [...RETRIES, undefined]) {
      try {
        return await attempt(signal);
      } catch (cause) {
        if (abort.signal.aborted) return;
        if (pause === undefined) {
          const reason = cause instanceof ClaspError ? cause.reason : `${shown} cannot be reached: ${causeOf(cause)}`;
          failed(new ClaspError(ErrorCode.Timeout, reason, { address: signal.address, cause }));
          return;
        }
        await new Promise<void>((resolve) => scheduleOnce(running, scheduler, pause, resolve));
      }
    }
  };

  const work = async (): Promise<void> => {
    if (calling) return;
    calling = true;
    for (const [key, signal] of waiting) {
      waiting.delete(key);
      await call(signal);
      if (running.closed) return;
    }
    calling = false;
  };

  running.add(
    client.on(pattern, types ? { types } : {}).subscribe({
      next: (signal) => {
        if (signal.kind === 'param' && signal.snapshot) return;
        waiting.set(signal.kind === 'param' ? signal.address : signal, signal);
        if (waiting.size > MAX_WAITING) {
          const [oldest] = waiting.keys();
          waiting.delete(oldest);
          failed(new ClaspError(ErrorCode.Overloaded, `${shown} is too slow`, { address: signal.address }));
        }
        void work();
      },
      error: (cause) => failed(ClaspError.from(cause, ErrorCode.Internal)),
    }),
  );
  return running;
}

/** What stopped a `fetch`, in words: its own message only says that it failed. */
export function causeOf(failure: unknown): string {
  const cause = failure instanceof Error ? (failure.cause ?? failure) : failure;
  if (cause instanceof AggregateError) return causeOf(cause.errors[0]);
  return cause instanceof Error ? cause.message : String(cause);
}
