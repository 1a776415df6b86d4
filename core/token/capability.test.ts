import { webcrypto } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { webTokenCrypto } from '../../platform-browser/token/web-token-crypto.ts';
import { nodeTokenCrypto } from '../../platform-node/token/node-token-crypto.ts';
import { parseScope } from '../address/scope.ts';
import { patternWithin, scopeText } from '../address/scope-within.ts';
import { fromHex, toHex } from './bytes-text.ts';
import {
  type CapabilityVerdict,
  capabilityHolder,
  delegateCapability,
  inspectCapability,
  mintCapability,
  readTrustAnchor,
  type TrustAnchor,
  verifyCapability,
} from './capability.ts';
import { decodeCapability, encodeCapability, signedBytes } from './capability-bytes.ts';

interface Vector {
  readonly name: string;
  readonly says: string;
  readonly token: string;
  readonly anchors: readonly string[];
  readonly maxDepth: number;
  readonly reference: string;
  readonly referenceScopes?: readonly string[];
  readonly ours: {
    readonly result: 'valid' | 'refused';
    readonly scopes?: string[];
    readonly code?: number;
    readonly why?: string;
  };
  readonly signedBytesHex?: string;
  readonly tokenId?: string;
  readonly linkIds?: readonly string[];
}
const file = new URL('../../testing/vectors/cap-tokens.json', import.meta.url);
const vectors = JSON.parse(readFileSync(file, 'utf8'));
const tokens = vectors.tokens as readonly Vector[];
const now: number = vectors.now * 1000;
const crypto = nodeTokenCrypto;
const key = (name: string): { seed: string; public: string } => ({
  seed: vectors.keys[name].seedHex,
  public: vectors.keys[name].publicHex,
});
const A = key('A');
const B = key('B');
const C = key('C');

/** An anchor that is refused at start is still one that a verification must withstand. */
const rawAnchor = (hex: string) => ({ key: fromHex(hex) as Uint8Array, ceiling: undefined });
const verdictOf = (token: string, ...anchors: (TrustAnchor | string)[]): CapabilityVerdict =>
  verifyCapability(token, { anchors: anchors.map(readTrustAnchor), now, crypto }) as CapabilityVerdict;
const codeOf = (verdict: CapabilityVerdict): number => (verdict.valid ? 0 : verdict.error.code);
const reasonOf = (verdict: CapabilityVerdict): string => (verdict.valid ? 'valid' : verdict.error.reason);
const mint = (options: Parameters<typeof mintCapability>[0]): string => mintCapability(options, crypto) as string;
const delegate = (parent: string, options: Parameters<typeof delegateCapability>[1]): string =>
  delegateCapability(parent, options, crypto) as string;
const later = vectors.now + 3600;

describe('the vectors', () => {
  it('are all there, with both answers of both sides', () => {
    expect(tokens).toHaveLength(47);
    const pairs = new Set(tokens.map(({ reference, ours }) => `${reference === 'valid'} ${ours.result}`));
    expect([...pairs].sort()).toEqual(['false refused', 'false valid', 'true refused', 'true valid']);
  });

  it.each(tokens)('$name: $says', ({ token, anchors, maxDepth, ours, tokenId, linkIds }) => {
    const verdict = verifyCapability(token, {
      anchors: anchors.map(rawAnchor),
      maxDepth,
      now,
      crypto,
    }) as CapabilityVerdict;
    if (verdict.valid) {
      expect({ result: 'valid', scopes: verdict.scopes.map(scopeText) }).toEqual(ours);
      if (tokenId) expect(verdict.id).toBe(tokenId);
      if (linkIds) expect(verdict.dependsOn.slice(0, linkIds.length)).toEqual(linkIds);
    } else {
      expect({ result: 'refused', code: verdict.error.code }).toEqual({ result: ours.result, code: ours.code });
      const why = ours.why?.replace('expired', 'token expired').replace('B must sign', 'its holder must sign') ?? '';
      expect(verdict.error.reason).toContain(why === 'too deep' ? 'too deep' : why);
      expect(JSON.stringify(verdict)).not.toContain(token);
    }
  });

  it.each(tokens.filter(({ signedBytesHex }) => signedBytesHex))(
    '$name: the signed bytes',
    ({ token, signedBytesHex }) => {
      const decoded = decodeCapability(token);
      expect(toHex(signedBytes(decoded.version, decoded, decoded.terms, decoded.proofs))).toBe(signedBytesHex);
    },
  );

  it('are written again as they were, where the published code wrote them', () => {
    const own = tokens.filter(({ name }) =>
      /by-reference$|^root-(read|admin|two|no)|^chain-of-(two|three)$/.test(name),
    );
    const whole = own.filter(({ token }) => decodeCapability(token).proofs.every(({ terms }) => terms));
    expect(whole.length).toBeGreaterThan(6);
    for (const { token } of whole) expect(encodeCapability(decodeCapability(token))).toBe(token);
  });

  it('are answered the same by WebCrypto, and without it', async () => {
    const random = { getRandomValues: webcrypto.getRandomValues.bind(webcrypto) as never };
    for (const other of [webTokenCrypto(), webTokenCrypto({ ...random, subtle: undefined })]) {
      for (const { token, anchors, maxDepth, ours, tokenId } of tokens) {
        const verdict = await verifyCapability(token, {
          anchors: anchors.map(rawAnchor),
          maxDepth,
          now,
          crypto: other,
        });
        expect([codeOf(verdict), verdict.valid && tokenId ? verdict.id : tokenId]).toEqual([ours.code ?? 0, tokenId]);
      }
      const token = await mintCapability({ key: A.seed, scopes: ['read:/**'], expiresAt: later }, other);
      expect(reasonOf(verdictOf(token, A.public))).toBe('valid');
    }
  });

  it('say where a published relay went wrong: by the key that an anchor would be the seed of', () => {
    const { token, anchors } = tokens.find(({ name }) => name === 'anchor-file-confusion') as Vector;
    const verdict = verdictOf(token, ...anchors);
    expect(verdict).toMatchObject({ valid: false, hint: expect.stringContaining('as if it were a private one') });
  });
});

describe('mint and delegate', () => {
  it('make what verifies, and each step only narrows', () => {
    const root = mint({ key: A.seed, scopes: ['write:/a/**', 'read:/**'], expiresAt: later, audience: B.public });
    const middle = delegate(root, { key: B.seed, scopes: ['write:/a/*'], audience: C.public });
    const leaf = delegate(middle, { key: C.seed, scopes: ['read:/a/1'], expiresAt: later + 99 });
    const verdict = verdictOf(leaf, A.public);
    expect(verdict).toMatchObject({ valid: true, expiresAt: later * 1000 });
    expect(verdict.valid && verdict.scopes.map(scopeText)).toEqual(['read:/a/1']);
    expect(verdict.valid && verdict.dependsOn).toHaveLength(6);
    for (const bound of [root, middle]) expect(reasonOf(verdictOf(bound, A.public))).toContain('bound to a key');
  });

  it.each([
    ['read → write (CAP-09)', ['read:/**'], 'write:/x'],
    ['write → admin (CAP-09)', ['write:/**'], 'admin:/x'],
    ['* → ** (CAP-10)', ['write:/a/*'], 'write:/a/**'],
    ['past an inner ** (attack 1)', ['write:/rooms/**/light'], 'write:/rooms/safe/door'],
    ['two scopes together', ['read:/a/*', 'read:/a/*/**'], 'read:/a/**'],
    ['none at all', [], 'read:/a'],
  ])('throw 301 for wider scopes, naming both: %s', (_, scopes, wider) => {
    const parent = mint({ key: A.seed, scopes, expiresAt: later, audience: B.public });
    const act = () => delegate(parent, { key: B.seed, scopes: [wider] });
    expect(act).toThrow(expect.objectContaining({ code: 301, reason: expect.stringContaining(wider) }));
    expect(act).toThrow(scopes[0] ?? 'no scopes');
  });

  it('throw 301 for a bearer parent, the parent of another key, and a sixth link (CAP-03)', () => {
    const bearer = mint({ key: A.seed, scopes: ['read:/**'], expiresAt: later });
    expect(() => delegate(bearer, { key: B.seed, scopes: [] })).toThrow(expect.objectContaining({ code: 301 }));
    const bound = mint({ key: A.seed, scopes: ['read:/**'], expiresAt: later, audience: B.public });
    expect(() => delegate(bound, { key: C.seed, scopes: [] })).toThrow(expect.objectContaining({ code: 301 }));
    let token = mint({ key: A.seed, scopes: ['read:/**'], expiresAt: later, audience: A.public });
    for (let depth = 1; depth <= 5; depth++)
      token = delegate(token, { key: A.seed, scopes: ['read:/**'], audience: A.public });
    const sixth = () => delegate(token, { key: A.seed, scopes: ['read:/**'] });
    expect(sixth).toThrow(expect.objectContaining({ code: 301, reason: expect.stringContaining('too deep') }));
  });

  it.each([
    ['no key', { key: 'zz' }, 402],
    ['a seed of 31 bytes', { key: new Uint8Array(31) }, 402],
    ['no time', { expiresAt: Number.NaN }, 402],
    ['half a second', { expiresAt: 1.5 }, 402],
    ['no scope', { scopes: ['rd:/x'] }, 202],
    ['short words', { scopes: ['r:/x'] }, 202],
    ['65 scopes', { scopes: new Array(65).fill('read:/a') }, 300],
    ['a text no relay reads', { scopes: new Array(10).fill(`read:/${'a'.repeat(1000)}`) }, 300],
    ['an audience of small order', { audience: '00'.repeat(32) }, 402],
  ])('refuse %s', (_, wrong, code) => {
    const act = () => mint({ key: A.seed, scopes: ['read:/**'], expiresAt: later, ...wrong });
    expect(act).toThrow(expect.objectContaining({ code }));
  });

  it('never make two tokens alike (CAP-05, CAP-06)', () => {
    const nonces = new Set<string>();
    // The signature is not what is asked here, and takes longest.
    const quick = { ...crypto, publicKey: () => new Uint8Array(32).fill(9), sign: () => new Uint8Array(64) };
    for (let made = 0; made < 100_000; made++) {
      nonces.add((mintCapability({ key: A.seed, scopes: [], expiresAt: later }, quick) as string).slice(-160));
    }
    expect(nonces.size).toBe(100_000);
  }, 120_000);

  it('keep every law of narrowing for any chain', () => {
    const part = fc.constantFrom('a', 'b', '*', '**', 'a*');
    const scope = fc
      .tuple(fc.constantFrom('read', 'write', 'admin'), fc.array(part, { minLength: 1, maxLength: 3 }))
      .map(([action, parts]) => `${action}:/${parts.join('/')}`);
    const keys = [A, B, C];
    fc.assert(
      fc.property(fc.array(fc.array(scope, { maxLength: 2 }), { minLength: 1, maxLength: 3 }), (wanted) => {
        const audience = (at: number) =>
          at + 1 < wanted.length ? { audience: (keys[at + 1] as typeof A).public } : {};
        let token = mint({ key: A.seed, scopes: wanted[0] as string[], expiresAt: later, ...audience(0) });
        for (let at = 1; at < wanted.length; at++) {
          try {
            token = delegate(token, {
              key: (keys[at] as typeof A).seed,
              scopes: wanted[at] as string[],
              ...audience(at),
            });
          } catch (error) {
            expect(error).toMatchObject({ code: 301 });
            return;
          }
        }
        const verdict = verdictOf(token, A.public);
        expect(verdict.valid).toBe(true);
        const rank = { read: 0, write: 1, admin: 2 };
        for (const given of verdict.valid ? verdict.scopes : []) {
          const covered = (wanted[0] as string[]).map(parseScope).some((limit) => {
            return rank[given.action] <= rank[limit.action] && patternWithin(given.pattern, limit.pattern);
          });
          expect(covered).toBe(true);
        }
      }),
    );
  });
});

describe('verifyCapability', () => {
  const root = mint({ key: A.seed, scopes: ['write:/a/**'], expiresAt: later, audience: B.public });
  const leaf = delegate(root, { key: B.seed, scopes: ['write:/a/1'] });

  it('holds an anchor to its ceiling', () => {
    expect(reasonOf(verdictOf(leaf, { key: A.public, scopes: ['write:/a/**'] }))).toBe('valid');
    const low = verdictOf(leaf, { key: A.public, scopes: ['write:/a/1'] });
    expect([codeOf(low), reasonOf(low)]).toEqual([300, 'scope wider than its trust anchor may give']);
    // The delegating key as an anchor itself: only what it signed counts, within its own ceiling.
    expect(reasonOf(verdictOf(leaf, { key: B.public, scopes: ['write:/a/1'] }))).toBe('valid');
    expect(codeOf(verdictOf(leaf, { key: B.public, scopes: ['read:/**'] }))).toBe(300);
  });

  it.each([
    ['the token', 2],
    ['a link', 0],
    ['the key of the root', 3],
    ['the key of the leaf', 4],
  ])('refuses what depends on something revoked: %s', (_, which) => {
    const ids = verdictOf(leaf, A.public);
    const dependsOn = ids.valid ? ids.dependsOn : [];
    expect(dependsOn).toHaveLength(4);
    const id = dependsOn[which === 2 ? 1 : which === 0 ? 0 : which - 1];
    const check = { anchors: [readTrustAnchor(A.public)], now, crypto, revoked: (other: string) => other === id };
    expect(verifyCapability(leaf, check)).toMatchObject({ valid: false, error: { code: 300, reason: 'revoked' } });
  });

  it('refuses a revoked token in every other spelling (attack 5)', () => {
    const spellings = tokens.filter(
      ({ tokenId, name }) => tokenId && (name === 'root-read' || name.startsWith('encoding-')),
    );
    expect(spellings.length).toBeGreaterThan(3);
    const id = spellings[0]?.tokenId;
    for (const { token } of spellings) {
      const check = { anchors: [readTrustAnchor(A.public)], now, crypto, revoked: (other: string) => other === id };
      expect(codeOf(verifyCapability(token, check) as CapabilityVerdict)).toBe(300);
    }
  });

  it('is no longer valid in the second in which it expires, and tells that only of a token that was good', () => {
    const at = (time: number, anchor: string) =>
      codeOf(verifyCapability(leaf, { anchors: [readTrustAnchor(anchor)], now: time, crypto }) as CapabilityVerdict);
    expect(at(later * 1000 - 1, A.public)).toBe(0);
    expect(at(later * 1000, A.public)).toBe(302);
    expect(at(later * 1000, C.public)).toBe(300);
  });

  it('survives crypto that fails', () => {
    const broken = {
      ...crypto,
      verify: () => {
        throw new Error('no engine');
      },
    };
    const verdict = verifyCapability(leaf, { anchors: [readTrustAnchor(A.public)], now, crypto: broken });
    expect(verdict).toMatchObject({ valid: false, error: { code: 300, reason: 'token cannot be checked' } });
  });

  it.each([
    ...[
      '',
      'cap_',
      'cap_ ',
      'cap_AA',
      `cap_${'A'.repeat(100_000)}`,
      'cap_3f____8',
      'cap_k6E',
      'CAP_hqd2',
      'ent_AA',
      '\0',
      '💥',
    ],
    // Maps and arrays that claim 2^32 entries, and a value nested without end.
    'cap_3_____8',
    `cap_${Buffer.from(`81a178${'91'.repeat(3000)}`, 'hex').toString('base64url')}`,
  ])('answers 300 to garbage (CAP-08): %j', (token) => {
    expect(codeOf(verdictOf(token, A.public))).toBe(300);
  });
});

describe('capabilityHolder', () => {
  it('signs a bearer token of a minute at each connect, and never shows its own', () => {
    const bound = mint({ key: A.seed, scopes: ['write:/a/**'], expiresAt: later, audience: B.public });
    let time = now;
    const holder = capabilityHolder({ token: bound, key: B.seed }, { crypto, now: () => time });
    const first = holder() as string;
    expect(holder()).not.toBe(first);
    expect(first).not.toContain(bound);
    expect(verdictOf(first, A.public)).toMatchObject({ valid: true, expiresAt: now + 60_000 });
    const after = verifyCapability(first, { anchors: [readTrustAnchor(A.public)], now: now + 60_000, crypto });
    expect(codeOf(after as CapabilityVerdict)).toBe(302);
    time += 60_000;
    expect(reasonOf(verdictOf(holder() as string, A.public))).toBe('valid');
  });
});

describe('inspectCapability', () => {
  it('shows what a token says, links and all', () => {
    const { token, tokenId, linkIds } = tokens.find(({ name }) => name === 'chain-of-three') as Vector;
    expect(inspectCapability(token, crypto)).toMatchObject({
      id: tokenId,
      issuer: C.public,
      audience: undefined,
      scopes: ['read:/lights/room1/*'],
      links: [
        { id: linkIds?.[0], issuer: A.public, audience: B.public },
        { id: linkIds?.[1], issuer: B.public, audience: C.public },
      ],
    });
    const { token: short } = tokens.find(({ name }) => name === 'delegated-by-reference') as Vector;
    expect(inspectCapability(short, crypto)).toMatchObject({ links: [{ id: undefined, issuer: A.public }] });
    expect(() => inspectCapability('cap_AA', crypto)).toThrow(expect.objectContaining({ code: 300 }));
  });
});
