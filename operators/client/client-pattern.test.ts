import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAddress } from '../../core/address/address.ts';
import { checkPattern, matches } from '../../core/address/pattern.ts';
import { addresses, patterns } from '../../testing/arbitraries.ts';
import { patternTest, requireAddress, requirePattern } from './client-pattern.ts';

/** Texts of few different characters, so that they often match. */
const dense = (characters: string) =>
  fc
    .array(fc.string({ unit: fc.constantFrom(...characters), minLength: 1, maxLength: 4 }), {
      minLength: 1,
      maxLength: 5,
    })
    .map((segments) => `/${segments.join('/')}`);

describe('patternTest', () => {
  it('matches what the core matches', () => {
    fc.assert(
      fc.property(
        fc.oneof(patterns(), dense('ab.\n***')),
        fc.oneof(addresses(), dense('ab.\n')),
        (pattern, address) => {
          expect(patternTest(pattern).test(address)).toBe(matches(pattern, address));
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

/** The error that it throws; undefined when it does not. */
const faultOf = (check: (text: string) => void, text: unknown): unknown => {
  try {
    check(text as string);
    return undefined;
  } catch (fault) {
    return fault;
  }
};

describe('the check of an address or a pattern', () => {
  it('refuses nothing that is one', () => {
    fc.assert(fc.property(addresses(), (address) => void expect(faultOf(requireAddress, address)).toBeUndefined()));
    fc.assert(fc.property(patterns(), (pattern) => void expect(faultOf(requirePattern, pattern)).toBeUndefined()));
  });

  it('refuses what is none, but for limits that only the relay counts', () => {
    const short = fc.string({ unit: fc.constantFrom('/', 'a', '*', '\ud83c', '\udf9b'), maxLength: 12 });
    fc.assert(
      fc.property(short, (text) => {
        expect(faultOf(requireAddress, text) === undefined).toBe(isAddress(text));
        expect(faultOf(requirePattern, text) === undefined).toBe(checkPattern(text) === undefined);
      }),
      { numRuns: 1_000 },
    );
    expect(faultOf(requireAddress, `/${'x'.repeat(1024)}`)).toMatchObject({ code: 200 });
    expect(faultOf(requireAddress, undefined)).toMatchObject({ code: 200 });
    expect(faultOf(requirePattern, 'a')).toMatchObject({ code: 202, address: 'a' });
  });
});
