import { ClaspError, type ErrorCode } from '../../core/errors.ts';

const MAX_LENGTH = 1024;

/** What is wrong with an address at first sight (200); the relay knows the other rules. */
export function faultOf(address: string): ClaspError | undefined {
  return judge(address, /^(\/[^/*\p{Cs}]+)+$/u, 200);
}

/** What is wrong with a pattern at first sight (202). */
export function patternFaultOf(pattern: string): ClaspError | undefined {
  return judge(pattern, /^(\/[^/\p{Cs}]+)+$/u, 202);
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

function judge(text: string, shape: RegExp, code: ErrorCode): ClaspError | undefined {
  if (shape.test(text) && text.length <= MAX_LENGTH) return undefined;
  const address = String(text).slice(0, MAX_LENGTH);
  return new ClaspError(code, `malformed: ${address}`, { address, value: text });
}
