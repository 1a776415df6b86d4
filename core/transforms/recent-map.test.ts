import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecentMap } from './recent-map.ts';

describe('RecentMap', () => {
  it('never holds more than its capacity, always the last half that was used, and nothing wrong', () => {
    const step = fc.record({ set: fc.boolean(), key: fc.nat(20), value: fc.nat() });
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 12 }), fc.array(step, { maxLength: 200 }), (capacity, steps) => {
        const map = new RecentMap<number, number>(capacity);
        const truth = new Map<number, number>();
        for (const { set, key, value } of steps) {
          if (set) map.set(key, value);
          else if (map.get(key) === undefined) continue;
          // Last used is last in the truth.
          const kept = set ? value : (truth.get(key) as number);
          truth.delete(key);
          truth.set(key, kept);
          expect(map.get(key)).toBe(kept);
          expect(map.size).toBeLessThanOrEqual(capacity);
        }
        const half = Math.max(1, (capacity >> 1) - 1);
        for (const [key, value] of [...truth].slice(-half)) expect(map.get(key)).toBe(value);
      }),
    );
  });

  it('forgets what is deleted, young or old', () => {
    const map = new RecentMap<string, number>(8);
    map.set('a', 1);
    map.age();
    map.set('b', 2);
    map.delete('a');
    map.delete('b');
    expect([map.get('a'), map.get('b'), map.size]).toEqual([undefined, undefined, 0]);
  });

  it('forgets what was not used between two agings', () => {
    const map = new RecentMap<string, number>(8);
    map.set('used', 1);
    map.set('unused', 2);
    map.age();
    map.get('used');
    map.age();
    expect([map.get('used'), map.get('unused')]).toEqual([1, undefined]);
  });
});
