import fc from 'fast-check';
import { from, map, of, range, Subject, take, throwError } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { isWithin } from '../core/signal/pacing.ts';
import type { Signal } from '../core/signal/signal.ts';
import type { Value } from '../core/signal/value.ts';
import { deadband } from './deadband.ts';

const marbles = (test: Parameters<TestScheduler['run']>[0]) =>
  new TestScheduler((actual, expected) => expect(actual).toEqual(expected)).run(test);
const numbers = Object.fromEntries([...'0123456789'].map((digit) => [digit, Number(digit)]));
const param = (value: Value, address = '/a'): Signal => ({ kind: 'param', address, value });
/** What goes through. */
const passed = <T extends Signal | number | readonly number[]>(epsilon: number, ...values: T[]): T[] => {
  const heard: T[] = [];
  from(values)
    .pipe(deadband<T>({ epsilon }))
    .subscribe((value) => heard.push(value));
  return heard;
};

describe('deadband', () => {
  it('compares with the last that went through, not with the last that came', () => {
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -1234-5651-|', numbers);
      const expected = '    -1--4----1-|';
      expectObservable(source.pipe(deadband<number>({ epsilon: 2 }))).toBe(expected, numbers);
      expectSubscriptions(source.subscriptions).toBe('^----------!');
    });
  });

  it('is silent when the source is, and ends as it does: never, empty, one, error', () => {
    marbles(({ cold, expectObservable }) => {
      const half = deadband<number>({ epsilon: 0.5 });
      expectObservable(cold<number>('-').pipe(half)).toBe('-');
      expectObservable(cold<number>('|').pipe(half)).toBe('|');
      expectObservable(cold('-1-|', numbers).pipe(half)).toBe('-1-|', numbers);
      expectObservable(cold('-11#', numbers).pipe(half)).toBe('-1-#', numbers);
      expectObservable(throwError(() => 'error').pipe(half)).toBe('#');
      expectObservable(cold('-1-2-3', numbers).pipe(half), '---!').toBe('-1--', numbers);
    });
  });

  it('stops a source that does not wait', () => {
    let made = 0;
    const heard: number[] = [];
    range(1, 1_000_000)
      .pipe(
        map((n) => ++made && n),
        deadband({ epsilon: 5 }),
        take(2),
      )
      .subscribe((n) => heard.push(n));
    expect(heard).toEqual([1, 7]);
    expect(made).toBe(7);
  });

  it('remembers what it delivers before anybody answers to it', () => {
    const source = new Subject<number>();
    const heard: number[] = [];
    source.pipe(deadband({ epsilon: 1 })).subscribe((n) => {
      heard.push(n);
      if (n < 6) for (const answer of [n, n + 1, n + 2]) source.next(answer);
    });
    source.next(0);
    expect(heard).toEqual([0, 2, 4, 6]);
  });

  it('compares params and streams by address, arrays by element, and lets all else pass', () => {
    const event: Signal = { kind: 'event', address: '/a', value: 1 };
    const stream: Signal = { kind: 'stream', address: '/a', value: 1 };
    const all = [param(1), param(1, '/b'), stream, event, event, param(null), param(1), param('x'), param('x')];
    expect(passed(1, ...all, param([1, 2]), param([1, 4]))).toEqual([...all, param([1, 2]), param([1, 4])]);
    expect(passed(1, param(1), param(1, '/b'), param(2), param([1, 1]), param([0, 2]))).toEqual([
      param(1),
      param(1, '/b'),
      param([1, 1]),
    ]);
    expect(passed<readonly number[]>(1, [0, 0], [1, 1], [1, 2])).toEqual([
      [0, 0],
      [1, 2],
    ]);
  });

  it('holds back a stream of several samples only if all of them are near', () => {
    const stream = (...samples: number[]): Signal => ({
      kind: 'stream',
      address: '/a',
      value: samples.at(-1) ?? null,
      samples,
    });
    expect(passed(1, stream(0, 0), stream(1, 0), stream(9, 0))).toEqual([stream(0, 0), stream(9, 0)]);
  });

  it('of a negative or impossible epsilon holds nothing back', () => {
    expect(passed(-1, 1, 1)).toEqual([1, 1]);
    expect(passed(Number.NaN, 1, 1)).toEqual([1, 1]);
    expect(passed(0, 1, 1)).toEqual([1]);
  });

  it('forgets the address that was longest without a value', () => {
    const heard: Signal[] = [];
    of(param(1, '/a'), param(1, '/b'), param(5, '/a'), param(1, '/c'), param(5, '/a'), param(1, '/b'))
      .pipe(deadband<Signal>({ epsilon: 1, maxAddresses: 2 }))
      .subscribe((signal) => heard.push(signal));
    expect(heard.map(({ address }) => address)).toEqual(['/a', '/b', '/a', '/c', '/b']);
  });

  it('takes a number for the options', () => {
    const heard: number[] = [];
    of(1, 1.2, 1.4, 1.6)
      .pipe(deadband(0.5))
      .subscribe((one) => heard.push(one));
    expect(heard).toEqual([1, 1.6]);
  });

  it('delivers no two neighbours within epsilon, and never leaves the receiver further than that from the truth', () => {
    const number = fc.oneof(fc.integer({ min: -20, max: 20 }), fc.double({ min: -9, max: 9, noNaN: true }));
    const value = fc.oneof(number, fc.array(number, { maxLength: 2 }));
    fc.assert(
      fc.property(fc.array(value), fc.integer({ min: 0, max: 10 }), (values, epsilon) => {
        const source = new Subject<number | readonly number[]>();
        const heard: (number | readonly number[])[] = [];
        source.pipe(deadband({ epsilon })).subscribe((one) => heard.push(one));
        for (const one of values) {
          source.next(one);
          expect(heard.at(-1) === one || isWithin(heard.at(-1), one, epsilon)).toBe(true);
        }
        for (let i = 1; i < heard.length; i++) expect(isWithin(heard[i - 1], heard[i], epsilon)).toBe(false);
      }),
    );
  });
});
