import {
  type CapabilityContents,
  type CapabilityVerdict,
  type DelegateOptions,
  delegateCapability as delegate,
  capabilityHolder as holder,
  inspectCapability as inspect,
  type MintOptions,
  mintCapability as mint,
  readTrustAnchor,
  type TrustAnchor,
  verifyCapability as verify,
} from '../../core/token/capability.ts';
import { nodeTokenCrypto as crypto } from './node-token-crypto.ts';

/** How a capability token is checked without a relay. */
export interface VerifyOptions {
  /** The keys that are trusted: 64 hex digits, 32 bytes, PEM or `did:key`, alone or with a ceiling. */
  readonly anchors: readonly (TrustAnchor | string | Uint8Array)[];
  /** Links before the token. @defaultValue 5 */
  readonly maxDepth?: number | undefined;
  /** Milliseconds since the Unix epoch. @defaultValue the time of this machine */
  readonly now?: number | undefined;
}

// `node:crypto` answers at once, and so does whatever only waits for it.

/**
 * A new capability token, signed by `key` (security.md §2). Offline. Throws a `ClaspError` 402 for a key or time that is
 * none, 202 for a scope that does not parse, 300 for a token that no relay would take, as one beyond 8192 characters.
 *
 * @example
 * ```ts
 * const key = '01'.repeat(32); // as `clasp-rx key generate` makes it
 * const token = mintCapability({ key, scopes: ['write:/lights/**'], expiresAt: 1_900_000_000 });
 * ```
 */
export function mintCapability(options: MintOptions): string {
  return mint(options, crypto) as string;
}

/**
 * A capability token that hands on part of `parent`, signed by the key that `parent` is bound to. Offline. Throws a
 * `ClaspError` 301 where it would give more than it has, or belongs to another key.
 */
export function delegateCapability(parent: string, options: DelegateOptions): string {
  return delegate(parent, options, crypto) as string;
}

/** What a capability token says, without any proof. Throws a `ClaspError` 300 for what is none. */
export function inspectCapability(token: string): CapabilityContents {
  return inspect(token, crypto) as CapabilityContents;
}

/**
 * Whether a capability token is valid, as a relay with these anchors says. Never throws for a token; for an anchor that
 * is no key a `ClaspError` 402.
 */
export function verifyCapability(token: string, options: VerifyOptions): CapabilityVerdict {
  const { anchors, maxDepth, now = Date.now() } = options;
  return verify(token, { anchors: anchors.map(readTrustAnchor), maxDepth, now, crypto }) as CapabilityVerdict;
}

/**
 * Signs a token of 60 s with all the rights of `token` each time it is asked: for a client's token, so that the one the
 * key belongs to never leaves this machine.
 */
export function capabilityHolder(options: { readonly token: string; readonly key: string | Uint8Array }): () => string {
  return holder(options, { crypto, now: Date.now }) as () => string;
}
