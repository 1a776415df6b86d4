import fc from 'fast-check';
import { of, range, Subject, take, throwError, VirtualTimeScheduler } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { type AtOptions, at } from './at.ts';

const MICROSECONDS = 1_000;

/** Digits are due in the frame they name, `a` and `b` in frame 5, `u` at no time. */
interface Dated {
  readonly name: string;
  readonly at: number | undefined;
}
const frameOf = (name: string): number => Number('ab'.includes(name) ? 5 : name) * MICROSECONDS;
const values: Record<string, Dated> = Object.fromEntries(
  [...'123456789abu'].map((name) => [name, { name, at: name === 'u' ? undefined : frameOf(name) }]),
);

type Helpers = Parameters<Parameters<TestScheduler['run']>[0]>[0];
const marbles = (test: (helpers: Helpers, options: AtOptions<Dated>) => void) => {
  const scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
  scheduler.run((helpers) => test(helpers, { time: () => scheduler.now() * MICROSECONDS }));
};

describe('at', () => {
  it('holds each value until its moment, those of one moment in the order they came', () => {
    marbles(({ hot, expectObservable, expectSubscriptions }, options) => {
      const source = hot('  9a3b-|', values);
      const subs = '        ^----!';
      const expected = '    ---3-(ab)(9|)';
      expectObservable(source.pipe(at(options))).toBe(expected, values);
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('lets what has no moment pass at once, and what is late too', () => {
    marbles(({ hot, expectObservable }, options) => {
      expectObservable(hot('u-5-1|', values).pipe(at(options))).toBe('u---1(5|)', values);
      expectObservable(hot('---123|', values).pipe(at(options))).toBe('---123|', values);
    });
  });

  it('drops what is late when asked to, and tells how late it was', () => {
    marbles(({ hot, expectObservable, flush }, options) => {
      const late: [string, number][] = [];
      const strict = at<Dated>({ ...options, late: 'drop', onLate: ({ name }, by) => late.push([name, by]) });
      expectObservable(hot('--1-9-3-|', values).pipe(strict)).toBe('---------(9|)', values);
      flush();
      expect(late).toEqual([
        ['1', 1_000],
        ['3', 3_000],
      ]);
    });
  });

  it('takes what comes beyond its capacity for late', () => {
    marbles(({ hot, expectObservable }, options) => {
      const two = { ...options, capacity: 2 };
      expectObservable(hot('789--|', values).pipe(at(two))).toBe('--9----7(8|)', values);
      expectObservable(hot('789--|', values).pipe(at({ ...two, late: 'drop' }))).toBe('-------7(8|)', values);
    });
  });

  it('is silent when the source is, and fails with it at once', () => {
    marbles(({ cold, hot, expectObservable }, options) => {
      expectObservable(cold<Dated>('-').pipe(at(options))).toBe('-');
      expectObservable(cold<Dated>('--|').pipe(at(options))).toBe('--|');
      expectObservable(hot('-9--#', values).pipe(at(options))).toBe('----#');
      expectObservable(throwError(() => 'error').pipe(at<Dated>(options))).toBe('#');
    });
  });

  it('leaves no timer behind, and stops a source of which enough has come', () => {
    marbles(({ hot, expectObservable, expectSubscriptions }, options) => {
      const source = hot('9-3--', values);
      expectObservable(source.pipe(at(options)), '----!').toBe('---3-', values);
      expectSubscriptions(source.subscriptions).toBe('^---!');
    });
    let made = 0;
    const timeOf = (): undefined => {
      made++;
    };
    range(0, 1_000_000)
      .pipe(at<number>({ time: () => 0, timeOf }), take(3))
      .subscribe();
    expect(made).toBe(3);
  });

  it('takes a clock that goes slower than the timer for what it is', () => {
    const scheduler = new VirtualTimeScheduler();
    const heard: number[] = [];
    const time = () => Math.floor(scheduler.now() * 500);
    of({ at: 10_000 })
      .pipe(at({ time, scheduler }))
      .subscribe(() => heard.push(scheduler.now()));
    scheduler.flush();
    expect(heard).toEqual([20]);
  });

  it('loses nothing, brings nothing too early, and everything in the order of its moments', () => {
    const items = fc.array(fc.record({ arrives: fc.nat(50), due: fc.option(fc.nat(60), { nil: undefined }) }));
    fc.assert(
      fc.property(items, (unsorted) => {
        const plan = unsorted.sort((one, other) => one.arrives - other.arrives);
        type Item = (typeof plan)[number];
        const scheduler = new VirtualTimeScheduler();
        const time = () => scheduler.now() * MICROSECONDS;
        const timeOf = ({ due }: Item) => (due === undefined ? undefined : due * MICROSECONDS);
        const source = new Subject<Item>();
        const heard: { item: Item; when: number }[] = [];
        source
          .pipe(at<Item>({ time, scheduler, timeOf }))
          .subscribe((item) => heard.push({ item, when: scheduler.now() }));
        for (const item of plan) scheduler.schedule(() => source.next(item), item.arrives);
        scheduler.flush();

        expect(heard).toHaveLength(plan.length);
        for (const { item, when } of heard) expect(when).toBe(Math.max(item.arrives, item.due ?? 0));
        const punctual = heard.map(({ item }) => item).filter(({ arrives, due = -1 }) => due > arrives);
        const ideal = plan
          .filter(({ arrives, due = -1 }) => due > arrives)
          .sort((one, other) => (one.due ?? 0) - (other.due ?? 0));
        expect(punctual).toEqual(ideal);
        expect(punctual.every((item, index) => item === ideal[index])).toBe(true);
      }),
    );
  });
});
