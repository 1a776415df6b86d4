import { from } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { Signal } from '../core/signal/signal.ts';
import type { Value } from '../core/signal/value.ts';
import { type LearnOptions, learn } from './learn.ts';

const param = (address: string, value: Value, snapshot = false): Signal => ({
  kind: 'param',
  address,
  value,
  snapshot,
});
const event = (address: string, value: Value): Signal => ({ kind: 'event', address, value });

function learned(signals: readonly Signal[], options?: LearnOptions): string[] {
  const addresses: string[] = [];
  let completed = 0;
  from(signals)
    .pipe(learn(options))
    .subscribe({ next: (address) => addresses.push(address), complete: () => completed++ });
  expect(completed).toBe(1);
  return addresses;
}

describe('learn', () => {
  it('gives the first control that moves, and ends', () => {
    expect(learned([param('/a', 0.5), param('/b', 0.5)])).toEqual(['/a']);
    expect(learned([event('/note/60', 1), param('/b', 0.5)])).toEqual(['/note/60']);
  });

  it('passes over a snapshot, what is let go, what is deleted, and other kinds', () => {
    const stream: Signal = { kind: 'stream', address: '/timecode', value: 1 };
    const before = [param('/a', 1, true), event('/n', 0), event('/m', false), param('/c', null), stream];
    expect(learned([...before, param('/b', 1n)])).toEqual(['/b']);
    expect(learned(before)).toEqual([]);
    expect(learned(before, { types: ['stream'] })).toEqual(['/timecode']);
  });

  it('measures the travel from where a control was first seen', () => {
    const noise = [param('/a', 0.5, true), param('/a', 0.51), param('/a', 0.49), param('/a', 0.55), param('/b', 0)];
    expect(learned(noise, { travel: 0.1 })).toEqual([]);
    expect(learned([...noise, param('/b', 0.05), param('/a', 0.61)], { travel: 0.1 })).toEqual(['/a']);
    expect(learned([...noise, param('/b', 'on')], { travel: 0.1 })).toEqual(['/b']);
  });
});
