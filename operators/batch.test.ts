import fc from 'fast-check';
import { map, range, Subject, take, throwError, VirtualTimeScheduler } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import type { Signal, Stream } from '../core/signal/signal.ts';
import type { Value } from '../core/signal/value.ts';
import { batch } from './batch.ts';

const marbles = (test: Parameters<TestScheduler['run']>[0]) =>
  new TestScheduler((actual, expected) => expect(actual).toEqual(expected)).run(test);
const sample = (value: Value, rest: Partial<Stream> = {}): Signal => ({
  kind: 'stream',
  address: '/a',
  value,
  ...rest,
});
/** Signals by letter: samples, something else of the same stream, something of another kind. */
const signals = { '1': sample(1), '2': sample(2), '3': sample(3), x: sample('x'), p: param() };
function param(): Signal {
  return { kind: 'param', address: '/a', value: 1 };
}
const gathered = (rate: number, ...samples: number[]): Signal => sample(samples.at(-1) ?? null, { samples, rate });

describe('batch', () => {
  const of4 = () => batch({ window: 4 });

  it('brings the samples of a window together, from the first on', () => {
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -1-2-----3--------|', signals);
      const expected = '    -----a-------b----|';
      const a = gathered(500, 1, 2);
      expectObservable(source.pipe(of4())).toBe(expected, { a, b: gathered(250, 3) });
      expectSubscriptions(source.subscriptions).toBe('^-----------------!');
    });
  });

  it('delivers what was gathered when the source completes, and not when it fails', () => {
    marbles(({ hot, expectObservable }) => {
      expectObservable(hot('-12-|', signals).pipe(of4())).toBe('----(a|)', { a: gathered(667, 1, 2) });
      expectObservable(hot('-12-#', signals).pipe(of4())).toBe('----#');
    });
  });

  it('is silent when the source is, and leaves no timer: never, empty, error, left early', () => {
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold<Signal>('-').pipe(of4())).toBe('-');
      expectObservable(cold<Signal>('|').pipe(of4())).toBe('|');
      expectObservable(throwError(() => 'error').pipe(of4())).toBe('#');
      expectObservable(cold('-1--------', signals).pipe(of4()), '---!').toBe('----');
    });
  });

  it('lets other signals pass, and what is no number behind the samples before it', () => {
    marbles(({ hot, expectObservable }) => {
      const source = hot('  -1p2x--3----|', signals);
      const expected = '    --p-(ax)---b|';
      expectObservable(source.pipe(of4())).toBe(expected, { ...signals, a: gathered(667, 1, 2), b: gathered(250, 3) });
    });
  });

  it('stops a source that does not wait, and ends a batch that is full', () => {
    const heard: Signal[] = [];
    let made = 0;
    range(1, 1_000_000)
      .pipe(
        map((n) => {
          made++;
          return sample(n, { rate: 10 });
        }),
        batch({ window: 50, maxSamples: 3 }),
        take(2),
      )
      .subscribe((signal) => heard.push(signal));
    expect(heard).toEqual([gathered(10, 1, 2, 3), gathered(10, 4, 5, 6)]);
    expect(made).toBe(6);
  });

  it('keeps time, origin and rate of the senders, unless their rates differ', () => {
    const scheduler = new VirtualTimeScheduler();
    const source = new Subject<Signal>();
    const heard: Signal[] = [];
    source.pipe(batch({ window: 50, scheduler })).subscribe((signal) => heard.push(signal));
    source.next(sample(2, { samples: [1, 2], rate: 10, at: 1, origin: 'adc' }));
    source.next(sample(3, { rate: 10, at: 2, origin: 'adc' }));
    source.next(sample(4, { address: '/b', rate: 10 }));
    source.next(sample(5, { address: '/b' }));
    source.next(sample(6, { address: '/b', rate: 10 }));
    scheduler.flush();
    expect(heard).toEqual([
      sample(3, { samples: [1, 2, 3], rate: 10, at: 2, origin: 'adc' }),
      sample(6, { samples: [4, 5, 6], rate: 60, address: '/b' }),
    ]);
  });

  it('gathers anew what is published while it delivers', () => {
    const scheduler = new VirtualTimeScheduler();
    const source = new Subject<Signal>();
    const heard: Signal[] = [];
    source.pipe(batch({ window: 10, scheduler })).subscribe((signal) => {
      heard.push(signal);
      if (heard.length < 3) source.next(sample(heard.length));
    });
    source.next(sample(0));
    scheduler.flush();
    expect(heard).toEqual([gathered(100, 0), gathered(100, 1), gathered(100, 2)]);
  });

  it('loses no sample and keeps their order, whatever comes when', () => {
    const events = fc.array(fc.record({ wait: fc.nat(30), address: fc.constantFrom('/a', '/b'), count: fc.nat(3) }));
    fc.assert(
      fc.property(
        events,
        fc.integer({ min: 0, max: 50 }),
        fc.integer({ min: 1, max: 5 }),
        (sent, window, maxSamples) => {
          const scheduler = new VirtualTimeScheduler();
          const source = new Subject<Signal>();
          const heard = new Map<string, number[]>();
          const said = new Map<string, number[]>();
          const note = (where: Map<string, number[]>, { address, samples = [] }: Stream) =>
            where.set(address, [...(where.get(address) ?? []), ...samples]);
          source.pipe(batch({ window, maxSamples, scheduler })).subscribe((signal) => note(heard, signal as Stream));
          let at = 0;
          sent.forEach(({ wait, address, count }, i) => {
            at += wait;
            const stream = sample(i, { address, samples: new Array<number>(count + 1).fill(i) });
            note(said, stream as Stream);
            scheduler.schedule(() => source.next(stream), at);
          });
          scheduler.flush();
          expect(heard).toEqual(said);
        },
      ),
    );
  });
});
