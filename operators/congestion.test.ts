import fc from 'fast-check';
import { BehaviorSubject, of, Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { Signal } from '../core/signal/signal.ts';
import { signals } from '../testing/arbitraries.ts';
import { marbles } from '../testing/marbles.ts';
import { congestion } from './congestion.ts';

const param = (address: string, value: number): Signal => ({ kind: 'param', address, value });
const sample = (address: string, value: number): Signal => ({ kind: 'stream', address, value });
const event = (address: string, value: number): Signal => ({ kind: 'event', address, value });
const touch = (phase: 'start' | 'move' | 'end', value: number): Signal => ({
  kind: 'gesture',
  address: '/touch',
  id: 1,
  phase,
  value,
});

/** What arrives behind an operator whose slow side is ready or not. */
function held(options: Partial<Parameters<typeof congestion>[0]> = {}) {
  const ready = new BehaviorSubject(true);
  const source = new Subject<Signal>();
  const told: Signal[] = [];
  const ends: string[] = [];
  source.pipe(congestion({ ready, ...options })).subscribe({
    next: (signal) => told.push(signal),
    error: (cause) => ends.push(String(cause.code)),
    complete: () => ends.push('complete'),
  });
  return { ready, source, told, ends };
}

describe('congestion', () => {
  it('passes everything at once while the slow side is ready', () => {
    fc.assert(
      fc.property(fc.array(signals()), (list) => {
        const { source, told } = held();
        for (const signal of list) source.next(signal);
        expect(told).toEqual(list);
      }),
    );
  });

  it('keeps of each param and stream the newest in the place of the oldest, and every event', () => {
    const { ready, source, told } = held();
    ready.next(false);
    const given = [param('/a', 1), event('/e', 1), sample('/s', 1), param('/a', 2), sample('/s', 2), event('/e', 2)];
    for (const signal of given) source.next(signal);
    expect(told).toEqual([]);
    ready.next(true);
    expect(told).toEqual([param('/a', 2), event('/e', 1), sample('/s', 2), event('/e', 2)]);
  });

  it('coalesces the moves of a gesture, but lets none overtake its start or end', () => {
    const { ready, source, told } = held();
    ready.next(false);
    const given = [touch('start', 0), touch('move', 1), touch('move', 2), touch('end', 3), touch('start', 4)];
    for (const signal of [...given, touch('move', 5)]) source.next(signal);
    ready.next(true);
    expect(told.map((signal) => 'value' in signal && signal.value)).toEqual([0, 2, 3, 4, 5]);
  });

  it('delivers in the end the newest of every address, and everything that may not be dropped, in order', () => {
    const step = fc.oneof(
      signals().map((signal) => ({ signal })),
      fc.boolean().map((ready) => ({ ready })),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { ready, source, told } = held();
        const given: Signal[] = [];
        for (const one of steps) {
          if ('ready' in one) ready.next(one.ready);
          else {
            source.next(one.signal);
            given.push(one.signal);
          }
        }
        ready.next(true);
        const kept = (list: readonly Signal[]) =>
          list.filter((signal) => ['event', 'timeline'].includes(signal.kind) || isEdge(signal));
        expect(kept(told)).toEqual(kept(given));
        const newest = (list: readonly Signal[]) =>
          new Map(
            list.filter(({ kind }) => kind === 'param' || kind === 'stream').map((it) => [it.kind + it.address, it]),
          );
        expect(newest(told)).toEqual(newest(given));
      }),
    );
  });

  it('drops the oldest samples beyond the soft limit, and tells of each', () => {
    const lost: Signal[] = [];
    const { ready, source, told } = held({ softBytes: 1_000, dropped: (signal) => lost.push(signal) });
    ready.next(false);
    for (let n = 0; n < 20; n++) source.next(sample(`/s/${n}`, n));
    ready.next(true);
    expect(told.length).toBeLessThan(8);
    expect(told.at(-1)).toEqual(sample('/s/19', 19));
    expect([...lost, ...told]).toHaveLength(20);
  });

  it('keeps in order what may not be dropped, however many samples were dropped around it', () => {
    const { ready, source, told } = held({ softBytes: 2_000 });
    ready.next(false);
    for (let n = 0; n < 5_000; n++) source.next(n % 1_000 === 0 ? event('/e', n) : sample(`/s/${n}`, n));
    ready.next(true);
    const kinds = (kind: string) =>
      told.flatMap((signal) => (signal.kind === kind ? [(signal as { value: unknown }).value] : []));
    expect(kinds('event')).toEqual([0, 1_000, 2_000, 3_000, 4_000]);
    const samples = kinds('stream');
    expect(samples.length).toBeGreaterThan(5);
    expect(samples).toEqual(samples.map((_, i) => 5_000 - samples.length + i));
  });

  it('ends with 503 when too much waits', () => {
    const { ready, source, ends } = held({ maxWaitingBytes: 2_000 });
    ready.next(false);
    for (let n = 0; n < 20; n++) source.next(event('/e', n));
    expect(ends).toEqual(['503']);
    expect(source.observed).toBe(false);
    expect(ready.observed).toBe(false);
  });

  it('ends with 503 when the slow side is not ready for too long, and not before', () => {
    marbles(
      ({ hot, expectObservable }) => {
        const signals = { a: event('/a', 1), b: event('/b', 2) };
        const ready = hot('t-f---t-f--------', { t: true, f: false });
        const source = hot<Signal>('---a-------b-----', signals);
        const told = source.pipe(congestion({ ready, maxLag: 5 }));
        expectObservable(told).toBe('------a------#', signals, expect.objectContaining({ code: 503 }));
      },
      { equal: (actual, expected) => expect(actual).toEqual(expected) },
    );
  });

  it('completes behind what waits', () => {
    const { ready, source, told, ends } = held();
    ready.next(false);
    source.next(event('/e', 1));
    source.complete();
    expect(ends).toEqual([]);
    ready.next(true);
    expect([told.length, ends]).toEqual([1, ['complete']]);
    const nothing: string[] = [];
    of(event('/e', 1))
      .pipe(congestion({ ready: of(true) }))
      .subscribe({ complete: () => nothing.push('complete') });
    expect(nothing).toEqual(['complete']);
  });
});

function isEdge(signal: Signal): boolean {
  return signal.kind === 'gesture' && signal.phase !== 'move';
}
