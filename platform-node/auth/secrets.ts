import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { newPlainToken } from '../../core/token/plain-token.ts';
import { readTokenFile, type StaticToken, staticToken } from '../../core/token/token-file.ts';
import { nodeTokenCrypto } from '../token/node-token-crypto.ts';
import type { AuthConfig, SecretSource } from './auth-config.ts';

/** Characters that the administrator's token has at least. */
const MIN_ADMIN = 20;

/** A secret from where it stands, without the line break at its end. Throws a `ClaspError` 402 that names the place, never the secret. */
function readSecret(source: SecretSource, what: string): string {
  if (typeof source === 'string') return source;
  if ('env' in source) {
    const value = process.env[source.env];
    if (value === undefined || value === '') throw wrong(`${what}: the variable ${source.env} is not set`);
    return value;
  }
  return textOf(source.file, what).trim();
}

/**
 * The administrator's token of a file, which is made, with 0600, where there is none. Throws a `ClaspError` 402 for a file
 * that others may read, and for a text that is too short to be a secret.
 */
export function readAdminToken(source: SecretSource): string {
  const fromEnv = typeof source !== 'string' && 'env' in source;
  const path = typeof source === 'string' ? source : 'file' in source ? source.file : '';
  const token = fromEnv ? readSecret(source, 'auth.adminToken').trim() : ofFile(path);
  const place = fromEnv ? `the variable ${source.env}` : path;
  if (token.length < MIN_ADMIN || /\s/.test(token)) {
    throw wrong(`auth.adminToken: ${place} must hold one token of ${MIN_ADMIN} or more characters without spaces`);
  }
  return token;
}

function ofFile(path: string): string {
  try {
    const made = newPlainToken(nodeTokenCrypto);
    writeFileSync(path, `${made}\n`, { mode: 0o600, flag: 'wx' });
    // The mask of the process may take rights away, never give some; this is for file systems that have none.
    chmodSync(path, 0o600);
    return made;
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code !== 'EEXIST') throw wrong(`auth.adminToken: ${path} cannot be made (${code ?? String(cause)})`, cause);
  }
  const { mode } = statSync(path);
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    throw wrong(`auth.adminToken: others may read ${path}; chmod 600 ${path}`);
  }
  return textOf(path, 'auth.adminToken').trim();
}

/** The static tokens of a configuration. Throws a `ClaspError` 402 that names the entry or the line, never the token. */
export function readTokens({ tokens = [] }: AuthConfig): readonly StaticToken[] {
  if (typeof tokens === 'string') {
    const file = readTokenFile(textOf(tokens, 'auth.tokens'));
    const [mistake] = file.mistakes;
    if (mistake) throw wrong(`auth.tokens: ${tokens}${mistake.line > 0 ? `:${mistake.line}` : ''}: ${mistake.reason}`);
    return file.tokens;
  }
  return tokens.map(({ token, sha256, scopes, name }, index) => {
    const place = `auth.tokens[${index}]`;
    if ((token === undefined) === (sha256 === undefined)) throw wrong(`${place} needs one of "token" and "sha256"`);
    try {
      return staticToken({ token: token && readSecret(token, `${place}.token`), sha256, scopes, name });
    } catch (cause) {
      if (cause instanceof ClaspError && cause.reason.startsWith(place)) throw cause;
      throw wrong(`${place}: ${cause instanceof ClaspError ? cause.reason : String(cause)}`, cause);
    }
  });
}

/** What a file holds. Throws a `ClaspError` 402 that says in one line why it cannot be read. */
function textOf(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw wrong(
      code === 'ENOENT' ? `${what}: there is no file ${path}` : `${what}: ${path} cannot be read (${code})`,
      cause,
    );
  }
}

function wrong(reason: string, cause?: unknown): ClaspError {
  return new ClaspError(ErrorCode.BadValue, reason, cause === undefined ? {} : { cause });
}
