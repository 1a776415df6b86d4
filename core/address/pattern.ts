import { checkPattern } from './address.ts';

/** What a segment of a pattern stands for. */
export const SegmentKind = {
  /** Itself. */
  Literal: 0,
  /** `foo*`: one segment in which the stars stand for any characters, or none. */
  Partial: 1,
  /** `*`: any one segment. */
  Any: 2,
  /** `**`: any number of segments, or none. */
  Deep: 3,
} as const;

/** One of {@link SegmentKind}. */
export type SegmentKind = (typeof SegmentKind)[keyof typeof SegmentKind];

/** One compiled segment of a pattern. All kinds have the same shape, so that the matching loop stays monomorphic. */
export interface Segment {
  readonly kind: SegmentKind;
  /** The segment with runs of stars reduced to one: equal texts match equally. */
  readonly text: string;
  /** What stands before the first star; the whole of a literal. */
  readonly prefix: string;
  /** What stands between two stars. */
  readonly middle: readonly string[];
  /** What stands after the last star. */
  readonly suffix: string;
  /** Characters outside the stars. */
  readonly length: number;
}

/** Compiles the text between two slashes. `**` is deep only as the whole segment; elsewhere a run of stars is one. */
function compileSegment(source: string): Segment {
  if (source === '**') return { kind: SegmentKind.Deep, text: source, prefix: '', middle: [], suffix: '', length: 0 };

  if (!source.includes('*')) {
    return { kind: SegmentKind.Literal, text: source, prefix: source, middle: [], suffix: '', length: source.length };
  }
  const text = source.replace(/\*+/g, '*');
  const parts = text.split('*');
  const prefix = parts[0] ?? '';
  const suffix = parts[parts.length - 1] ?? '';
  const kind = text === '*' ? SegmentKind.Any : SegmentKind.Partial;
  return { kind, text, prefix, middle: parts.slice(1, -1), suffix, length: text.length - parts.length + 1 };
}

/** Whether a segment that is not deep matches `address.slice(start, end)`. */
export function segmentMatches(segment: Segment, address: string, start: number, end: number): boolean {
  if (segment.kind === SegmentKind.Any) return true;
  const length = end - start;
  if (segment.kind === SegmentKind.Literal) {
    return length === segment.length && address.startsWith(segment.prefix, start);
  }
  if (length < segment.length || !address.startsWith(segment.prefix, start)) return false;
  const limit = end - segment.suffix.length;
  if (!address.startsWith(segment.suffix, limit)) return false;

  // Leftmost is right: what comes after a part can only gain from the part ending early.
  let at = start + segment.prefix.length;
  for (const part of segment.middle) {
    const found = address.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
    if (at > limit) return false;
  }
  return true;
}

/** Appends what each star of a matching partial segment stood for: as little as possible, from the left. */
function captureSegment(segment: Segment, text: string, into: string[]): void {
  let at = segment.prefix.length;
  for (const part of segment.middle) {
    const found = text.indexOf(part, at);
    into.push(text.slice(at, found));
    at = found + part.length;
  }
  into.push(text.slice(at, text.length - segment.suffix.length));
}

/** Whether some text is matched by both segments, neither of which is deep. */
function segmentsOverlap(a: Segment, b: Segment): boolean {
  if (a.kind === SegmentKind.Any || b.kind === SegmentKind.Any) return true;
  if (a.kind === SegmentKind.Literal) return segmentMatches(b, a.text, 0, a.length);
  if (b.kind === SegmentKind.Literal) return segmentMatches(a, b.text, 0, b.length);
  // With a star in each, the middles can stand one after the other: only the ends can contradict.
  return (
    (a.prefix.startsWith(b.prefix) || b.prefix.startsWith(a.prefix)) &&
    (a.suffix.endsWith(b.suffix) || b.suffix.endsWith(a.suffix))
  );
}

export { checkPattern } from './address.ts';

/** What can be decided about a pattern once instead of at each match. */
const Shape = { Literal: 0, Everything: 1, Below: 2, General: 3 } as const;
type Shape = (typeof Shape)[keyof typeof Shape];

/** A compiled pattern, made by {@link compilePattern}. Immutable, may be shared. */
export class Pattern {
  /** The pattern as it was written. */
  readonly source: string;
  /** Its segments, in order. */
  readonly segments: readonly Segment[];
  readonly #shape: Shape;
  /** The address that is matched together with all below it, when that is what the pattern says. */
  readonly #above: string;

  /** @internal Use {@link compilePattern}, which checks `source`. */
  constructor(source: string) {
    this.source = source;
    this.segments = source.slice(1).split('/').map(compileSegment);
    this.#shape = shapeOf(this.segments);
    this.#above = this.#shape === Shape.Below ? source.slice(0, -3) : '';
  }

  /** Whether the pattern has no wildcard, and so matches exactly one address: itself. */
  get literal(): boolean {
    return this.#shape === Shape.Literal;
  }

  /** Whether the pattern matches every address. */
  get everything(): boolean {
    return this.#shape === Shape.Everything;
  }

  /**
   * Whether the pattern matches `address`, which must be a valid address. Takes at most (segments of the pattern) ×
   * (segments of the address) steps, however the wildcards are arranged; allocates nothing.
   */
  matches(address: string): boolean {
    switch (this.#shape) {
      case Shape.Literal:
        return address === this.source;
      case Shape.Everything:
        return true;
      case Shape.Below: {
        const end = this.#above.length;
        // The cheap half first: it refuses most.
        if (address.length !== end && address.charCodeAt(end) !== SLASH) return false;
        return address.startsWith(this.#above);
      }
      default:
        return align(this.segments, address, undefined);
    }
  }

  /**
   * What each wildcard stood for, in order, when the pattern matches `address`; otherwise undefined.
   *
   * `**` gives its segments joined by `/`, without a slash at the ends, so `''` when it stood for none. Where several
   * answers are possible each wildcard, from the left, takes as little as it can. A run of stars inside a segment is
   * one wildcard.
   *
   * @example
   * ```ts
   * compilePattern('/stage/*\/light*\/**').captures('/stage/left/light7/rgb/r'); // ['left', '7', 'rgb/r']
   * ```
   */
  captures(address: string): string[] | undefined {
    const starts: number[] = [];
    if (!align(this.segments, address, starts)) return undefined;
    const captured: string[] = [];
    for (const [index, segment] of this.segments.entries()) {
      if (segment.kind === SegmentKind.Literal) continue;
      const start = (starts[index] ?? address.length) + 1;
      const text = address.slice(start, starts[index + 1] ?? address.length);
      if (segment.kind === SegmentKind.Partial) captureSegment(segment, text, captured);
      else captured.push(text);
    }
    return captured;
  }

  toString(): string {
    return this.source;
  }
}

const SLASH = 0x2f;

/**
 * Compiles a pattern for repeated matching: the one matcher for delivery, snapshots, scopes, rules, replay and
 * federation.
 *
 * `*` as a whole segment is any one segment; inside a segment (`foo*`, `*foo`, `a*b*c`) any characters, or none;
 * `**` as a whole segment is any number of segments, or none (`/a/**` matches `/a`, `/**` matches everything), as
 * often as wanted; `**` elsewhere is the same as `*`. At most 1024 bytes and 64 segments. Throws a `ClaspError` with
 * code 202 for anything else.
 *
 * @example
 * ```ts
 * const faders = compilePattern('/mixer/*\/fader*');
 * faders.matches('/mixer/1/fader12'); // true
 * ```
 */
export function compilePattern(pattern: string): Pattern {
  const fault = checkPattern(pattern);
  if (fault) throw fault;
  return new Pattern(pattern);
}

/** Whether `pattern` matches `address`. Compiles each time: keep a {@link compilePattern} for repeated use. */
export function matches(pattern: string, address: string): boolean {
  return compilePattern(pattern).matches(address);
}

/** {@link Pattern.captures} of a pattern that is used once. */
export function captures(pattern: string, address: string): string[] | undefined {
  return compilePattern(pattern).captures(address);
}

/** Whether `pattern` has no wildcard: it is the address it matches. */
export function isLiteral(pattern: string): boolean {
  return !pattern.includes('*');
}

/**
 * Whether some address is matched by both patterns. Exact, but for one thing: addresses beyond 64 segments or 1024
 * bytes count too, so two very long patterns may be said to overlap where no legal address lies in both.
 * At most (segments of a) × (segments of b) steps.
 */
export function patternsOverlap(a: Pattern | string, b: Pattern | string): boolean {
  const left = (typeof a === 'string' ? compilePattern(a) : a).segments;
  const right = (typeof b === 'string' ? compilePattern(b) : b).segments;

  // The product of both patterns as automata: `row[j]` tells whether some text brings the left one before its
  // segment i and the right one before its segment j. A deep segment can be left at any time, or stay for one more.
  let row = new Array<boolean>(right.length + 1).fill(false);
  row[0] = true;
  for (let i = 0; i <= left.length; i++) {
    const a = left[i];
    const next = new Array<boolean>(right.length + 1).fill(false);
    for (let j = 0; j <= right.length; j++) {
      if (!row[j]) continue;
      const b = right[j];
      const deepA = a?.kind === SegmentKind.Deep;
      const deepB = b?.kind === SegmentKind.Deep;
      if (deepA) next[j] = true;
      if (deepB) row[j + 1] = true;
      if (a === undefined || b === undefined) continue;
      if (deepA && !deepB) row[j + 1] = true;
      else if (deepB && !deepA) next[j] = true;
      else if (!deepA && segmentsOverlap(a, b)) next[j + 1] = true;
    }
    if (i === left.length) return row[right.length] === true;
    row = next;
  }
  return false;
}

/**
 * Lays the segments of a pattern over an address. On a contradiction only the newest deep segment is extended: what
 * the earlier ones took is the least they could, so taking more cannot help. That keeps the work quadratic.
 *
 * @param starts - receives, when given and the answer is true, where in the address each segment begins (at its slash).
 */
function align(segments: readonly Segment[], address: string, starts: number[] | undefined): boolean {
  const length = address.length;
  let index = 0;
  let at = 0;
  let resumeIndex = -1;
  let resumeAt = 0;
  for (;;) {
    const segment = segments[index];
    if (segment === undefined) {
      if (at === length) return true;
    } else {
      if (starts) starts[index] = at;
      if (segment.kind === SegmentKind.Deep) {
        index++;
        if (index === segments.length) return true;
        resumeIndex = index;
        resumeAt = at;
        continue;
      }
      if (at === length) return false;
      const end = endOfSegment(address, at + 1);
      if (segmentMatches(segment, address, at + 1, end)) {
        index++;
        at = end;
        continue;
      }
    }
    if (resumeIndex < 0) return false;
    resumeAt = endOfSegment(address, resumeAt + 1);
    at = resumeAt;
    index = resumeIndex;
  }
}

/** Where the segment that begins at `from` ends: at the next slash, or at the end. */
function endOfSegment(address: string, from: number): number {
  const slash = address.indexOf('/', from);
  return slash < 0 ? address.length : slash;
}

function shapeOf(segments: readonly Segment[]): Shape {
  const wild = segments.findIndex((segment) => segment.kind !== SegmentKind.Literal);
  if (wild < 0) return Shape.Literal;
  const restIsDeep = segments.slice(wild).every((segment) => segment.kind === SegmentKind.Deep);
  if (!restIsDeep) return Shape.General;
  if (wild === 0) return Shape.Everything;
  return wild === segments.length - 1 ? Shape.Below : Shape.General;
}
