import { describe, expect, it } from 'vitest';
import { type AddressEntry, AddressTable } from './address-table.ts';

const encoder = new TextEncoder();

/** Interns an address as it comes off the wire, in the middle of other bytes. */
function internBytes<S>(table: AddressTable<S>, address: string): AddressEntry<S> {
  const utf8 = encoder.encode(address);
  const bytes = new Uint8Array(utf8.length + 6).fill(0x61);
  bytes.set(utf8, 3);
  return table.intern(bytes, 3, 3 + utf8.length);
}

describe('the bound of an address table', () => {
  it('stays within its bound over 1 000 000 different addresses, keeping what has a state and what is in use', () => {
    const table = new AddressTable<number>();
    const stored = Array.from({ length: 1000 }, (_, i) => table.internString(`/stored/${i}`));
    for (const [i, entry] of stored.entries()) entry.state = i;
    const hot = internBytes(table, '/hot');
    const bytes = encoder.encode('/flood/0000000');
    let largest = 0;
    for (let i = 0; i < 1_000_000; i++) {
      for (let digit = 0, rest = i; digit < 7; digit++, rest = Math.floor(rest / 10))
        bytes[13 - digit] = 48 + (rest % 10);
      table.intern(bytes, 0, bytes.length);
      if (i % 10_000 === 0 && internBytes(table, '/hot') !== hot) throw new Error(`the hot entry was lost at ${i}`);
      if (table.size > largest) largest = table.size;
    }
    expect(largest).toBeLessThanOrEqual(65_536 + stored.length);
    for (const [i, entry] of stored.entries()) {
      expect(table.find(`/stored/${i}`)).toBe(entry);
      expect(entry.state).toBe(i);
    }
  });

  it('drops an entry only after half as many others as its bound have been used, even when all are in constant use', () => {
    const table = new AddressTable<boolean>({ maxIdle: 100 });
    for (let i = 0; i < 100; i++) table.internString(`/old/${i}`);
    for (let i = 0; i < 2000; i++) {
      const entry = internBytes(table, `/new/${i % 150}`);
      for (let other = 0; other < 48; other++) internBytes(table, `/old/${(i * 31 + other) % 100}`);
      internBytes(table, `/other/${i}`);
      expect(table.find(entry.address)).toBe(entry);
      expect(table.size).toBeLessThanOrEqual(100);
    }
  });

  it('finds and drops entries as before after it has grown, also those that had found their bucket full', () => {
    // All in one bucket of 1024, half of them in another of 2048.
    const table = new AddressTable({ maxIdle: 1500, rehash: (hash) => (hash & 15) << 10 });
    const first = Array.from({ length: 1500 }, (_, i) => table.internString(`/a/${i}`));
    for (const entry of first) expect(table.find(entry.address)).toBe(entry);
    const second = Array.from({ length: 1500 }, (_, i) => table.internString(`/b/${i}`));
    expect(first.filter(({ address }) => table.find(address) !== undefined)).toEqual([]);
    expect(new Set(table.entries())).toEqual(new Set(second));
  });

  it('drops those first that were not used for longest', () => {
    const table = new AddressTable({ maxIdle: 100 });
    for (let i = 0; i < 100; i++) table.internString(`/a/${i}`);
    for (let i = 0; i < 50; i++) table.find(`/a/${i}`);
    for (let i = 0; i < 50; i++) table.internString(`/b/${i}`);
    const left = Array.from({ length: 100 }, (_, i) => i).filter((i) => table.find(`/a/${i}`) !== undefined);
    expect(left).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  it('keeps an entry that has just lost its state as long as one that has just been used', () => {
    const table = new AddressTable<boolean>({ maxIdle: 30 });
    const entry = table.internString('/a');
    entry.state = true;
    for (let i = 0; i < 100; i++) table.internString(`/b/${i}`);
    entry.state = undefined;
    for (let i = 0; i < 29; i++) table.internString(`/c/${i}`);
    expect(table.find('/a')).toBe(entry);
    for (let i = 0; i < 30; i++) table.internString(`/d/${i}`);
    expect(table.find('/a')).toBeUndefined();

    const young = table.internString('/young');
    young.state = true;
    for (let i = 0; i < 25; i++) table.internString(`/e/${i}`);
    table.find('/young');
    young.state = undefined;
    for (let i = 0; i < 14; i++) table.internString(`/f/${i}`);
    expect(table.find('/young')).toBe(young);
  });

  it('never drops the entry it is about to give, however small the bound', () => {
    const table = new AddressTable<boolean>({ maxIdle: 1 });
    const old = table.internString('/old');
    old.state = true;
    expect(table.find('/old')).toBe(old);
    old.state = undefined;
    const entry = internBytes(table, '/new');
    expect(table.find('/new')).toBe(entry);
  });

  it('drops what lost its state once swept', () => {
    const table = new AddressTable<number>({ maxIdle: 10 });
    const entries = Array.from({ length: 5000 }, (_, i) => {
      const entry = table.internString(`/a/${i}`);
      entry.state = i;
      return entry;
    });
    expect(table.size).toBe(5000);
    for (const entry of entries) entry.state = undefined;
    table.sweep();
    expect(table.size).toBe(10);
  });
});
