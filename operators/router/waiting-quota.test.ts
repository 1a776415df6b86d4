import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WaitingQuota } from './waiting-quota.ts';

const take = (quota: WaitingQuota, peer: string, wanted: number): number => {
  let taken = 0;
  for (let i = 0; i < wanted; i++) if (quota.take(peer, 1_000, 0)) taken++;
  return taken;
};

describe('WaitingQuota', () => {
  it('gives one peer four fifths of the places, and there is room for the next one', () => {
    const quota = new WaitingQuota(1_000);
    expect(take(quota, 'wrong clock', 5_000)).toBe(800);
    expect(take(quota, 'desk', 100)).toBe(100);
    expect(take(quota, 'wrong clock', 1)).toBe(0);
    expect(quota.countOf('desk', 0)).toBe(100);
  });

  it('frees a place when its time has come, or when it is given back, once', () => {
    const quota = new WaitingQuota(10);
    const leave = quota.take('a', 100, 0);
    quota.take('a', 50, 0);
    quota.take('a', 200, 0);
    expect([49, 50, 99].map((now) => quota.countOf('a', now))).toEqual([3, 2, 2]);
    leave?.();
    leave?.();
    expect(quota.countOf('a', 99)).toBe(1);
    expect(quota.countOf('a', 200)).toBe(0);
  });

  it('never gives more places than there are, and never shuts out who has none while peers are few', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 50, max: 300 }),
        fc.array(fc.integer({ min: 0, max: 7 }), { maxLength: 2_000 }),
        (places, peers) => {
          const quota = new WaitingQuota(places);
          let taken = 0;
          for (const peer of peers) if (quota.take(`${peer}`, 1, 0)) taken++;
          expect(taken).toBeLessThan(places);
          expect(quota.take('newcomer', 1, 0)).toBeDefined();
        },
      ),
    );
  });
});
