import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchesStrongly, matchesWeakly, parseEntityTags } from './entity-tags.ts';

const tag = fc
  .array(fc.oneof(fc.constantFrom(',', '!', 'a', '~'), fc.constant('\xe4')))
  .map((letters) => `"${letters.join('')}"`);
const listed = fc.record({ weak: fc.boolean(), tag });

describe('entity tags', () => {
  it('are read as they were written, with commas and space between them', () => {
    const gap = fc.constantFrom(',', ', ', ' ,', '\t, ');
    fc.assert(
      fc.property(fc.array(listed, { minLength: 1 }), gap, (tags, between) => {
        const text = tags.map(({ weak, tag: text }) => (weak ? `W/${text}` : text)).join(between);
        expect(parseEntityTags(` ${text} `)).toEqual(tags);
      }),
    );
    expect(parseEntityTags(' * ')).toBe('*');
    expect(parseEntityTags(undefined)).toBeUndefined();
  });

  it.each(['', 'a', '"a', 'a"', '"a" "b"', '*, "a"', 'w/"a"', 'W/ "a"', '"a"b', '"\x00"'])(
    'are refused: %j',
    (text) => {
      expect(() => parseEntityTags(text)).toThrow(expect.objectContaining({ code: 101 }));
    },
  );

  it('match what is there: weak ones only where that will do, * whatever it is', () => {
    const wanted = parseEntityTags('"a", W/"b"') ?? [];
    const found = (tags: readonly string[]) => [matchesStrongly(wanted, tags), matchesWeakly(wanted, tags)];
    expect([found(['"a"']), found(['"b"']), found(['"c"']), found([])]).toEqual([
      [true, true],
      [false, true],
      [false, false],
      [false, false],
    ]);
    for (const matches of [matchesStrongly, matchesWeakly]) {
      expect([matches('*', ['"x"']), matches('*', [])]).toEqual([true, false]);
    }
  });
});
