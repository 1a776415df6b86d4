import { readScopes, scopeText } from '../address/scope-within.ts';
import { ClaspError, ErrorCode } from '../errors.ts';
import { MAX_TOKEN_LENGTH } from './capability-bytes.ts';

/** A token that the configuration gives, by itself or by its hash. */
export interface StaticToken {
  /** The token; undefined where only its hash is known. */
  readonly token: string | undefined;
  /** SHA-256 of the token in lower-case hex; undefined where the token itself is known. */
  readonly sha256: string | undefined;
  /** `action:pattern`. */
  readonly scopes: readonly string[];
  readonly name: string | undefined;
  /** Milliseconds since the Unix epoch; undefined: for ever. */
  readonly expiresAt: number | undefined;
}

/** A line or entry of a token file that cannot be used. */
interface TokenFileMistake {
  /** From 1; 0 where the file as a whole is meant. */
  readonly line: number;
  /** What is wrong; without the token. */
  readonly reason: string;
}

/** What a token file holds, and what in it cannot be used. */
export interface TokenFile {
  readonly tokens: readonly StaticToken[];
  readonly mistakes: readonly TokenFileMistake[];
}

const EVERYTHING = ['admin:/**'] as const;

/**
 * Reads a token file: lines `TOKEN [scope,scope…]` with `#` comments, where no scopes means `admin:/**` and a TOKEN may
 * be `sha256:HEX`; or the JSON that `clasp-rx token create` keeps. Never throws: what cannot be used is told by its line.
 */
export function readTokenFile(text: string): TokenFile {
  const trimmed = text.trimStart();
  return trimmed.startsWith('{') ? ofJson(trimmed) : ofLines(text);
}

function ofLines(text: string): TokenFile {
  const tokens: StaticToken[] = [];
  const mistakes: TokenFileMistake[] = [];
  const seen = new Set<string>();
  for (const [at, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.replace(/(^|\s)#.*$/, '').trim();
    if (line === '') continue;
    const [token = '', list = '', ...rest] = line.split(/\s+/);
    try {
      if (rest.length > 0) throw new Error('a line is TOKEN [scope,scope…], with spaces between the two only');
      const scopes = list === '' ? EVERYTHING : list.split(',').filter((scope) => scope !== '');
      const entry = staticToken({ token, scopes });
      if (seen.has(token)) throw new Error('the same token again');
      seen.add(token);
      tokens.push(entry);
    } catch (cause) {
      mistakes.push({ line: at + 1, reason: reasonOf(cause) });
    }
  }
  return { tokens, mistakes };
}

function ofJson(text: string): TokenFile {
  let entries: [string, unknown][];
  try {
    const { tokens } = JSON.parse(text) as { tokens?: unknown };
    if (typeof tokens !== 'object' || tokens === null) throw new Error('it has no "tokens"');
    entries = Object.entries(tokens);
  } catch (cause) {
    // What a parser says of JSON quotes it, and with it a token.
    const reason = cause instanceof SyntaxError ? 'not JSON' : reasonOf(cause);
    return { tokens: [], mistakes: [{ line: 0, reason }] };
  }
  const tokens: StaticToken[] = [];
  const mistakes: TokenFileMistake[] = [];
  for (const [at, [token, entry]] of entries.entries()) {
    try {
      const { scopes, subject, expires_at: seconds } = (entry ?? {}) as Record<string, unknown>;
      if (seconds !== undefined && seconds !== null && !(Number(seconds) >= 0))
        throw new Error('"expires_at" is no time');
      const expiresAt = seconds === undefined || seconds === null ? undefined : Number(seconds) * 1000;
      tokens.push({
        ...staticToken({
          token,
          scopes: scopes as string[],
          ...(typeof subject === 'string' ? { name: subject } : {}),
        }),
        expiresAt,
      });
    } catch (cause) {
      mistakes.push({ line: 0, reason: `entry ${at + 1}: ${reasonOf(cause)}` });
    }
  }
  return { tokens, mistakes };
}

/**
 * A token of the configuration. Throws a `ClaspError` 402 for a text that cannot be a token, 202 for a scope that does
 * not parse.
 */
export function staticToken(given: {
  readonly token?: string | undefined;
  readonly sha256?: string | undefined;
  readonly scopes?: readonly string[] | undefined;
  readonly name?: string | undefined;
}): StaticToken {
  const { scopes = EVERYTHING, name } = given;
  const sha256 = given.sha256 ?? (given.token?.startsWith('sha256:') ? given.token.slice('sha256:'.length) : undefined);
  const compiled = readScopes(scopes).map(scopeText);
  if (sha256 !== undefined) {
    if (!/^[0-9a-fA-F]{64}$/.test(sha256)) throw new ClaspError(ErrorCode.BadValue, 'a SHA-256 has 64 hex digits');
    return { token: undefined, sha256: sha256.toLowerCase(), scopes: compiled, name, expiresAt: undefined };
  }
  const { token = '' } = given;
  if (token === '' || token.length > MAX_TOKEN_LENGTH || /\s/.test(token)) {
    throw new ClaspError(ErrorCode.BadValue, `a token has 1 to ${MAX_TOKEN_LENGTH} characters and no spaces`);
  }
  return { token, sha256: undefined, scopes: compiled, name, expiresAt: undefined };
}

function reasonOf(cause: unknown): string {
  if (cause instanceof ClaspError) return cause.reason;
  return cause instanceof Error ? cause.message : String(cause);
}
