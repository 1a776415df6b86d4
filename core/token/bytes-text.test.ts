import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { base64, base64url, fromBase58, fromHex, sameBytes, toBase58, toHex } from './bytes-text.ts';

const bytes = fc.uint8Array({ maxLength: 80 });

describe('bytes as text', () => {
  it('is what Node writes, and comes back', () => {
    fc.assert(
      fc.property(bytes, (some) => {
        const node = Buffer.from(some);
        expect(toHex(some)).toBe(node.toString('hex'));
        expect(base64url.encode(some)).toBe(node.toString('base64url'));
        expect(base64.encode(some)).toBe(node.toString('base64'));
        expect(fromHex(toHex(some))).toEqual(some);
        expect(fromHex(toHex(some).toUpperCase())).toEqual(some);
        expect(base64url.decode(base64url.encode(some))).toEqual(some);
        expect(base64.decode(base64.encode(some))).toEqual(some);
        expect(fromBase58(toBase58(some))).toEqual(some);
      }),
    );
  });

  it('has one spelling: any text that is read is written the same again', () => {
    const text = fc.string({ unit: fc.constantFrom(...'ABab01+/-_=é'), maxLength: 9 });
    fc.assert(
      fc.property(text, (some) => {
        for (const alphabet of [base64url, base64]) {
          const read = alphabet.decode(some);
          if (read) expect(alphabet.encode(read)).toBe(some);
        }
        const read = fromBase58(some);
        if (read) expect(toBase58(read)).toBe(some);
      }),
      { numRuns: 2000 },
    );
  });

  it.each(['A', 'AB', 'AA==', 'AA=', 'A A', 'A+A', 'A/A', 'é'])('base64url does not read %j', (text) => {
    expect(base64url.decode(text)).toBeUndefined();
  });

  it.each(['A', 'AA', 'AB==', 'AA=', '====', 'A-A=', '***'])('base64 does not read %j', (text) => {
    expect(base64.decode(text)).toBeUndefined();
  });

  it.each(['0', 'O', 'I', 'l', '1'.repeat(129)])('base58 does not read %j', (text) => {
    expect(fromBase58(text)).toBeUndefined();
  });
});

it('sameBytes is equality', () => {
  fc.assert(fc.property(bytes, bytes, (a, b) => sameBytes(a, b) === (toHex(a) === toHex(b))));
  fc.assert(fc.property(bytes, (a) => sameBytes(a, a.slice())));
});
