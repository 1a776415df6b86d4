import fc from 'fast-check';
import { expect, it } from 'vitest';
import { judgeLife, nextJudgement, type SessionLife } from './session-life.ts';

const time = fc.nat(1_000_000);
const maybe = fc.option(time, { nil: undefined });
const lives: fc.Arbitrary<SessionLife> = fc.record({
  activeAt: time,
  maxIdle: fc.oneof(fc.integer({ min: 2, max: 1_000_000 }), fc.constant(Number.POSITIVE_INFINITY)),
  canPing: fc.boolean(),
  laggingSince: maybe,
  maxLag: fc.integer({ min: 1, max: 1_000_000 }),
  expiresAt: maybe,
});
const life: SessionLife = {
  activeAt: 100,
  maxIdle: 50,
  canPing: false,
  laggingSince: undefined,
  maxLag: 30,
  expiresAt: undefined,
};

it('judges a session fine until the next judgement, and otherwise from then on', () => {
  fc.assert(
    fc.property(lives, time, (of, later) => {
      const next = nextJudgement(of);
      if (next === Number.POSITIVE_INFINITY) {
        expect(judgeLife(of, later * 1e6)).toBe('fine');
        return;
      }
      expect(judgeLife(of, next - 1)).toBe('fine');
      expect(judgeLife(of, next)).not.toBe('fine');
      expect(judgeLife(of, next + later)).not.toBe('fine');
    }),
  );
});

it('never takes a verdict back that ends the session', () => {
  const ends = ['idle', 'lagging', 'expired'];
  fc.assert(
    fc.property(lives, time, time, (of, now, later) => {
      if (ends.includes(judgeLife(of, now))) expect(ends).toContain(judgeLife(of, now + later));
    }),
  );
});

it('asks after half of the silence, if it can and has not, and ends it after all of it', () => {
  expect([124, 125, 149, 150].map((now) => judgeLife(life, now))).toEqual(['fine', 'fine', 'fine', 'idle']);
  const asking = { ...life, canPing: true };
  expect([124, 125, 149, 150].map((now) => judgeLife(asking, now))).toEqual(['fine', 'ping', 'ping', 'idle']);
  expect([nextJudgement(life), nextJudgement(asking)]).toEqual([150, 125]);
});

it('ends a session whose grant is over or that lags for too long, and says the reason that weighs most', () => {
  expect([119, 120].map((now) => judgeLife({ ...life, expiresAt: 120 }, now))).toEqual(['fine', 'expired']);
  expect([129, 130].map((now) => judgeLife({ ...life, laggingSince: 100 }, now))).toEqual(['fine', 'lagging']);
  expect(judgeLife({ ...life, laggingSince: 100, expiresAt: 120 }, 500)).toBe('expired');
  expect(judgeLife({ ...life, laggingSince: 100 }, 500)).toBe('lagging');
});
