import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addresses, patterns } from '../../testing/arbitraries.ts';
import { ClaspError } from '../errors.ts';
import { addressTemplate, captureCount } from './address-template.ts';
import { compilePattern } from './pattern.ts';

const filled = (from: string, to: string, address: string): string | undefined => {
  const pattern = compilePattern(from);
  const captures = pattern.captures(address);
  return captures && addressTemplate(to, pattern).fill(captures);
};
const faultOf = (from: string, to: string): string => {
  try {
    addressTemplate(to, compilePattern(from));
  } catch (cause) {
    return cause instanceof ClaspError ? `${cause.code} ${cause.reason}` : String(cause);
  }
  return 'none';
};

describe('an address template', () => {
  it.each([
    ['/midi/ch/*/cc/*', '/artnet/$1/$2', '/midi/ch/1/cc/20', '/artnet/1/20'],
    ['/a/*/*', '/b/$2/$1/$2', '/a/x/y', '/b/y/x/y'],
    ['/osc/**', '/copy/$1', '/osc/a/b/c', '/copy/a/b/c'],
    ['/osc/**', '/copy/$1/end', '/osc', '/copy/end'],
    ['/light*/rgb', '/dmx$1', '/light12/rgb', '/dmx12'],
    ['/a', '/b', '/a', '/b'],
    ['/a/*', '/b/$', '/a/x', '/b/$'],
  ])('%s to %s makes of %s %s', (from, to, address, result) => {
    expect(filled(from, to, address)).toBe(result);
  });

  it.each([
    ['/a/*', '/b/$2', '402 $2 names a wildcard that /a/* does not have: it has 1 of them'],
    ['/a', '/b/$1', '402 $1 names a wildcard that /a does not have: it has no wildcard'],
    ['/a/*', '/b/$0', '402 $0 names a wildcard that /a/* does not have: it has 1 of them'],
    ['/a/*', 'b/$1', '200 address must start with "/": "b/x"'],
    ['/a/*', '/b/*', '200 address must not contain "*": "/b/*"'],
  ])('%s to %s is refused', (from, to, reason) => {
    expect(faultOf(from, to)).toBe(reason);
  });

  it('knows how many captures there will be', () => {
    fc.assert(
      fc.property(patterns(), addresses(), (from, address) => {
        const pattern = compilePattern(from);
        const captures = pattern.captures(address);
        if (captures) expect(captures).toHaveLength(captureCount(pattern));
      }),
    );
    expect(captureCount(compilePattern('/a*b*c/**/*/x'))).toBe(4);
  });
});
