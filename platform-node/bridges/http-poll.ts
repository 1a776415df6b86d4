import { Subscription } from 'rxjs';
import type { Client } from '../../core/client/client.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { parseJson } from '../../core/signal/json.ts';
import type { Value } from '../../core/signal/value.ts';
import { sameValue } from '../../core/signal/value.ts';
import { scheduleOnce } from '../../core/time/schedule-once.ts';
import { causeOf, type OutgoingHttpOptions } from './webhook.ts';
import { withoutSecrets } from './without-secrets.ts';

/** A URL that is read into a param again and again. */
export interface HttpPoll {
  readonly url: string;
  /** The address of the param. */
  readonly to: string;
  /** Seconds between two readings. */
  readonly every: number;
  /** What to take from the JSON: `main.temp`, `list.0.id`. @defaultValue all of it */
  readonly path?: string;
  /** Sent with each request. @defaultValue none */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Milliseconds that one reading may take. */
const TIMEOUT = 10_000;
/** Bytes of an answer. */
const LONGEST = 1024 * 1024;

/** Reads a URL now and every so often; JSON as a value, anything else as text. Writes when what it takes has changed. */
export function poll(
  client: Client,
  { url, to, every, path, headers = {} }: HttpPoll,
  options: OutgoingHttpOptions,
): Subscription {
  const { failed, scheduler } = options;
  const shown = withoutSecrets(url);
  const running = new Subscription();
  const abort = new AbortController();
  running.add(() => abort.abort());
  let last: Value | undefined;

  const read = async (): Promise<void> => {
    const response = await fetch(url, {
      headers,
      signal: AbortSignal.any([abort.signal, AbortSignal.timeout(TIMEOUT)]),
    });
    if (!response.ok) throw new ClaspError(ErrorCode.Refused, `${shown} answered ${response.status}`);
    const value = pick(jsonOrText(await textOf(response, shown)), path, shown);
    if (last !== undefined && sameValue(value, last)) return;
    await client.set(to, value);
    last = value;
  };

  const again = async (): Promise<void> => {
    try {
      await read();
    } catch (cause) {
      if (running.closed) return;
      const reason = cause instanceof ClaspError ? cause.reason : `${shown} cannot be read: ${causeOf(cause)}`;
      failed(
        new ClaspError(cause instanceof ClaspError ? cause.code : ErrorCode.Timeout, reason, { address: to, cause }),
      );
    }
    if (!running.closed) scheduleOnce(running, scheduler, every * 1000, again);
  };
  void again();
  return running;
}

async function textOf(response: Response, url: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    if (text.length > LONGEST) throw new ClaspError(ErrorCode.BadValue, `${url} answers more than ${LONGEST} bytes`);
  }
  return text;
}

function jsonOrText(text: string): Value {
  try {
    return parseJson(text, 0, true);
  } catch (cause) {
    if (cause instanceof ClaspError && cause.cause === undefined) throw cause; // JSON, but no value
    return text;
  }
}

function pick(value: Value, path: string | undefined, url: string): Value {
  let at: Value | undefined = value;
  for (const key of path?.split('.') ?? []) {
    at =
      typeof at === 'object' && at !== null && Object.hasOwn(at, key) ? (at as Record<string, Value>)[key] : undefined;
    if (at === undefined) throw new ClaspError(ErrorCode.BadValue, `${url} answers no "${path}"`, { value });
  }
  return at;
}
