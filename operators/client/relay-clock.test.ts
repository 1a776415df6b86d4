import fc from 'fast-check';
import { VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { decodeMessage } from '../../core/wire/index.ts';
import type { SyncMessage } from '../../core/wire/message.ts';
import { RelayClock } from './relay-clock.ts';

const AHEAD = 5_000_000;
const MICROSECONDS = 1_000;

interface Way {
  /** Milliseconds to the relay and back. */
  readonly up: number;
  readonly down: number;
}

/** A clock whose questions a relay answers over a way that takes its time; the relay's clock is `AHEAD`. */
function synced(
  ways: readonly Way[],
  until = 1_000,
): { clock: RelayClock; time: VirtualTimeScheduler; asked: number[] } {
  const time = new VirtualTimeScheduler();
  const relay = () => time.now() * MICROSECONDS + AHEAD;
  const clock = new RelayClock(time, () => time.now() * MICROSECONDS);
  const asked: number[] = [];
  clock.resume(relay(), (frame) => {
    const { t1 } = decodeMessage(frame).message as SyncMessage;
    const { up, down } = ways[asked.length % ways.length] as Way;
    asked.push(time.now());
    time.schedule(() => {
      const t2 = relay();
      time.schedule(() => clock.answered({ type: 'SYNC', t1, t2, t3: t2 }), down);
    }, up);
  });
  time.maxFrames = until;
  time.flush();
  time.frame = until;
  return { clock, time, asked };
}

const ways = fc.array(fc.record({ up: fc.nat(500), down: fc.nat(500) }), { minLength: 1, maxLength: 6 });

describe('the clock of a relay', () => {
  it('is known within half of the asymmetry of the way', () => {
    fc.assert(
      fc.property(fc.record({ up: fc.nat(400), down: fc.nat(400) }), ({ up, down }) => {
        const { clock } = synced([{ up, down }]);
        expect(clock.state.offset - AHEAD).toBeCloseTo(((up - down) / 2) * MICROSECONDS, 3);
        expect(clock.state.roundTrip).toBe((up + down) * MICROSECONDS);
      }),
    );
  });

  it('is known within half of the round trip that it tells, and of the shortest one but for drift', () => {
    fc.assert(
      fc.property(ways, (plan) => {
        const { clock } = synced(plan, 200_000);
        const { offset, roundTrip, samples } = clock.state;
        expect(Math.abs(offset - AHEAD)).toBeLessThanOrEqual(roundTrip / 2);
        expect(samples).toBe(8);
        const shortest = Math.min(...plan.map(({ up, down }) => up + down)) * MICROSECONDS;
        // Each way is among the last 8 answers, at most 200 s ago.
        expect(roundTrip / 2).toBeLessThanOrEqual(shortest / 2 + 200e6 * 2e-5);
      }),
    );
  });

  it('asks five times at once, then every 30 s', () => {
    const { asked } = synced([{ up: 1, down: 1 }], 90_000);
    expect(asked).toEqual([0, 50, 100, 150, 200, 30_200, 60_200]);
  });

  it('leaves a relay alone that does not answer', () => {
    const { asked, clock } = synced([{ up: 500_000, down: 0 }], 90_000);
    expect(asked).toEqual([0, 50, 100, 150, 200]);
    expect(clock.state).toEqual({ offset: AHEAD, roundTrip: 0, jitter: 0, quality: 0, samples: 0 });
  });

  it('has a quality that rises with answers and falls with the way', () => {
    const near = synced([{ up: 0, down: 0 }]).clock.state;
    const first = synced([{ up: 0, down: 0 }], 10).clock.state;
    const far = synced([{ up: 10, down: 10 }]).clock.state;
    const unsteady = synced([
      { up: 10, down: 10 },
      { up: 60, down: 10 },
    ]).clock.state;
    expect([near.quality, first.quality, far.quality]).toEqual([1, 0.2, 0.5]);
    expect(unsteady.quality).toBeLessThan(far.quality);
    expect([near.jitter, unsteady.jitter]).toEqual([0, 20_000]);
  });
});

describe('its time', () => {
  const garbage = fc.record({
    wait: fc.nat(40_000),
    t1: fc.oneof(fc.constant('asked' as const), fc.nat(1e9)),
    t2: fc.option(fc.oneof(fc.integer({ min: -1e7, max: 1e7 }), fc.maxSafeNat()), { nil: undefined }),
    held: fc.integer({ min: -1e6, max: 1e6 }),
    step: fc.integer({ min: -2_000, max: 2_000 }),
  });

  it('never goes back, whatever is answered and however the local clock steps', () => {
    fc.assert(
      fc.property(fc.array(garbage, { maxLength: 30 }), (answers) => {
        const time = new VirtualTimeScheduler();
        let steps = 0;
        let t1 = 0;
        const clock = new RelayClock(time, () => (time.now() + steps) * MICROSECONDS);
        clock.resume(AHEAD, (frame) => {
          t1 = (decodeMessage(frame).message as SyncMessage).t1;
        });
        let last = clock.now();
        const look = () => {
          const now = clock.now();
          expect(now).toBeGreaterThanOrEqual(last);
          expect(Number.isInteger(now)).toBe(true);
          last = now;
        };
        for (const answer of answers) {
          time.maxFrames = time.frame + answer.wait;
          time.flush();
          time.frame = time.maxFrames;
          look();
          steps = Math.max(-time.frame, steps + answer.step);
          look();
          const t2 =
            answer.t2 === undefined ? undefined : Math.abs(answer.t2 > 1e7 ? answer.t2 : clock.now() + answer.t2);
          const t3 = t2 === undefined ? undefined : t2 + answer.held;
          clock.answered({ type: 'SYNC', t1: answer.t1 === 'asked' ? t1 : answer.t1, t2, t3 });
          look();
        }
      }),
    );
  });

  it('goes at half speed until the relay has caught up, and is never behind', () => {
    const time = new VirtualTimeScheduler();
    const clock = new RelayClock(time, () => time.now() * MICROSECONDS);
    let t1 = 0;
    clock.resume(500_000, (frame) => {
      t1 = (decodeMessage(frame).message as SyncMessage).t1;
    });
    expect(clock.now()).toBe(500_000);
    clock.answered({ type: 'SYNC', t1, t2: 490_000, t3: 490_000 });
    expect(clock.now()).toBe(500_000);
    const at = (ms: number) => {
      time.frame = ms;
      return clock.now();
    };
    expect([at(4), at(10), at(20), at(21)]).toEqual([502_000, 505_000, 510_000, 511_000]);
  });

  it('follows a new session at once only when that is more than a second away', () => {
    const { clock, time } = synced([{ up: 1, down: 1 }]);
    const before = clock.now();
    clock.suspend();
    clock.resume(before - 900_000);
    expect(clock.now()).toBe(before);
    time.frame += 10;
    expect(clock.now()).toBe(before + 5_000);
    clock.resume(before - 2_000_000);
    expect(clock.now()).toBe(before - 2_000_000);
  });

  it('ignores answers that cannot be', () => {
    const time = new VirtualTimeScheduler();
    const clock = new RelayClock(time, () => time.now() * MICROSECONDS);
    const asked: number[] = [];
    clock.resume(AHEAD, (frame) => asked.push((decodeMessage(frame).message as SyncMessage).t1));
    time.maxFrames = 200;
    time.flush();
    time.frame = 210;
    const now = time.frame * MICROSECONDS;
    const t2 = now + AHEAD;
    const answers: Partial<SyncMessage>[] = [
      { t1: now + 1, t2, t3: t2 }, // never asked
      { t1: asked[0] as number, t2: t2 + 5, t3: t2 }, // sent before it came
      { t1: asked[1] as number, t2, t3: t2 + 1e6 }, // took longer than we waited
      { t1: asked[2] as number, t2: t2 + 31_556_952e9, t3: t2 + 31_556_952e9 }, // a thousand years ahead
      { t1: asked[3] as number },
    ];
    expect(answers.map((answer) => clock.answered({ type: 'SYNC', t1: 0, ...answer }))).toEqual(
      answers.map(() => false),
    );
    expect(clock.answered({ type: 'SYNC', t1: asked[4] as number, t2, t3: t2 })).toBe(true);
    expect(clock.answered({ type: 'SYNC', t1: asked[4] as number, t2, t3: t2 })).toBe(false);
    expect(clock.state.samples).toBe(1);
  });
});
