import { base64url } from './bytes-text.ts';
import { KEY_BYTES } from './ed25519-key.ts';
import { Malformed, TokenReader, TokenWriter } from './token-bytes.ts';

/** What every capability token begins with. */
export const CAPABILITY_PREFIX = 'cap_';
/** The longest token of any kind, in characters. */
export const MAX_TOKEN_LENGTH = 8192;
const SIGNATURE_BYTES = 64;
const MAX_SCOPES = 64;
const MAX_NONCE_BYTES = 64;

/** What a link and the token itself have in common: who gives what to whom. */
export interface CapabilityLink {
  /** The public key that signed it. */
  readonly issuer: Uint8Array;
  /** `action:pattern`, as they stand there. */
  readonly scopes: readonly string[];
  readonly signature: Uint8Array;
  /**
   * The fields by which the signature of a link can be checked; undefined in links of the published code, which leaves
   * them out.
   */
  readonly terms: CapabilityTerms | undefined;
}

export interface CapabilityTerms {
  /** The only key that may delegate further; undefined for a bearer token. */
  readonly audience: Uint8Array | undefined;
  /** Seconds since the Unix epoch; the first second in which it is no longer valid. */
  readonly expiresAt: bigint;
  readonly nonce: string;
}

/** A decoded capability token. What it says is proven by nothing yet. */
export interface Capability extends CapabilityLink {
  readonly version: bigint;
  readonly terms: CapabilityTerms;
  /** What it was delegated from, root first. */
  readonly proofs: readonly CapabilityLink[];
}

/** Decodes a capability token, strictly: no two texts but other encodings of the same map mean the same. Throws {@link Malformed}. */
export function decodeCapability(token: string): Capability {
  if (token.length > MAX_TOKEN_LENGTH) throw new Malformed('too long');
  const bytes = token.startsWith(CAPABILITY_PREFIX)
    ? base64url.decode(token.slice(CAPABILITY_PREFIX.length))
    : undefined;
  if (!bytes) throw new Malformed('not base64url');
  const reader = new TokenReader(bytes);
  const { issuer, scopes, signature, terms, version, proofs = [] } = readLink(reader, true);
  if (!reader.done) throw new Malformed('bytes after the map');
  if (!terms || version === undefined) throw new Malformed('a key is missing');
  return { issuer, scopes, signature, terms, version, proofs };
}

interface ReadLink extends CapabilityLink {
  readonly version: bigint | undefined;
  readonly proofs: readonly CapabilityLink[] | undefined;
}

function readLink(reader: TokenReader, leaf: boolean): ReadLink {
  let version: bigint | undefined;
  let issuer: Uint8Array | undefined;
  let audience: Uint8Array | undefined;
  let hasAudience = leaf;
  let scopes: string[] | undefined;
  let expiresAt: bigint | undefined;
  let nonce: string | undefined;
  let proofs: CapabilityLink[] | undefined;
  let signature: Uint8Array | undefined;
  reader.readMap((key) => {
    switch (key) {
      case 'issuer':
        issuer = reader.bytes(KEY_BYTES);
        return;
      case 'audience':
        hasAudience = true;
        if (!reader.nil()) audience = reader.bytes(KEY_BYTES);
        return;
      case 'scopes':
        scopes = readScopes(reader);
        return;
      case 'expires_at':
        expiresAt = reader.uint();
        return;
      case 'nonce':
        nonce = readNonce(reader);
        return;
      case 'signature':
        signature = reader.bytes(SIGNATURE_BYTES);
        return;
    }
    if (leaf && key === 'version') version = reader.uint();
    else if (leaf && key === 'proofs') proofs = readProofs(reader);
    else reader.skip();
  });
  if (!issuer || !scopes || !signature) throw new Malformed('a key is missing');
  const whole = hasAudience && expiresAt !== undefined && nonce !== undefined;
  const terms = whole ? { audience, expiresAt: expiresAt as bigint, nonce: nonce as string } : undefined;
  return { issuer, scopes, signature, terms, version, proofs };
}

function readScopes(reader: TokenReader): string[] {
  const scopes: string[] = [];
  reader.readArray(() => {
    if (scopes.length === MAX_SCOPES) throw new Malformed(`more than ${MAX_SCOPES} scopes`);
    scopes.push(reader.text());
  });
  return scopes;
}

function readProofs(reader: TokenReader): CapabilityLink[] {
  const proofs: CapabilityLink[] = [];
  reader.readArray(() => {
    const { issuer, scopes, signature, terms } = readLink(reader, false);
    proofs.push({ issuer, scopes, signature, terms });
  });
  return proofs;
}

function readNonce(reader: TokenReader): string {
  const nonce = reader.text();
  const { length } = new TextEncoder().encode(nonce);
  if (length === 0 || length > MAX_NONCE_BYTES) throw new Malformed('a nonce of another length');
  return nonce;
}

/** The token's text, as the published code writes it, with links that can be checked. */
export function encodeCapability({ version, issuer, scopes, signature, terms, proofs }: Capability): string {
  const { audience, expiresAt, nonce } = terms;
  const writer = new TokenWriter().map(6 + (audience ? 1 : 0) + (proofs.length > 0 ? 1 : 0));
  writer.text('version').uint(version);
  writer.text('issuer').integers(issuer);
  if (audience) writer.text('audience').integers(audience);
  writeScopes(writer, scopes);
  writer.text('expires_at').uint(expiresAt).text('nonce').text(nonce);
  if (proofs.length > 0) {
    writer.text('proofs').array(proofs.length);
    for (const link of proofs) writeLink(writer, link, link.terms);
  }
  writer.text('signature').bytes(signature);
  return CAPABILITY_PREFIX + base64url.encode(writer.finish());
}

/** The bytes that a signature covers: of the token itself, or of a link with the links before it. */
export function signedBytes(
  version: bigint,
  { issuer, scopes }: Pick<CapabilityLink, 'issuer' | 'scopes'>,
  { audience, expiresAt, nonce }: CapabilityTerms,
  before: readonly CapabilityLink[],
): Uint8Array {
  const writer = new TokenWriter().map(7);
  writer.text('version').uint(version);
  writer.text('issuer').integers(issuer).text('audience');
  if (audience) writer.integers(audience);
  else writer.nil();
  writeScopes(writer, scopes);
  writer.text('expires_at').uint(expiresAt).text('nonce').text(nonce);
  writer.text('proofs').array(before.length);
  // With three keys only, as the published code has them: so a relay of it accepts what is signed here.
  for (const link of before) writeLink(writer, link, undefined);
  return writer.finish();
}

function writeLink(
  writer: TokenWriter,
  { issuer, scopes, signature }: CapabilityLink,
  terms: CapabilityTerms | undefined,
): void {
  writer
    .map(terms ? 6 : 3)
    .text('issuer')
    .integers(issuer);
  writeScopes(writer, scopes);
  writer.text('signature').bytes(signature);
  if (!terms) return;
  writer.text('audience');
  if (terms.audience) writer.integers(terms.audience);
  else writer.nil();
  writer.text('expires_at').uint(terms.expiresAt).text('nonce').text(terms.nonce);
}

function writeScopes(writer: TokenWriter, scopes: readonly string[]): void {
  writer.text('scopes').array(scopes.length);
  for (const scope of scopes) writer.text(scope);
}
