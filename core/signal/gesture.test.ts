import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type GestureTimes, judgeMove, judgeWait, missingBefore, nextGestureDeadline } from './gesture.ts';
import type { GesturePhase } from './signal.ts';

const LIMITS = { moveInterval: 16_000, silence: 300_000 };
const microseconds = fc.nat(1_000_000);
const times: fc.Arbitrary<GestureTimes> = fc
  .record({
    heardAt: microseconds,
    movedAt: fc.oneof(microseconds, fc.constant(Number.NEGATIVE_INFINITY)),
    holding: fc.boolean(),
  })
  .map((drawn) => ({ ...drawn, holding: drawn.holding && drawn.movedAt >= 0 }));

describe('missingBefore', () => {
  it('makes `start move* (end | cancel)` of any phases', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom<GesturePhase>('start', 'move', 'end', 'cancel')), (phases) => {
        let isOpen = false;
        const said = phases.flatMap((phase) => {
          const missing = missingBefore(isOpen, phase);
          isOpen = phase === 'start' || phase === 'move';
          return missing ? [missing, phase] : [phase];
        });
        expect(said.map((phase) => `${phase} `).join('')).toMatch(/^(start (move )*(end |cancel ))*(start (move )*)?$/);
      }),
    );
  });

  it('says nothing where nothing is missing', () => {
    expect(missingBefore(false, 'start')).toBeUndefined();
    for (const phase of ['move', 'end', 'cancel'] as const) expect(missingBefore(true, phase)).toBeUndefined();
  });
});

describe('judgeMove', () => {
  it('sends a move from one interval after the last on, and holds it before', () => {
    fc.assert(
      fc.property(times, fc.nat(50_000), (at, since) => {
        const verdict = judgeMove(at, LIMITS, (at.movedAt < 0 ? at.heardAt : at.movedAt) + since);
        expect(verdict).toBe(at.movedAt < 0 || since >= LIMITS.moveInterval ? 'send' : 'hold');
      }),
    );
    const moved = { heardAt: 0, movedAt: 0, holding: false };
    expect(judgeMove(moved, LIMITS, 15_999)).toBe('hold');
    expect(judgeMove(moved, LIMITS, 16_000)).toBe('send');
  });

  it('holds nothing because a clock was put back', () => {
    fc.assert(
      fc.property(microseconds, fc.integer({ min: 1, max: 1_000_000 }), (movedAt, back) => {
        expect(judgeMove({ heardAt: movedAt, movedAt, holding: false }, LIMITS, movedAt - back)).toBe('send');
      }),
    );
  });
});

describe('judgeWait', () => {
  it('waits until the next deadline and not a microsecond longer', () => {
    fc.assert(
      fc.property(times, (at) => {
        const deadline = nextGestureDeadline(at, LIMITS);
        expect(judgeWait(at, LIMITS, deadline - 1)).toBe('wait');
        expect(judgeWait(at, LIMITS, deadline)).toBe(at.holding ? 'flush' : 'cancel');
      }),
    );
  });

  it('gives up a silent gesture after the silence, a held move one millisecond after its turn', () => {
    expect(nextGestureDeadline({ heardAt: 5, movedAt: 0, holding: false }, LIMITS)).toBe(300_005);
    expect(nextGestureDeadline({ heardAt: 5, movedAt: 2, holding: true }, LIMITS)).toBe(17_002);
  });
});
