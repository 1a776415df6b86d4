import { type Answer, follow, type Steps, wait } from '../answer.ts';
import { toHex } from './bytes-text.ts';
import { CAPABILITY_PREFIX, MAX_TOKEN_LENGTH } from './capability-bytes.ts';
import { ENTITY_PREFIX } from './entity-token.ts';
import type { TokenCrypto } from './token-crypto.ts';

const PLAIN_PREFIX = 'cpsk_';
const PLAIN_BYTES = 16;
/** Hex digits of a hash by which people and logs may name it. */
const ID_DIGITS = 16;

/** Who checks a token, told by how it begins; `foreign` are all that no kind of ours claims. */
export type TokenKind = 'plain' | 'capability' | 'entity' | 'reserved' | 'foreign' | 'too long';

/** The kind of a token. `ext_` is reserved for extensions, and nobody's. */
export function tokenKind(token: string): TokenKind {
  if (token.length > MAX_TOKEN_LENGTH) return 'too long';
  if (token.startsWith(PLAIN_PREFIX)) return 'plain';
  if (token.startsWith(CAPABILITY_PREFIX)) return 'capability';
  if (token.startsWith(ENTITY_PREFIX)) return 'entity';
  return token.startsWith('ext_') ? 'reserved' : 'foreign';
}

/** Whether a text says by its beginning that it is a token of a kind we know. */
export function isNamedToken(text: string): boolean {
  const kind = tokenKind(text);
  return kind === 'plain' || kind === 'capability' || kind === 'entity';
}

/** A new token that is looked up (`cpsk_` and 32 hex digits): it says nothing itself. */
export function newPlainToken({ randomBytes }: TokenCrypto): string {
  return PLAIN_PREFIX + toHex(randomBytes(PLAIN_BYTES));
}

/** As what a token is kept: SHA-256 of its text, in hex. Who reads the store cannot come in with it. */
export function tokenHash(token: string, crypto: TokenCrypto): Answer<string> {
  return follow(hashed(token, crypto));
}

function* hashed(token: string, crypto: TokenCrypto): Steps<string> {
  return toHex(yield* wait(crypto.sha256(new TextEncoder().encode(token))));
}

/** The id of a token of this hash: what may stand in logs and answers. */
export function tokenIdOf(hash: string): string {
  return hash.slice(0, ID_DIGITS);
}
