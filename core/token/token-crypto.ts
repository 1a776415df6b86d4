import type { Answer } from '../answer.ts';

/**
 * The arithmetic that tokens need, given in by the platform. Keys are Ed25519: a private key is its seed of 32 bytes,
 * a public one 32 bytes, a signature 64.
 */
export interface TokenCrypto {
  /** Unpredictable bytes. */
  randomBytes(count: number): Uint8Array;
  sha256(bytes: Uint8Array): Answer<Uint8Array>;
  /** The public key of a seed. */
  publicKey(seed: Uint8Array): Answer<Uint8Array>;
  sign(seed: Uint8Array, bytes: Uint8Array): Answer<Uint8Array>;
  /** Whether the signature is the key's over these bytes; false also for what is no key or no signature. */
  verify(publicKey: Uint8Array, signature: Uint8Array, bytes: Uint8Array): Answer<boolean>;
}
