import type { Arbitrary } from 'fast-check';
import { dashes, legend, letter } from './diagram.ts';
import { fc, toStringMethod } from './fast-check.ts';

export interface TimelineArbitraryOptions {
  /** Milliseconds between two events; 0 is at once. @defaultValue up to 40, mostly few */
  readonly gaps?: Arbitrary<number>;
  /** At most 52: each has a letter of its own. @defaultValue 20 */
  readonly maxEvents?: number;
  /** How it may end. @defaultValue complete, error, never */
  readonly ends?: readonly ('complete' | 'error' | 'never')[];
}

/** Events in time, as a marble diagram that can be given to `cold` and `hot`; prints as one. */
export interface DrawnTimeline<T> {
  readonly diagram: string;
  readonly values: Readonly<Record<string, T>>;
  /** The events in order. */
  readonly events: readonly T[];
  toString(): string;
}

const END = { complete: '|', error: '#', never: '' } as const;

/**
 * Turns generated events into marble diagrams. What fails shrinks to few events with short gaps, and prints as a
 * diagram that can be pasted into a test.
 *
 * @example
 * ```ts
 * import { marbles, timeline } from 'clasp-rx/testing';
 * import fc from 'fast-check';
 * import { filter } from 'rxjs';
 *
 * fc.assert(
 *   fc.property(timeline(fc.nat(9)), ({ diagram, values }) => {
 *     const even: number[] = [];
 *     marbles(({ cold }) => void cold(diagram, values).pipe(filter((n) => n % 2 === 0)).subscribe({ next: (n) => even.push(n), error: () => undefined }));
 *     return even.every((n) => n % 2 === 0);
 *   }),
 * );
 * ```
 */
export function timeline<T>(events: Arbitrary<T>, options: TimelineArbitraryOptions = {}): Arbitrary<DrawnTimeline<T>> {
  const { maxEvents = 20, ends = ['complete', 'error', 'never'] } = options;
  const { gaps = fc.oneof({ weight: 3, arbitrary: fc.nat(4) }, fc.nat(40)) } = options;
  const list = fc.array(fc.tuple(gaps, events), { maxLength: Math.min(52, maxEvents), size: 'max' });
  return fc.tuple(list, fc.constantFrom(...ends)).map(([timed, end]) => new Drawn(timed, END[end]));
}

class Drawn<T> implements DrawnTimeline<T> {
  readonly diagram: string;
  readonly values: Readonly<Record<string, T>>;
  readonly events: readonly T[];

  constructor(timed: readonly (readonly [gap: number, event: T])[], end: string) {
    this.events = timed.map(([, event]) => event);
    this.values = Object.fromEntries(timed.map(([, event], index) => [letter(index), event]));
    let diagram = '';
    for (let index = 0; index < timed.length; ) {
      const gap = timed[index]?.[0] ?? 0;
      let marks = letter(index++);
      while (timed[index]?.[0] === 0) marks += letter(index++);
      diagram += dashes(gap) + (marks.length > 1 ? `(${marks})` : marks);
    }
    this.diagram = diagram + (diagram === '' && end === '' ? '-' : end);
  }

  /** What fast-check prints. */
  [toStringMethod](): string {
    return `\n${this}\n`;
  }

  toString(): string {
    return [`'${this.diagram}'`, legend(this.values)].filter(Boolean).join('\n');
  }
}
