import { catchError, defer, from, isObservable, map, type Observable, of, take, throwError, throwIfEmpty } from 'rxjs';
import { ALL_SCOPES, Scopes, scopes } from '../../core/address/scope.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { HelloMessage } from '../../core/wire/message.ts';

/** What an authenticated session may do. */
export interface Grant {
  /** `action:pattern`, or compiled already. */
  readonly scopes: readonly string[] | Scopes;
  /** When the grant ends, milliseconds since the Unix epoch: the session then gets ERROR 302 and is closed. */
  readonly expiresAt?: number | undefined;
  /**
   * Whose grant it is, as the token says: by it the relay knows who repeats a frame of QoS 2, wherever it comes from.
   * @defaultValue told by the client's name and the address of its peer
   */
  readonly subject?: string | undefined;
  /** Of the token: may stand in logs, where the token may not. */
  readonly id?: string | undefined;
  /**
   * Emits when the right is withdrawn before its time: the session then gets this ERROR and is closed. Listened to as
   * long as the session lasts; what it errors with ends the session too. @defaultValue never
   */
  readonly ended?: Observable<ClaspError> | undefined;
}

/** How somebody who asks to be let in introduces itself. */
export interface Introduction extends HelloMessage {
  /** The IP address of the peer, without its port; of the one behind a proxy that is trusted. @defaultValue not known */
  readonly peer?: string | undefined;
  /** Whether what it sends is encrypted on the way. @defaultValue not known */
  readonly secure?: boolean | undefined;
  /** The user name of an MQTT client; other ways in have none. */
  readonly username?: string | undefined;
}

/**
 * Decides what the bearer of a token may do. Gives a {@link Grant}, at once or later (the first value counts), or
 * throws a `ClaspError` with code 300 (missing or invalid) or 302 (expired), whose reason the peer is told. Whatever else it
 * throws is 300 `not authenticated` to the peer, and the cause of the error that the relay's own events carry.
 */
export type Authenticate = (
  token: string | undefined,
  hello: Introduction,
) => Grant | PromiseLike<Grant> | Observable<Grant>;

/** A grant with its scopes compiled. */
export interface CompiledGrant {
  readonly scopes: Scopes;
  readonly expiresAt: number | undefined;
  readonly subject?: string | undefined;
  readonly id?: string | undefined;
  readonly ended?: Observable<ClaspError> | undefined;
}

/** Everything is permitted for ever: what a relay without authentication grants. */
const OPEN_GRANT: CompiledGrant = { scopes: ALL_SCOPES, expiresAt: undefined };

/** Asks `authenticate`, in the one place where it may throw. Emits one grant, or errors with a `ClaspError`. */
export function askForGrant(authenticate: Authenticate | undefined, hello: Introduction): Observable<CompiledGrant> {
  if (!authenticate) return of(OPEN_GRANT);
  return defer(() => {
    const answer = authenticate(hello.token, hello);
    if (isObservable(answer)) return answer;
    return 'then' in answer ? from(answer) : of(answer);
  }).pipe(
    take(1),
    throwIfEmpty(() => notAuthenticated(undefined)),
    map(compileGrant),
    // What a database says of its password is not for somebody who has not even come in.
    catchError((cause) => throwError(() => (cause instanceof ClaspError ? cause : notAuthenticated(cause)))),
  );
}

/**
 * A grant with its scopes compiled, of a grant or of scopes alone, which last for ever. Throws a `ClaspError` 300 for one
 * whose end is no time, 202 for a scope that does not parse.
 */
export function compileGrant(given: Grant | Scopes | readonly string[]): CompiledGrant {
  if (given instanceof Scopes) return { scopes: given, expiresAt: undefined };
  if (isScopeList(given)) return { scopes: scopes(given), expiresAt: undefined };
  const { scopes: permitted, expiresAt, subject, id, ended } = given;
  // As of a token without "exp": compared with any time it is false, and the grant would never end.
  if (expiresAt !== undefined && Number.isNaN(Number(expiresAt))) {
    throw new ClaspError(ErrorCode.NotAuthenticated, `expiresAt of the grant must be a time, not ${expiresAt}`);
  }
  return { scopes: permitted instanceof Scopes ? permitted : scopes(permitted), expiresAt, subject, id, ended };
}

function isScopeList(given: Grant | readonly string[]): given is readonly string[] {
  return Array.isArray(given);
}

function notAuthenticated(cause: unknown): ClaspError {
  return new ClaspError(ErrorCode.NotAuthenticated, 'not authenticated', cause === undefined ? {} : { cause });
}
