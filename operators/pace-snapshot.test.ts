import { map, of, range, Subject, take, VirtualTimeScheduler } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import type { Signal } from '../core/signal/signal.ts';
import { paceSnapshot } from './pace-snapshot.ts';

const param = (address: string, value: number, snapshot = false): Signal => ({
  kind: 'param',
  address,
  value,
  snapshot,
});
const marbles = (test: Parameters<TestScheduler['run']>[0]) =>
  new TestScheduler((actual, expected) => expect(actual).toEqual(expected)).run(test);

/** What goes through, as `time address=value`. */
function run(act: (source: Subject<Signal>, at: (time: number, action: () => void) => void) => void) {
  const scheduler = new VirtualTimeScheduler();
  const source = new Subject<Signal>();
  const passed: string[] = [];
  source.pipe(paceSnapshot({ batch: 2, interval: 10, scheduler })).subscribe({
    next: (signal) => passed.push(`${scheduler.now()} ${signal.address}=${'value' in signal ? signal.value : ''}`),
    complete: () => passed.push(`${scheduler.now()} complete`),
    error: (error) => passed.push(`${scheduler.now()} ${error}`),
  });
  act(source, (time, action) => scheduler.schedule(action, time));
  scheduler.flush();
  return { passed, end: scheduler.now() };
}
const snapshot = (source: Subject<Signal>, ...addresses: string[]) => {
  for (const address of addresses) source.next(param(address, 0, true));
};

describe('paceSnapshot', () => {
  it('lets a snapshot through in batches, and leaves no timer behind', () => {
    const { passed, end } = run((source) => snapshot(source, '/a', '/b', '/c', '/d', '/e'));
    expect(passed).toEqual(['0 /a=0', '0 /b=0', '10 /c=0', '10 /d=0', '20 /e=0']);
    expect(end).toBe(30);
  });

  it('lets changes, events and samples through at once', () => {
    const { passed } = run((source) => {
      snapshot(source, '/a', '/b', '/c');
      source.next(param('/new', 1));
      source.next({ kind: 'event', address: '/c', value: 2 });
      source.next({ kind: 'stream', address: '/c', value: 3 });
    });
    expect(passed).toEqual(['0 /new=1', '0 /c=2', '0 /c=3', '0 /a=0', '0 /b=0', '10 /c=0']);
  });

  it('does not send an older value after a newer one', () => {
    const { passed } = run((source, at) => {
      snapshot(source, '/a', '/b', '/c', '/d');
      at(5, () => source.next(param('/c', 7)));
      at(6, () => source.next(param('/d', 8, true)));
    });
    expect(passed).toEqual(['0 /a=0', '0 /b=0', '5 /c=7', '10 /d=8']);
  });

  it('paces a snapshot that comes in parts as one', () => {
    const { passed } = run((source, at) => {
      snapshot(source, '/a', '/b');
      at(5, () => snapshot(source, '/c'));
      at(50, () => snapshot(source, '/d'));
    });
    expect(passed).toEqual(['0 /a=0', '0 /b=0', '10 /c=0', '50 /d=0']);
  });

  it('lets all that waits through on completion, and nothing on error', () => {
    const completed = run((source) => {
      snapshot(source, '/a', '/b', '/c');
      source.complete();
    });
    expect(completed).toEqual({ passed: ['0 /a=0', '0 /b=0', '0 /c=0', '0 complete'], end: 0 });
    const failed = run((source) => {
      snapshot(source, '/a');
      source.error('gone');
    });
    expect(failed).toEqual({ passed: ['0 gone'], end: 0 });
  });

  it('is silent over a source that is, and completes with an empty one', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const never = cold<Signal>('--');
      expectObservable(never.pipe(paceSnapshot()), '^---!').toBe('-----');
      expectSubscriptions(never.subscriptions).toBe('^---!');
      expectObservable(cold<Signal>('--|').pipe(paceSnapshot())).toBe('--|');
    });
  });

  it('stops a synchronous source once its consumer has enough, and the timer with it', () => {
    let asked = 0;
    const firehose = range(1, 1_000_000).pipe(
      map((n) => {
        asked = n;
        return param('/a', n);
      }),
    );
    firehose.pipe(paceSnapshot(), take(3)).subscribe();
    expect(asked).toBe(3);
    const scheduler = new VirtualTimeScheduler();
    const seen: string[] = [];
    const many = of(...['/a', '/b', '/c', '/d'].map((address) => param(address, 0, true)));
    const forever = new Subject<Signal>();
    forever.pipe(paceSnapshot({ batch: 2, scheduler }), take(1)).subscribe(({ address }) => seen.push(address));
    many.subscribe((signal) => forever.next(signal));
    scheduler.flush();
    expect([seen, forever.observed, scheduler.now()]).toEqual([['/a'], false, 0]);
  });

  it('holds while its consumer publishes into it', () => {
    const { passed } = run((source) => {
      source.pipe(take(1)).subscribe(() => source.next(param('/inner', 1)));
      snapshot(source, '/a', '/b', '/c');
    });
    expect([...passed].sort()).toEqual(['0 /a=0', '0 /b=0', '0 /inner=1', '10 /c=0']);
  });
});
