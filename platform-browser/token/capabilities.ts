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
import { webTokenCrypto } from './web-token-crypto.ts';

/** How a capability token is checked without a relay. */
export interface VerifyOptions {
  /** The keys that are trusted: 64 hex digits, 32 bytes, PEM or `did:key`, alone or with a ceiling. */
  readonly anchors: readonly (TrustAnchor | string | Uint8Array)[];
  /** Links before the token. @defaultValue 5 */
  readonly maxDepth?: number | undefined;
  /** Milliseconds since the Unix epoch. @defaultValue the time of this machine */
  readonly now?: number | undefined;
}

/**
 * A new capability token, signed by `key` (security.md §2). Offline. Rejects with a `ClaspError` 402 for a key or time
 * that is none, 202 for a scope that does not parse, 300 for a token that no relay would take.
 */
export async function mintCapability(options: MintOptions): Promise<string> {
  return mint(options, webTokenCrypto());
}

/**
 * A capability token that hands on part of `parent`, signed by the key that `parent` is bound to. Offline. Rejects with
 * a `ClaspError` 301 where it would give more than it has, or belongs to another key.
 */
export async function delegateCapability(parent: string, options: DelegateOptions): Promise<string> {
  return delegate(parent, options, webTokenCrypto());
}

/** What a capability token says, without any proof. Rejects with a `ClaspError` 300 for what is none. */
export async function inspectCapability(token: string): Promise<CapabilityContents> {
  return inspect(token, webTokenCrypto());
}

/** Whether a capability token is valid, as a relay with these anchors says. Rejects with a `ClaspError` 402 for an anchor that is no key. */
export async function verifyCapability(token: string, options: VerifyOptions): Promise<CapabilityVerdict> {
  const { anchors, maxDepth, now = Date.now() } = options;
  return verify(token, { anchors: anchors.map(readTrustAnchor), maxDepth, now, crypto: webTokenCrypto() });
}

/**
 * Signs a token of 60 s with all the rights of `token` each time it is asked: for a client's token, so that the one the
 * key belongs to never leaves this page.
 */
export function capabilityHolder(options: {
  readonly token: string;
  readonly key: string | Uint8Array;
}): () => Promise<string> {
  const sign = holder(options, { crypto: webTokenCrypto(), now: Date.now });
  return async () => sign();
}
