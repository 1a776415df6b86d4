import { describe, expect, it } from 'vitest';
import { suggest } from './suggest.ts';

describe('suggest', () => {
  const known = ['relay', 'sub', 'set', 'get', 'max-sessions', 'max-messages-per-second'];

  it('finds the word that was meant', () => {
    expect(suggest('subs', known)).toBe('sub');
    expect(suggest('rleay', known)).toBe('relay');
    expect(suggest('max-sesions', known)).toBe('max-sessions');
    expect(suggest('max-mess', known)).toBe('max-messages-per-second');
  });

  it('suggests nothing for a word like none', () => {
    expect(suggest('frobnicate', known)).toBeUndefined();
    expect(suggest('anything', [])).toBeUndefined();
  });
});
