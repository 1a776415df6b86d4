import { afterEach, describe, expect, it, vi } from 'vitest';
import { clock } from './clock.ts';

describe('clock', () => {
  afterEach(() => vi.useRealTimers());

  it('counts whole microseconds since the Unix epoch', () => {
    const hour = 3_600_000_000;
    expect(Number.isSafeInteger(clock())).toBe(true);
    expect(Math.abs(clock() - Date.now() * 1000)).toBeLessThan(hour);
  });

  it('never steps back', () => {
    let last = clock();
    for (let i = 0; i < 100_000; i++) {
      const now = clock();
      if (now < last) expect(now).toBeGreaterThanOrEqual(last);
      last = now;
    }
    expect(clock()).toBeGreaterThanOrEqual(last);
  });

  it('is not moved by a corrected wall clock', () => {
    const before = clock();
    vi.useFakeTimers({ toFake: ['Date'], now: 0 });
    expect(clock()).toBeGreaterThanOrEqual(before);
  });
});
