import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClaspError, ErrorCode } from '../errors.ts';
import { isAddress } from './address.ts';
import { type AddressEntry, AddressTable } from './address-table.ts';

const encoder = new TextEncoder();

/** Interns an address as it comes off the wire, in the middle of other bytes. */
function internBytes<S>(table: AddressTable<S>, address: string): AddressEntry<S> {
  const utf8 = encoder.encode(address);
  const bytes = new Uint8Array(utf8.length + 6).fill(0x61);
  bytes.set(utf8, 3);
  return table.intern(bytes, 3, 3 + utf8.length);
}

const words = fc.constantFrom(
  'a',
  'b',
  'aa',
  'é',
  'ß€',
  '😀',
  '\u0000',
  '\ufeff',
  'long-enough-for-several-words',
  'x'.repeat(70),
);
const addresses = fc.array(words, { minLength: 1, maxLength: 3 }).map((segments) => `/${segments.join('/')}`);

/** From none to all addresses in one bucket, with and without different hashes. */
const rehashes: readonly (readonly [string, ((hash: number) => number) | undefined])[] = [
  ['its own hash', undefined],
  ['every hash equal', () => 7],
  ['four hashes', (hash) => hash & 3],
  ['one bucket, different hashes', (hash) => (hash << 12) & 0x3fffffff],
];

describe.each(rehashes)('an address table with %s', (_, rehash) => {
  it('gives one entry to an address, and to different addresses different ones, from bytes and from strings', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(addresses, fc.boolean()), { maxLength: 60, size: 'max' }), (asked) => {
        const table = new AddressTable({ rehash });
        const known = new Map<string, AddressEntry>();
        for (const [address, asString] of asked) {
          expect(table.find(address)).toBe(known.get(address));
          const entry = asString ? table.internString(address) : internBytes(table, address);
          expect(entry.address).toBe(address);
          expect(known.get(address) ?? entry).toBe(entry);
          known.set(address, entry);
          expect(table.find(address)).toBe(entry);
        }
        expect(table.size).toBe(known.size);
        expect(new Set([...known.values()].map(({ id }) => id)).size).toBe(known.size);
        expect(new Set(table.entries())).toEqual(new Set(known.values()));
      }),
    );
  });

  it('forgets only entries without state or hold, never more than it must, and never gives an id again', () => {
    const operation = fc.oneof(
      { weight: 8, arbitrary: fc.record({ do: fc.constant('intern' as const), at: fc.nat(60) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('write' as const, 'retain' as const), at: fc.nat(60) }) },
      {
        weight: 2,
        arbitrary: fc.record({ do: fc.constantFrom('clear' as const, 'release' as const), at: fc.nat(60) }),
      },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('sweep' as const), at: fc.constant(0) }) },
    );
    fc.assert(
      fc.property(
        fc.constantFrom(1, 2, 5, 12, 30),
        fc.array(operation, { maxLength: 200, size: 'max' }),
        (maxIdle, operations) => {
          const table = new AddressTable<string>({ maxIdle, rehash });
          const kept = new Map<string, AddressEntry<string>>();
          const ids = new Map<number, AddressEntry<string>>();
          const check = (entry: AddressEntry<string>) => {
            if (entry.state !== undefined || held(entry) > 0) kept.set(entry.address, entry);
            else kept.delete(entry.address);
          };
          const holds = new Map<AddressEntry<string>, number>();
          const held = (entry: AddressEntry<string>) => holds.get(entry) ?? 0;

          for (const { do: what, at } of operations) {
            if (what === 'sweep') {
              table.sweep();
              expect(table.size).toBeLessThanOrEqual(maxIdle + kept.size);
              continue;
            }
            const address = `/entry/${at}`;
            const entry = at % 2 === 0 ? table.internString(address) : internBytes(table, address);
            expect(ids.get(entry.id) ?? entry).toBe(entry);
            ids.set(entry.id, entry);
            if (what === 'write') entry.state = address;
            if (what === 'clear') entry.state = undefined;
            if (what === 'retain') {
              table.retain(entry);
              holds.set(entry, held(entry) + 1);
            }
            if (what === 'release' && held(entry) > 0) {
              table.release(entry);
              holds.set(entry, held(entry) - 1);
            }
            check(entry);
            expect([...kept.values()].filter((survivor) => table.find(survivor.address) !== survivor)).toEqual([]);
            expect([...table.entries()]).toHaveLength(table.size);
          }
          table.sweep();
          expect(table.size).toBeLessThanOrEqual(maxIdle + kept.size);
          expect([...table.entries()].filter((there) => table.find(there.address) !== there)).toEqual([]);
        },
      ),
    );
  });
});

describe('an address table', () => {
  it('answers any bytes with the entry they spell or with 200', () => {
    const byte = fc.oneof(
      fc.constantFrom(0x2f, 0x61, 0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xed, 0xa0, 0x80, 0xef, 0xbb, 0xbf),
      fc.nat(255),
    );
    const table = new AddressTable();
    const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), fc.array(byte, { maxLength: 8 }), (some, more) => {
        const bytes = Uint8Array.from([0x2f, ...more, ...some]);
        let expected: string | undefined;
        try {
          expected = strict.decode(bytes);
        } catch {
          expected = undefined;
        }
        let failure: unknown;
        try {
          const entry = table.intern(bytes, 0, bytes.length);
          expect(entry.address).toBe(expected);
          expect([...encoder.encode(entry.address)]).toEqual([...bytes]);
        } catch (error) {
          failure = error;
        }
        if (expected !== undefined && isAddress(expected)) {
          expect(failure).toBeUndefined();
        } else {
          expect(failure).toBeInstanceOf(ClaspError);
          expect(failure).toMatchObject({ code: ErrorCode.BadAddress, address: expect.any(String) });
        }
      }),
      { numRuns: 5000 },
    );
  });

  it.each([
    ['a byte order mark before the address', [0xef, 0xbb, 0xbf, 0x2f, 0x61], 'must start with "/"'],
    ['an overlong slash', [0x2f, 0x61, 0xc0, 0xaf, 0x62], 'not valid UTF-8'],
    ['a surrogate in UTF-8', [0x2f, 0xed, 0xa0, 0x80], 'not valid UTF-8'],
    ['half a character', [0x2f, 0xe2, 0x82], 'not valid UTF-8'],
    ['1025 bytes', [0x2f, ...new Array<number>(1024).fill(0x61)], 'longer than 1024 bytes'],
    ['60 000 bytes that are no UTF-8', [0x2f, ...new Array<number>(60_000).fill(0xff)], 'longer than 1024 bytes'],
    ['nothing', [], 'is empty'],
  ])('refuses %s', (_, bytes, reason) => {
    const table = new AddressTable();
    const intern = () => table.intern(Uint8Array.from(bytes), 0, bytes.length);
    expect(intern).toThrow(
      expect.objectContaining({ code: ErrorCode.BadAddress, reason: expect.stringContaining(reason) }),
    );
    expect(table.size).toBe(0);
  });

  it('does not take a Latin-1 byte for the character with that code', () => {
    const table = new AddressTable();
    table.internString('/\u00e9');
    expect(() => table.intern(Uint8Array.of(0x2f, 0xe9), 0, 2)).toThrow(/not valid UTF-8/);
  });

  it('does not take an unpaired surrogate for the replacement character it would be encoded as', () => {
    const table = new AddressTable();
    table.internString('/\ufffd');
    expect(table.find('/\ud800')).toBeUndefined();
    expect(() => table.internString('/\ud800')).toThrow(/unpaired surrogate/);
  });

  it('refuses a bad string with 200 and finds none', () => {
    const table = new AddressTable();
    for (const address of ['', 'a', '/', '/a*', `/${'a'.repeat(1024)}`]) {
      expect(table.find(address)).toBeUndefined();
      expect(() => table.internString(address)).toThrow(expect.objectContaining({ code: ErrorCode.BadAddress }));
    }
    expect(table.size).toBe(0);
  });

  it('does not keep a large text alive through an address cut out of it', () => {
    const table = new AddressTable();
    const address = `${'x'.repeat(100)}/cut/out`.slice(100);
    const entry = table.internString(address);
    expect(entry.address).toBe(address);
    expect(table.internString('/cut/out')).toBe(entry);
  });

  it('lets go of what was retained several times once it is released as often', () => {
    const table = new AddressTable<number>();
    const entry = table.internString('/a');
    for (let i = 0; i < 4; i++) table.retain(entry);
    for (let i = 0; i < 4; i++) table.release(entry);
    expect(() => table.release(entry)).toThrow('released more often than retained');
  });

  it('refuses to release what was not retained', () => {
    const table = new AddressTable();
    const entry = table.internString('/a');
    table.retain(entry);
    table.release(entry);
    expect(() => table.release(entry)).toThrow(expect.objectContaining({ code: ErrorCode.Internal }));
  });
});

describe('runs of one address', () => {
  it('are told from addresses that differ from it in any byte or in length', () => {
    const part = fc.constantFrom('a', 'b', 'ab', 'ba', 'aab', 'é', '0123456789', 'x'.repeat(70));
    const address = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => `/${parts.join('/')}`);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(address, fc.integer({ min: 1, max: 4 }), fc.integer({ min: 0, max: 5 }))),
        (runs) => {
          const table = new AddressTable({ maxIdle: 3 });
          for (const [text, times, before] of runs) {
            const utf8 = new TextEncoder().encode(text);
            const bytes = new Uint8Array(before + utf8.length + 3).fill(0x61);
            bytes.set(utf8, before);
            const first = table.intern(bytes, before, before + utf8.length);
            expect(first.address).toBe(text);
            for (let i = 0; i < times; i++) expect(table.intern(bytes, before, before + utf8.length)).toBe(first);
            expect(table.find(text)).toBe(first);
          }
        },
      ),
    );
  });
});
