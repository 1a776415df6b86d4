import fc from 'fast-check';
import { debounceTime, interval, map, of, Subject, take, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { virtualTime } from './virtual-time.ts';

describe('virtualTime', () => {
  it('does what is due in order of time, what is due together in the order it was asked for', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(50), fc.boolean()), { maxLength: 200 }), (asked) => {
        const time = virtualTime();
        const done: [number, number][] = [];
        const expected: [number, number][] = [];
        const started = asked.map(([delay], n) => time.schedule(() => done.push([time.now(), n]), delay));
        asked.forEach(([delay, kept], n) => {
          if (kept) expected.push([delay, n]);
          else started[n]?.unsubscribe();
        });
        expect(time.waiting).toBe(expected.length);
        time.pass(50);
        expect(done).toEqual(expected.sort(([a], [b]) => a - b));
        expect([time.waiting, time.nextDue, time.micros]).toEqual([0, Number.POSITIVE_INFINITY, 50_000]);
      }),
    );
  });

  it('work may ask for more work, also of its own kind, within the time that passes', () => {
    const time = virtualTime();
    const heard: string[] = [];
    interval(10, time).subscribe((n) => {
      heard.push(`${n}@${time.now()}`);
      if (n === 1) time.schedule(() => heard.push(`at once@${time.now()}`));
      if (n === 1) time.schedule(() => heard.push(`soon@${time.now()}`), 4.5);
    });
    time.pass(29.999);
    expect(heard).toEqual(['0@10', '1@20', 'at once@20', 'soon@24.5']);
    time.pass(0.001);
    expect(heard.at(-1)).toBe('2@30');
  });

  it('works under operators of RxJS that take a scheduler', () => {
    const time = virtualTime({ start: 1_000 });
    const source = new Subject<number>();
    const heard: [number, number][] = [];
    source.pipe(debounceTime(5, time)).subscribe((n) => heard.push([n, time.now()]));
    timer(0, 3, time).pipe(take(4)).subscribe(source);
    of(1, time).pipe(map(String)).subscribe();
    time.pass(100);
    expect(heard).toEqual([[3, 1_009]]);
  });

  it('gives whole microseconds back, wherever the clock stands', () => {
    fc.assert(
      fc.property(
        fc.maxSafeNat().map((n) => n % 4e15),
        (micros) => {
          const time = virtualTime({ start: Math.floor(micros / 1000) });
          time.pass((micros % 1000) / 1000);
          expect(time.micros).toBe(micros);
          expect(Math.floor(time.now() * 1000)).toBe(micros);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('what is called off, from outside or from within other work, is not done', () => {
    const time = virtualTime();
    const done: string[] = [];
    const later = time.schedule(() => done.push('later'), 5);
    time.schedule(() => later.unsubscribe(), 5).unsubscribe();
    time.schedule(() => later.unsubscribe(), 4);
    time.pass(10);
    expect(done).toEqual([]);
  });

  it('throws what work throws, with the clock at that moment, and goes on when told to', () => {
    const time = virtualTime();
    const done: number[] = [];
    time.schedule(() => {
      throw new Error('mine');
    }, 3);
    time.schedule(() => done.push(time.now()), 4);
    expect(() => time.pass(10)).toThrow('mine');
    expect(time.now()).toBe(3);
    time.pass(10);
    expect([done, time.now()]).toEqual([[4], 13]);
  });

  it('who waits for a moment between two microseconds gets there, and who never waits is stopped', () => {
    const time = virtualTime();
    const due = 3.000_000_4;
    let looks = 0;
    time.schedule(function () {
      looks++;
      if (time.now() < due) this.schedule(undefined, due - time.now());
    }, due);
    time.pass(10);
    expect(looks).toBe(2);
    time.schedule(function () {
      this.schedule();
    });
    expect(() => time.pass(1)).toThrow('virtual time stands still at 10000 µs');
  });

  it('a delay that is no time is none, and nothing goes back', () => {
    const time = virtualTime({ start: 7 });
    const done: number[] = [];
    for (const delay of [-5, Number.NaN, Number.NEGATIVE_INFINITY]) time.schedule(() => done.push(time.now()), delay);
    time.pass(-3);
    expect([done, time.now()]).toEqual([[], 7]);
    time.pass(0);
    expect([done, time.now()]).toEqual([[7, 7, 7], 7]);
  });
});
