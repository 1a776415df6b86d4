import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isUtf8, readUtf8, writeUtf8 } from './bytes.ts';

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Bytes that are often nearly UTF-8: pieces of characters, overlong forms, surrogates, what lies beyond U+10FFFF. */
const nearlyUtf8 = fc
  .array(
    fc.oneof(
      fc.constantFrom('c080', 'c1bf', 'e08080', 'e09fbf', 'eda080', 'edbfbf', 'ed9fbf', 'f0808080', 'f08fbfbf'),
      fc.constantFrom('f48fbfbf', 'f4908080', 'f5808080', 'efbbbf', 'efbfbf', 'c2', 'e282', 'f09f98', '80', 'bf', 'ff'),
      fc.string({ unit: 'binary', maxLength: 3 }).map((text) => Buffer.from(text).toString('hex')),
      fc.uint8Array({ maxLength: 3 }).map((bytes) => Buffer.from(bytes).toString('hex')),
    ),
    { maxLength: 6 },
  )
  .map((pieces) => new Uint8Array(Buffer.from(pieces.join(''), 'hex')));

function strictlyDecoded(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}

describe('UTF-8', () => {
  it('accepts exactly the bytes that a strict TextDecoder accepts', () => {
    fc.assert(
      fc.property(nearlyUtf8, (bytes) => {
        expect(isUtf8(bytes, 0, bytes.length)).toBe(strictlyDecoded(bytes) !== undefined);
      }),
      { numRuns: 5000 },
    );
  });

  it('looks at nothing outside its bounds', () => {
    const bytes = Uint8Array.of(0xff, 0x41, 0xe2, 0x82, 0xac, 0xff);
    expect(isUtf8(bytes, 1, 5)).toBe(true);
    expect(readUtf8(bytes, 1, 5)).toBe('A€');
    expect(isUtf8(bytes, 1, 4)).toBe(false);
  });

  it('reads what TextDecoder reads, byte order marks included', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 120 }), (text) => {
        const bytes = new TextEncoder().encode(`..${text}..`);
        expect(readUtf8(bytes, 2, bytes.length - 2)).toBe(text);
      }),
    );
    expect(readUtf8(Uint8Array.of(0xef, 0xbb, 0xbf, 0x41), 0, 4)).toBe('\ufeffA');
  });

  it('writes what TextEncoder writes, a lone surrogate as U+FFFD', () => {
    const unit = fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code));
    const text = fc.oneof(fc.string({ unit, maxLength: 80 }), fc.string({ unit: 'grapheme-ascii', maxLength: 80 }));
    fc.assert(
      fc.property(text, (any) => {
        const bytes = new Uint8Array(any.length * 3 + 3);
        const end = writeUtf8(any, bytes, 3);
        expect(bytes.subarray(3, end)).toEqual(new TextEncoder().encode(any));
      }),
    );
  });
});
