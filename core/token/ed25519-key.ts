import { ClaspError, ErrorCode } from '../errors.ts';
import { base64, fromBase58, fromHex, toBase58, toHex } from './bytes-text.ts';

/** Bytes of a public key, and of the seed that a private key is. */
export const KEY_BYTES = 32;
/** The multicodec prefix of an Ed25519 public key in a DID. */
const DID_PREFIX = [0xed, 0x01] as const;
const DID = 'did:key:z';
/** What stands before the 32 bytes in the DER of a public key (SPKI). */
const SPKI = '302a300506032b6570032100';
/** What stands before the 32 bytes in the DER of a private key (PKCS 8). */
const PKCS8 = '302e020100300506032b657004220420';

const P = 2n ** 255n - 19n;
const D = 37095705934669439343138083508754565189542113879843219016388785533085940283555n;

/** The points of small order, without the bit of the sign; the last three are spellings beyond the field. */
const SMALL_ORDER: ReadonlySet<string> = new Set([
  `00${'00'.repeat(31)}`,
  `01${'00'.repeat(31)}`,
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  `ec${'ff'.repeat(30)}7f`,
  `ed${'ff'.repeat(30)}7f`,
  `ee${'ff'.repeat(30)}7f`,
]);

/** Whether a key is one of the few points under which one signature fits everything. */
export function isWeakKey(key: Uint8Array): boolean {
  const unsigned = key.slice();
  unsigned[31] = (unsigned[31] as number) & 0x7f;
  return SMALL_ORDER.has(toHex(unsigned));
}

/** Whether 32 bytes are a point of the curve in its one spelling. About half of all are. */
export function isCurvePoint(key: Uint8Array): boolean {
  let y = 0n;
  for (let at = 31; at >= 0; at--) y = (y << 8n) | BigInt(at === 31 ? (key[at] as number) & 0x7f : (key[at] as number));
  if (y >= P) return false;
  const square = (y * y) % P;
  // x² = u / v; it has a root where u·v is a square itself.
  const product = ((square - 1n + P) * (D * square + 1n)) % P;
  return product === 0n || power(product, (P - 1n) / 2n) === 1n;
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = base;
  for (let left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = (result * square) % P;
    square = (square * square) % P;
  }
  return result;
}

/**
 * Reads a public key as people keep it: 64 hex digits, 32 raw bytes, PEM, or `did:key:z6Mk…`. Throws a `ClaspError`
 * 402 for anything else, for a key of small order and for what is no point of the curve.
 */
export function readPublicKey(source: string | Uint8Array): Uint8Array {
  const key = source instanceof Uint8Array && source.length === KEY_BYTES ? source : keyOfText(textOf(source));
  if (isWeakKey(key)) throw badKey('a key of small order, under which one signature fits everything');
  if (!isCurvePoint(key)) throw badKey('32 bytes that are no Ed25519 public key');
  return key;
}

/** Reads a private key, 64 hex digits or PEM (PKCS 8), and gives its seed. Throws a `ClaspError` 402 for anything else. */
export function readPrivateKey(source: string): Uint8Array {
  const text = source.trim();
  const hex = text.startsWith('-----BEGIN PRIVATE KEY-----') ? derOf(text, PKCS8) : text;
  const seed = fromHex(hex);
  // Without the text: it may be the secret with one digit too many.
  if (seed?.length !== KEY_BYTES) throw badKey('no private key: 64 hex digits or PEM');
  return seed;
}

/** A public key as a DID. */
export function didOf(key: Uint8Array): string {
  return DID + toBase58(Uint8Array.from([...DID_PREFIX, ...key]));
}

/** The id of the entity that has this public key: `clasp:` and the first half of the key in base58. */
export function entityIdOf(key: Uint8Array): string {
  return `clasp:${toBase58(key.subarray(0, 16))}`;
}

function textOf(source: string | Uint8Array): string {
  return (typeof source === 'string' ? source : String.fromCharCode(...source.subarray(0, 4096))).trim();
}

function keyOfText(text: string): Uint8Array {
  if (text.includes('PRIVATE KEY')) throw badKey('a private key where a public key belongs');
  if (text.startsWith(DID)) {
    const bytes = fromBase58(text.slice(DID.length));
    if (bytes?.length === KEY_BYTES + 2 && DID_PREFIX.every((byte, at) => bytes[at] === byte)) return bytes.subarray(2);
    throw badKey('a did:key that holds no Ed25519 public key');
  }
  const key = fromHex(text.startsWith('-----BEGIN PUBLIC KEY-----') ? derOf(text, SPKI) : text);
  if (key?.length !== KEY_BYTES) throw badKey('no public key: 64 hex digits, 32 bytes, PEM or did:key');
  return key;
}

/** The key in the DER of a PEM text, in hex; empty when it is not DER of that beginning. */
function derOf(pem: string, beginning: string): string {
  const body = pem.replace(/-----[A-Z ]+-----/g, '').replace(/\s/g, '');
  const der = toHex(base64.decode(body) ?? new Uint8Array());
  return der.startsWith(beginning) ? der.slice(beginning.length) : '';
}

function badKey(reason: string): ClaspError {
  return new ClaspError(ErrorCode.BadValue, reason);
}
