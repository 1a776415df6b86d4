/** One element of a part of a pattern: a character, `?`, `*`, `[…]`, `{…}`. */
type Token =
  | { readonly type: 'character'; readonly character: string }
  | { readonly type: 'any' }
  | { readonly type: 'star' }
  | {
      readonly type: 'set';
      readonly ranges: readonly (readonly [from: string, to: string])[];
      readonly inverted: boolean;
    }
  | { readonly type: 'list'; readonly texts: readonly (readonly string[])[] };

/** A part between slashes, or any number of parts, where the pattern has `//`. */
type Part = readonly Token[] | 'any-depth';

/**
 * What an OSC address pattern matches: `?` one character, `*` any number of them, `[a-z]` one of a set, `[!a-z]` one not
 * in it, `{foo,bar}` one of a list, all within a part; and `//` any number of parts (OSC 1.1). Undefined for what is no
 * pattern: a bracket that is not closed, no `/` at the front or one at the end.
 *
 * The time a match takes grows with the length of pattern times address, whatever the pattern is.
 *
 * @example
 * ```ts
 * const matches = compileOscPattern('/strip/{1,2}/*');
 * matches?.('/strip/2/gain'); // true
 * ```
 */
export function compileOscPattern(pattern: string): ((oscAddress: string) => boolean) | undefined {
  if (!pattern.startsWith('/') || pattern.endsWith('/')) return undefined;
  const parts: Part[] = [];
  for (const text of pattern.slice(1).split('/')) {
    if (text === '') {
      if (parts[parts.length - 1] !== 'any-depth') parts.push('any-depth');
      continue;
    }
    const tokens = tokensOf(text);
    if (tokens === undefined) return undefined;
    parts.push(tokens);
  }
  return (oscAddress) => oscAddress.startsWith('/') && matchesParts(parts, oscAddress.slice(1).split('/'));
}

function tokensOf(text: string): readonly Token[] | undefined {
  const tokens: Token[] = [];
  const characters = [...text];
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] as string;
    if (character === '?') tokens.push({ type: 'any' });
    else if (character === '*') tokens.push({ type: 'star' });
    else if (character === ']' || character === '}') return undefined;
    else if (character === '[' || character === '{') {
      const end = characters.indexOf(character === '[' ? ']' : '}', at + 1);
      if (end < 0) return undefined;
      const inner = characters.slice(at + 1, end);
      tokens.push(character === '[' ? setOf(inner) : listOf(inner));
      at = end;
    } else tokens.push({ type: 'character', character });
  }
  return tokens;
}

function setOf(characters: readonly string[]): Token {
  const inverted = characters[0] === '!';
  const ranges: (readonly [string, string])[] = [];
  for (let at = inverted ? 1 : 0; at < characters.length; at++) {
    const from = characters[at] as string;
    const to = characters[at + 2];
    // A minus at the end stands for itself.
    if (characters[at + 1] === '-' && to !== undefined) {
      ranges.push(from <= to ? [from, to] : [to, from]);
      at += 2;
    } else ranges.push([from, from]);
  }
  return { type: 'set', ranges, inverted };
}

function listOf(characters: readonly string[]): Token {
  return {
    type: 'list',
    texts: characters
      .join('')
      .split(',')
      .map((text) => [...text]),
  };
}

/** Follows all ways through the pattern at once, so that no pattern makes it go back and forth. */
function matchesParts(parts: readonly Part[], names: readonly string[]): boolean {
  let reached = new Set([0]);
  for (const part of parts) {
    const next = new Set<number>();
    for (const at of reached) {
      if (part === 'any-depth') for (let to = at; to <= names.length; to++) next.add(to);
      else if (at < names.length && !next.has(at + 1) && matchesPart(part, names[at] as string)) next.add(at + 1);
    }
    if (next.size === 0) return false;
    reached = next;
  }
  return reached.has(names.length);
}

function matchesPart(tokens: readonly Token[], name: string): boolean {
  const characters = [...name];
  let reached = new Set([0]);
  for (const token of tokens) {
    const next = new Set<number>();
    if (token.type === 'star') {
      for (let to = Math.min(...reached); to <= characters.length; to++) next.add(to);
    } else {
      for (const at of reached) for (const length of lengthsOf(token, characters, at)) next.add(at + length);
    }
    if (next.size === 0) return false;
    reached = next;
  }
  return reached.has(characters.length);
}

/** How many characters from `at` on the token may stand for; empty for none. */
function lengthsOf(
  token: Exclude<Token, { type: 'star' }>,
  characters: readonly string[],
  at: number,
): readonly number[] {
  if (token.type === 'list') {
    return token.texts
      .filter((text) => text.every((character, i) => characters[at + i] === character))
      .map((text) => text.length);
  }
  const character = characters[at];
  if (character === undefined) return [];
  switch (token.type) {
    case 'any':
      return [1];
    case 'character':
      return token.character === character ? [1] : [];
    case 'set':
      return token.ranges.some(([from, to]) => character >= from && character <= to) === token.inverted ? [] : [1];
  }
}
