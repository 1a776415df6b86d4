import { type RunHelpers, TestScheduler } from 'rxjs/testing';
import { deepEqual } from './deep-equal.ts';
import { draw, type Told } from './diagram.ts';

export interface MarblesOptions {
  /**
   * Throws unless the two are equal, as `expect(actual).toEqual(expected)` or `assert.deepEqual(actual, expected)`
   * does. @defaultValue compares in depth and throws an error that shows both diagrams
   */
  readonly equal?: (actual: unknown, expected: unknown) => void;
}

/**
 * Tests streams in virtual time with marble diagrams: the helpers of RxJS's `TestScheduler.run`, under any test runner
 * or none. Everything that takes its time from RxJS's schedulers by default does so in virtual time while it runs.
 *
 * In a diagram each `-` is a millisecond; a letter is a value, `|` completion, `#` an error, ` 20ms ` time that passes,
 * `(ab)` what happens at once. Throws when an expectation is not met.
 *
 * @example
 * ```ts
 * marbles(({ cold, expectObservable }) => {
 *   const source = cold('  a-b-c|', { a: 1, b: 2, c: 3 });
 *   const expected = '     a-b-c|';
 *   expectObservable(source.pipe(map((n) => n * 2))).toBe(expected, { a: 2, b: 4, c: 6 });
 * });
 * ```
 */
export function marbles<T>(test: (helpers: RunHelpers) => T, { equal = sameDiagram }: MarblesOptions = {}): T {
  return new TestScheduler(equal).run(test);
}

/** What TestScheduler notes of a subscription. */
interface Subscribed {
  readonly subscribedFrame: number;
  readonly unsubscribedFrame: number;
}

function sameDiagram(actual: unknown, expected: unknown): void {
  if (deepEqual(actual, expected)) return;
  const names = new Map<string, string>();
  const told = [actual, expected].map((list) => drawn(list as readonly (Told | Subscribed)[], names));
  const values = [...names].map(([text, name]) => `  ${name} = ${text}`);
  throw new Error([`told     ${told[0]}`, `expected ${told[1]}`, ...values].join('\n'));
}

function drawn(list: readonly (Told | Subscribed)[], names: Map<string, string>): string {
  if (!list.some((one) => 'subscribedFrame' in one)) return draw(list as readonly Told[], names);
  return (list as readonly Subscribed[])
    .map(({ subscribedFrame, unsubscribedFrame }) => {
      const end = Number.isFinite(unsubscribedFrame) ? `, unsubscribed at ${unsubscribedFrame} ms` : '';
      return `subscribed at ${subscribedFrame} ms${end}`;
    })
    .join('; ');
}
