import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAddress } from '../../core/address.ts';
import { checkPattern, matches } from '../../core/pattern.ts';
import { addresses, patterns } from '../../testing/arbitraries.ts';
import { faultOf, patternFaultOf, patternTest } from './client-pattern.ts';

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

describe('faultOf', () => {
  it('refuses nothing that is an address or a pattern', () => {
    fc.assert(fc.property(addresses(), (address) => void expect(faultOf(address)).toBeUndefined()));
    fc.assert(fc.property(patterns(), (pattern) => void expect(patternFaultOf(pattern)).toBeUndefined()));
  });

  it('refuses what is none, but for limits that only the relay counts', () => {
    const short = fc.string({ unit: fc.constantFrom('/', 'a', '*', '\ud83c', '\udf9b'), maxLength: 12 });
    fc.assert(
      fc.property(short, (text) => {
        expect(faultOf(text) === undefined).toBe(isAddress(text));
        expect(patternFaultOf(text) === undefined).toBe(checkPattern(text) === undefined);
      }),
      { numRuns: 1_000 },
    );
    expect(faultOf(`/${'x'.repeat(1024)}`)?.code).toBe(200);
    expect(faultOf(undefined as unknown as string)?.code).toBe(200);
    expect(patternFaultOf('a')).toMatchObject({ code: 202, address: 'a' });
  });
});
