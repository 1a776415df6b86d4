import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matches } from './pattern.ts';
import { parseScope } from './scope.ts';
import { patternWithin, readScope, readScopes, scopeBeyond, scopeText, scopeWithin } from './scope-within.ts';

// Few letters, so that patterns meet.
const part = fc.constantFrom('a', 'b', 'ab', '*', '**', 'a*', '*b', 'a*b', '*a*', 'ab*');
const pattern = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => `/${parts.join('/')}`);
const name = fc.string({ unit: fc.constantFrom('a', 'b', 'x'), minLength: 1, maxLength: 3 });

/** An address that a pattern matches: each wildcard filled with something. */
const addressOf = (source: string): fc.Arbitrary<string> => {
  const parts = source
    .slice(1)
    .split('/')
    .map((text) => {
      if (text === '**') return fc.array(name, { maxLength: 3 });
      if (text === '*') return name.map((one) => [one]);
      const stars = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'x'), maxLength: 2 }), {
        minLength: 2,
        maxLength: 2,
      });
      return stars.map((fill) => [text.split('*').reduce((left, right, at) => left + fill[at - 1] + right)]);
    });
  return fc
    .tuple(...parts)
    .map((lists) => `/${lists.flat().join('/')}`)
    .filter((address) => address !== '/');
};

describe('patternWithin', () => {
  it('is sound: what lies within a pattern is matched by it', () => {
    const pair = fc
      .tuple(pattern, pattern)
      .filter(([child, parent]) => patternWithin(child, parent))
      .chain(([child, parent]) =>
        fc.record({ child: fc.constant(child), parent: fc.constant(parent), address: addressOf(child) }),
      );
    fc.assert(
      fc.property(pair, ({ child, parent, address }) => {
        expect(matches(child, address)).toBe(true);
        expect(matches(parent, address)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('finds what is not within: an address that only the child matches', () => {
    // The other side of soundness: a rule that refused everything would pass the law above.
    const refused = fc
      .sample(fc.tuple(pattern, pattern), { numRuns: 2000, seed: 7 })
      .filter(([a, b]) => !patternWithin(a, b));
    const shown = refused.filter(([child, parent]) =>
      fc.sample(addressOf(child), { numRuns: 20, seed: 1 }).some((address) => !matches(parent, address)),
    );
    expect(shown.length).toBeGreaterThan(refused.length * 0.9);
  });

  it('is the matcher for an address, and everything lies within itself and within everything', () => {
    fc.assert(
      fc.property(pattern, fc.array(name, { minLength: 1, maxLength: 5 }), (some, names) => {
        const address = `/${names.join('/')}`;
        expect(patternWithin(address, some)).toBe(matches(some, address));
        expect(patternWithin(some, some)).toBe(true);
        expect(patternWithin(some, '/**')).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it('is transitive', () => {
    fc.assert(
      fc.property(pattern, pattern, pattern, (a, b, c) => {
        if (patternWithin(a, b) && patternWithin(b, c)) expect(patternWithin(a, c)).toBe(true);
      }),
      { numRuns: 5000 },
    );
  });

  it('takes the longest patterns in few steps', () => {
    const child = `/${new Array(64).fill('**').join('/')}`;
    const parent = `/${new Array(63).fill('**').join('/')}/a`;
    expect(patternWithin(child, parent)).toBe(false);
    expect(patternWithin(parent, child)).toBe(true);
  });

  const { subset } = JSON.parse(
    readFileSync(new URL('../../testing/vectors/cap-tokens.json', import.meta.url), 'utf8'),
  );
  it.each(subset.cases as { child: string; parent: string; ours: boolean }[])(
    '$child within $parent: $ours',
    ({ child, parent, ours }) => {
      expect(patternWithin(child, parent)).toBe(ours);
    },
  );
});

describe('scopes', () => {
  it.each([
    ['read:/a', 'write:/**', true],
    ['write:/a', 'read:/**', false],
    ['write:/a', 'admin:/a', true],
    ['admin:/a', 'write:/a', false],
    ['read:/a/**', 'read:/a/*', false],
  ])('%s within %s: %s', (child, parent, within) => {
    expect(scopeWithin(parseScope(child), parseScope(parent))).toBe(within);
  });

  it('must each lie within one of the limits, not within several together', () => {
    const limits = readScopes(['read:/a/*', 'read:/a/*/**', 'write:/b']);
    expect(scopeBeyond(readScopes(['read:/a/1', 'w:/b']), limits)).toBeUndefined();
    expect(scopeText(scopeBeyond(readScopes(['read:/a/1', 'read:/a/**']), limits) as never)).toBe('read:/a/**');
    expect(scopeBeyond([], [])).toBeUndefined();
  });

  it.each([
    ['r:/a', 'read:/a'],
    ['W:/a:b', 'write:/a:b'],
    ['Admin:/**', 'admin:/**'],
    ['*:/**', 'admin:/**'],
    ['a:/x', 'admin:/x'],
  ])('reads %s as %s', (text, meant) => {
    expect(scopeText(readScope(text))).toBe(meant);
  });

  it.each(['', ':', '/a', 'rd:/x', 'read', 'read:', 'constructor:/a', 'read:a', ' read:/a'])('refuses %j', (text) => {
    expect(() => readScope(text)).toThrow(expect.objectContaining({ code: 202 }));
  });

  it.each([undefined, null, 'read:/**', [1], { length: 1 }])('refuses %j as a list', (list) => {
    expect(() => readScopes(list)).toThrow(expect.objectContaining({ code: 202 }));
  });
});
