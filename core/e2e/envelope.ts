import { ClaspError } from '../errors.ts';
import { parseJson, stringifyJson } from '../signal/json.ts';
import type { Value } from '../signal/value.ts';
import { base64, base64url, toHex } from '../token/bytes-text.ts';
import { isUtf8, readUtf8 } from '../wire/bytes.ts';
import { put } from '../wire/value.ts';
import { isPublicJwk, type PublicJwk } from './e2e-crypto.ts';

/** Bytes of the IV, and of the tag at the end of the ciphertext. */
export const IV_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;

/** How values of the protocol travel: as a map (JavaScript), or as the JSON text of one (Rust). Both are read. */
export type Wrapper = 'map' | 'text';

/** An encrypted value. Version 2 opens at the address it was made for only. */
export interface Envelope {
  readonly version: 1 | 2;
  readonly iv: Uint8Array;
  readonly ciphertext: Uint8Array;
}

type Fields = Readonly<Record<string, unknown>>;

/** A map, or the map that a JSON text says; and which of both it was. */
function unwrapped(value: unknown): { readonly fields: Fields; readonly wrapper: Wrapper } | undefined {
  if (typeof value !== 'string') {
    const plain =
      typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
    return plain ? { fields: value as Fields, wrapper: 'map' } : undefined;
  }
  if (!value.startsWith('{')) return undefined;
  try {
    return { fields: JSON.parse(value) as Fields, wrapper: 'text' };
  } catch {
    return undefined;
  }
}

function wrapped(fields: { readonly [key: string]: Value }, wrapper: Wrapper): Value {
  return wrapper === 'text' ? stringifyJson(fields) : fields;
}

/** Reads an envelope, in either wrapper; `plain` for what is none, undefined for one that cannot be opened by anybody. */
export function readEnvelope(value: unknown): Envelope | 'plain' | undefined {
  const fields = unwrapped(value)?.fields;
  if (!fields || !Object.hasOwn(fields, '_e2e')) return 'plain';
  const { _e2e: mark, ct, iv, v } = fields;
  const version = Number(v);
  if (Number(mark) !== 1 || (version !== 1 && version !== 2)) return undefined;
  const ciphertext = typeof ct === 'string' ? base64.decode(ct) : undefined;
  const nonce = typeof iv === 'string' ? base64.decode(iv) : undefined;
  if (!ciphertext || ciphertext.length < TAG_BYTES || nonce?.length !== IV_BYTES) return undefined;
  return { version, iv: nonce, ciphertext };
}

/** Writes an envelope. Its numbers are integers on the wire: Rust does not know `1.0`. */
export function writeEnvelope({ version, iv, ciphertext }: Envelope, wrapper: Wrapper): Value {
  return wrapped({ _e2e: 1n, ct: base64.encode(ciphertext), iv: base64.encode(iv), v: BigInt(version) }, wrapper);
}

/** What an envelope of version 2 is bound to. */
export function boundTo(address: string): Uint8Array {
  return new TextEncoder().encode(`clasp-e2e-v2\n${address}`);
}

/** A value as it is encrypted: a text raw, everything else as JSON. A text that is JSON comes back as what it says. */
export function plaintextOf(value: Value): Uint8Array {
  return new TextEncoder().encode(typeof value === 'string' ? value : stringifyJson(value));
}

/** The value of a decrypted plaintext; undefined for bytes that are no text. */
export function valueOfPlaintext(bytes: Uint8Array): Value | undefined {
  if (!isUtf8(bytes, 0, bytes.length)) return undefined;
  const text = readUtf8(bytes, 0, bytes.length);
  try {
    return asFromWire(parseJson(text));
  } catch (cause) {
    if (cause instanceof ClaspError) return text;
    throw cause;
  }
}

/** Integers as a client gives them: numbers as long as they are exact. */
function asFromWire(value: Value): Value {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map(asFromWire);
  const map: Record<string, Value> = {};
  for (const [key, item] of Object.entries(value)) put(map, key, asFromWire(item));
  return map;
}

/** How a participant makes its public key known, at `B/_e2e/pubkey/{id}`. */
export interface Announcement {
  readonly publicKey: PublicJwk;
  /** Milliseconds since the Unix epoch. */
  readonly timestamp: number;
  readonly wrapper: Wrapper;
}

/** Reads an announcement, in either wrapper; undefined for what is none. */
export function readAnnouncement(value: unknown): Announcement | undefined {
  const read = unwrapped(value);
  if (!read) return undefined;
  const { publicKey, timestamp } = read.fields;
  const time = Number(timestamp);
  if (!isPublicJwk(publicKey) || !Number.isFinite(time)) return undefined;
  return { publicKey: coordinates(publicKey), timestamp: time, wrapper: read.wrapper };
}

export function writeAnnouncement({ publicKey, timestamp, wrapper }: Announcement): Value {
  return wrapped({ publicKey: fullJwk(publicKey), timestamp: BigInt(Math.round(timestamp)) }, wrapper);
}

/** How the group key reaches one participant, at `B/_e2e/keyex/{id}`. */
export interface KeyExchange {
  readonly fromId: string;
  readonly senderPublicKey: PublicJwk;
  /** The text of the group key's JWK, under the key that both sides have in common. */
  readonly encryptedKey: Uint8Array;
  readonly iv: Uint8Array;
}

/** Reads a key exchange, in either wrapper; undefined for what is none. */
export function readKeyExchange(value: unknown): KeyExchange | undefined {
  const fields = unwrapped(value)?.fields;
  if (!fields) return undefined;
  const { fromId, encryptedKey, iv, senderPublicKey } = fields;
  if (typeof fromId !== 'string' || fromId === '' || !isPublicJwk(senderPublicKey)) return undefined;
  const key = typeof encryptedKey === 'string' ? base64.decode(encryptedKey) : undefined;
  const nonce = typeof iv === 'string' ? base64.decode(iv) : undefined;
  if (!key || key.length < TAG_BYTES || nonce?.length !== IV_BYTES) return undefined;
  return { fromId, senderPublicKey: coordinates(senderPublicKey), encryptedKey: key, iv: nonce };
}

export function writeKeyExchange({ fromId, senderPublicKey, encryptedKey, iv }: KeyExchange, wrapper: Wrapper): Value {
  return wrapped(
    {
      fromId,
      encryptedKey: base64.encode(encryptedKey),
      iv: base64.encode(iv),
      senderPublicKey: fullJwk(senderPublicKey),
    },
    wrapper,
  );
}

/** A group key as JWK, for the store and for others. */
export interface GroupJwk {
  readonly kty: 'oct';
  readonly alg: 'A256GCM';
  readonly ext: true;
  readonly key_ops: readonly string[];
  readonly k: string;
}

/** The JWK of 32 bytes. */
export function groupJwkOf(raw: Uint8Array): GroupJwk {
  return { alg: 'A256GCM', ext: true, k: base64url.encode(raw), key_ops: ['encrypt', 'decrypt'], kty: 'oct' };
}

/** The 32 bytes of a group key's JWK; undefined for what is none. The order of its keys does not count. */
export function rawGroupKey(jwk: unknown): Uint8Array | undefined {
  if (typeof jwk !== 'object' || jwk === null) return undefined;
  const { kty, alg, k } = jwk as Record<string, unknown>;
  if (kty !== 'oct' || (alg !== undefined && alg !== 'A256GCM') || typeof k !== 'string') return undefined;
  const raw = base64url.decode(k);
  return raw?.length === KEY_BYTES ? raw : undefined;
}

/** The bytes whose SHA-256 people compare to know a public key. */
export function fingerprintBytes({ crv, kty, x, y }: PublicJwk): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ crv, kty, x, y }));
}

/** A fingerprint as people read it: hex digits in groups of four. */
export function fingerprintText(digest: Uint8Array): string {
  return toHex(digest).replace(/(....)(?=.)/g, '$1 ');
}

function coordinates({ x, y }: PublicJwk): PublicJwk {
  return { kty: 'EC', crv: 'P-256', x, y };
}

/** With the fields that WebCrypto writes: published code gives them to it as they come. */
function fullJwk({ kty, crv, x, y }: PublicJwk): { readonly [key: string]: Value } {
  return { kty, crv, x, y, ext: true, key_ops: [] };
}
