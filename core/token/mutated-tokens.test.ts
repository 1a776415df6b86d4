// Every kind of token, changed at random: attack 25 of security.md §7.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { nodeTokenCrypto } from '../../platform-node/token/node-token-crypto.ts';
import { scopeText } from '../address/scope-within.ts';
import { fromHex } from './bytes-text.ts';
import { type CapabilityVerdict, readTrustAnchor, verifyCapability } from './capability.ts';
import { type EntityRights, type EntityVerdict, verifyEntityToken } from './entity-token.ts';

/** How many of each kind; `npm run test:long` tries a million. */
const MUTANTS = Number(process.env['FC_RUNS'] ?? 0) >= 10_000 ? 1_000_000 : 10_000;
const PATIENCE = 1_800_000;
const now = 1_800_000_000_000;
const crypto = nodeTokenCrypto;

const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../testing/vectors/${name}`, import.meta.url), 'utf8'));
const capabilities = read('cap-tokens.json');
const entities = read('entity-tokens.json');
const publicKey = (name: string) => fromHex(entities.keys[name].publicHex) as Uint8Array;

const kinds = ['set', 'flip', 'drop', 'insert', 'cut', 'text'] as const;
const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255), fc.constantFrom(...kinds)), { minLength: 1, maxLength: 3 });

/** Changes bytes inside a token, or a character of its text. */
function mutated(token: string, edits: readonly [number, number, (typeof kinds)[number]][]): string {
  const prefix = token.slice(0, 4);
  let bytes = [...Buffer.from(token.slice(4), 'base64url')];
  let character: string | undefined;
  for (const [place, value, kind] of edits) {
    const at = place % Math.max(1, bytes.length);
    if (kind === 'set') bytes[at] = value;
    else if (kind === 'flip') bytes[at] = (bytes[at] ?? 0) ^ (1 << (value & 7));
    else if (kind === 'drop') bytes.splice(at, 1);
    else if (kind === 'insert') bytes.splice(at, 0, value);
    else if (kind === 'cut') bytes = bytes.slice(0, Math.max(at, bytes.length - (value & 7)));
    else character = String.fromCharCode(33 + (value % 93));
  }
  const text = Buffer.from(bytes).toString('base64url');
  const cut = (edits[0]?.[0] ?? 0) % (text.length + 1);
  return prefix + (character === undefined ? text : text.slice(0, cut) + character + text.slice(cut + 1));
}

/** Gives each mutant to `verify`; tells how many came as far as the signature. */
function tryMutants(good: readonly string[], verify: (token: string) => CapabilityVerdict | EntityVerdict): number {
  let signatures = 0;
  const worth = (token: string) => {
    const verdict = verify(token);
    return verdict.valid && [verdict.id, verdict.scopes.map(scopeText)];
  };
  const known = new Map(good.map((token) => [token, worth(token)]));
  fc.assert(
    fc.property(fc.constantFrom(...good), edits, (token, edits) => {
      const mutant = mutated(token, edits);
      if (mutant === token) return;
      const verdict = verify(mutant);
      if (verdict.valid) {
        // Another spelling of the same content is the same token.
        expect(worth(mutant)).toEqual(known.get(token));
      } else {
        expect(verdict.error.code).toBe(300);
        if (verdict.error.reason.startsWith('signature')) signatures++;
      }
    }),
    { numRuns: MUTANTS },
  );
  return signatures;
}

it(`${MUTANTS} mutated capability tokens give only 300`, { timeout: PATIENCE }, () => {
  type Vector = { token: string; maxDepth: number; ours: { result: string } };
  const good = (capabilities.tokens as Vector[])
    .filter(({ ours }) => ours.result === 'valid')
    .map(({ token }) => token);
  const anchors = [readTrustAnchor(capabilities.keys.A.publicHex), readTrustAnchor(capabilities.keys.B.publicHex)];
  const verify = (token: string) => verifyCapability(token, { anchors, now, crypto }) as CapabilityVerdict;
  // Not all of them died in the decoder.
  expect(tryMutants(good, verify)).toBeGreaterThan(MUTANTS / 20);
});

it(`${MUTANTS} mutated entity tokens give only 300`, { timeout: PATIENCE }, () => {
  type Vector = { name: string; token: string; ours: { result: string } };
  const good = (entities.tokens as Vector[])
    .filter(({ ours, name }) => ours.result === 'valid' && !name.startsWith('namespace'))
    .map(({ token }) => token);
  const rights: EntityRights = { publicKey: publicKey('A'), status: 'active', scopes: ['read:/**'], namespaces: [] };
  const find = (id: string) => (id === entities.keys.A.entityId ? rights : undefined);
  // With an age, so that an old time in a token nobody signed is no 302 either.
  const check = { find, now, maxAge: 200_000_000, crypto };
  const verify = (token: string) => verifyEntityToken(token, check) as EntityVerdict;
  expect(tryMutants(good, verify)).toBeGreaterThan(MUTANTS / 20);
});
