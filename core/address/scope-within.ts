import { ClaspError, ErrorCode } from '../errors.ts';
import { compilePattern, type Pattern, SegmentKind, segmentMatches } from './pattern.ts';
import { parseScope, type Scope, type ScopeAction } from './scope.ts';

const RANK: Readonly<Record<ScopeAction, number>> = { read: 0, write: 1, admin: 2 };
const WORDS: ReadonlyMap<string, ScopeAction> = new Map([
  ['read', 'read'],
  ['r', 'read'],
  ['write', 'write'],
  ['w', 'write'],
  ['admin', 'admin'],
  ['a', 'admin'],
  ['*', 'admin'],
]);

/**
 * Whether every address that `child` matches is surely matched by `parent` (security.md §2). Sound, not complete:
 * `/**` within `/*\/**` is refused although it is the same. At most (segments of one) × (segments of the other) steps.
 */
export function patternWithin(child: Pattern | string, parent: Pattern | string): boolean {
  const inner = (typeof child === 'string' ? compilePattern(child) : child).segments;
  const outer = (typeof parent === 'string' ? compilePattern(parent) : parent).segments;
  // `row[j]` tells whether the first segments of the parent can take exactly the first j of the child.
  let row = new Array<boolean>(inner.length + 1).fill(false);
  row[0] = true;
  for (const segment of outer) {
    const next = new Array<boolean>(inner.length + 1).fill(false);
    const deep = segment.kind === SegmentKind.Deep;
    if (deep) next[0] = row[0] === true;
    for (const [at, taken] of inner.entries()) {
      if (deep) next[at + 1] = row[at + 1] === true || next[at] === true;
      else if (row[at] && taken.kind !== SegmentKind.Deep) {
        // A star of the child stands in its text as a character that only a star of the parent can take.
        next[at + 1] = segmentMatches(segment, taken.text, 0, taken.text.length);
      }
    }
    row = next;
  }
  return row[inner.length] === true;
}

/** Whether `child` permits nothing that `parent` does not: admin includes write, write includes read. */
export function scopeWithin(child: Scope, parent: Scope): boolean {
  return RANK[child.action] <= RANK[parent.action] && patternWithin(child.pattern, parent.pattern);
}

/** The first of `scopes` that lies within no single one of `limits`; undefined when all do. */
export function scopeBeyond(scopes: readonly Scope[], limits: readonly Scope[]): Scope | undefined {
  return scopes.find((scope) => !limits.some((limit) => scopeWithin(scope, limit)));
}

/** A scope as it is written: `action:pattern`. */
export function scopeText({ action, pattern }: Scope): string {
  return `${action}:${pattern.source}`;
}

/**
 * Reads `action:pattern` as people and published programs write it: `read` or `r`, `write` or `w`, `admin`, `a` or
 * `*`, in any case. Throws a `ClaspError` 202 for anything else.
 */
export function readScope(text: string): Scope {
  const colon = text.indexOf(':');
  const action = WORDS.get(text.slice(0, Math.max(colon, 0)).toLowerCase());
  return parseScope(action === undefined ? text : action + text.slice(colon));
}

/** {@link readScope} of each; what is no list of texts is a `ClaspError` 202 too. */
export function readScopes(list: unknown): Scope[] {
  if (!Array.isArray(list) || !list.every((text): text is string => typeof text === 'string')) {
    throw new ClaspError(ErrorCode.BadPattern, 'scopes must be a list of texts like "read:/**"');
  }
  return list.map(readScope);
}
