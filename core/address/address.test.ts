import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ErrorCode } from '../errors.ts';
import { checkAddress, checkPattern, isAddress, MAX_ADDRESS_BYTES } from './address.ts';

const encoder = new TextEncoder();
const character = fc.constantFrom('a', 'B', '7', ' ', '\u0000', 'é', '€', '😀');
const segment = fc.string({ unit: character, minLength: 1, maxLength: 8 });
const address = fc.array(segment, { minLength: 1, maxLength: 8 }).map((segments) => `/${segments.join('/')}`);

describe('checkAddress', () => {
  it('accepts whatever is made of non-empty segments without a star', () => {
    fc.assert(
      fc.property(address, (text) => {
        expect(checkAddress(text)).toBeUndefined();
        expect(isAddress(text)).toBe(true);
      }),
    );
  });

  it('agrees with the rules, stated one by one, on any text', () => {
    const texts = fc.string({
      unit: fc.constantFrom('/', '/a', 'a', '*', 'é', '😀', '\ud800', '\udc00'),
      maxLength: 12,
    });
    fc.assert(
      fc.property(texts, (text) => {
        const segments = text.slice(1).split('/');
        const legal =
          text.startsWith('/') &&
          segments.every((part) => part !== '') &&
          !text.includes('*') &&
          new TextDecoder().decode(encoder.encode(text)) === text;
        expect(isAddress(text)).toBe(legal);
        expect(checkAddress(text) === undefined).toBe(legal);
      }),
      { numRuns: 5000 },
    );
  });

  it.each([
    ['', 'address is empty: ""'],
    ['mixer/1', 'address must start with "/": "mixer/1"'],
    ['/', 'address has an empty segment: "/"'],
    ['/a/', 'address has an empty segment: "/a/"'],
    ['/a//b', 'address has an empty segment: "/a//b"'],
    ['/a/*', 'address must not contain "*": "/a/*"'],
    ['/\ud800', 'address has an unpaired surrogate: "/\\ud800"'],
    [`/${'a/'.repeat(64)}a`, `address has more than 64 segments: "/${'a/'.repeat(23)}a…"`],
    [`/${'a'.repeat(1024)}`, `address is longer than 1024 bytes: "/${'a'.repeat(47)}…"`],
  ])('refuses %j and says why and which', (text, reason) => {
    expect(checkAddress(text)).toMatchObject({ code: ErrorCode.BadAddress, reason, value: text });
  });

  it('counts bytes of UTF-8, not characters', () => {
    for (const unit of ['a', 'é', '€', '😀']) {
      const size = encoder.encode(unit).length;
      const fits = `/${unit.repeat(Math.floor((MAX_ADDRESS_BYTES - 1) / size))}`;
      expect(isAddress(fits)).toBe(true);
      expect(checkAddress(fits + unit)?.reason).toContain('longer than 1024 bytes');
    }
  });

  it('accepts 64 segments, and letters of either case', () => {
    expect(isAddress('/a'.repeat(64))).toBe(true);
    expect(isAddress('/A/b/C')).toBe(true);
  });

  it('refuses what is not a string instead of throwing', () => {
    expect(checkAddress(7 as unknown as string)?.reason).toBe('address must be a string: "7"');
    expect(isAddress(undefined as unknown as string)).toBe(false);
  });

  it('carries at most 256 characters of a refused address, and never half a character', () => {
    const error = checkAddress(`/${'😀'.repeat(10_000)}`);
    expect(error?.address).toBe(`/${'😀'.repeat(127)}…`);
    expect(error?.reason).toContain(`"/${'😀'.repeat(23)}…"`);
  });
});

describe('checkPattern', () => {
  it('allows stars wherever an address has a character, and refuses the rest with 202', () => {
    for (const pattern of ['/*', '/**', '/a*/**/*b', '/***']) expect(checkPattern(pattern)).toBeUndefined();
    for (const pattern of ['', '*', '**', '/', '/**/', '//*', `/${'*/'.repeat(64)}*`]) {
      expect(checkPattern(pattern)).toMatchObject({ code: ErrorCode.BadPattern, value: pattern });
    }
    expect(checkPattern('lights/*')?.reason).toBe('pattern must start with "/": "lights/*"');
  });
});
