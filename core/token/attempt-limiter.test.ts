import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AttemptLimiter } from './attempt-limiter.ts';

describe('AttemptLimiter', () => {
  it('lets through exactly what a list of all attempts says', () => {
    const steps = fc.array(fc.record({ key: fc.constantFrom('a', 'b'), after: fc.nat(40) }), { maxLength: 60 });
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 100 }), (steps, limit, window) => {
        const limiter = new AttemptLimiter({ limit, window });
        const all: { key: string; at: number }[] = [];
        let now = 0;
        for (const { key, after } of steps) {
          now += after;
          const recent = all.filter((one) => one.key === key && one.at + window > now);
          const wait = limiter.wait(key, now);
          expect(wait > 0).toBe(recent.length >= limit);
          if (wait > 0) {
            // The time it names is the first at which it is let through.
            expect(limiter.wait(key, now + wait - 1)).toBeGreaterThan(0);
            expect(new Set(all.filter((one) => one.key === key && one.at + window > now + wait)).size).toBeLessThan(
              limit,
            );
            continue;
          }
          limiter.count(key, now);
          all.push({ key, at: now });
        }
      }),
    );
  });

  it('counts what is tried at one moment before any answer is known, and takes back what succeeds', () => {
    const limiter = new AttemptLimiter({ limit: 2, window: 1000 });
    limiter.count('a', 0);
    limiter.count('a', 0);
    expect(limiter.wait('a', 1)).toBe(999);
    limiter.forgive('a');
    expect(limiter.wait('a', 1)).toBe(0);
    limiter.count('a', 1);
    limiter.clear('a');
    expect(limiter.size).toBe(0);
    limiter.forgive('never seen');
  });

  it('keeps a bounded number of keys, whoever asks', () => {
    const limiter = new AttemptLimiter({ limit: 1, window: 1000, capacity: 100 });
    for (let address = 0; address < 10_000; address++) {
      limiter.count(String(address), address);
      expect(limiter.size).toBeLessThanOrEqual(100);
    }
    expect(limiter.wait('9999', 10_000)).toBeGreaterThan(0);
  });
});
