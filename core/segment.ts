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
export function compileSegment(source: string): Segment {
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
export function captureSegment(segment: Segment, text: string, into: string[]): void {
  let at = segment.prefix.length;
  for (const part of segment.middle) {
    const found = text.indexOf(part, at);
    into.push(text.slice(at, found));
    at = found + part.length;
  }
  into.push(text.slice(at, text.length - segment.suffix.length));
}

/** Whether some text is matched by both segments, neither of which is deep. */
export function segmentsOverlap(a: Segment, b: Segment): boolean {
  if (a.kind === SegmentKind.Any || b.kind === SegmentKind.Any) return true;
  if (a.kind === SegmentKind.Literal) return segmentMatches(b, a.text, 0, a.length);
  if (b.kind === SegmentKind.Literal) return segmentMatches(a, b.text, 0, b.length);
  // With a star in each, the middles can stand one after the other: only the ends can contradict.
  return (
    (a.prefix.startsWith(b.prefix) || b.prefix.startsWith(a.prefix)) &&
    (a.suffix.endsWith(b.suffix) || b.suffix.endsWith(a.suffix))
  );
}
