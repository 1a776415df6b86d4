import { map, Observable, Subscription, take } from 'rxjs';
import type { Client } from '../../core/client/client.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { UsageError } from './command.ts';

/** Where the relay is: options of every command that talks to one. */
export const targetOptions = {
  url: {
    kind: 'text',
    placeholder: 'URL',
    help: 'where the relay is',
    env: 'CLASP_URL',
    fallback: 'ws://localhost:7330',
  },
  token: { kind: 'text', placeholder: 'TOKEN', help: 'the token the relay asks for', env: 'CLASP_TOKEN' },
} as const;

/** The option of every command that prints data. */
export const jsonOption = { json: { kind: 'flag', help: 'print JSON, one object a line' } } as const;

/** The option of commands that may be started before their relay is. */
export const waitOption = {
  wait: { kind: 'flag', help: 'wait for a relay that is not up yet, for as long as it takes' },
} as const;

/** Where a command finds its relay. */
export interface Target {
  readonly url: string;
  readonly token?: string | undefined;
}

/** Starts a client for a relay. */
export type Connect = (target: Target) => Client;

export interface ClientRun<T> {
  readonly target: Target;
  readonly stop: Observable<unknown>;
  /** It goes on until it is stopped: `stop` completes it, and a connection that is lost later is waited for. @defaultValue false */
  readonly patient?: boolean;
  /**
   * A relay that is not there yet is waited for, and this says so: once, again when it is for another reason, and with
   * undefined when the relay is there. @defaultValue it fails
   */
  readonly waiting?: ((why: ClaspError | undefined) => T) | undefined;
  /** What is done once the client is connected. */
  use(client: Client): Observable<T>;
}

/**
 * What `use` makes of a connected client, which is closed at the end. Errors, in words that say what to do, when the
 * relay refuses the session, cannot be reached and is not waited for, and, unless `patient`, when the connection is lost
 * or on `stop`.
 */
export function withClient<T>(connect: Connect, run: ClientRun<T>): Observable<T> {
  const { target, stop, patient = false, waiting, use } = run;
  return new Observable((out) => {
    checkUrl(target.url);
    const client = connect(target);
    const running = new Subscription(() => client.close());
    let used = false;
    let told: string | undefined;
    out.add(running);

    running.add(
      patient
        ? stop.subscribe(() => out.complete())
        : interruption(stop).subscribe({ error: (cause) => out.error(cause) }),
    );
    running.add(
      client.status.subscribe((status) => {
        if (status.state === 'connected') {
          if (used) return;
          used = true;
          if (waiting && told !== undefined) out.next(waiting(undefined));
          running.add(use(client).subscribe(out));
        } else if (!used && waiting && status.state === 'disconnected') {
          const why = unreachable(target, status.reason, 'waiting for it');
          // Each attempt fails anew, mostly for the same reason.
          if (why.reason !== told) out.next(waiting(why));
          told = why.reason;
        } else if (status.state === 'closed' || (status.state === 'disconnected' && !(used && patient))) {
          out.error(used ? lost(target, status.reason) : unreachable(target, status.reason));
        }
      }),
    );
  });
}

/** Nothing, until `stop` fails it. For `takeUntil`, which passes the failure on. */
export function interruption(stop: Observable<unknown>): Observable<never> {
  return stop.pipe(
    take(1),
    map(() => {
      throw new ClaspError(ErrorCode.Timeout, 'interrupted');
    }),
  );
}

/** Throws a {@link UsageError} unless `url` is the URL of a WebSocket. */
export function checkUrl(url: string): void {
  const protocol = URL.canParse(url) ? new URL(url).protocol : '';
  if (protocol === 'ws:' || protocol === 'wss:') return;
  throw new UsageError(`--url starts with ws:// or wss://, for example ws://localhost:7330; it is "${url}"`);
}

/** Why there is no session, and what to do about it, or what is done. */
export function unreachable({ url, token }: Target, reason: ClaspError | undefined, instead?: string): ClaspError {
  const explained = (text: string, advice?: string): ClaspError => {
    const end = instead ?? advice;
    const all = end === undefined ? text : `${text}; ${end}`;
    return new ClaspError(reason?.code ?? ErrorCode.Timeout, all, { cause: reason });
  };

  if (reason?.code === ErrorCode.NotAuthenticated || reason?.code === ErrorCode.TokenExpired) {
    const advice = token === undefined ? 'give a token with --token or CLASP_TOKEN' : 'try another token';
    return explained(`${url} refused the session: ${reason.reason}`, advice);
  }
  switch (systemCode(reason)) {
    case 'ECONNREFUSED':
      return explained(
        `nothing answers at ${url} (connection refused)`,
        'start a relay with "npx clasp-rx relay" or name another with --url',
      );
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return explained(`nobody knows the host "${new URL(url).hostname}"`, 'name another with --url');
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ETIMEDOUT':
      return explained(`${url} cannot be reached (${systemCode(reason)})`, 'name another with --url');
    case 'EPROTO':
      return explained(`${url} was not answered with TLS`, 'a relay without a certificate is at ws://');
    default:
      return explained(`no session at ${url}: ${reason?.reason ?? 'the connection was closed'}`);
  }
}

function lost({ url }: Target, reason: ClaspError | undefined): ClaspError {
  const why = reason === undefined ? '' : `: ${reason.reason}`;
  return new ClaspError(reason?.code ?? ErrorCode.Timeout, `the connection to ${url} was lost${why}`, {
    cause: reason,
  });
}

/** What the operating system said, however deep it is buried. */
function systemCode(error: unknown): string | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && typeof cause.code === 'string') return cause.code;
  }
  return undefined;
}
