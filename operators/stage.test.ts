import fc from 'fast-check';
import { from, map, type Observable, of, Subject, type Subscriber, Subscription, take, toArray } from 'rxjs';
import { expect, it } from 'vitest';
import { virtualTime } from '../testing/virtual-time.ts';
import { serialise, Turns } from './router/serialise.ts';
import { chain, passing, type StageOperator, stage } from './stage.ts';

/** A stage that holds every third value back until its end, doubles every fifth, and drops the rest of seven. */
const moving = (by: number): StageOperator<number> =>
  stage((out) => {
    const held: number[] = [];
    return {
      next(value) {
        if (value % 7 === 6) return;
        if (value % 3 === 0) held.push(value);
        else out.next(value + by);
        if (value % 5 === 0) out.next(value + by);
      },
      complete: () => {
        for (const value of held) out.next(value + by);
      },
    };
  });

const all = <T>(stream: Observable<T>): T[] => {
  let values: T[] = [];
  stream.pipe(toArray()).subscribe((heard) => {
    values = heard;
  });
  return values;
};

it('gives the same as a pipe, with what is flushed at the end, and stops where a pipe stops', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1000)), fc.array(fc.nat(9), { maxLength: 4 }), fc.nat(30), (values, shifts, most) => {
      const stages = shifts.map(moving);
      const piped = stages.reduce<Observable<number>>((stream, one) => stream.pipe(one), from(values));
      const chained = from(values).pipe(chain(...stages));
      expect(all(chained)).toEqual(all(piped));
      expect(all(chained.pipe(take(most)))).toEqual(all(piped.pipe(take(most))));
    }),
  );
});

it('lets nothing pass any more once its consumer has left, not even within the same value', () => {
  const source = new Subject<number>();
  const seen: number[] = [];
  const twice = stage<number, number>((out) => ({
    next(value) {
      out.next(value);
      out.next(value + 1);
    },
  }));
  const watching = stage<number, number>((out) => ({
    next(value) {
      seen.push(value);
      out.next(value);
    },
  }));
  const subscription = new Subscription();
  subscription.add(source.pipe(chain(twice, watching)).subscribe(() => subscription.unsubscribe()));
  source.next(1);
  expect(seen).toEqual([1]);
  expect(source.observed).toBe(false);
});

it('disposes every stage once, whether its source ends, fails, or nobody listens any more', () => {
  for (const end of ['complete', 'error', 'unsubscribe'] as const) {
    const disposed: string[] = [];
    const named = (name: string) =>
      stage<number, number>((out) => ({ next: (value) => out.next(value), dispose: () => disposed.push(name) }));
    const source = new Subject<number>();
    const subscription = source.pipe(chain(named('a'), named('b'), named('c'))).subscribe({ error: () => undefined });
    if (end === 'unsubscribe') subscription.unsubscribe();
    else source[end](undefined);
    expect(disposed.sort()).toEqual(['a', 'b', 'c']);
  }
});

it('makes an error of what a stage throws, wherever it stands', () => {
  for (const place of [0, 1, 2]) {
    const stages = [0, 1, 2].map((index) => {
      const work = (value: number) => {
        if (index === place && value === 3) throw new Error(`stage ${place}`);
      };
      return stage<number, number>((out) => ({
        next(value) {
          work(value);
          out.next(value);
        },
      }));
    });
    const heard: unknown[] = [];
    from([1, 2, 3, 4])
      .pipe(
        chain(...stages),
        map((value) => value * 10),
      )
      .subscribe({ next: (value) => heard.push(value), error: (cause: Error) => heard.push(cause.message) });
    expect(heard).toEqual([10, 20, `stage ${place}`]);
  }
});

it('makes an error of what is thrown when a timer lets a stage of a turn emit', () => {
  const time = virtualTime();
  const turns = new Turns();
  const later = turns.scheduler(time);
  let emit: Subscriber<number> | undefined;
  const delayed = stage<number, number>((out) => {
    emit = out;
    return { next: (value) => void later.schedule(() => out.next(value), value) };
  });
  const failing = stage<number, number>((out) => ({
    next(value) {
      if (value === 2) throw new Error('two');
      out.next(value);
    },
  }));
  const heard: unknown[] = [];
  const source = new Subject<number>();
  source
    .pipe(chain(serialise<number>(turns), delayed, failing))
    .subscribe({ next: (value) => heard.push(value), error: (cause: Error) => heard.push(cause.message) });
  for (const delay of [3, 1, 2]) source.next(delay);
  time.pass(10);
  expect(heard).toEqual([1, 'two']);
  expect(emit?.closed).toBe(true);
});

it('leaves out of a chain what does nothing, which passes everything on in a pipe', () => {
  const heard: number[] = [];
  const double = stage<number, number>((out) => ({ next: (value) => out.next(value * 2) }));
  of(1, 2)
    .pipe(passing(), chain(passing<number>(), double, passing<number>()))
    .subscribe((value) => heard.push(value));
  of(3)
    .pipe(chain(passing<number>()))
    .subscribe((value) => heard.push(value));
  expect(heard).toEqual([2, 4, 3]);
});
