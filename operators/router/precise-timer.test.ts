import fc from 'fast-check';
import { asyncScheduler, type SchedulerLike } from 'rxjs';
import { expect, it } from 'vitest';
import { PreciseTimer } from './precise-timer.ts';

/** A host whose timers come after whole milliseconds and late, long waits most, and whose time goes on in microseconds. */
class Host {
  time = 0;
  readonly #late: () => number;
  #timers: { at: number; ring: () => void }[] = [];

  constructor(late: () => number) {
    this.#late = late;
  }

  readonly scheduler = {
    now: () => this.time / 1000,
    schedule: (work: () => void, delay = 0) => {
      const late = this.#late() * (delay > 2 ? 3 : 1);
      const timer = { at: this.time + Math.max(1, Math.ceil(delay)) * 1000 + late, ring: work };
      this.#timers.push(timer);
      return { unsubscribe: () => (this.#timers = this.#timers.filter((one) => one !== timer)) };
    },
  } as unknown as SchedulerLike;

  /** A turn takes 7 µs. */
  readonly nextTurn = (work: () => void) => {
    const timer = { at: this.time + 7, ring: work };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
  };

  /** Rings what is set, in order, until nothing is. */
  run(): number {
    let rung = 0;
    for (; this.#timers.length > 0; rung++) {
      const [first] = this.#timers.sort((a, b) => a.at - b.at);
      this.#timers.shift();
      if (!first) break;
      this.time = first.at;
      first.ring();
    }
    return rung;
  }
}

/** A timer on a host that is late by so much in turn, with by how much it missed `at`. */
function rig(at: number, late: readonly number[], hasTurns: boolean) {
  let next = 0;
  const host = new Host(() => late[next++ % late.length] as number);
  const misses: number[] = [];
  const ring = () => misses.push(host.time - at);
  const timer = new PreciseTimer(host.scheduler, () => host.time, ring, hasTurns ? host.nextTurn : undefined);
  return { host, timer, misses };
}

it('goes off within a millisecond of its time, in few steps, on timers that are late by less than one', () => {
  const lateness = fc.array(fc.integer({ min: 0, max: 499 }), { minLength: 1 });
  fc.assert(
    fc.property(fc.integer({ min: 501, max: 100_000 }), lateness, (at, late) => {
      const { host, timer, misses } = rig(at, late, false);
      timer.set(at);
      const steps = host.run();
      expect(misses).toHaveLength(1);
      expect(Math.abs(misses[0] as number)).toBeLessThanOrEqual(1000);
      expect(steps).toBeLessThanOrEqual(6);
    }),
  );
});

it('goes off in the first turn that is not before its time, where it can wait for turns, and lets few pass', () => {
  const lateness = fc.array(fc.integer({ min: 0, max: 499 }), { minLength: 1 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100_000 }), lateness, (at, late) => {
      const { host, timer, misses } = rig(at, late, true);
      timer.set(at + 50_000);
      timer.set(at);
      const turns = host.run();
      expect(misses).toHaveLength(1);
      expect(misses[0]).toBeGreaterThanOrEqual(0);
      expect(misses[0]).toBeLessThan(7);
      expect(turns).toBeLessThanOrEqual(1500 / 7 + 6);
      timer.set(host.time + 10);
      timer.clear();
      expect(host.run()).toBe(0);
    }),
  );
});

it('looks at the clock between turns, and lets one pass every hundred microseconds or so', () => {
  const look = 11;
  const host = new Host(() => 0);
  const turns: number[] = [];
  const misses: number[] = [];
  const timer = new PreciseTimer(
    host.scheduler,
    () => {
      host.time += look;
      return host.time;
    },
    () => misses.push(host.time - 1400),
    (work) => {
      turns.push(host.time);
      return host.nextTurn(work);
    },
  );
  timer.set(1400);
  host.run();
  expect(misses).toHaveLength(1);
  expect(misses[0]).toBeGreaterThanOrEqual(0);
  expect(misses[0]).toBeLessThanOrEqual(2 * look);
  const gaps = turns.slice(1).map((turn, index) => turn - (turns[index] as number));
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(100);
  expect(Math.max(...gaps)).toBeLessThanOrEqual(100 + 7 + 4 * look);
});

it('counts as due what is due then, waits for the nearest, and not at all when cleared', () => {
  const host = new Host(() => 0);
  const rung: number[] = [];
  const timer = new PreciseTimer(
    host.scheduler,
    () => host.time,
    () => rung.push(host.time),
  );
  timer.set(50_000);
  timer.set(20_000);
  host.run();
  expect(rung).toEqual([20_000]);
  expect(timer.until).toBe(20_500);
  timer.set(90_000);
  timer.clear();
  expect(host.run()).toBe(0);
});

it('takes part in the host as it is', async () => {
  const began = asyncScheduler.now();
  await new Promise<void>((resolve) => {
    const timer = new PreciseTimer(asyncScheduler, () => asyncScheduler.now() * 1000, resolve);
    timer.set((began + 12) * 1000);
  });
  expect(asyncScheduler.now()).toBeGreaterThanOrEqual(began + 11);
});
