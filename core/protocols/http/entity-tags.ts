import { ClaspError, ErrorCode } from '../../errors.ts';

/** What `If-Match` and `If-None-Match` say: any tag there is, or one of these. */
export type EntityTags = '*' | readonly EntityTag[];

interface EntityTag {
  /** Whether it stands for something like it rather than the very same bytes. */
  readonly weak: boolean;
  /** As it is written, with its quotes. */
  readonly tag: string;
}

/**
 * Reads the value of `If-Match` or `If-None-Match`, RFC 9110 section 8.8.3; undefined where it is absent. Throws a
 * `ClaspError` 101 for what is neither `*` nor a list of entity tags.
 *
 * @example
 * ```ts
 * parseEntityTags('"1", W/"2"'); // [{ weak: false, tag: '"1"' }, { weak: true, tag: '"2"' }]
 * ```
 */
export function parseEntityTags(header: string | undefined): EntityTags | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  if (text === '*') return '*';
  const tags: EntityTag[] = [];
  let at = 0;
  for (const [all, weak, tag] of text.matchAll(TAG)) {
    tags.push({ weak: weak !== undefined, tag: tag as string });
    at += all.length;
  }
  if (at === text.length && tags.length > 0) return tags;
  throw new ClaspError(ErrorCode.BadMessage, `not * or a list of entity tags in quotes: ${text}`, { value: header });
}

/** One after the other, each with the comma behind it; the quotes hold no quote. */
const TAG = /(W\/)?("[\x21\x23-\x7e\x80-\uffff]*")[ \t]*(?:,[ \t]*|$)/gy;

/** Whether `If-Match` holds for what has these tags (none: there is nothing). Weak tags never match. */
export function matchesStrongly(wanted: EntityTags, tags: readonly string[]): boolean {
  if (wanted === '*') return tags.length > 0;
  return wanted.some(({ weak, tag }) => !weak && tags.includes(tag));
}

/** Whether `If-None-Match` finds what has these tags (none: there is nothing), so that it does not hold. */
export function matchesWeakly(wanted: EntityTags, tags: readonly string[]): boolean {
  return wanted === '*' ? tags.length > 0 : wanted.some(({ tag }) => tags.includes(tag));
}
