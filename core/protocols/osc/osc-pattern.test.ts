import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileOscPattern } from './osc-pattern.ts';

const matching = (pattern: string, addresses: readonly string[]) =>
  addresses.filter((each) => compileOscPattern(pattern)?.(each));

describe('an OSC address pattern', () => {
  it.each<[string, string[], string[]]>([
    ['/foo/{a,b}/*', ['/foo/a/x', '/foo/b/long'], ['/foo/c/x', '/foo/a', '/foo/a/x/y', '/foo/ab/x']],
    ['/strip/?', ['/strip/1', '/strip/ä', '/strip/\u{1f3b9}'], ['/strip/', '/strip/12', '/strip']],
    ['/ch/[0-3]', ['/ch/0', '/ch/3'], ['/ch/4', '/ch/a', '/ch/01']],
    ['/ch/[!0-3a]', ['/ch/4', '/ch/b'], ['/ch/0', '/ch/a']],
    ['/ch/[a-]', ['/ch/a', '/ch/-'], ['/ch/b']],
    ['/ch/[3-1]', ['/ch/2'], ['/ch/4']],
    ['/*', ['/a', '/abc'], ['/a/b']],
    ['/a*c', ['/ac', '/abc', '/acc'], ['/ab', '/a/c']],
    ['//gain', ['/gain', '/a/gain', '/a/b/gain'], ['/gain/a', '/again']],
    ['/a//z', ['/a/z', '/a/b/z', '/a/b/c/z'], ['/b/z', '/az']],
    ['/{foo,}bar', ['/foobar', '/bar'], ['/oobar']],
    ['/{a,ab}{c,bc}', ['/ac', '/abc', '/abbc'], ['/ab']],
    ['/a.b', ['/a.b'], ['/axb']],
  ])('%s matches %j', (pattern, those, others) => {
    expect(matching(pattern, [...those, ...others])).toEqual(those);
  });

  it.each(['/a[b', '/a{b', '/a]', '/a}b', 'a*', '/a*/', '/*//', '//'])('is not %s', (pattern) => {
    expect(compileOscPattern(pattern)).toBeUndefined();
  });

  it('matches as a regular expression does that says the same', () => {
    const piece = fc.constantFrom('a', 'b', '?', '*', '[ab]', '[!a]', '{a,ba}', '{,b}');
    const part = fc.array(piece, { minLength: 1, maxLength: 5 }).map((pieces) => pieces.join(''));
    const name = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 6 });
    const path = (of: fc.Arbitrary<string>) =>
      fc.array(of, { minLength: 1, maxLength: 3 }).map((all) => `/${all.join('/')}`);
    const asRegExp: Readonly<Record<string, string>> = {
      '?': '[^/]',
      '*': '[^/]*',
      '[!a]': '[^a/]',
      '{a,ba}': '(a|ba)',
      '{,b}': '(|b)',
    };
    fc.assert(
      fc.property(path(part), path(name), (pattern, address) => {
        const same = pattern.replace(/\?|\*|\[!a\]|\{[^}]*\}/g, (some) => asRegExp[some] ?? some);
        expect(compileOscPattern(pattern)?.(address)).toBe(new RegExp(`^${same}$`).test(address));
      }),
      { numRuns: 2_000 },
    );
  });

  it('ends for patterns that make others go back and forth for ever', () => {
    expect(compileOscPattern(`/${'*a'.repeat(100)}*b`)?.(`/${'a'.repeat(900)}`)).toBe(false);
    expect(compileOscPattern(`${'//a'.repeat(100)}//b`)?.('/a'.repeat(60))).toBe(false);
  });
});
