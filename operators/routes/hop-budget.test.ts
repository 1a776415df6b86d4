import { VirtualTimeScheduler } from 'rxjs';
import { expect, it } from 'vitest';
import type { Signal } from '../../core/signal/signal.ts';
import type { Value } from '../../core/signal/value.ts';
import { HopBudget, type Loop } from './hop-budget.ts';

function event(address: string, value: Value): Signal {
  return { kind: 'event', address, value };
}

/** What is said to a write because of a signal. */
function because(budget: HopBudget, signal: Signal, address: string, value: Value): string {
  const before = budget.enter(signal);
  try {
    return budget.ask(address, value).verdict;
  } finally {
    budget.leave(before);
  }
}

it('knows what comes back to where it began with the value that it had, also when it had others on the way', () => {
  const budget = new HopBudget();
  expect(because(budget, event('/a', 1), '/b', 2)).toBe('write');
  expect(because(budget, event('/b', 2), '/c', 3)).toBe('write');
  expect(because(budget, event('/c', 3), '/a', 1)).toBe('echo');
  expect(because(budget, event('/c', 3), '/b', 2)).toBe('echo');
  expect(because(budget, event('/c', 3), '/a', 3)).toBe('write');
});

it('tells the whole way of what only goes on, and the circle of what goes around', () => {
  const loops: Loop[] = [];
  const budget = new HopBudget({ maxHops: 2 });
  budget.loops.subscribe((loop) => loops.push(loop));
  because(budget, event('/a', 1), '/b', 2);
  because(budget, event('/b', 2), '/c', 3);
  expect(because(budget, event('/c', 3), '/d', 4)).toBe('loop');
  expect(because(budget, event('/c', 3), '/b', 4)).toBe('loop');
  expect(loops).toEqual([{ addresses: ['/a', '/b', '/c', '/d'] }, { addresses: ['/b', '/c', '/b'] }]);
  expect(budget.dropped).toBe(2);
});

it('passes nothing on with a budget of nothing', () => {
  const loops: Loop[] = [];
  const budget = new HopBudget({ maxHops: 0 });
  budget.loops.subscribe((loop) => loops.push(loop));
  expect(because(budget, event('/a', 1), '/b', 2)).toBe('loop');
  expect(loops).toEqual([{ addresses: ['/a', '/b'] }]);
});

it('knows a param by its revision as soon as that is known, whatever its value', () => {
  const budget = new HopBudget();
  const before = budget.enter(event('/a', 1));
  budget.ask('/b', 2).written(7);
  budget.leave(before);
  const param = (revision: number): Signal => ({ kind: 'param', address: '/b', value: 5, revision });
  expect(because(budget, param(7), '/a', 1)).toBe('echo');
  expect(because(budget, param(8), '/a', 1)).toBe('write');
});

it('forgets long values that are old when there are very many of them, and keeps short ones', () => {
  const budget = new HopBudget({ scheduler: new VirtualTimeScheduler() });
  const long = (n: number) => `${n}${'x'.repeat(60_000)}`;
  because(budget, event('/short', 1), '/short/copy', 1);
  for (let n = 0; n < 400; n++) because(budget, event(`/a/${n}`, long(n)), `/b/${n}`, long(n));
  expect(because(budget, event('/short/copy', 1), '/short', 1)).toBe('echo');
  expect(because(budget, event('/b/399', long(399)), '/a/399', long(399))).toBe('echo');
  expect(because(budget, event('/b/0', long(0)), '/a/0', long(0))).toBe('write');
});
