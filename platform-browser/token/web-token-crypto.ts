import { base64url, fromHex } from '../../core/token/bytes-text.ts';
import type { TokenCrypto } from '../../core/token/token-crypto.ts';

/** The part of the global `crypto` that is needed. Outside secure contexts it has no `subtle`. */
export interface WebCryptoLike {
  getRandomValues<T extends Uint8Array<ArrayBuffer>>(bytes: T): T;
  readonly subtle?: SubtleCrypto | undefined;
}

/** What stands before the 32 bytes of a seed in its DER (PKCS 8). */
const PKCS8 = fromHex('302e020100300506032b657004220420') as Uint8Array;

/**
 * The arithmetic of tokens in a page: by WebCrypto where it has Ed25519, else in JavaScript, which is some twenty times
 * slower and is loaded when it is first needed.
 */
export function webTokenCrypto(crypto: WebCryptoLike = globalThis.crypto): TokenCrypto {
  const { subtle } = crypto;
  let ed25519: Promise<Ed25519> | undefined;
  const chosen = (): Promise<Ed25519> => {
    ed25519 ??= chooseEd25519(subtle);
    return ed25519;
  };
  return {
    randomBytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
    sha256: async (bytes) =>
      subtle ? new Uint8Array(await subtle.digest('SHA-256', owned(bytes))) : (await hashes()).sha256(bytes),
    publicKey: async (seed) => (await chosen()).publicKey(seed),
    sign: async (seed, bytes) => (await chosen()).sign(seed, bytes),
    verify: async (publicKey, signature, bytes) => {
      try {
        return await (await chosen()).verify(publicKey, signature, bytes);
      } catch {
        return false;
      }
    },
  };
}

type Ed25519 = Pick<TokenCrypto, 'publicKey' | 'sign' | 'verify'>;

async function chooseEd25519(subtle: SubtleCrypto | undefined): Promise<Ed25519> {
  if (!subtle) return ed25519InScript();
  const native = ed25519Of(subtle);
  try {
    await native.publicKey(new Uint8Array(32));
    return native;
  } catch {
    return ed25519InScript();
  }
}

function ed25519Of(subtle: SubtleCrypto): Ed25519 {
  const privateKey = (seed: Uint8Array): Promise<CryptoKey> =>
    subtle.importKey('pkcs8', Uint8Array.from([...PKCS8, ...seed]), 'Ed25519', true, ['sign']);
  return {
    publicKey: async (seed) => {
      const { x } = await subtle.exportKey('jwk', await privateKey(seed));
      return base64url.decode(x ?? '') as Uint8Array;
    },
    sign: async (seed, bytes) => new Uint8Array(await subtle.sign('Ed25519', await privateKey(seed), owned(bytes))),
    verify: async (publicKey, signature, bytes) => {
      const key = await subtle.importKey('raw', owned(publicKey), 'Ed25519', false, ['verify']);
      return subtle.verify('Ed25519', key, owned(signature), owned(bytes));
    },
  };
}

async function ed25519InScript(): Promise<Ed25519> {
  const [noble, { sha512 }] = await Promise.all([import('@noble/ed25519'), hashes()]);
  // Its own hash asks WebCrypto, which may be what is missing.
  noble.hashes.sha512 = (bytes) => owned(sha512(bytes));
  return {
    publicKey: (seed) => noble.getPublicKey(seed),
    sign: (seed, bytes) => noble.sign(bytes, seed),
    // By RFC 8032, as Node and WebCrypto do: not what only ZIP 215 takes.
    verify: (publicKey, signature, bytes) => noble.verify(signature, bytes, publicKey, { zip215: false }),
  };
}

interface Hashes {
  readonly sha256: (bytes: Uint8Array) => Uint8Array;
  readonly sha512: (bytes: Uint8Array) => Uint8Array;
}

let loadedHashes: Promise<Hashes> | undefined;

function hashes(): Promise<Hashes> {
  loadedHashes ??= (async () => {
    const { createSHA256, createSHA512 } = await import('hash-wasm');
    const [small, large] = await Promise.all([createSHA256(), createSHA512()]);
    const digest = (hasher: typeof small) => (bytes: Uint8Array) => hasher.init().update(bytes).digest('binary');
    return { sha256: digest(small), sha512: digest(large) };
  })();
  return loadedHashes;
}

/** The same bytes in memory that nobody shares, which is what WebCrypto's types ask for. */
function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}
