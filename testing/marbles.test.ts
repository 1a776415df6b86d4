import assert from 'node:assert/strict';
import fc from 'fast-check';
import { delay, map, of, throwError, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { ClaspError } from '../core/errors.ts';
import { deepEqual } from './deep-equal.ts';
import { marbles } from './marbles.ts';
import { timeline } from './timeline-arbitrary.ts';

describe('marbles', () => {
  const wrong = (told: string, expected: string, values?: object) => () =>
    marbles(({ cold, expectObservable }) => expectObservable(cold(told, values as never)).toBe(expected, values));

  it('passes when what is told is what is expected, in virtual time', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('     a--(bc)|', { a: 1, b: [2, { deep: true }], c: Number.NaN });
      const expected = '500ms a--(bc|)';
      expectObservable(source.pipe(delay(500))).toBe(expected, { a: 1, b: [2, { deep: true }], c: Number.NaN });
      expectSubscriptions(source.subscriptions).toBe('^------!');
      expectObservable(timer(60_000).pipe(map(String))).toBe('1m (0|)');
    });
  });

  it('throws an error that shows both diagrams and what the letters mean', () => {
    expect(wrong('a--b 50ms c|', 'a--b 49ms c|')).toThrow('told     a--b 50ms c|\nexpected a--b 49ms c|');
  });

  it('tells values, errors and subscriptions that differ', () => {
    const values = (source: object, expected: object) => () =>
      marbles(({ cold, expectObservable }) => expectObservable(cold('a|', source as never)).toBe('a|', expected));
    expect(values({ a: { x: 1 } }, { a: { x: 2 } })).toThrow('told     b|\nexpected a|\n  b = {"x":1}\n  a = {"x":2}');
    const failing = () =>
      marbles(({ expectObservable }) => {
        expectObservable(throwError(() => new ClaspError(402, 'no'))).toBe('#', undefined, new ClaspError(403, 'no'));
      });
    expect(failing).toThrow('ClaspError: [403] no');
    const subscribed = () =>
      marbles(({ hot, expectSubscriptions }) => {
        const source = hot('--a--|');
        source.subscribe();
        expectSubscriptions(source.subscriptions).toBe('^---!');
      });
    expect(subscribed).toThrow(
      'told     subscribed at 0 ms, unsubscribed at 5 ms\nexpected subscribed at 0 ms, unsubscribed at 4 ms',
    );
  });

  const message = (test: () => void): string => {
    try {
      test();
    } catch (cause) {
      return (cause as Error).message;
    }
    throw new Error('it passed');
  };

  it('draws a failure with the letters of the test', () => {
    const source = { x: 1, y: 2, z: 3 };
    const failing = message(() =>
      marbles(({ cold, expectObservable }) => {
        expectObservable(cold('x|', source)).toBe('x|', source);
        const doubled = cold('x-y-z|', source).pipe(map((n) => (n === 3 ? 7 : n * 2)));
        expectObservable(doubled).toBe('p-q-r|', { p: 2, q: 4, r: 6 });
      }),
    );
    expect(failing).toBe('told     p-q-a|\nexpected p-q-r|\n  p = 2\n  q = 4\n  a = 7\n  r = 6');
    // What only the source names keeps that letter, unless the expectation means something else by it.
    const missing = message(() =>
      marbles(({ cold, expectObservable }) => {
        expectObservable(cold('x-y-z|', source)).toBe('x-z|', { x: 1, z: 4 });
      }),
    );
    expect(missing).toBe('told     x-y-a|\nexpected x-z|\n  x = 1\n  y = 2\n  a = 3\n  z = 4');
  });

  it('never gives a value a letter that stands for another', () => {
    const failing = message(() =>
      marbles(({ cold, expectObservable }) => {
        expectObservable(cold('a-b', { a: 'b', b: 'c' })).toBe('b-a', { a: 'c', b: 'd' });
      }),
    );
    expect(failing).toBe('told     c-a\nexpected b-a\n  c = "b"\n  a = "c"\n  b = "d"');
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom('a', 'b', 'x', 'Y', '1'), fc.constantFrom('a', 'x', 1, 2), { minKeys: 1 }),
        fc.array(fc.constantFrom('a', 'b', 'x', 1, 2, 3), { minLength: 1 }),
        (values, told) => {
          const expected = Object.keys(values).join('');
          let text: string;
          try {
            marbles(({ expectObservable }) => expectObservable(of(...told)).toBe(`(${expected})`, values));
            return;
          } catch (cause) {
            text = (cause as Error).message;
          }
          const legend = new Map([...text.matchAll(/^ {2}(.) = (.*)$/gm)].map(([, name = '', value]) => [name, value]));
          const drawn = /^told {5}\(?([^|)]*)/.exec(text)?.[1] ?? '';
          expect([...drawn].map((name) => legend.get(name) ?? `"${name}"`)).toEqual(told.map((n) => JSON.stringify(n)));
        },
      ),
    );
  });

  it('compares each expectation with its own letters, also when some are never said and time is run early', () => {
    const failing = message(() =>
      marbles(({ cold, expectObservable, expectSubscriptions, flush }) => {
        const source = cold('m|', { m: 1 });
        expectObservable(source);
        expectObservable(source).toBe('k|', { k: 1 });
        expectSubscriptions(source.subscriptions).toBe(['^!', '^!']);
        flush();
        expectObservable(cold('m|', { m: 5 })).toBe('w|', { w: 6 });
      }),
    );
    expect(failing).toBe('told     -a|\nexpected w|\n  a = 5\n  w = 6');
  });

  it('takes the comparison of any test runner', () => {
    const broken = () =>
      marbles(({ expectObservable }) => expectObservable(of(1)).toBe('(a|)', { a: 2 }), { equal: assert.deepEqual });
    expect(broken).toThrow(assert.AssertionError);
    marbles(({ expectObservable }) => expectObservable(of(1)).toBe('(a|)', { a: 1 }), { equal: assert.deepEqual });
  });

  it('compares in depth as vitest does', () => {
    const value = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: false,
    });
    fc.assert(
      fc.property(value, value, (a, b) => {
        expect(deepEqual(a, structuredClone(a))).toBe(true);
        const same = (() => {
          try {
            expect(a).toEqual(b);
            return true;
          } catch {
            return false;
          }
        })();
        // Maps and sets are in order here, and objects without prototype are like others.
        if (!/Map|Set/.test(fc.stringify([a, b]))) expect(deepEqual(a, b)).toBe(same);
      }),
    );
    expect(deepEqual(new Map([[1, { a: 1 }]]), new Map([[1, { a: 2 }]]))).toBe(false);
    expect(deepEqual(Uint8Array.of(1), Uint8Array.of(2))).toBe(false);
    expect(deepEqual(Uint8Array.of(1), [1])).toBe(false);
    expect(deepEqual(new ClaspError(400, 'a'), new ClaspError(400, 'b'))).toBe(false);
  });

  it('tells apart what has no properties of its own', () => {
    const buffer = (byte: number) => Uint8Array.of(1, byte).buffer;
    const made: ((nth: number) => unknown)[] = [
      (nth) => new Date(1_000_000 + nth),
      (nth) => new RegExp(`a{${nth}}`),
      (nth) => new RegExp('a', ['g', 'i'][nth - 1]),
      (nth) => new URL(`http://localhost/${nth}`),
      (nth) => buffer(nth),
      (nth) => new DataView(buffer(nth), 1),
      (nth) => new Uint16Array(buffer(nth)),
      (nth) => new Set([nth]),
      (nth) => new Map([[nth, nth]]),
      (nth) => Object(nth),
      (nth) => Object(BigInt(nth)),
      (nth) => Object(nth === 1),
      (nth) => Object(String(nth)),
      (nth) => [Math, JSON][nth - 1],
    ];
    made.forEach((make, index) => {
      expect(deepEqual(make(1), make(1))).toBe(true);
      expect(deepEqual(make(1), make(2))).toBe(false);
      made.forEach((other, at) => {
        if (at !== index) expect(deepEqual(make(1), other(1))).toBe(false);
      });
      for (const plain of [{}, []]) expect(deepEqual(make(1), plain) || deepEqual(plain, make(1))).toBe(false);
    });
    expect(deepEqual(new Date(Number.NaN), new Date(Number.NaN))).toBe(true);
    expect(deepEqual([undefined], [])).toBe(false);
    expect(deepEqual(new WeakMap(), new WeakMap())).toBe(false);
    expect(deepEqual(Promise.resolve(1), Promise.resolve(2))).toBe(false);
    const told = () =>
      marbles(({ expectObservable }) => expectObservable(of(new Date(1))).toBe('(a|)', { a: new Date(2) }));
    expect(told).toThrow('1970');
  });
});

describe('timeline', () => {
  it('draws diagrams that bring every event, in order, and the end that was asked for', () => {
    fc.assert(
      fc.property(timeline(fc.integer(), { maxEvents: 60 }), ({ diagram, values, events }) => {
        expect(events.length).toBeLessThanOrEqual(52);
        const told: unknown[] = [];
        marbles(({ cold }) => {
          cold(diagram, { ...values }).subscribe({
            next: (n) => told.push(n),
            error: () => told.push('#'),
            complete: () => told.push('|'),
          });
        });
        const end = /[|#]$/.exec(diagram)?.[0];
        expect(told).toEqual(end ? [...events, end] : events);
      }),
    );
  });

  it('shrinks to a diagram that can be read', () => {
    const { counterexample, error } = (() => {
      const run = fc.check(
        fc.property(timeline(fc.nat(100), { ends: ['complete'] }), ({ events }) => !events.some((n) => n > 41)),
        { seed: 7, numRuns: 1_000 },
      );
      return { counterexample: run.counterexample?.[0], error: fc.defaultReportMessage(run) };
    })();
    expect(String(counterexample)).toBe("'a|'\n  a = 42");
    expect(error).toContain("'a|'\n  a = 42");
  });
});
