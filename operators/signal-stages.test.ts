import fc from 'fast-check';
import { EMPTY, from, NEVER, type Observable, of, Subject, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, expectTypeOf, it } from 'vitest';
import type { ClaspError } from '../core/errors.ts';
import type { Event, Gesture, GesturePhase, Param, Signal, Timeline } from '../core/signal/signal.ts';
import { signals } from '../testing/arbitraries.ts';
import { conflictMerge, gestureLifecycle, rateLimit, scopeFilter, timelineScheduler } from './signal-stages.ts';

const param = (address: string, value: Param['value'], origin?: string): Param => ({
  kind: 'param',
  address,
  value,
  ...(origin !== undefined && { origin }),
});
const event = (address: string): Event => ({ kind: 'event', address, value: null });

/** Runs signals through an operator at once; what it let through, and the codes of what it refused. */
function through(
  list: readonly Signal[],
  operator: (refused: (error: ClaspError) => void) => ReturnType<typeof scopeFilter>,
): { told: Signal[]; codes: number[] } {
  const told: Signal[] = [];
  const codes: number[] = [];
  from(list)
    .pipe(operator((error) => codes.push(error.code)))
    .subscribe((signal) => told.push(signal));
  return { told, codes };
}

describe('scopeFilter', () => {
  it('lets through what the scopes permit, unchanged, and names what it refuses', () => {
    const list: Signal[] = [param('/osc/a', 1), param('/midi/a', 1), event('/osc/b'), event('/midi/b')];
    const { told, codes } = through(list, (refused) => scopeFilter({ scopes: ['write:/osc/**'], refused }));
    expect(told).toEqual([list[0], list[2]]);
    expect(told[0]).toBe(list[0]);
    expect(codes).toEqual([301, 301]);
  });

  it('lets every well-formed signal through where everything is permitted', () => {
    fc.assert(
      fc.property(fc.array(signals()), (list) => {
        const { told, codes } = through(list, (refused) => scopeFilter({ scopes: ['write:/**'], refused }));
        expect(told).toEqual(list);
        expect(codes).toEqual([]);
      }),
    );
  });

  it('refuses bad addresses with 200 and values that are none with 402, and goes on', () => {
    const list = [param('nowhere', 1), param('/a', Symbol('x') as never), param('/a', 2)];
    const { told, codes } = through(list, (refused) => scopeFilter({ scopes: ['write:/**'], refused }));
    expect(told).toEqual([list[2]]);
    expect(codes).toEqual([200, 402]);
  });

  it('says at once that a scope is malformed', () => {
    expect(() => scopeFilter({ scopes: ['fly:/**'] })).toThrow(/scope/);
  });
});

describe('conflictMerge', () => {
  it('gives winners their revisions and refuses losers', () => {
    const rules = [{ pattern: '/osc/**', strategy: 'max' as const }];
    const list = [param('/osc/a', 1), param('/osc/a', 3), param('/osc/a', 2), param('/b', 9), param('/b', 1)];
    const { told, codes } = through(list, (refused) => conflictMerge({ params: rules, refused }));
    expect(told.map((signal) => [signal.address, (signal as Param).value, (signal as Param).revision])).toEqual([
      ['/osc/a', 1, 1],
      ['/osc/a', 3, 2],
      ['/b', 9, 1],
      ['/b', 1, 2],
    ]);
    expect(codes).toEqual([400]);
  });

  it('keeps the largest of each address whatever the order', () => {
    const writes = fc.array(fc.tuple(fc.constantFrom('/a', '/b'), fc.integer()), { minLength: 1 });
    fc.assert(
      fc.property(writes, (list) => {
        const max = conflictMerge({ params: [{ pattern: '/**', strategy: 'max' }] });
        const kept = new Map<string, unknown>();
        from(list.map(([address, value]) => param(address, value)))
          .pipe(max)
          .subscribe((signal) => kept.set(signal.address, (signal as Param).value));
        for (const [address, value] of kept) {
          expect(value).toBe(Math.max(...list.filter(([at]) => at === address).map(([, written]) => written)));
        }
      }),
    );
  });

  it('merges maps, and gives the holder of a lock the say', () => {
    const rules = [
      { pattern: '/map', strategy: 'merge' as const },
      { pattern: '/mine', strategy: 'lock' as const },
    ];
    const list = [
      param('/map', { a: 1 }),
      param('/map', { b: 2 }),
      param('/mine', 1, 'desk'),
      param('/mine', 2, 'phone'),
      param('/mine', 3, 'desk'),
    ];
    const { told, codes } = through(list, (refused) => conflictMerge({ params: rules, refused }));
    expect(told.map((signal) => (signal as Param).value)).toEqual([{ a: 1 }, { a: 1, b: 2 }, 1, 3]);
    expect(codes).toEqual([401]);
  });

  it('tells the end of a TTL as a deletion', () => {
    const scheduler = new VirtualTimeScheduler();
    const told: Signal[] = [];
    const source = new Subject<Signal>();
    const rules = [{ pattern: '/**', ttl: { seconds: 1, mode: 'absolute' as const } }];
    source.pipe(conflictMerge({ params: rules, scheduler })).subscribe((signal) => told.push(signal));
    source.next(param('/a', 1));
    scheduler.flush();
    expect(told).toMatchObject([
      { value: 1, revision: 1 },
      { kind: 'param', address: '/a', value: null, revision: 2 },
    ]);
  });
});

describe('gestureLifecycle', () => {
  const touch = (phase: GesturePhase, id = 1): Gesture => ({ kind: 'gesture', address: '/touch', id, phase, value: 0 });
  const phases = (list: readonly Signal[]) => list.map((signal) => (signal as Gesture).phase);

  it('opens what has no start, and cancels what is open when the source ends', () => {
    const { told } = through([touch('move'), touch('move', 2), touch('end')], () => gestureLifecycle());
    expect(phases(told)).toEqual(['start', 'move', 'start', 'move', 'end', 'cancel']);
    expect(told.at(-1)).toMatchObject({ kind: 'gesture', address: '/touch', id: 2 });
  });

  it('cancels a gesture that falls silent', () => {
    const scheduler = new VirtualTimeScheduler();
    const told: Signal[] = [];
    const source = new Subject<Signal>();
    source.pipe(gestureLifecycle({ gestureTimeout: 2_000, scheduler })).subscribe((signal) => told.push(signal));
    source.next(touch('start'));
    scheduler.flush();
    expect(phases(told)).toEqual(['start', 'cancel']);
  });

  it('ends every gesture it began exactly once, whatever comes', () => {
    const phase = fc.constantFrom<GesturePhase>('start', 'move', 'end', 'cancel');
    fc.assert(
      fc.property(fc.array(fc.tuple(phase, fc.nat(2))), (steps) => {
        const { told } = through(
          steps.map(([which, id]) => touch(which, id)),
          () => gestureLifecycle({ moveInterval: 0 }),
        );
        for (const id of [0, 1, 2]) {
          const said = told.filter((signal) => (signal as Gesture).id === id);
          expect(phases(said).join(' ')).toMatch(/^((start( move)*( end| cancel))( |$))*$/);
        }
      }),
    );
  });
});

describe('timelineScheduler', () => {
  const cue: Timeline = {
    kind: 'timeline',
    address: '/lights/1',
    keyframes: [
      { time: 0, value: 0 },
      { time: 100_000, value: 255 },
    ],
  };

  it('plays a timeline as writes of its param, exactly at the last keyframe', () => {
    const scheduler = new VirtualTimeScheduler();
    const told: Signal[] = [];
    const source = new Subject<Signal>();
    source.pipe(timelineScheduler({ scheduler })).subscribe((signal) => told.push(signal));
    source.next(cue);
    scheduler.flush();
    expect(told.map(({ kind }) => kind).filter((kind) => kind !== 'param')).toEqual([]);
    const values = told.map((signal) => (signal as Param).value as number);
    expect(values[0]).toBe(0);
    expect(values.at(-1)).toBe(255);
    expect(values).toEqual([...values].sort((a, b) => a - b));
    expect(values.length).toBeGreaterThan(5);
  });

  it('ends where somebody else writes', () => {
    const scheduler = new VirtualTimeScheduler();
    const told: Signal[] = [];
    const source = new Subject<Signal>();
    source.pipe(timelineScheduler({ scheduler })).subscribe((signal) => told.push(signal));
    source.next(cue);
    source.next(param('/lights/1', 7));
    scheduler.flush();
    expect((told.at(-1) as Param).value).toBe(7);
  });

  it('refuses what cannot be played', () => {
    const bad = { ...cue, keyframes: [{ time: -1, value: 0 }] };
    const { told, codes } = through([bad], (refused) => timelineScheduler({ refused }));
    expect([told, codes]).toEqual([[], [400]]);
  });
});

describe('rateLimit', () => {
  it('counts each origin by itself, and refuses what is beyond', () => {
    const list = [1, 2, 3].flatMap((n) => [param('/a', n, 'osc'), param('/b', n, 'midi')]);
    const { told, codes } = through(list, (refused) => rateLimit({ maxMessagesPerSecond: 2, refused }));
    expect(told).toEqual(list.slice(0, 4));
    expect(codes).toEqual([429, 429]);
  });

  it('takes a number for the options', () => {
    const told: Signal[] = [];
    from([1, 2, 3].map((n) => param('/a', n)))
      .pipe(rateLimit(2))
      .subscribe((signal) => told.push(signal));
    expect(told).toHaveLength(2);
  });
});

describe('every stage on signals', () => {
  const stages = [
    scopeFilter({ scopes: ['write:/**'] }),
    conflictMerge(),
    gestureLifecycle(),
    timelineScheduler(),
    rateLimit({ maxMessagesPerSecond: 10 }),
  ];

  it('completes and fails with its source, and lets go of it', () => {
    for (const operator of stages) {
      const seen: unknown[] = [];
      EMPTY.pipe(operator).subscribe({ complete: () => seen.push('complete') });
      const source = new Subject<Signal>();
      source.pipe(operator).subscribe({ error: (cause) => seen.push(cause) });
      source.error('lost');
      expect(seen).toEqual(['complete', 'lost']);
      const subscription = NEVER.pipe(operator).subscribe();
      subscription.unsubscribe();
      expect(source.observed).toBe(false);
    }
  });

  it('takes a stream of one kind', () => {
    const touches = of<Gesture>();
    expectTypeOf(touches.pipe(gestureLifecycle({ gestureTimeout: 2_000 }))).toExtend<Observable<Signal>>();
  });
});
