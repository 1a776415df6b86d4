import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { nodeTokenCrypto } from '../../platform-node/token/node-token-crypto.ts';
import { fromHex, toHex } from './bytes-text.ts';
import { didOf, entityIdOf, isCurvePoint, isWeakKey, readPrivateKey, readPublicKey } from './ed25519-key.ts';

const file = new URL('../../testing/vectors/cap-tokens.json', import.meta.url);
const keys = Object.entries<Record<'seedHex' | 'publicHex' | 'entityId' | 'did', string>>(
  JSON.parse(readFileSync(file, 'utf8')).keys,
);

describe('keys', () => {
  it.each(keys)('%s: public key, DID and id', (_, { seedHex, publicHex, entityId, did }) => {
    const key = nodeTokenCrypto.publicKey(readPrivateKey(seedHex));
    expect(toHex(key)).toBe(publicHex);
    expect(didOf(key)).toBe(did);
    expect(entityIdOf(key)).toBe(entityId);
    for (const source of [
      publicHex,
      ` ${publicHex.toUpperCase()}\n`,
      did,
      key,
      new TextEncoder().encode(`${publicHex}\n`),
    ]) {
      expect(toHex(readPublicKey(source))).toBe(publicHex);
    }
  });

  it('reads the PEM that others write', () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string;
    const secret = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    expect(readPublicKey(pem)).toEqual(nodeTokenCrypto.publicKey(readPrivateKey(secret)));
    expect(() => readPublicKey(secret)).toThrow('a private key where a public key belongs');
  });

  it('tells points of the curve from other bytes, for every key of Node', () => {
    for (let made = 0; made < 20; made++) {
      const { x = '' } = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });
      expect(isCurvePoint(Buffer.from(x, 'base64url'))).toBe(true);
    }
    // About half of all y have no x.
    const points = Array.from({ length: 200 }, (_, at) => nodeTokenCrypto.sha256(Uint8Array.of(at))).filter(
      isCurvePoint,
    );
    expect(points.length).toBeGreaterThan(60);
    expect(points.length).toBeLessThan(140);
    // The prime itself is zero, spelt otherwise.
    expect(isCurvePoint(fromHex(`ed${'ff'.repeat(30)}7f`) as Uint8Array)).toBe(false);
  });

  it.each([
    ['neutral', `01${'00'.repeat(31)}`],
    ['neutral with a sign', `01${'00'.repeat(30)}80`],
    ['of order 2', `ec${'ff'.repeat(30)}7f`],
    ['of order 4', '00'.repeat(32)],
    ['of order 8', '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05'],
    ['of order 8, the other', 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'],
  ])('refuses the weak key: %s (attack 4)', (_, hex) => {
    expect(isWeakKey(fromHex(hex) as Uint8Array)).toBe(true);
    expect(() => readPublicKey(hex)).toThrow(expect.objectContaining({ code: 402 }));
  });

  it.each([
    '',
    '00',
    'zz'.repeat(32),
    'did:key:z6Mk',
    'did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme',
    'x'.repeat(10_000),
  ])('refuses %j as a public key', (text) => {
    expect(() => readPublicKey(text)).toThrow(expect.objectContaining({ code: 402 }));
  });

  it.each(['', 'ab'.repeat(31), 'ab'.repeat(33), '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----'])(
    'refuses %j as a private key without repeating it',
    (text) => {
      expect(() => readPrivateKey(text)).toThrow('no private key: 64 hex digits or PEM');
    },
  );
});
