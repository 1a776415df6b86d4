import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Gesture, GesturePhase } from '../signal/signal.ts';
import type { Value } from '../signal/value.ts';
import { PassedGestures } from './passed-gestures.ts';

const gesture = (phase: GesturePhase, id = 1, address = '/a'): Gesture => ({
  kind: 'gesture',
  address,
  id,
  phase,
  value: 'own',
});

describe('PassedGestures', () => {
  it('ends what has got through, with the newest value that has where the own one is held back', () => {
    const gestures = new PassedGestures(16);
    expect(gestures.pass(gesture('start'), 0.9)).toBe(0.9);
    expect(gestures.pass(gesture('move'), 0.8)).toBe(0.8);
    expect(gestures.pass(gesture('move'), undefined)).toBeUndefined();
    expect(gestures.pass(gesture('end'), undefined)).toBe(0.8);
    expect(gestures.pass(gesture('start'), null)).toBeNull();
    expect(gestures.pass(gesture('cancel'), undefined)).toBeNull();
  });

  it('ends nothing of which nothing has got through, and nothing twice', () => {
    const gestures = new PassedGestures(16);
    gestures.pass(gesture('start', 1), 0.9);
    expect(gestures.pass(gesture('end', 2), 0.9)).toBeUndefined();
    expect(gestures.pass(gesture('end', 1, '/b'), 0.9)).toBeUndefined();
    expect(gestures.pass(gesture('end', 1), 0.7)).toBe(0.7);
    expect(gestures.pass(gesture('end', 1), 0.7)).toBeUndefined();
  });

  it('is open for as long as the gesture is, whatever a transform holds back', () => {
    const phase = fc.constantFrom<GesturePhase>('start', 'move', 'end', 'cancel');
    const made = fc.option(fc.constantFrom<Value>(0, 1, null), { nil: undefined });
    fc.assert(
      fc.property(fc.array(fc.tuple(phase, fc.integer({ min: 0, max: 2 }), made)), (steps) => {
        const gestures = new PassedGestures(16);
        const open = new Map<number, Value>();
        for (const [at, id, value] of steps) {
          const passed = gestures.pass(gesture(at, id), value);
          if (at === 'start' || at === 'move') {
            expect(passed).toBe(value);
            if (value !== undefined) open.set(id, value);
          } else {
            expect(passed).toBe(open.has(id) && value === undefined ? open.get(id) : open.has(id) ? value : undefined);
            open.delete(id);
          }
        }
      }),
    );
  });

  it('is bounded: of very many open gestures those used last are known', () => {
    const gestures = new PassedGestures(16);
    for (let id = 0; id < 1_000; id++) gestures.pass(gesture('start', id), id);
    const ended = Array.from({ length: 1_000 }, (_, id) => gestures.pass(gesture('end', id), undefined));
    const known = ended.filter((value) => value !== undefined);
    expect(known.length).toBeLessThanOrEqual(16);
    expect(known).toEqual(expect.arrayContaining([992, 999]));
  });
});
