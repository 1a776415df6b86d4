import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { nodeTokenCrypto } from '../../platform-node/token/node-token-crypto.ts';
import { scopeText } from '../address/scope-within.ts';
import { fromHex, toHex } from './bytes-text.ts';
import { entityIdOf } from './ed25519-key.ts';
import {
  type EntityRights,
  type EntityStatus,
  type EntityVerdict,
  entityScopes,
  entitySignedBytes,
  inspectEntityToken,
  mintEntityToken,
  scopeOutside,
  verifyEntityToken,
} from './entity-token.ts';

interface Vector {
  readonly name: string;
  readonly says: string;
  readonly token: string;
  readonly registered: { key: string; status: EntityStatus; scopes: string[]; namespaces: string[] };
  readonly maxTokenAge: number;
  readonly reference: string;
  readonly ours: { result: string; scopes?: string[]; subject?: string; code?: number; why?: string };
  readonly signedBytesHex?: string;
}
const file = new URL('../../testing/vectors/entity-tokens.json', import.meta.url);
const vectors: { keys: Record<string, { seedHex: string; publicHex: string; entityId: string }>; tokens: Vector[] } =
  JSON.parse(readFileSync(file, 'utf8'));
const keyOf = (name: string) => vectors.keys[name] as { seedHex: string; publicHex: string; entityId: string };
const seed = fromHex(keyOf('A').seedHex) as Uint8Array;
const crypto = nodeTokenCrypto;
const now = 1_800_000_000_000;

const registry = (rights: Partial<EntityRights> = {}, key = 'A') => {
  const entity = {
    publicKey: fromHex(keyOf(key).publicHex) as Uint8Array,
    status: 'active' as const,
    scopes: ['read:/**'],
    namespaces: [],
    ...rights,
  };
  return (id: string): EntityRights | undefined => (id === keyOf(key).entityId ? entity : undefined);
};
const verdictOf = (token: string, find = registry(), check: { maxAge?: number; at?: number } = {}): EntityVerdict =>
  verifyEntityToken(token, { find, now: check.at ?? now, maxAge: check.maxAge, crypto }) as EntityVerdict;
const mint = (at: number): string => mintEntityToken(seed, { now: at, crypto }) as string;

describe('the vectors', () => {
  it.each(vectors.tokens)('$name: $says', ({ token, registered, maxTokenAge, ours, signedBytesHex }) => {
    const { key, ...rights } = registered;
    const verdict = verdictOf(token, registry(rights, key), { maxAge: maxTokenAge });
    if (verdict.valid) {
      const { id, scopes } = verdict;
      expect({ result: 'valid', scopes: scopes.map(scopeText), subject: id }).toEqual(ours);
    } else {
      expect({ result: 'refused', code: verdict.error.code }).toEqual({ result: ours.result, code: ours.code });
      expect(verdict.error.reason).toContain(ours.why);
    }
    if (!signedBytesHex) return;
    const { id, timestamp } = inspectEntityToken(token);
    expect(toHex(entitySignedBytes(id, timestamp))).toBe(signedBytesHex);
  });

  it('hold the id of each key, and the token of a time is made again byte for byte', () => {
    for (const { publicHex, entityId } of Object.values(vectors.keys)) {
      expect(entityIdOf(fromHex(publicHex) as Uint8Array)).toBe(entityId);
    }
    const good = vectors.tokens.find(({ name }) => name === 'good');
    expect(mint(0x6553f100 * 1000 + 999)).toBe(good?.token);
  });
});

describe('verifyEntityToken', () => {
  const code = (verdict: EntityVerdict) => (verdict.valid ? 0 : verdict.error.code);

  it('lets tokens age where an age is set, to the second (ENT-06)', () => {
    const made = mint(now);
    expect(code(verdictOf(made, registry(), { maxAge: 60, at: now + 60_999 }))).toBe(0);
    expect(code(verdictOf(made, registry(), { maxAge: 60, at: now + 61_000 }))).toBe(302);
    expect(code(verdictOf(made, registry(), { maxAge: 60, at: now - 300_000 }))).toBe(0);
    expect(code(verdictOf(made, registry(), { maxAge: 60, at: now - 301_000 }))).toBe(300);
  });

  it('refuses what was made before the entity asked for new ones', () => {
    const made = mint(now);
    expect(code(verdictOf(made, registry({ tokensAfter: now / 1000 })))).toBe(0);
    expect(code(verdictOf(made, registry({ tokensAfter: now / 1000 + 1 })))).toBe(302);
  });

  it('says of no guess but 300, also where the time in it is old', () => {
    const other = mintEntityToken(fromHex(keyOf('B').seedHex) as Uint8Array, { now: 0, crypto }) as string;
    expect(code(verdictOf(other, registry(), { maxAge: 60 }))).toBe(300);
  });

  it('survives a registry that fails', () => {
    const find = () => {
      throw new Error('disk');
    };
    expect(verdictOf(mint(now), find)).toMatchObject({
      valid: false,
      error: { code: 300, reason: 'token cannot be checked' },
    });
  });
});

describe('entityScopes', () => {
  it.each([
    [['write:/**'], ['/lights'], ['read:/**', 'write:/lights/**']],
    [['admin:/**'], ['/a', '/b/'], ['read:/**', 'admin:/a/**', 'admin:/b/**']],
    [['write:/lights/1'], ['/lights'], ['write:/lights/1']],
    [['read:/**'], ['/lights'], ['read:/**']],
    // Neither is the narrower one: what both permit has no pattern.
    [['write:/*/x'], ['/lights/*'], ['read:/*/x']],
  ])('%j inside %j: %j', (scopes, namespaces, effective) => {
    expect(entityScopes({ scopes, namespaces }).map(scopeText)).toEqual(effective);
  });

  it('gives no reading with a write that does not include it', () => {
    const effective = entityScopes({ scopes: ['write:/**', 'admin:/**'], namespaces: ['/a'] }, true);
    expect(effective.map(scopeText)).toEqual(['write:/a/**', 'read:/**', 'admin:/a/**']);
  });

  it.each([
    [['write:/sound/**'], ['/lights'], 'write:/sound/**'],
    [['read:/sound/**', 'write:/**'], ['/lights'], undefined],
    [['write:/sound/**'], [], undefined],
  ])('%j outside %j: %s', (scopes, namespaces, outside) => {
    expect(scopeOutside({ scopes, namespaces })).toBe(outside);
  });
});
