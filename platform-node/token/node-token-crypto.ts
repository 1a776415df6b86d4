import { createHash, createPrivateKey, createPublicKey, type KeyObject, randomBytes, sign, verify } from 'node:crypto';
import type { TokenCrypto } from '../../core/token/token-crypto.ts';

/** What stands before the 32 bytes of a seed in its DER (PKCS 8). */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

/** {@link TokenCrypto} whose every answer comes at once. */
export interface NodeTokenCrypto extends TokenCrypto {
  sha256(bytes: Uint8Array): Uint8Array;
  publicKey(seed: Uint8Array): Uint8Array;
  sign(seed: Uint8Array, bytes: Uint8Array): Uint8Array;
  verify(publicKey: Uint8Array, signature: Uint8Array, bytes: Uint8Array): boolean;
}

/** The arithmetic of tokens by `node:crypto`. */
export const nodeTokenCrypto: NodeTokenCrypto = {
  randomBytes: (count) => new Uint8Array(randomBytes(count)),
  sha256: (bytes) => new Uint8Array(createHash('sha256').update(bytes).digest()),
  publicKey: (seed) => {
    const { x = '' } = createPublicKey(privateKey(seed)).export({ format: 'jwk' });
    return new Uint8Array(Buffer.from(x, 'base64url'));
  },
  sign: (seed, bytes) => new Uint8Array(sign(null, bytes, privateKey(seed))),
  verify: (publicKey, signature, bytes) => {
    try {
      // As JWK: reading DER takes eight times as long, and as long as the signature.
      const x = Buffer.from(publicKey).toString('base64url');
      const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
      return verify(null, bytes, key, signature);
    } catch {
      return false;
    }
  },
};

function privateKey(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8, seed]), type: 'pkcs8', format: 'der' });
}
