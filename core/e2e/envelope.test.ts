import { webcrypto } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringifyJson } from '../signal/json.ts';
import { sameValue, type Value } from '../signal/value.ts';
import { base64url, fromHex, toHex } from '../token/bytes-text.ts';
import { e2eCryptoOf, type PrivateJwk } from './e2e-crypto.ts';
import {
  boundTo,
  type Envelope,
  fingerprintBytes,
  fingerprintText,
  groupJwkOf,
  plaintextOf,
  rawGroupKey,
  readAnnouncement,
  readEnvelope,
  readKeyExchange,
  valueOfPlaintext,
  writeAnnouncement,
  writeEnvelope,
  writeKeyExchange,
} from './envelope.ts';

const vectors = JSON.parse(readFileSync(new URL('../../testing/vectors/e2e.json', import.meta.url), 'utf8'));
const crypto = e2eCryptoOf(webcrypto);
const bytes = (hex: string) => fromHex(hex) as Uint8Array;
const raw = bytes(vectors.groupKey.rawHex);
const privateJwk = ({ jwk, privateHex }: { jwk: PrivateJwk; privateHex: string }): PrivateJwk => ({
  ...jwk,
  d: base64url.encode(bytes(privateHex)),
});

async function open(value: unknown, key = raw, address?: string): Promise<Value | undefined> {
  const envelope = readEnvelope(value);
  if (!envelope || envelope === 'plain') return undefined;
  const aes = await crypto.groupKey(key);
  const plain = await aes.decrypt(
    envelope.iv,
    envelope.ciphertext,
    address === undefined ? undefined : boundTo(address),
  );
  return plain && valueOfPlaintext(plain);
}

describe('the vectors', () => {
  it('key agreement, both ways, and fingerprints', async () => {
    const alice = await crypto.keyPair(privateJwk(vectors.alice));
    const bob = await crypto.keyPair(privateJwk(vectors.bob));
    expect(toHex(await alice.sharedKey(bob.publicKey))).toBe(vectors.keyAgreement.sharedKeyHex);
    expect(toHex(await bob.sharedKey(alice.publicKey))).toBe(vectors.keyAgreement.sharedKeyHex);
    for (const { jwk, fingerprint } of [vectors.alice, vectors.bob]) {
      expect(fingerprintText(await crypto.sha256(fingerprintBytes(jwk)))).toBe(fingerprint);
    }
  });

  it('the group key, whatever the order of its fields', () => {
    expect(JSON.stringify(groupJwkOf(raw))).toBe(vectors.groupKey.jwkTextOfRust);
    for (const text of [vectors.groupKey.jwkTextOfRust, vectors.groupKey.jwkTextOfJavaScript]) {
      expect(rawGroupKey(JSON.parse(text))).toEqual(raw);
    }
  });

  it.each(
    vectors.envelopes as {
      name: string;
      says: string;
      envelope: Value;
      asJsonString: string;
      plaintext: string;
      value: Value;
    }[],
  )('envelope $name, as a map and as text: $says', async ({ envelope, asJsonString, value, plaintext }) => {
    for (const wrapper of [envelope, asJsonString]) {
      expect(sameValue((await open(wrapper)) as Value, value)).toBe(true);
    }
    const read = readEnvelope(envelope) as Envelope;
    const written = await (await crypto.groupKey(raw)).encrypt(read.iv, new TextEncoder().encode(plaintext));
    expect(written).toEqual(read.ciphertext);
    expect(writeEnvelope(read, 'text')).toBe(asJsonString);
    expect(sameValue(writeEnvelope(read, 'map'), envelope)).toBe(true);
  });

  it.each(vectors.undecryptable as { name: string; envelope: Value; why: string }[])(
    'never opens $name: $why',
    async ({ envelope }) => {
      expect(readEnvelope(envelope)).not.toBe('plain');
      expect(await open(envelope)).toBeUndefined();
      expect(await open(stringifyJson(envelope))).toBeUndefined();
    },
  );

  it('version 2 opens at its address only', async () => {
    const { envelope, address, additionalData } = vectors.version2;
    expect(new TextDecoder().decode(boundTo(address))).toBe(additionalData);
    expect(await open(envelope, raw, address)).toBe(0.75);
    expect(await open(envelope, raw, '/app/room/faders/2')).toBeUndefined();
    expect(await open(envelope)).toBeUndefined();
  });

  it('announcement and key exchange, as a map and as text', async () => {
    const { announcement, keyExchange } = vectors;
    const announced = readAnnouncement(announcement.value);
    expect(announced).toMatchObject({
      timestamp: 1_700_000_000_000,
      wrapper: 'map',
      publicKey: { x: vectors.alice.jwk.x },
    });
    expect(sameValue(writeAnnouncement(announced as never), announcement.value)).toBe(true);
    expect(readAnnouncement(JSON.stringify(announcement.value))).toEqual({ ...announced, wrapper: 'text' });

    const bob = await crypto.keyPair(privateJwk(vectors.bob));
    for (const value of [keyExchange.value, keyExchange.asJsonString]) {
      const read = readKeyExchange(value) as NonNullable<ReturnType<typeof readKeyExchange>>;
      expect(read.fromId).toBe('alice');
      const key = await crypto.groupKey(await bob.sharedKey(read.senderPublicKey));
      const text = new TextDecoder().decode(await key.decrypt(read.iv, read.encryptedKey));
      expect(rawGroupKey(JSON.parse(text))).toEqual(raw);
      expect(sameValue(writeKeyExchange(read, 'map'), keyExchange.value)).toBe(true);
      expect(readKeyExchange(writeKeyExchange(read, 'text'))).toEqual(read);
    }
  });
});

describe('bad input', () => {
  const key = { kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43) };
  it.each([null, 1, 'text', '{"_e2e"', [], new Uint8Array(3), {}, { ct: '', iv: '' }])('%j is no envelope', (value) => {
    expect(readEnvelope(value)).toBe('plain');
  });

  it.each([
    [{ publicKey: key }],
    [{ publicKey: { ...key, crv: 'P-384' }, timestamp: 1 }],
    [{ publicKey: { ...key, x: '' }, timestamp: 1 }],
    [{ publicKey: null, timestamp: 1 }],
    ['{'],
    [undefined],
  ])('%j is no announcement', (value) => {
    expect(readAnnouncement(value)).toBeUndefined();
  });

  it.each([
    [{ fromId: '', encryptedKey: 'A'.repeat(24), iv: 'A'.repeat(16), senderPublicKey: key }],
    [{ fromId: 'a', encryptedKey: 'AAAA', iv: 'A'.repeat(16), senderPublicKey: key }],
    [{ fromId: 'a', encryptedKey: 'A'.repeat(24), iv: 'AAAA', senderPublicKey: key }],
    [{ fromId: 'a', encryptedKey: 'A'.repeat(24), iv: 'A'.repeat(16) }],
  ])('%j is no key exchange', (value) => {
    expect(readKeyExchange(value)).toBeUndefined();
  });

  it('never throws, whatever comes', () => {
    const any = fc.anything({ withBigInt: true, withNullPrototype: true });
    fc.assert(
      fc.property(fc.oneof(any, fc.json()), (value) => {
        readEnvelope(value);
        readAnnouncement(value);
        readKeyExchange(value);
        rawGroupKey(value);
      }),
      { numRuns: 1000 },
    );
  });
});

it('a value comes back from its plaintext, but for texts that are JSON', () => {
  const value: fc.Arbitrary<Value> = fc.oneof(
    fc.string(),
    fc.boolean(),
    fc.constant(null),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.array(fc.integer()),
    fc.dictionary(fc.string(), fc.string(), { noNullPrototype: true }),
  );
  const isJson = (text: string): boolean => {
    try {
      JSON.parse(text);
      return true;
    } catch {
      return false;
    }
  };
  fc.assert(
    fc.property(
      value.filter((some) => typeof some !== 'string' || !isJson(some)),
      (some) => {
        expect(sameValue(valueOfPlaintext(plaintextOf(some)) as Value, some)).toBe(true);
      },
    ),
  );
});
