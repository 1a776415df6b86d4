import { ClaspError, type ErrorCode } from '../../core/errors.ts';

const MAX_LENGTH = 1024;

/** Throws what is wrong with an address at first sight (200); the relay knows the other rules. */
export function requireAddress(address: string): void {
  judge(address, /^(\/[^/*\p{Cs}]+)+$/u, 200);
}

/** Throws what is wrong with a pattern at first sight (202). */
export function requirePattern(pattern: string): void {
  judge(pattern, /^(\/[^/\p{Cs}]+)+$/u, 202);
}

/**
 * A test for the addresses that a pattern matches: the same ones as `matches` of the core says, in a fraction of its
 * code, because a page that holds only a client downloads this. Unlike that it can take long for a pattern with many
 * wildcards in one segment, or many `**`; the patterns are the program's own.
 */
export function patternTest(pattern: string): RegExp {
  const source = pattern.replace(/\/\*\*(?=\/|$)|\*+|[\\^$.+?()[\]{}|]/g, (special) => {
    if (special === '/**') return '(/[^/]+)*';
    return special[0] === '*' ? '[^/]*' : `\\${special}`;
  });
  return new RegExp(`^${source}$`);
}

function judge(text: string, shape: RegExp, code: ErrorCode): void {
  if (shape.test(text) && text.length <= MAX_LENGTH) return;
  const address = String(text).slice(0, MAX_LENGTH);
  throw new ClaspError(code, `malformed: ${address}`, { address, value: text });
}
