import fc from 'fast-check';
import { defer, of, retry, throwError } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { backoff, backoffWait } from './backoff.ts';

const marbles = (run: Parameters<TestScheduler['run']>[0]) =>
  new TestScheduler((actual, expected) => expect(actual).toEqual(expected)).run(run);

describe('backoffWait', () => {
  it('is anywhere below an upper end that grows by the factor and stops at the maximum', () => {
    const fraction = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fraction, (attempt, random) => {
        const wait = backoffWait({ initial: 100, max: 5_000, factor: 3, random: () => random })(attempt);
        const upper = Math.min(5_000, 100 * 3 ** (attempt - 1));
        expect(wait).toBe(Math.round(random * upper));
      }),
    );
  });

  it('uses the whole range without a generator of its own, also for clients made a millisecond apart', () => {
    const firsts = Array.from({ length: 100 }, (_, at) => {
      const scheduler = new TestScheduler(() => undefined);
      scheduler.frame = 1_700_000_000_000 + at;
      return backoffWait({ initial: 1_000, scheduler })(1);
    });
    const tenths = new Set(firsts.map((wait) => Math.floor(wait / 100)));
    expect(tenths.size).toBeGreaterThanOrEqual(9);
    expect(Math.max(...firsts)).toBeLessThanOrEqual(1_000);
  });
});

describe('backoff', () => {
  it('delays a retry by longer and longer waits, and begins anew after a success', () => {
    marbles(({ expectObservable, cold }) => {
      const outcomes = ['#', '#', '#', 'a#', '#', 'b'];
      let attempt = 0;
      const source = defer(() => cold(outcomes[attempt++] ?? 'b'));
      const patient = retry<string>({ delay: backoff({ initial: 2, random: () => 1 }), resetOnSuccess: true });
      //                    # # after 2, # after 4, a# after 8, then # after 2, b after 4
      const expected = '    --------------a------b';
      expectObservable(source.pipe(patient)).toBe(expected);
    });
  });

  it('never gives up', () => {
    marbles(({ expectObservable }) => {
      let attempts = 0;
      const source = defer(() => (attempts++ < 500 ? throwError(() => 'down') : of('up')));
      const patient = retry<string>({ delay: backoff({ initial: 1, max: 1, random: () => 1 }) });
      expectObservable(source.pipe(patient)).toBe('500ms (u|)', { u: 'up' });
    });
  });
});
