import { type RunHelpers, TestScheduler } from 'rxjs/testing';
import { deepEqual } from './deep-equal.ts';
import { draw, Letters, type Told } from './diagram.ts';

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
export function marbles<T>(test: (helpers: RunHelpers) => T, { equal }: MarblesOptions = {}): T {
  if (equal) return new TestScheduler(equal).run(test);
  const named = new NamedExpectations();
  return new TestScheduler(named.equal).run((helpers) => test(named.noting(helpers)));
}

type Values = Readonly<Record<string, unknown>>;

/** An expectation, and what its letters stand for once `toBe` has said it. */
interface Expectation {
  values?: Values;
}

/** Keeps the letters of a test, so that what it fails with is drawn with them. */
class NamedExpectations {
  /** In the order in which they are compared, which is that in which they were made. */
  readonly #expectations: Expectation[] = [];
  /** What sources were given. */
  readonly #sources: Values[] = [];

  noting(helpers: RunHelpers): RunHelpers {
    const expectation = (): Expectation => {
      const made: Expectation = {};
      this.#expectations.push(made);
      return made;
    };
    const source =
      (make: RunHelpers['cold']): RunHelpers['cold'] =>
      (diagram: string, values?: Values, error?: unknown) => {
        if (values) this.#sources.push(values);
        return make(diagram, values as never, error);
      };
    return {
      ...helpers,
      cold: source(helpers.cold),
      hot: source(helpers.hot as never) as unknown as RunHelpers['hot'],
      expectObservable: (observable, subscription) => {
        const made = expectation();
        const { toBe, toEqual } = helpers.expectObservable(observable, subscription);
        return {
          toBe: (diagram, values, error) => {
            made.values = (values as Values | undefined) ?? {};
            toBe(diagram, values, error);
          },
          toEqual: (other) => {
            made.values = {};
            toEqual(other);
          },
        };
      },
      expectSubscriptions: (subscriptions) => {
        const made = expectation();
        const { toBe } = helpers.expectSubscriptions(subscriptions);
        return {
          toBe: (diagrams) => {
            made.values = {};
            toBe(diagrams);
          },
        };
      },
    };
  }

  readonly equal = (actual: unknown, expected: unknown): void => {
    const next = this.#expectations.findIndex(({ values }) => values !== undefined);
    const [compared] = next < 0 ? [] : this.#expectations.splice(next, 1);
    if (deepEqual(actual, expected)) return;
    const letters = new Letters();
    // Those of the expectation first: a source may call something else by the same letter.
    for (const values of [compared?.values ?? {}, ...this.#sources]) {
      for (const [name, value] of Object.entries(values)) letters.name(name, value);
    }
    const told = [actual, expected].map((list) => drawn(list as readonly (Told | Subscribed)[], letters));
    throw new Error([`told     ${told[0]}`, `expected ${told[1]}`, ...letters.legend()].join('\n'));
  };
}

/** What TestScheduler notes of a subscription. */
interface Subscribed {
  readonly subscribedFrame: number;
  readonly unsubscribedFrame: number;
}

function drawn(list: readonly (Told | Subscribed)[], letters: Letters): string {
  if (!list.some((one) => 'subscribedFrame' in one)) return draw(list as readonly Told[], letters);
  return (list as readonly Subscribed[])
    .map(({ subscribedFrame, unsubscribedFrame }) => {
      const end = Number.isFinite(unsubscribedFrame) ? `, unsubscribed at ${unsubscribedFrame} ms` : '';
      return `subscribed at ${subscribedFrame} ms${end}`;
    })
    .join('; ');
}
