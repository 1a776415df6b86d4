import fc from 'fast-check';
import { map, of, range, Subject, take, throwError, VirtualTimeScheduler } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import type { Signal } from '../core/signal/signal.ts';
import { downsample } from './downsample.ts';

const marbles = (test: Parameters<TestScheduler['run']>[0]) =>
  new TestScheduler((actual, expected) => expect(actual).toEqual(expected)).run(test);
const numbers = Object.fromEntries([...'123456789'].map((digit) => [digit, Number(digit)]));
const param = (address: string, value: number): Signal => ({ kind: 'param', address, value });

describe('downsample', () => {
  const every4 = () => downsample<number>({ maxRate: 250 });

  it('lets the first through at once, then the newest each time', () => {
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -123456-------78-------|', numbers);
      const subs = '        ^----------------------!';
      const expected = '    -1---5---6----7---8----|';
      expectObservable(source.pipe(every4())).toBe(expected, numbers);
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('takes a number for the options', () => {
    const heard: number[] = [];
    range(1, 1000)
      .pipe(downsample(10))
      .subscribe((one) => heard.push(one));
    expect(heard).toEqual([1, 1000]);
  });

  it('delivers what waits when the source completes, and not when it fails', () => {
    marbles(({ hot, expectObservable }) => {
      expectObservable(hot(' -12|', numbers).pipe(every4())).toBe('-1-(2|)', numbers);
      expectObservable(hot(' -12#', numbers).pipe(every4())).toBe('-1-#', numbers);
    });
  });

  it('is silent when the source is: never, empty, one', () => {
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold<number>('-').pipe(every4())).toBe('-');
      expectObservable(cold<number>('|').pipe(every4())).toBe('|');
      expectObservable(cold('-1--|', numbers).pipe(every4())).toBe('-1--|', numbers);
      expectObservable(throwError(() => 'error').pipe(every4())).toBe('#');
    });
  });

  it('leaves no timer behind when it is left early', () => {
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -12345', numbers);
      const unsub = '       ---!';
      expectObservable(source.pipe(every4()), unsub).toBe('-1--', numbers);
      expectSubscriptions(source.subscriptions).toBe('^--!');
    });
  });

  it('has no timer once nobody listens', () => {
    const scheduler = new VirtualTimeScheduler();
    const source = new Subject<number>();
    const listening = source.pipe(downsample({ maxRate: 1, scheduler })).subscribe();
    source.next(1);
    source.next(2);
    listening.unsubscribe();
    scheduler.flush();
    expect(scheduler.now()).toBe(0);
  });

  it('stops a source that does not wait', () => {
    const heard: number[] = [];
    let made = 0;
    const firehose = range(1, 1_000_000).pipe(map((n) => ++made && n));
    firehose.pipe(downsample({ maxRate: 0 }), take(2)).subscribe((n) => heard.push(n));
    expect(heard).toEqual([1, 2]);
    expect(made).toBe(2);
  });

  it('makes what is published while it delivers wait its turn', () => {
    const scheduler = new VirtualTimeScheduler();
    const source = new Subject<number>();
    const heard: number[] = [];
    source.pipe(downsample({ maxRate: 10, scheduler })).subscribe((n) => {
      heard.push(n);
      if (n < 3) source.next(n + 1);
    });
    source.next(1);
    expect(heard).toEqual([1]);
    scheduler.flush();
    expect(heard).toEqual([1, 2, 3]);
  });

  it('counts params and streams by address, and lets other signals pass', () => {
    const heard: Signal[] = [];
    const event: Signal = { kind: 'event', address: '/a', value: 0 };
    const stream: Signal = { kind: 'stream', address: '/a', value: 0 };
    of(param('/a', 1), param('/a', 2), param('/b', 3), event, event, stream, param('/a', 4))
      .pipe(downsample<Signal>({ maxRate: 1 }))
      .subscribe((signal) => heard.push(signal));
    expect(heard).toEqual([param('/a', 1), param('/b', 3), event, event, stream, param('/a', 4)]);
  });

  it('lets no more than n + 1 through in any second, and always the last', () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 120 }), { minLength: 1, maxLength: 150 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), gaps, (n, waits) => {
        const scheduler = new VirtualTimeScheduler();
        const source = new Subject<number>();
        const heard: { at: number; value: number }[] = [];
        source
          .pipe(downsample({ maxRate: n, scheduler }))
          .subscribe((value) => heard.push({ at: scheduler.now(), value }));
        let at = 0;
        waits.forEach((wait, value) => {
          at += wait;
          scheduler.schedule(() => source.next(value), at);
        });
        scheduler.flush();
        expect(heard.at(-1)?.value).toBe(waits.length - 1);
        for (const { at: from } of heard) {
          expect(heard.filter(({ at }) => at >= from && at <= from + 1000).length).toBeLessThanOrEqual(n + 1);
        }
        expect(heard.every(({ value }, i) => i === 0 || value > (heard[i - 1]?.value ?? 0))).toBe(true);
      }),
    );
  });
});
