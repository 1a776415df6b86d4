import { PerformanceObserver } from 'node:perf_hooks';
import { runInNewContext } from 'node:vm';
import { expect, it, vi } from 'vitest';
import { collectYoung } from './event-loop.ts';

it('has young garbage collected, not all of it, and leaves no way to do so behind', async () => {
  collectYoung();
  const kinds: number[] = [];
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) kinds.push((entry as unknown as { detail: { kind: number } }).detail.kind);
  });
  observer.observe({ entryTypes: ['gc'] });
  for (let i = 0; i < 3; i++) collectYoung();
  // 1 is a scavenge; 4 a collection of the whole heap, of which one may have been due by itself.
  await vi.waitFor(() => expect(kinds.filter((kind) => kind === 1).length).toBeGreaterThanOrEqual(3));
  observer.disconnect();
  expect(kinds.filter((kind) => kind === 4).length).toBeLessThan(3);
  expect(runInNewContext('typeof gc')).toBe('undefined');
});
