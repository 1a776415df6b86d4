import type { Scope } from '../address/scope.ts';
import { parseScope } from '../address/scope.ts';
import { readScopes, scopeBeyond, scopeText } from '../address/scope-within.ts';
import { type Answer, follow, type Steps, wait } from '../answer.ts';
import { ClaspError, ErrorCode } from '../errors.ts';
import type { RecentMap } from '../transforms/recent-map.ts';
import { sameBytes, toHex } from './bytes-text.ts';
import {
  type Capability,
  type CapabilityLink,
  type CapabilityTerms,
  decodeCapability,
  encodeCapability,
  signedBytes,
} from './capability-bytes.ts';
import { isWeakKey, readPrivateKey, readPublicKey } from './ed25519-key.ts';
import { Malformed } from './token-bytes.ts';
import type { TokenCrypto } from './token-crypto.ts';

/** The links that a token may have before it, where nothing else is said. */
export const CAPABILITY_MAX_DEPTH = 5;
const VERSION = 1n;
const ID_BYTES = 16;
/** Seconds for which the token that a holder signs for one connection is good. */
const HOLDER_LIFETIME = 60;

/** A key that is trusted to give rights. */
export interface TrustAnchor {
  /** An Ed25519 public key: 64 hex digits, 32 bytes, PEM or `did:key:z6Mk…`. */
  readonly key: string | Uint8Array;
  /** The most it may give, as `action:pattern`. @defaultValue everything */
  readonly scopes?: readonly string[] | undefined;
}

/** {@link TrustAnchor} as it is compared, made by {@link readTrustAnchor}. */
export interface KnownAnchor {
  readonly key: Uint8Array;
  readonly ceiling: readonly Scope[] | undefined;
}

/**
 * Reads a trust anchor. Throws a `ClaspError` 402 for what is no public key or one of small order, 202 for a scope that
 * does not parse.
 */
export function readTrustAnchor(anchor: TrustAnchor | string | Uint8Array): KnownAnchor {
  const { key, scopes } =
    typeof anchor === 'string' || anchor instanceof Uint8Array ? { key: anchor, scopes: undefined } : anchor;
  return { key: readPublicKey(key), ceiling: scopes === undefined ? undefined : readScopes(scopes) };
}

export interface CapabilityCheck {
  readonly anchors: readonly KnownAnchor[];
  /** Links before the token. @defaultValue 5 */
  readonly maxDepth?: number | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
  readonly crypto: TokenCrypto;
  /** Whether a token or link with this id, or a key in hex, was revoked. @defaultValue none was */
  readonly revoked?: ((idOrKey: string) => boolean) | undefined;
  /**
   * Links whose signatures were found good, filled here: who signs a new leaf for each connection comes with the same
   * links each time. @defaultValue each is verified anew
   */
  readonly proven?: RecentMap<string, true> | undefined;
}

/** What a capability token was found to be worth. */
export type CapabilityVerdict = CapabilityGrant | CapabilityRefusal;

/** A token that is good. */
export interface CapabilityGrant {
  readonly valid: true;
  /** Of the token: the same in every spelling. */
  readonly id: string;
  /** By whose revocation it ends: its own id, those of its links, and the keys that signed them in hex. */
  readonly dependsOn: readonly string[];
  readonly scopes: readonly Scope[];
  /** Milliseconds since the Unix epoch. */
  readonly expiresAt: number;
}

/** A token that is not good, and why. */
export interface CapabilityRefusal {
  readonly valid: false;
  /** Code 300, or 302 for a token that was good until it expired. */
  readonly error: ClaspError;
  /** For the log of the relay, where the refusal shows a mistake of its own configuration. */
  readonly hint?: string | undefined;
}

/**
 * Whether a capability token is valid (security.md §2): the whole chain, each signature, each narrowing. Never throws,
 * whatever the token is; at once where the crypto is.
 *
 * That a token has expired is told (302) only of one that is good otherwise, so that no guess learns more than 300.
 */
export function verifyCapability(token: string, check: CapabilityCheck): Answer<CapabilityVerdict> {
  return follow(verifySteps(token, check));
}

/** {@link verifyCapability} inside other steps. */
export function* verifySteps(token: string, check: CapabilityCheck): Steps<CapabilityVerdict> {
  try {
    return yield* verified(decodeCapability(token), check);
  } catch (cause) {
    if (cause instanceof Malformed) return refusal(refused(`encoding: ${cause.message}`));
    if (cause instanceof Refusal) return refusal(cause.reason, cause.hint);
    return refusal(new ClaspError(ErrorCode.NotAuthenticated, 'token cannot be checked', { cause }));
  }
}

/** Ends a verification; no fault of the program, so nobody sees it. */
class Refusal extends Error {
  readonly reason: ClaspError;
  readonly hint: string | undefined;

  constructor(reason: ClaspError, hint?: string) {
    super(reason.reason);
    this.reason = reason;
    this.hint = hint;
  }
}

function* verified(token: Capability, check: CapabilityCheck): Steps<CapabilityVerdict> {
  const { anchors, maxDepth = CAPABILITY_MAX_DEPTH, now, crypto, revoked = () => false, proven } = check;
  const chain: readonly CapabilityLink[] = [...token.proofs, token];
  if (token.version !== VERSION) throw new Refusal(refused(`version ${token.version}`));
  if (token.proofs.length > maxDepth) {
    throw new Refusal(refused(`delegation too deep: ${token.proofs.length} links where ${maxDepth} are allowed`));
  }
  if (chain.some(({ issuer, terms }) => isWeakKey(issuer) || (terms?.audience && isWeakKey(terms.audience)))) {
    throw new Refusal(refused('weak key'));
  }
  const scopes = chain.map((link) => scopesOf(link.scopes));

  const root = chain[0] as CapabilityLink;
  const ofRoot = anchors.filter(({ key }) => sameBytes(key, root.issuer));
  const ofLeaf = anchors.filter(({ key }) => sameBytes(key, token.issuer));
  if (ofRoot.length + ofLeaf.length === 0)
    throw new Refusal(refused('issuer is not trusted'), yield* seedHint(root, check));
  // A leaf by an anchor is covered by its signature as a whole: what its links cannot prove, the anchor vouches for.
  const whole = chain.every(({ terms }) => terms !== undefined);
  const fromRoot = ofRoot.length > 0 && (whole || ofLeaf.length === 0);
  if (fromRoot && !whole) throw new Refusal(refused('chain cannot be verified; delegate it again with clasp-rx'));
  const trusted = fromRoot ? ofRoot : ofLeaf;
  const granted = scopes[fromRoot ? 0 : chain.length - 1] as readonly Scope[];
  if (!trusted.some(({ ceiling }) => ceiling === undefined || !scopeBeyond(granted, ceiling))) {
    throw new Refusal(refused('scope wider than its trust anchor may give'));
  }

  const ids: string[] = [];
  for (const [at, link] of chain.entries()) {
    const name = at === chain.length - 1 ? '' : ` of link ${at}`;
    if (!link.terms) continue;
    const bytes = signedBytes(token.version, link, link.terms, chain.slice(0, at));
    const id = yield* idOf(bytes, crypto);
    ids.push(id);
    // Links that an anchor vouches for need no proof of their own.
    if (!fromRoot && link !== token) continue;
    const proof = id + toHex(link.signature);
    if (link !== token && proven?.get(proof)) continue;
    if (!(yield* wait(crypto.verify(link.issuer, link.signature, bytes))))
      throw new Refusal(refused(`signature${name}`));
    if (link !== token) proven?.set(proof, true);
  }

  for (const [at, link] of token.proofs.entries()) {
    const next = chain[at + 1] as CapabilityLink;
    if (fromRoot && link.terms) {
      const { audience } = link.terms;
      if (!audience) throw new Refusal(refused(`link ${at} is bound to no key`));
      if (!sameBytes(audience, next.issuer)) throw new Refusal(refused(`link ${at} is bound to another key`));
    }
    if (link.terms && next.terms && next.terms.expiresAt > link.terms.expiresAt) {
      throw new Refusal(refused(`outlives link ${at}`));
    }
    const wider = scopeBeyond(scopes[at + 1] as readonly Scope[], scopes[at] as readonly Scope[]);
    if (wider) throw new Refusal(refused(`scope wider than link ${at}: ${scopeText(wider)}`));
  }
  const { audience, expiresAt } = token.terms;
  if (audience) throw new Refusal(refused('bound to a key: its holder must sign a token without audience from it'));

  const dependsOn = [...ids, ...chain.map(({ issuer }) => toHex(issuer))];
  if (dependsOn.some(revoked)) throw new Refusal(refused('revoked'));
  const end = Number(expiresAt) * 1000;
  if (now >= end) throw new Refusal(new ClaspError(ErrorCode.TokenExpired, 'token expired'));
  return {
    valid: true,
    id: ids[ids.length - 1] as string,
    dependsOn,
    scopes: scopes[chain.length - 1] ?? [],
    expiresAt: end,
  };
}

/** Published relays take an anchor's public key for a private seed: whoever relied on that is told why it fails here. */
function* seedHint({ issuer }: CapabilityLink, { anchors, crypto }: CapabilityCheck): Steps<string | undefined> {
  for (const { key } of anchors) {
    if (!sameBytes(yield* wait(crypto.publicKey(key)), issuer)) continue;
    return `the trust anchor ${toHex(key)} is a public key, and this token is signed with it as if it were a private one`;
  }
  return undefined;
}

function scopesOf(texts: readonly string[]): readonly Scope[] {
  try {
    return texts.map(parseScope);
  } catch {
    throw new Refusal(refused('a scope that does not parse'));
  }
}

function* idOf(bytes: Uint8Array, crypto: TokenCrypto): Steps<string> {
  return toHex((yield* wait(crypto.sha256(bytes))).subarray(0, ID_BYTES));
}

function refused(reason: string): ClaspError {
  return new ClaspError(ErrorCode.NotAuthenticated, reason);
}

function refusal(error: ClaspError, hint?: string): CapabilityRefusal {
  return { valid: false, error, hint };
}

/** What a capability token says, without any proof of it. */
export interface CapabilityContents {
  readonly id: string;
  /** Public key in hex. */
  readonly issuer: string;
  /** Public key in hex; undefined for a bearer token. */
  readonly audience: string | undefined;
  readonly scopes: readonly string[];
  /** Seconds since the Unix epoch. */
  readonly expiresAt: number;
  readonly nonce: string;
  /** Root first. Those of published tools have no id, audience and expiry. */
  readonly links: readonly {
    readonly id: string | undefined;
    readonly issuer: string;
    readonly audience: string | undefined;
    readonly scopes: readonly string[];
    readonly expiresAt: number | undefined;
  }[];
}

/** Reads a capability token and checks nothing but its form. Throws a `ClaspError` 300 where that is wrong. */
export function inspectCapability(token: string, crypto: TokenCrypto): Answer<CapabilityContents> {
  return follow(inspectSteps(token, crypto));
}

function* inspectSteps(token: string, crypto: TokenCrypto): Steps<CapabilityContents> {
  const capability = decoded(token);
  const { version, issuer, scopes, terms, proofs } = capability;
  const links = [];
  for (const [at, link] of proofs.entries()) {
    const id = link.terms && (yield* idOf(signedBytes(version, link, link.terms, proofs.slice(0, at)), crypto));
    links.push({ id, issuer: toHex(link.issuer), scopes: link.scopes, ...shownTerms(link.terms) });
  }
  const id = yield* idOf(signedBytes(version, capability, terms, proofs), crypto);
  const { audience } = shownTerms(terms);
  return { id, issuer: toHex(issuer), audience, scopes, expiresAt: Number(terms.expiresAt), nonce: terms.nonce, links };
}

function shownTerms(terms: CapabilityTerms | undefined): {
  audience: string | undefined;
  expiresAt: number | undefined;
} {
  return {
    audience: terms?.audience && toHex(terms.audience),
    expiresAt: terms && Number(terms.expiresAt),
  };
}

export interface MintOptions {
  /** The private key that signs: 64 hex digits, PEM, or its seed. */
  readonly key: string | Uint8Array;
  /** `action:pattern` in full words; at most 64. */
  readonly scopes: readonly string[];
  /** Seconds since the Unix epoch. */
  readonly expiresAt: number;
  /** The public key that alone may delegate it further. @defaultValue none: whoever holds the token may use it */
  readonly audience?: string | Uint8Array | undefined;
}

/**
 * A new root token. Throws a `ClaspError` 402 for a key or time that is none, 202 for a scope, or when the token would
 * be longer than 8192 characters.
 */
export function mintCapability(options: MintOptions, crypto: TokenCrypto): Answer<string> {
  return follow(signed(options, [], crypto));
}

export interface DelegateOptions extends Omit<MintOptions, 'expiresAt'> {
  /** Seconds since the Unix epoch; never later than the parent's. @defaultValue the parent's */
  readonly expiresAt?: number | undefined;
}

/**
 * A token that hands on part of `parent`, whose audience must be the public key of `key`. Throws a `ClaspError` 300 for
 * a parent that is none, 301 where it belongs to another key or to no key, for scopes it does not contain and for a
 * sixth link.
 */
export function delegateCapability(parent: string, options: DelegateOptions, crypto: TokenCrypto): Answer<string> {
  return follow(delegated(parent, options, crypto));
}

function* delegated(parent: string, options: DelegateOptions, crypto: TokenCrypto): Steps<string> {
  const token = decoded(parent);
  const { audience } = token.terms;
  if (!audience)
    throw forbidden('a bearer token cannot be delegated: mint it with the audience of the key that delegates');
  const own = yield* wait(crypto.publicKey(seedOf(options.key)));
  if (!sameBytes(own, audience)) throw forbidden('the token is bound to another key');
  if (token.proofs.length >= CAPABILITY_MAX_DEPTH) {
    throw forbidden(`delegation too deep: a token has at most ${CAPABILITY_MAX_DEPTH} links`);
  }
  if (token.proofs.some(({ terms }) => !terms)) throw forbidden('the chain of the token cannot be verified');
  const limits = token.scopes.map(parseScope);
  const wider = scopeBeyond(options.scopes.map(parseScope), limits);
  if (wider) throw forbidden(`${scopeText(wider)} is not within ${token.scopes.join(', ') || 'no scopes at all'}`);
  const latest = Number(token.terms.expiresAt);
  const { issuer, scopes, signature, terms } = token;
  return yield* signed(
    { ...options, expiresAt: Math.min(options.expiresAt ?? latest, latest) },
    [...token.proofs, { issuer, scopes, signature, terms }],
    crypto,
  );
}

function* signed(options: MintOptions, proofs: readonly CapabilityLink[], crypto: TokenCrypto): Steps<string> {
  const { scopes, expiresAt, audience } = options;
  if (!Number.isSafeInteger(expiresAt) || expiresAt < 0) {
    throw new ClaspError(ErrorCode.BadValue, 'expiresAt must be whole seconds since 1970', { value: expiresAt });
  }
  for (const scope of scopes) parseScope(scope);
  const seed = seedOf(options.key);
  const terms: CapabilityTerms = {
    audience: audience === undefined ? undefined : readPublicKey(audience),
    expiresAt: BigInt(expiresAt),
    nonce: uuid(crypto.randomBytes(16)),
  };
  const issuer = yield* wait(crypto.publicKey(seed));
  const signature = yield* wait(crypto.sign(seed, signedBytes(VERSION, { issuer, scopes }, terms, proofs)));
  const token = encodeCapability({ version: VERSION, issuer, scopes, signature, terms, proofs });
  // Read again, so that nothing leaves that no relay would take.
  decoded(token);
  return token;
}

/**
 * Asked for a token at every connect: a bearer token of 60 s with all the rights of `token`, signed on the spot with the
 * key that `token` is bound to; it never leaves the holder. `now` gives milliseconds since the Unix epoch.
 */
export function capabilityHolder(
  { token, key }: { readonly token: string; readonly key: string | Uint8Array },
  { crypto, now }: { readonly crypto: TokenCrypto; readonly now: () => number },
): () => Answer<string> {
  const { scopes } = decoded(token);
  return () =>
    delegateCapability(token, { key, scopes, expiresAt: Math.floor(now() / 1000) + HOLDER_LIFETIME }, crypto);
}

function decoded(token: string): Capability {
  try {
    return decodeCapability(token);
  } catch (cause) {
    throw refused(`not a capability token: ${cause instanceof Error ? cause.message : cause}`);
  }
}

function seedOf(key: string | Uint8Array): Uint8Array {
  if (typeof key === 'string') return readPrivateKey(key);
  if (key.length !== 32) throw new ClaspError(ErrorCode.BadValue, 'the seed of a private key has 32 bytes');
  return key;
}

/** A UUID of version 4 made of 16 random bytes. */
function uuid(random: Uint8Array): string {
  const bytes = random.slice();
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  const hex = toHex(bytes);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

function forbidden(reason: string): ClaspError {
  return new ClaspError(ErrorCode.Forbidden, reason);
}
