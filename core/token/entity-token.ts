import { patternsOverlap } from '../address/pattern.ts';
import { parseScope, type Scope } from '../address/scope.ts';
import { patternWithin, readScopes, scopeText } from '../address/scope-within.ts';
import { type Answer, follow, type Steps, wait } from '../answer.ts';
import { ClaspError, ErrorCode } from '../errors.ts';
import { base64url, fromBase58 } from './bytes-text.ts';
import { MAX_TOKEN_LENGTH } from './capability-bytes.ts';
import { entityIdOf } from './ed25519-key.ts';
import { Malformed, TokenReader, TokenWriter } from './token-bytes.ts';
import type { TokenCrypto } from './token-crypto.ts';

/** What every entity token begins with. */
export const ENTITY_PREFIX = 'ent_';
const ID_PREFIX = 'clasp:';
const ID_BYTES = 16;
const SIGNATURE_BYTES = 64;
/** Seconds by which a clock may be ahead where tokens have a greatest age. */
const MAX_AHEAD = 300;

/** How an entity stands. Only an active one is let in; revoked is for ever. */
export type EntityStatus = 'active' | 'suspended' | 'revoked';

/** What the registry knows of an entity, as far as it decides about a token. */
export interface EntityRights {
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly status: EntityStatus;
  /** `action:pattern`. */
  readonly scopes: readonly string[];
  /** Address prefixes or patterns, `/x`, `/x/` or `/x/**`. */
  readonly namespaces: readonly string[];
  /** Seconds since the Unix epoch: what was made before it is no longer good. */
  readonly tokensAfter?: number | undefined;
}

/** A decoded entity token. What it says is proven by nothing yet. */
export interface EntityToken {
  readonly id: string;
  /** Seconds since the Unix epoch. */
  readonly timestamp: bigint;
  readonly signature: Uint8Array;
}

/** Reads an entity token and checks nothing but its form. Throws a `ClaspError` 300 where that is wrong. */
export function inspectEntityToken(token: string): EntityToken {
  try {
    return decoded(token);
  } catch (cause) {
    throw malformed(cause);
  }
}

function decoded(token: string): EntityToken {
  if (token.length > MAX_TOKEN_LENGTH) throw new Malformed('too long');
  const bytes = token.startsWith(ENTITY_PREFIX) ? base64url.decode(token.slice(ENTITY_PREFIX.length)) : undefined;
  if (!bytes) throw new Malformed('not base64url');
  const reader = new TokenReader(bytes);
  const fields: { id?: string; timestamp?: bigint; signature?: Uint8Array } = {};
  const read = [
    () => (fields.id = reader.text()),
    () => (fields.timestamp = reader.uint()),
    () => (fields.signature = reader.bytes(SIGNATURE_BYTES)),
  ];
  if (reader.atMap) {
    reader.readMap((key) => {
      const at = ['entity_id', 'timestamp', 'signature'].indexOf(key);
      if (at < 0) reader.skip();
      else read[at]?.();
    });
  } else {
    let at = 0;
    reader.readArray(() => {
      const next = read[at++];
      if (!next) throw new Malformed('one element too many');
      next();
    });
  }
  const { id, timestamp, signature } = fields;
  if (!reader.done) throw new Malformed('bytes after it');
  if (id === undefined || timestamp === undefined || !signature) throw new Malformed('a part is missing');
  if (!id.startsWith(ID_PREFIX) || fromBase58(id.slice(ID_PREFIX.length))?.length !== ID_BYTES) {
    throw new Malformed('no entity id');
  }
  return { id, timestamp, signature };
}

/** What the signature covers: the id in UTF-8, then the time in eight bytes. */
export function entitySignedBytes(id: string, timestamp: bigint): Uint8Array {
  const text = new TextEncoder().encode(id);
  const bytes = new Uint8Array(text.length + 8);
  bytes.set(text);
  for (let at = 0; at < 8; at++) bytes[text.length + at] = Number((timestamp >> BigInt(56 - 8 * at)) & 0xffn);
  return bytes;
}

/** A token of the entity that has the key of this seed; `now` is milliseconds since the Unix epoch. */
export function mintEntityToken(
  seed: Uint8Array,
  { now, crypto }: { readonly now: number; readonly crypto: TokenCrypto },
): Answer<string> {
  return follow(minted(seed, BigInt(Math.floor(now / 1000)), crypto));
}

function* minted(seed: Uint8Array, timestamp: bigint, crypto: TokenCrypto): Steps<string> {
  const id = entityIdOf(yield* wait(crypto.publicKey(seed)));
  const signature = yield* wait(crypto.sign(seed, entitySignedBytes(id, timestamp)));
  const bytes = new TokenWriter().array(3).text(id).uint(timestamp).bytes(signature).finish();
  return ENTITY_PREFIX + base64url.encode(bytes);
}

export interface EntityCheck {
  /** What the registry knows of an entity; undefined of one that it does not know. */
  readonly find: (id: string) => Answer<EntityRights | undefined>;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
  /** Seconds; 0: tokens do not age. @defaultValue 0 */
  readonly maxAge?: number | undefined;
  /** Whether write does not include read. @defaultValue false */
  readonly strictRead?: boolean | undefined;
  readonly crypto: TokenCrypto;
}

/** What an entity token was found to be worth. */
export type EntityVerdict =
  | { readonly valid: true; readonly id: string; readonly scopes: readonly Scope[] }
  | { readonly valid: false; readonly error: ClaspError };

/**
 * Whether an entity token is valid (security.md §3). Never throws, whatever the token is; what `find` throws is a
 * refusal. That a token is too old is told (302) only of one that is good otherwise.
 */
export function verifyEntityToken(token: string, check: EntityCheck): Answer<EntityVerdict> {
  return follow(entitySteps(token, check));
}

/** {@link verifyEntityToken} inside other steps. */
export function* entitySteps(token: string, check: EntityCheck): Steps<EntityVerdict> {
  const { find, now, maxAge = 0, strictRead = false, crypto } = check;
  try {
    const { id, timestamp, signature } = decoded(token);
    const seconds = Math.floor(now / 1000);
    if (maxAge > 0 && Number(timestamp) - seconds > MAX_AHEAD) return refusal('made in the future');
    const rights = yield* wait(find(id));
    if (!rights) return refusal('unknown entity');
    if (rights.status !== 'active') return refusal(`entity is ${rights.status}`);
    if (!(yield* wait(crypto.verify(rights.publicKey, signature, entitySignedBytes(id, timestamp))))) {
      return refusal('signature');
    }
    if (maxAge > 0 && seconds - Number(timestamp) > maxAge) return old('too old');
    if (rights.tokensAfter !== undefined && Number(timestamp) < rights.tokensAfter)
      return old('replaced by a later one');
    return { valid: true, id, scopes: entityScopes(rights, strictRead) };
  } catch (cause) {
    if (cause instanceof Malformed) return { valid: false, error: malformed(cause) };
    return { valid: false, error: new ClaspError(ErrorCode.NotAuthenticated, 'token cannot be checked', { cause }) };
  }
}

/**
 * What an entity may do. Without scopes it administers its namespaces; with both, it reads by its scopes and writes and
 * administers only inside the namespaces. Throws a `ClaspError` 202 for what does not parse.
 */
export function entityScopes(
  { scopes, namespaces }: Pick<EntityRights, 'scopes' | 'namespaces'>,
  strictRead = false,
): Scope[] {
  const own = readScopes(scopes);
  const inside = namespaces.map(namespaceScope);
  if (own.length === 0 || inside.length === 0) return own.length === 0 ? inside : own;
  return own.flatMap((scope) => {
    if (scope.action === 'read' || inside.some(({ pattern }) => patternWithin(scope.pattern, pattern))) return [scope];
    const narrower = inside.filter(({ pattern }) => patternWithin(pattern, scope.pattern));
    const reads = strictRead && scope.action === 'write' ? [] : [parseScope(`read:${scope.pattern.source}`)];
    return [...reads, ...narrower.map(({ pattern }) => parseScope(`${scope.action}:${pattern.source}`))];
  });
}

/** The first scope to write or administer that lies outside all namespaces, as it is written; undefined when none does. */
export function scopeOutside({ scopes, namespaces }: Pick<EntityRights, 'scopes' | 'namespaces'>): string | undefined {
  const inside = namespaces.map(namespaceScope);
  if (inside.length === 0) return undefined;
  const outside = readScopes(scopes).find(
    ({ action, pattern }) => action !== 'read' && !inside.some((place) => patternsOverlap(place.pattern, pattern)),
  );
  return outside && scopeText(outside);
}

function namespaceScope(namespace: string): Scope {
  const stem = namespace.endsWith('/') ? namespace.slice(0, -1) : namespace;
  return parseScope(`admin:${stem.endsWith('/**') ? stem : `${stem}/**`}`);
}

function malformed(cause: unknown): ClaspError {
  return new ClaspError(
    ErrorCode.NotAuthenticated,
    `malformed entity token: ${cause instanceof Error ? cause.message : cause}`,
  );
}

function refusal(reason: string): EntityVerdict {
  return { valid: false, error: new ClaspError(ErrorCode.NotAuthenticated, reason) };
}

function old(reason: string): EntityVerdict {
  return { valid: false, error: new ClaspError(ErrorCode.TokenExpired, reason) };
}
