import fc from 'fast-check';
import { expect, it } from 'vitest';
import { monotonic } from './monotonic.ts';

const steps = fc.array(fc.integer({ min: -1_000_000, max: 1_000_000 }), { minLength: 1 });

/** What the clock says while the given one makes these steps, beginning at `from`. */
function readings(all: readonly number[], from = 10_000_000): { given: number; told: number }[] {
  let given = from;
  const now = monotonic(() => given);
  return all.map((step) => {
    given += step;
    return { given, told: now() };
  });
}

it('never goes back, and is never behind', () => {
  fc.assert(
    fc.property(steps, (all) => {
      let last = 0;
      for (const { given, told } of readings(all)) {
        expect(told).toBeGreaterThanOrEqual(last);
        expect(told).toBeGreaterThanOrEqual(given);
        last = told;
      }
    }),
  );
});

it('tells whole numbers, also of a clock that has fractions', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: -1_000, max: 1_000, noNaN: true }), { minLength: 1 }), (all) => {
      for (const { given, told } of readings(all)) {
        expect(Number.isInteger(told)).toBe(true);
        expect(told).toBeGreaterThan(given - 1);
      }
    }),
  );
});

it('goes on at nine tenths at least, whatever was put back before', () => {
  fc.assert(
    fc.property(steps, fc.nat(1_000_000), (all, passed) => {
      const told = readings([...all, passed]).map((reading) => reading.told);
      const went = (told.at(-1) as number) - (told.at(-2) as number);
      expect(went).toBeGreaterThanOrEqual(passed * 0.9 - 1);
    }),
  );
});

it('agrees with the given one again, ten times the step later', () => {
  const all = readings([0, -500_000, ...Array.from({ length: 50 }, () => 100_000)]);
  expect(all.at(-1)?.told).toBe(all.at(-1)?.given);
});

it('is the given one while that only goes on, and ignores what is no number', () => {
  const times = [5, 7, Number.NaN, 9];
  const now = monotonic(() => times.shift() as number);
  expect([now(), now(), now(), now()]).toEqual([5, 7, 7, 9]);
});

it('goes on as the steady clock does, however far the given one is set, and follows it where it is not', () => {
  const set = fc.integer({ min: 1_000_000, max: 1e12 }).chain((by) => fc.constantFrom(by, -by));
  const passing = fc.record({ passed: fc.integer({ min: 0, max: 3_000_000 }), set: fc.option(set, { nil: 0 }) });
  fc.assert(
    fc.property(fc.array(passing, { maxLength: 20 }), (all) => {
      let given = 1e15;
      let time = 0;
      const now = monotonic(() => given, { now: () => time / 1_000 });
      const first = now();
      for (const { passed, set: by } of all) {
        // A step that looks like less than half a second of time passing is seen only with the next reading.
        if (by !== 0 && passed + by >= 0 && passed + by < 500_000) continue;
        given += passed + by;
        time += passed;
        expect(now()).toBe(first + time);
      }
    }),
  );
});

it('follows a given clock that is finer than the steady one', () => {
  let given = 0;
  const now = monotonic(() => given, { now: () => Math.floor(given / 1_000) });
  const wrong: number[] = [];
  for (; given < 5_000_000; given += 777) if (now() !== given) wrong.push(given);
  expect(wrong).toEqual([]);
});
