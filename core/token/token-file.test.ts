import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nodeTokenCrypto } from '../../platform-node/token/node-token-crypto.ts';
import { newPlainToken, tokenHash, tokenIdOf, tokenKind } from './plain-token.ts';
import { readTokenFile, staticToken } from './token-file.ts';

const HASH = 'ab'.repeat(32);

describe('readTokenFile', () => {
  it('reads lines, comments, scopes in any spelling and hashes', () => {
    const { tokens, mistakes } = readTokenFile(
      `# for the stage\nsecret-1\r\n\nsecret-2 r:/a,WRITE:/b/**  # the desk\nsha256:${HASH.toUpperCase()} read:/**\nwith#sign`,
    );
    expect(mistakes).toEqual([]);
    expect(tokens.map(({ token, sha256, scopes }) => [token ?? sha256, scopes])).toEqual([
      ['secret-1', ['admin:/**']],
      ['secret-2', ['read:/a', 'write:/b/**']],
      [HASH, ['read:/**']],
      ['with#sign', ['admin:/**']],
    ]);
  });

  it('tells each bad line by its number, without the token, and uses the others', () => {
    const { tokens, mistakes } = readTokenFile('good\nsecret-9 rd:/x\nsecret-9 read:/a read:/b\nsha256:beef\ngood');
    expect(tokens.map(({ token }) => token)).toEqual(['good']);
    expect(mistakes.map(({ line }) => line)).toEqual([2, 3, 4, 5]);
    expect(JSON.stringify(mistakes)).not.toContain('secret-9');
    expect(mistakes[1]?.reason).toContain('TOKEN [scope,scope…]');
  });

  it('reads what `token create` keeps', () => {
    const { tokens, mistakes } = readTokenFile(
      JSON.stringify({
        tokens: {
          cpsk_1: { token: 'cpsk_1', scopes: ['read:/**'], subject: 'desk', expires_at: 7, created_at: 1 },
          cpsk_2: { scopes: ['rd:/'] },
          cpsk_3: { scopes: ['read:/a'], expires_at: 'soon' },
          cpsk_4: null,
        },
      }),
    );
    expect(tokens[0]).toEqual({
      token: 'cpsk_1',
      sha256: undefined,
      scopes: ['read:/**'],
      name: 'desk',
      expiresAt: 7000,
    });
    expect(mistakes.map(({ reason }) => reason.slice(0, 8))).toEqual(['entry 2:', 'entry 3:']);
  });

  it.each(['{', '{"tokens": 1}', '{"cpsk_secret": }', '{}'])(
    'says of %j that it is none, and quotes nothing',
    (text) => {
      const { tokens, mistakes } = readTokenFile(text);
      expect(tokens).toEqual([]);
      expect(mistakes).toHaveLength(1);
      expect(mistakes[0]?.reason).not.toContain('secret');
    },
  );

  it('never throws', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => void readTokenFile(text)));
    fc.assert(fc.property(fc.json(), (text) => void readTokenFile(`{"tokens": ${text}}`)));
  });
});

describe('staticToken', () => {
  it.each([[''], ['a b'], ['x'.repeat(8193)]])('refuses %j', (token) => {
    expect(() => staticToken({ token })).toThrow(expect.objectContaining({ code: 402 }));
  });
});

describe('plain tokens', () => {
  it('are `cpsk_` and 32 hex digits, never the same twice', () => {
    const made = new Set(Array.from({ length: 1000 }, () => newPlainToken(nodeTokenCrypto)));
    expect(made.size).toBe(1000);
    for (const token of made) expect(token).toMatch(/^cpsk_[0-9a-f]{32}$/);
  });

  it('are kept as SHA-256, of which the first eight bytes name them', () => {
    const hash = tokenHash('cpsk_00', nodeTokenCrypto) as string;
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(hash.startsWith(tokenIdOf(hash))).toBe(true);
    expect(tokenIdOf(hash)).toHaveLength(16);
  });

  it.each([
    ['cpsk_x', 'plain'],
    ['cap_x', 'capability'],
    ['ent_x', 'entity'],
    ['ext_x', 'reserved'],
    ['eyJhbGciOi', 'foreign'],
    ['', 'foreign'],
    ['CPSK_x', 'foreign'],
    ['x'.repeat(8193), 'too long'],
  ])('%s is %s', (token, kind) => {
    expect(tokenKind(token)).toBe(kind);
  });
});
