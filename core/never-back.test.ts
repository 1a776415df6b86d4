import fc from 'fast-check';
import { expect, it } from 'vitest';
import { neverBack } from './never-back.ts';

it('is the highest reading so far', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0 }), { minLength: 1 }), (readings) => {
      const left = [...readings];
      const now = neverBack(() => left.shift() as number);
      let highest = 0;
      for (const reading of readings) {
        if (reading > highest) highest = reading;
        expect(now()).toBe(highest);
      }
    }),
  );
});
