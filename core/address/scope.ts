import { ClaspError, ErrorCode } from '../errors.ts';
import { compilePattern, type Pattern, patternsOverlap } from './pattern.ts';

/** What a scope permits. `admin` includes `write`, `write` includes `read`. */
export type ScopeAction = 'read' | 'write' | 'admin';

/** One permission: an action on every address that a pattern matches. */
export interface Scope {
  readonly action: ScopeAction;
  readonly pattern: Pattern;
}

const RANK: Readonly<Record<ScopeAction, number>> = { read: 0, write: 1, admin: 2 };

/**
 * Reads `action:pattern`, for example `write:/lights/**`. Throws a `ClaspError` with code 202 when the action is not
 * read, write or admin, or the pattern is not one.
 */
export function parseScope(scope: string): Scope {
  const colon = scope.indexOf(':');
  const action = scope.slice(0, Math.max(colon, 0));
  if (action !== 'read' && action !== 'write' && action !== 'admin') {
    throw new ClaspError(ErrorCode.BadPattern, `scope must start with "read:", "write:" or "admin:": ${quote(scope)}`, {
      value: scope,
    });
  }
  try {
    return { action, pattern: compilePattern(scope.slice(colon + 1)) };
  } catch (cause) {
    const { reason, address } = ClaspError.from(cause, ErrorCode.BadPattern);
    throw new ClaspError(ErrorCode.BadPattern, `scope ${action}: ${reason}`, { address, value: scope, cause });
  }
}

/** What a session may do. Made by {@link scopes}; immutable, may be shared between sessions. */
export class Scopes {
  /** The permissions as they were given. */
  readonly list: readonly Scope[];
  /** Per rank, the patterns that permit it; `undefined` where everything is permitted. */
  readonly #permitting: readonly (readonly Pattern[] | undefined)[];
  readonly #unlimited: boolean;

  /** @internal Use {@link scopes}. */
  constructor(list: readonly Scope[]) {
    this.list = list;
    this.#permitting = [RANK.read, RANK.write, RANK.admin].map((rank) => {
      const patterns = list.filter(({ action }) => RANK[action] >= rank).map(({ pattern }) => pattern);
      return patterns.some((pattern) => pattern.everything) ? undefined : patterns;
    });
    this.#unlimited = this.#permitting.every((patterns) => patterns === undefined);
  }

  /** Whether `action` is permitted on `address`. */
  allows(action: ScopeAction, address: string): boolean {
    if (this.#unlimited) return true;
    const patterns = this.#permitting[RANK[action]];
    if (patterns === undefined) return true;
    for (const pattern of patterns) if (pattern.matches(address)) return true;
    return false;
  }

  /** Whether `action` is permitted on at least one address that `pattern` matches. */
  overlaps(action: ScopeAction, pattern: Pattern | string): boolean {
    const compiled = typeof pattern === 'string' ? compilePattern(pattern) : pattern;
    if (this.#unlimited) return true;
    const patterns = this.#permitting[RANK[action]];
    return patterns === undefined || patterns.some((permitted) => patternsOverlap(permitted, compiled));
  }
}

/**
 * Compiles a list of `action:pattern`. An empty list permits nothing. Throws what {@link parseScope} throws.
 *
 * @example
 * ```ts
 * const guest = scopes(['read:/**', 'write:/lights/**']);
 * guest.allows('write', '/lights/1'); // true
 * guest.allows('write', '/sound/1'); // false
 * ```
 */
export function scopes(list: readonly string[]): Scopes {
  return new Scopes(list.map(parseScope));
}

/** Everything is permitted: the scopes of a relay without authentication. */
export const ALL_SCOPES: Scopes = scopes(['admin:/**']);

function quote(scope: string): string {
  return JSON.stringify(scope.length > 48 ? `${scope.slice(0, 48)}…` : scope);
}
