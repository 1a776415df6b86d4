import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SmallMap } from './client-requests.ts';

const step = fc.record({
  does: fc.constantFrom('set', 'set', 'delete', 'delete', 'clear'),
  key: fc.constantFrom('a', 'b', 'c'),
  value: fc.nat(),
});

it('holds what a Map holds, and in its order as long as the oldest stays', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const lone = new SmallMap<string, number>();
      const map = new Map<string, number>();
      for (const { does, key, value } of steps) {
        if (does === 'set') {
          lone.set(key, value);
          map.set(key, value);
        } else if (does === 'delete') {
          lone.delete(key);
          map.delete(key);
        } else {
          lone.clear();
          map.clear();
        }
        expect([...lone]).toEqual([...map]);
        expect(lone.size).toBe(map.size);
        if (lone.first !== undefined) expect(lone.first).toBe([...map.keys()][0]);
      }
    }),
  );
});
