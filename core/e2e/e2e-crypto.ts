import { type Answer, follow, type Steps, wait } from '../answer.ts';
import { ClaspError, ErrorCode } from '../errors.ts';
import { base64url } from '../token/bytes-text.ts';

/** A public key of the curve P-256 as JWK; what else stands in one does not count. */
export interface PublicJwk {
  readonly kty: 'EC';
  readonly crv: 'P-256';
  /** 32 bytes in base64url. */
  readonly x: string;
  readonly y: string;
}

/** A private key of the curve P-256 as JWK. */
export interface PrivateJwk extends PublicJwk {
  readonly d: string;
}

/** A pair of keys for key agreement. */
export interface KeyPair {
  readonly publicKey: PublicJwk;
  /** For keeping: who has it can read what others encrypt for this pair. */
  readonly privateKey: PrivateJwk;
  /** The 32 bytes that both sides have in common: ECDH, then HKDF-SHA256 as security.md §6 says. Throws for a key that is none. */
  sharedKey(peer: PublicJwk): Answer<Uint8Array>;
}

/** A key of 32 bytes for AES-256-GCM. */
export interface GroupKey {
  encrypt(iv: Uint8Array, plaintext: Uint8Array, additional?: Uint8Array): Answer<Uint8Array>;
  /** Undefined where the tag does not fit. */
  decrypt(iv: Uint8Array, ciphertext: Uint8Array, additional?: Uint8Array): Answer<Uint8Array | undefined>;
}

/** The arithmetic of end-to-end encryption, given in by the platform. */
export interface E2ECrypto {
  /** Unpredictable bytes. */
  randomBytes(count: number): Uint8Array;
  sha256(bytes: Uint8Array): Answer<Uint8Array>;
  groupKey(raw: Uint8Array): Answer<GroupKey>;
  /** A new pair, or the one of a private key that was kept. */
  keyPair(kept?: PrivateJwk): Answer<KeyPair>;
}

/** The part of the global `crypto` of Node and of pages in secure contexts that is needed. */
interface SubtleLike {
  digest(hash: string, bytes: Uint8Array): PromiseLike<ArrayBuffer>;
  importKey(
    format: string,
    key: unknown,
    algorithm: unknown,
    extractable: boolean,
    uses: string[],
  ): PromiseLike<unknown>;
  exportKey(format: string, key: unknown): PromiseLike<unknown>;
  generateKey(algorithm: unknown, extractable: boolean, uses: string[]): PromiseLike<unknown>;
  deriveBits(algorithm: unknown, key: unknown, bits: number): PromiseLike<ArrayBuffer>;
  encrypt(algorithm: unknown, key: unknown, bytes: Uint8Array): PromiseLike<ArrayBuffer>;
  decrypt(algorithm: unknown, key: unknown, bytes: Uint8Array): PromiseLike<ArrayBuffer>;
}

const ECDH = { name: 'ECDH', namedCurve: 'P-256' } as const;
const HKDF = {
  name: 'HKDF',
  hash: 'SHA-256',
  salt: new Uint8Array(32),
  info: new TextEncoder().encode('clasp-e2e-keyex-v1'),
} as const;
const KEY_BITS = 256;

/** {@link E2ECrypto} by WebCrypto. Throws a `ClaspError` 501 where there is none: in a page that is no secure context. */
export function e2eCryptoOf(crypto: {
  readonly subtle?: unknown;
  getRandomValues(bytes: Uint8Array<ArrayBuffer>): unknown;
}): E2ECrypto {
  if (!crypto.subtle) {
    throw new ClaspError(
      ErrorCode.NotEnabled,
      'end-to-end encryption needs WebCrypto: a page over https or from localhost',
    );
  }
  const subtle = crypto.subtle as SubtleLike;
  return {
    randomBytes: (count) => {
      const bytes = new Uint8Array(count);
      crypto.getRandomValues(bytes);
      return bytes;
    },
    sha256: (bytes) => subtle.digest('SHA-256', bytes).then((digest) => new Uint8Array(digest)),
    groupKey: (raw) => follow(groupKeyOf(subtle, raw)),
    keyPair: (kept) => follow(keyPairOf(subtle, kept)),
  };
}

function* groupKeyOf(subtle: SubtleLike, raw: Uint8Array): Steps<GroupKey> {
  const key = yield* wait(subtle.importKey('raw', raw, 'AES-GCM', false, ['encrypt', 'decrypt']));
  const gcm = (iv: Uint8Array, additional: Uint8Array | undefined) => ({
    name: 'AES-GCM',
    iv,
    ...(additional && { additionalData: additional }),
  });
  return {
    encrypt: (iv, plaintext, additional) =>
      subtle.encrypt(gcm(iv, additional), key, plaintext).then((bytes) => new Uint8Array(bytes)),
    decrypt: (iv, ciphertext, additional) =>
      subtle.decrypt(gcm(iv, additional), key, ciphertext).then(
        (bytes) => new Uint8Array(bytes),
        () => undefined,
      ),
  };
}

function* keyPairOf(subtle: SubtleLike, kept: PrivateJwk | undefined): Steps<KeyPair> {
  const secret = kept
    ? yield* wait(subtle.importKey('jwk', { ...kept, key_ops: ['deriveBits'] }, ECDH, true, ['deriveBits']))
    : ((yield* wait(subtle.generateKey(ECDH, true, ['deriveBits']))) as { privateKey: unknown }).privateKey;
  const { x, y, d } = (yield* wait(subtle.exportKey('jwk', secret))) as PrivateJwk;
  return {
    publicKey: { kty: 'EC', crv: 'P-256', x, y },
    privateKey: { kty: 'EC', crv: 'P-256', x, y, d },
    sharedKey: (peer) => follow(sharedKeyOf(subtle, secret, peer)),
  };
}

function* sharedKeyOf(subtle: SubtleLike, secret: unknown, { kty, crv, x, y }: PublicJwk): Steps<Uint8Array> {
  const peer = yield* wait(subtle.importKey('jwk', { kty, crv, x, y }, ECDH, false, []));
  const agreed = new Uint8Array(yield* wait(subtle.deriveBits({ name: 'ECDH', public: peer }, secret, KEY_BITS)));
  const material = yield* wait(subtle.importKey('raw', agreed, 'HKDF', false, ['deriveBits']));
  return new Uint8Array(yield* wait(subtle.deriveBits(HKDF, material, KEY_BITS)));
}

/** Whether a value is a public key of P-256 as JWK: one that can be imported is another question. */
export function isPublicJwk(value: unknown): value is PublicJwk {
  if (typeof value !== 'object' || value === null) return false;
  const { kty, crv, x, y } = value as Record<string, unknown>;
  return kty === 'EC' && crv === 'P-256' && isCoordinate(x) && isCoordinate(y);
}

function isCoordinate(text: unknown): boolean {
  return typeof text === 'string' && base64url.decode(text)?.length === 32;
}
