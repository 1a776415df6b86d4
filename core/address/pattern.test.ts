import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ErrorCode } from '../errors.ts';
import { captures, compilePattern, isLiteral, matches, type Pattern, patternsOverlap } from './pattern.ts';

/** The definition, written down: slow, and hard to get wrong. */
function matchesByDefinition(pattern: readonly string[], address: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return address.length === 0;
  if (first === '**') {
    return matchesByDefinition(rest, address) || (address.length > 0 && matchesByDefinition(pattern, address.slice(1)));
  }
  const [segment, ...others] = address;
  return segment !== undefined && segmentExpression(first).test(segment) && matchesByDefinition(rest, others);
}

const expressions = new Map<string, RegExp>();
function segmentExpression(segment: string): RegExp {
  let expression = expressions.get(segment);
  if (!expression) {
    // A segment is never empty, so a lone star stands for at least one character.
    const source = segment.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replace(/\*+/g, '.*');
    expression = new RegExp(`^${source}$`, 's');
    expressions.set(segment, expression);
  }
  return expression;
}

/** xorshift32: the same pairs in every run. */
function integers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Every list of 1 to `longest` of `items`. */
function* lists<T>(items: readonly T[], longest: number): Iterable<T[]> {
  for (const item of items) {
    yield [item];
    if (longest > 1) for (const rest of lists(items, longest - 1)) yield [item, ...rest];
  }
}

const segmentOf = fc.oneof(
  { weight: 2, arbitrary: fc.constant('**') },
  { weight: 2, arbitrary: fc.constant('*') },
  {
    weight: 5,
    arbitrary: fc.string({ unit: fc.constantFrom('a', 'b', '*', 'é', '😀', '.'), minLength: 1, maxLength: 4 }),
  },
);
const patterns = fc.array(segmentOf, { minLength: 1, maxLength: 5 }).map((segments) => `/${segments.join('/')}`);
const addresses = fc
  .array(fc.string({ unit: fc.constantFrom('a', 'b', 'é', '😀', '.'), minLength: 1, maxLength: 4 }), {
    minLength: 1,
    maxLength: 5,
  })
  .map((segments) => `/${segments.join('/')}`);

describe('compilePattern', () => {
  it('agrees with the definition on 1 000 000 pairs, of which many match', () => {
    const next = integers(0x5eed);
    const word = (letters: string) => Array.from({ length: 1 + next(3) }, () => letters[next(letters.length)]).join('');
    const patternSegment = () => (next(4) === 0 ? '**' : next(4) === 0 ? '*' : word('ab*'));
    let matched = 0;
    let disagreed = '';
    for (let i = 0; i < 10_000; i++) {
      const source = Array.from({ length: 1 + next(5) }, patternSegment);
      const pattern = compilePattern(`/${source.join('/')}`);
      for (let j = 0; j < 100; j++) {
        const segments = Array.from({ length: 1 + next(4) }, () => word('ab'));
        const address = `/${segments.join('/')}`;
        const expected = matchesByDefinition(source, segments);
        if (expected) matched++;
        if (pattern.matches(address) !== expected) disagreed ||= `${pattern} ${address} ${expected}`;
      }
    }
    expect(disagreed).toBe('');
    expect(matched).toBeGreaterThan(50_000);
  });

  it('agrees with the definition on other scripts and characters that expressions treat specially', () => {
    fc.assert(
      fc.property(patterns, addresses, (pattern, address) => {
        const expected = matchesByDefinition(pattern.slice(1).split('/'), address.slice(1).split('/'));
        expect(matches(pattern, address)).toBe(expected);
      }),
      { numRuns: 5000 },
    );
  });

  it.each([
    ['/a/**', '/a', true],
    ['/a/**', '/a/b/c', true],
    ['/a/**', '/ab', false],
    ['/a/**', '/', false],
    ['/**', '/x/y', true],
    ['/**/**', '/x', true],
    ['/**/x', '/x', true],
    ['/*', '/a', true],
    ['/*', '/a/b', false],
    ['/***', '/a/b', false],
    ['/a**b', '/ab', true],
    ['/a**b', '/a/b', false],
    ['/foo*', '/foo', true],
    ['/*foo', '/foo', true],
    ['/a*a', '/a', false],
    ['/a*b*c', '/a1b2c', true],
    ['/ab*ba', '/aba', false],
    ['/A', '/a', false],
    ['/a.c', '/abc', false],
  ])('%s against %s is %s', (pattern, address, expected) => {
    expect(matches(pattern, address)).toBe(expected);
  });

  it('refuses what is not a pattern with 202', () => {
    for (const pattern of ['', 'a', '/', '/a//b', '/a/']) {
      expect(() => compilePattern(pattern)).toThrow(expect.objectContaining({ code: ErrorCode.BadPattern }));
      expect(() => matches(pattern, '/a')).toThrow(expect.objectContaining({ code: ErrorCode.BadPattern }));
    }
  });

  it('finishes on patterns for which trying every way would never end', () => {
    const deep = compilePattern(`${'/**/a'.repeat(31)}/b`);
    expect(deep.matches('/a'.repeat(64))).toBe(false);
    expect(deep.matches(`${'/a'.repeat(63)}/b`)).toBe(true);
    const wide = compilePattern(`/**/${'a*'.repeat(250)}b`);
    expect(wide.matches(`/${'a'.repeat(1000)}`)).toBe(false);
    expect(wide.captures(`/${'a'.repeat(1000)}b`)).toHaveLength(251);
    const both = compilePattern(`${'/**/*a*a*'.repeat(30)}/b`);
    expect(both.matches('/aaaaaaaaaaaa'.repeat(64))).toBe(false);
    expect(patternsOverlap(deep, `${'/**/*'.repeat(31)}/c`)).toBe(false);
    expect(patternsOverlap(deep, `${'/**/*'.repeat(31)}/b`)).toBe(true);
  });

  it('knows which patterns are one address and which are all', () => {
    expect(compilePattern('/a/b').literal).toBe(true);
    expect(compilePattern('/a/*').literal).toBe(false);
    expect(compilePattern('/**').everything).toBe(true);
    expect(compilePattern('/**/**').everything).toBe(true);
    expect(compilePattern('/**/*').everything).toBe(false);
    expect(isLiteral('/a')).toBe(true);
    expect(isLiteral('/a*')).toBe(false);
  });
});

describe('captures', () => {
  it('is defined exactly when the pattern matches, and filled in again gives the address', () => {
    fc.assert(
      fc.property(patterns, addresses, (pattern, address) => {
        const captured = captures(pattern, address);
        expect(captured !== undefined).toBe(matches(pattern, address));
        if (captured === undefined) return;
        const rest = [...captured];
        const segments = pattern.slice(1).split('/');
        const filled = segments.map((segment) =>
          segment === '**' ? rest.shift() : segment.replace(/\*+/g, () => rest.shift() ?? 'too few'),
        );
        expect(`/${filled.filter((segment) => segment !== '').join('/')}`).toBe(address);
        expect(rest).toEqual([]);
      }),
      { numRuns: 5000 },
    );
  });

  it.each([
    ['/stage/*/light*/**', '/stage/left/light7/rgb/r', ['left', '7', 'rgb/r']],
    ['/a/**', '/a', ['']],
    ['/**/a/**', '/a/a', ['', 'a']],
    ['/**/**', '/a/b', ['', 'a/b']],
    ['/**/*', '/a/b', ['a', 'b']],
    ['/a*b*', '/aXbYb', ['X', 'Yb']],
    ['/a', '/a', []],
    ['/a', '/b', undefined],
  ])('of %s in %s are %j: as little as possible from the left', (pattern, address, expected) => {
    expect(captures(pattern, address)).toEqual(expected);
  });
});

describe('patternsOverlap', () => {
  /** Compares every pair of patterns with a search through all addresses in which they could meet. */
  function compareWithSearch(all: readonly Pattern[], everywhere: readonly string[]): { wrong: string[]; met: number } {
    const found = all.map((pattern) => everywhere.map((address) => pattern.matches(address)));
    const wrong: string[] = [];
    let met = 0;
    for (const [i, a] of all.entries()) {
      for (const [j, b] of all.entries()) {
        const expected = everywhere.some((_, at) => found[i]?.[at] === true && found[j]?.[at] === true);
        if (expected) met++;
        if (patternsOverlap(a, b) !== expected) wrong.push(`${a} ${b} ${expected}`);
      }
    }
    return { wrong, met };
  }

  it('is true exactly for pairs with an address in both, for all patterns of up to three segments', () => {
    // Two patterns of three segments that meet at all meet within four, of two letters at most.
    const everywhere = [...lists(['a', 'b', 'aa', 'ab', 'ba', 'bb'], 4)].map((segments) => `/${segments.join('/')}`);
    const all = [...lists(['a', 'ab', '*', '**', 'a*', '*b', 'b*a'], 3)].map((all) =>
      compilePattern(`/${all.join('/')}`),
    );
    const { wrong, met } = compareWithSearch(all, everywhere);
    expect(wrong).toEqual([]);
    expect(met).toBeGreaterThan(all.length);
  });

  it('is true exactly for segments with a text in both, for all segments of up to four characters', () => {
    const everywhere = [...lists(['a', 'b'], 6)].map((letters) => `/${letters.join('')}`);
    const sources = [...lists(['a', 'b', '*'], 4)].map((letters) => letters.join('')).filter((text) => text !== '**');
    const { wrong, met } = compareWithSearch(
      sources.map((source) => compilePattern(`/${source}`)),
      everywhere,
    );
    expect(wrong).toEqual([]);
    expect(met).toBeGreaterThan(sources.length);
  });

  it('is symmetric, true of a pattern with itself, and of a pattern with an address it matches', () => {
    fc.assert(
      fc.property(patterns, patterns, addresses, (a, b, address) => {
        expect(patternsOverlap(a, b)).toBe(patternsOverlap(b, a));
        expect(patternsOverlap(a, a)).toBe(true);
        expect(patternsOverlap(a, address)).toBe(matches(a, address));
      }),
      { numRuns: 2000 },
    );
  });
});
