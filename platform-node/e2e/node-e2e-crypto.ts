import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  randomBytes,
} from 'node:crypto';
import type { E2ECrypto, GroupKey, KeyPair, PrivateJwk, PublicJwk } from '../../core/e2e/e2e-crypto.ts';

const CIPHER = 'aes-256-gcm';
const TAG_BYTES = 16;
const SALT = new Uint8Array(32);
const INFO = 'clasp-e2e-keyex-v1';
const KEY_BYTES = 32;

/** The arithmetic of end-to-end encryption by `node:crypto`: every answer comes at once. */
export const nodeE2ECrypto: E2ECrypto = {
  randomBytes: (count) => new Uint8Array(randomBytes(count)),
  sha256: (bytes) => new Uint8Array(createHash('sha256').update(bytes).digest()),
  groupKey: (raw) => groupKeyOf(raw),
  keyPair: (kept) => keyPairOf(kept),
};

function groupKeyOf(raw: Uint8Array): GroupKey {
  // A copy: who lends the bytes may wipe them.
  const key = Uint8Array.from(raw);
  return {
    encrypt: (iv, plaintext, additional) => {
      const cipher = createCipheriv(CIPHER, key, iv);
      if (additional) cipher.setAAD(additional);
      return new Uint8Array(Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]));
    },
    decrypt: (iv, ciphertext, additional) => {
      try {
        const decipher = createDecipheriv(CIPHER, key, iv);
        if (additional) decipher.setAAD(additional);
        const end = ciphertext.length - TAG_BYTES;
        decipher.setAuthTag(ciphertext.subarray(end));
        return new Uint8Array(Buffer.concat([decipher.update(ciphertext.subarray(0, end)), decipher.final()]));
      } catch {
        return undefined;
      }
    },
  };
}

function keyPairOf(kept: PrivateJwk | undefined): KeyPair {
  const secret = kept
    ? createPrivateKey({ key: { ...kept }, format: 'jwk' })
    : generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const { x = '', y = '', d = '' } = secret.export({ format: 'jwk' });
  return {
    publicKey: { kty: 'EC', crv: 'P-256', x, y },
    privateKey: { kty: 'EC', crv: 'P-256', x, y, d },
    sharedKey: (peer: PublicJwk) => {
      const publicKey = createPublicKey({ key: { ...peer }, format: 'jwk' });
      const agreed = diffieHellman({ privateKey: secret, publicKey });
      return new Uint8Array(hkdfSync('sha256', agreed, SALT, INFO, KEY_BYTES));
    },
  };
}
