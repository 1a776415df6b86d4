import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ErrorCode } from '../errors.ts';
import { AddressTable } from './address-table.ts';
import { compilePattern, matches } from './pattern.ts';
import { ALL_KINDS, KindBit, SubscriptionIndex } from './subscription-index.ts';

const kinds = Object.values(KindBit);
const targets = ['desk', 'wall', 'tablet', 'phone'];

const patterns = fc
  .array(fc.constantFrom('a', 'b', 'ab', '*', '**', '**', 'a*', '*b', 'a**', '*a*'), { minLength: 1, maxLength: 4 })
  .map((segments) => `/${segments.join('/')}`);
const addresses = [
  '/a',
  '/b',
  '/ab',
  '/a/b',
  '/b/a',
  '/a/ab',
  '/ab/ab',
  '/a/b/a',
  '/b/ab/a',
  '/a/a/a/a',
  '/aba/b/aba/a/b',
];

const operations = fc.array(
  fc.record({
    pattern: patterns,
    mask: fc.constantFrom(0, 1, 2, 3, 12, 31, 255),
    target: fc.constantFrom(...targets),
    /** Which earlier subscription to remove, instead of adding one. */
    remove: fc.oneof({ weight: 3, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.nat(20) }),
  }),
  { maxLength: 30, size: 'max' },
);

interface Subscription {
  readonly pattern: string;
  readonly mask: number;
  readonly target: string;
}

function expected(
  all: readonly Subscription[],
  address: string,
  kind: number,
  accept: (target: string) => boolean,
): string[] {
  const subscribers = all.filter(({ pattern, mask }) => (mask & kind) !== 0 && matches(pattern, address));
  return [...new Set(subscribers.map(({ target }) => target))].filter(accept).sort();
}

describe('SubscriptionIndex', () => {
  const readable = (target: string, address: string) => target !== 'phone' || !address.startsWith('/a/');
  it.each([
    ['everything accepted', undefined, 1_000_000],
    ['a filter', readable, 1_000_000],
    ['hardly anything remembered', undefined, 5],
    ['a filter and hardly anything remembered', readable, 5],
  ])('finds whom a plain search finds, whatever was added and removed, with %s', (_, accept, maxCached) => {
    fc.assert(
      fc.property(operations, fc.array(fc.nat(), { minLength: 40, maxLength: 40 }), (steps, order) => {
        const index = new SubscriptionIndex<string>({ accept, maxCached });
        const table = new AddressTable();
        const all: Subscription[] = [];
        const take = (at: number) => all.splice(at % all.length, 1)[0] as Subscription;
        for (const { remove, ...subscription } of steps) {
          if (remove === null) {
            index.add(subscription.pattern, subscription.mask, subscription.target);
            all.push(subscription);
          } else if (all.length > 0) {
            const { pattern, mask, target } = take(remove);
            expect(index.remove(compilePattern(pattern), mask, target)).toBe(true);
          }
          const there = all.some(
            (other) =>
              other.pattern === subscription.pattern &&
              (other.mask & ALL_KINDS) === (subscription.mask & ALL_KINDS) &&
              other.target === subscription.target,
          );
          if (!there && !sameSubscriptionElsewhere(all, subscription)) {
            expect(index.remove(subscription.pattern, subscription.mask, subscription.target)).toBe(false);
          }
          expect(index.size).toBe(all.length);
          const wrong: string[] = [];
          for (const address of addresses) {
            const entry = table.internString(address);
            for (const kind of kinds) {
              const wanted = expected(all, address, kind, (target) => accept?.(target, address) ?? true).join();
              // Found, found to be remembered, and remembered.
              const found = [index.match(address, kind), index.lookup(entry, kind), index.lookup(entry, kind)];
              if (found.some((targets) => [...targets].sort().join() !== wanted))
                wrong.push(`${address} ${kind} ${wanted}`);
            }
          }
          expect(wrong).toEqual([]);
        }
        for (const at of order) {
          if (all.length === 0) break;
          const { pattern, mask, target } = take(at);
          expect(index.remove(pattern, mask, target)).toBe(true);
        }
        expect(index.size).toBe(0);
        expect(index.nodes).toBe(0);
      }),
    );
  });

  /** `**` twice in a row, or a run of stars in a segment, is stored as once: such patterns may stand for another. */
  function sameSubscriptionElsewhere(all: readonly Subscription[], { pattern, mask, target }: Subscription): boolean {
    const plain = (text: string) =>
      `${text}/`.replace(/([^/*])\*\*+|\*\*+([^/*])/g, '$1*$2').replace(/(\/\*\*)+\//g, '/**/');
    return all.some(
      (other) =>
        plain(other.pattern) === plain(pattern) &&
        (other.mask & ALL_KINDS) === (mask & ALL_KINDS) &&
        other.target === target,
    );
  }

  it('counts equal subscriptions of one target: the last removal ends them', () => {
    const index = new SubscriptionIndex<string>();
    index.add('/a/*', KindBit.param, 'desk');
    index.add('/a/*', KindBit.param, 'desk');
    index.add('/a/*', KindBit.event, 'desk');
    expect(index.match('/a/1', KindBit.param)).toEqual(['desk']);
    index.remove('/a/*', KindBit.param, 'desk');
    expect(index.match('/a/1', KindBit.param)).toEqual(['desk']);
    index.remove('/a/*', KindBit.param, 'desk');
    expect(index.match('/a/1', KindBit.param)).toEqual([]);
    expect(index.match('/a/1', KindBit.event)).toEqual(['desk']);
    expect(index.remove('/a/*', KindBit.param, 'desk')).toBe(false);
    expect(index.remove('/a/*', KindBit.event, 'wall')).toBe(false);
    expect(index.remove('/a/b', KindBit.event, 'desk')).toBe(false);
    expect(index.size).toBe(1);
  });

  it('holds nothing for subscriptions that have ended, however deep they shared a path', () => {
    const index = new SubscriptionIndex<number>();
    const all = Array.from({ length: 300 }, (_, i) => `/a/${i % 7}/*/b${i % 5}*/**/c${i}`);
    for (const [i, pattern] of all.entries()) index.add(pattern, ALL_KINDS, i);
    for (const [i, pattern] of all.entries()) {
      const before = index.nodes;
      expect(index.remove(pattern, ALL_KINDS, i)).toBe(true);
      expect(index.nodes).toBeLessThan(before);
      const last = all.length - 1;
      if (i < last) expect(index.match(`/a/${last % 7}/x/b${last % 5}/c${last}`, KindBit.param)).toEqual([last]);
    }
    expect(index.nodes).toBe(0);
  });

  it('remembers: the filter is not asked again until a subscription changes', () => {
    let asked = 0;
    const accept = () => {
      asked++;
      return true;
    };
    const index = new SubscriptionIndex<string>({ accept });
    const entry = new AddressTable().internString('/a/b');
    index.add('/a/**', ALL_KINDS, 'desk');
    const first = index.lookup(entry, KindBit.param);
    // It wants every kind, so what was found for one kind is the answer for all.
    for (const kind of kinds) expect(index.lookup(entry, kind)).toBe(first);
    expect(asked).toBe(1);
    index.add('/a/b', KindBit.event, 'wall');
    expect(index.lookup(entry, KindBit.param)).toEqual(['desk']);
    expect([...index.lookup(entry, KindBit.event)].sort()).toEqual(['desk', 'wall']);
    index.remove('/a/**', ALL_KINDS, 'desk');
    expect(index.lookup(entry, KindBit.param)).toEqual([]);
    expect(index.lookup(entry, KindBit.event)).toEqual(['wall']);
    expect(first).toEqual(['desk']);
  });

  it.each([
    ['without a filter', undefined],
    ['with a filter that answers alike', (target: number) => target % 2 === 0],
  ])('shares one array between addresses below the same patterns, %s', (_, accept) => {
    const index = new SubscriptionIndex<number>({ accept });
    const table = new AddressTable();
    for (let target = 0; target < 100; target++) index.add(target < 50 ? '/a/**' : '/*/b/*', ALL_KINDS, target);
    const arrays = new Set(
      Array.from({ length: 1000 }, (_, i) => index.lookup(table.internString(`/a/b/${i}`), KindBit.param)),
    );
    expect(arrays.size).toBe(1);
    expect(index.cached).toBeLessThan(1200);
  });

  it('does not take one set of patterns for another whose hash is the same', () => {
    const index = new SubscriptionIndex<number>();
    const table = new AddressTable();
    for (let i = 0; i < 80; i++) index.add(`/*a${i}a*`, ALL_KINDS, i);
    const lookup = (i: number, j: number) => [...index.lookup(table.internString(`/a${i}a-a${j}a`), KindBit.param)];
    // A hash that multiplies by 31 and adds cannot tell these pairs of neighbours apart.
    for (let i = 0; i < 10; i++) {
      expect(lookup(i, i + 60)).toEqual([i, i + 60]);
      expect(lookup(i + 1, i + 60 - 31)).toEqual([i + 1, i + 60 - 31]);
    }
  });

  it('never remembers more than its bound and one answer', () => {
    const index = new SubscriptionIndex<number>({
      maxCached: 1000,
      accept: (target, address) => address.length % 7 !== target % 7,
    });
    const table = new AddressTable();
    for (let target = 0; target < 100; target++) index.add(`/a/*${'/**'.repeat(target % 2)}`, ALL_KINDS, target);
    for (let i = 0; i < 3000; i++) {
      const entry = table.internString(`/a/${'x'.repeat(i % 50)}${i}`);
      expect(index.lookup(entry, KindBit.param)).toHaveLength(index.match(entry.address, KindBit.param).length);
      expect(index.cached).toBeLessThanOrEqual(1000 + 110);
    }
  });

  it('gives the right answer when two indexes take turns with one entry', () => {
    const [one, two] = [new SubscriptionIndex<string>(), new SubscriptionIndex<string>()];
    const entry = new AddressTable().internString('/a');
    one.add('/a', ALL_KINDS, 'one');
    two.add('/*', ALL_KINDS, 'two');
    for (let i = 0; i < 3; i++) {
      expect(one.lookup(entry, KindBit.param)).toEqual(['one']);
      expect(two.lookup(entry, KindBit.param)).toEqual(['two']);
    }
  });

  it('is as it was after a filter or a pattern that fails', () => {
    let broken = true;
    const index = new SubscriptionIndex<string>({
      accept: () => {
        if (broken) throw new Error('broken');
        return true;
      },
    });
    index.add('/a/*', ALL_KINDS, 'desk');
    expect(() => index.match('/a/1', KindBit.param)).toThrow('broken');
    broken = false;
    expect(index.match('/b', KindBit.param)).toEqual([]);
    expect(index.match('/a/1', KindBit.param)).toEqual(['desk']);
    expect(() => index.add('a', ALL_KINDS, 'desk')).toThrow(expect.objectContaining({ code: ErrorCode.BadPattern }));
    expect(index.size).toBe(1);
  });

  it('finishes on sets of patterns for which trying every way would never end', () => {
    const index = new SubscriptionIndex<number>();
    for (let i = 1; i <= 31; i++) {
      index.add('/**/*'.repeat(i), ALL_KINDS, i);
      index.add('/**/a*'.repeat(i), ALL_KINDS, 100 + i);
      index.add(`${'/**/*a'.repeat(i)}/b`, ALL_KINDS, 200 + i);
    }
    expect(index.match('/a'.repeat(64), KindBit.param)).toHaveLength(62);
    expect(index.match(`${'/a'.repeat(63)}/b`, KindBit.param)).toHaveLength(62);
  });
});
