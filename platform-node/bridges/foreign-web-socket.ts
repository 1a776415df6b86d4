import { Observable, retry, type SchedulerLike, timer } from 'rxjs';
import { WebSocket } from 'ws';
import { checkPattern, compilePattern } from '../../core/address/pattern.ts';
import type { BridgeEvent, Client } from '../../core/client/client.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { foreignJson, toForeignJson } from '../../core/protocols/http/foreign-json.ts';
import { parseJson, stringifyJson } from '../../core/signal/json.ts';
import { RecentMap } from '../../core/transforms/recent-map.ts';
import { backoffWait } from '../../operators/backoff.ts';
import type { FailureDigest } from '../../operators/failure-digest.ts';
import { withoutSecrets } from './without-secrets.ts';

export interface ForeignWebSocketOptions {
  /** `ws://` or `wss://`. */
  readonly url: string;
  /** Where what it says is written. */
  readonly namespace: string;
  /** Which addresses below the namespace are sent to it; `''` or absent for none. */
  readonly publish: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly bridge: string;
  readonly digest: FailureDigest;
  readonly scheduler: SchedulerLike;
}

/** The largest message of the far side, in bytes. */
const LARGEST = 1024 * 1024;
/** Addresses of which it is remembered what the far side said last. */
const REMEMBERED = 10_000;
/** Bytes that may wait for the far side; beyond it, what would be sent is a failure. */
const MAX_WAITING = 8 * 1024 * 1024;

/**
 * A WebSocket of somebody else that speaks JSON, joined to the relay: an object's members become params below the
 * namespace, anything else an event there, and what `publish` matches is sent as `{ name: value }`.
 *
 * Emits `ready` when it is open and `retrying` when it is lost, and comes back by itself, for as long as subscribed.
 */
export function foreignWebSocket(client: Client, options: ForeignWebSocketOptions): Observable<BridgeEvent> {
  const { url, bridge, scheduler } = options;
  const wait = backoffWait({ scheduler, random: Math.random });

  return new Observable((out) => {
    out.add(
      once(client, options)
        .pipe(
          retry({
            resetOnSuccess: true,
            delay: (cause, attempt) => {
              const retryInMs = wait(attempt);
              const reason = ClaspError.from(cause, ErrorCode.Timeout);
              out.next({ type: 'retrying', bridge, reason, retryInMs });
              return timer(retryInMs, scheduler);
            },
          }),
        )
        .subscribe(() => out.next({ type: 'ready', bridge, address: withoutSecrets(url) })),
    );
  });
}

/** One connection; emits when it is open, errors when it is over. */
function once(client: Client, { url, namespace, publish, headers, digest }: ForeignWebSocketOptions): Observable<void> {
  const shown = withoutSecrets(url);

  return new Observable((out) => {
    const socket = new WebSocket(url, { headers: { ...headers }, maxPayload: LARGEST, handshakeTimeout: 10_000 });
    /** What the far side said last, by address: it is not told its own words. */
    const heard = new RecentMap<string, string>(REMEMBERED);

    socket.on('message', (data, isBinary) => {
      try {
        if (isBinary) throw new ClaspError(ErrorCode.BadMessage, `${shown} sent bytes, text is wanted`);
        for (const { kind, address, value } of foreignJson(parseJson(data.toString(), 1, true), namespace)) {
          heard.set(address, stringifyJson(value));
          const written = kind === 'param' ? client.set(address, value) : client.emit(address, value);
          written.subscribe({ error: (cause) => digest.pass(failureAt(address, cause)) });
        }
      } catch (cause) {
        digest.pass(ClaspError.from(cause, ErrorCode.BadMessage));
      }
    });
    socket.on('open', () => {
      out.next();
      const patterns = publish.map((pattern) => (checkPattern(pattern) ? undefined : compilePattern(pattern)));
      for (const [index, pattern] of publish.entries()) {
        out.add(
          client.on(pattern, { types: ['param', 'event', 'stream'] }).subscribe({
            next: (signal) => {
              // What several patterns match comes under each: the first says it.
              if (patterns.findIndex((each) => each?.matches(signal.address)) !== index) return;
              if (!('value' in signal) || heard.get(signal.address) === stringifyJson(signal.value)) return;
              heard.delete(signal.address);
              if (socket.bufferedAmount > MAX_WAITING) {
                digest.pass(new ClaspError(ErrorCode.Overloaded, `${shown} is too slow`, { address: signal.address }));
                return;
              }
              socket.send(stringifyJson(toForeignJson(signal.address, signal.value, namespace)));
            },
            error: (cause) => digest.pass(ClaspError.from(cause, ErrorCode.Internal)),
          }),
        );
      }
    });
    let why = 'closed';
    socket.on('error', (cause) => {
      why = cause.message;
    });
    socket.on('close', (code, reason) => {
      const said = reason.length > 0 ? `${why}: ${reason}` : why;
      out.error(new ClaspError(ErrorCode.Timeout, `${shown}: ${said} (${code})`));
    });
    return () => socket.terminate();
  });
}

/** Why something was not written, with where it was to be. */
function failureAt(address: string, cause: unknown): ClaspError {
  const { code, reason, address: named } = ClaspError.from(cause, ErrorCode.Internal);
  return new ClaspError(code, reason, { address: named ?? address, cause });
}
