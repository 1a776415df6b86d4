import { of, Subject, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { GesturePhase, Signal } from '../core/signal/signal.ts';
import type { Value } from '../core/signal/value.ts';
import {
  clamp,
  curve,
  deadzone,
  expression,
  gate,
  invert,
  modulo,
  negate,
  power,
  quantize,
  round,
  scale,
  smooth,
  threshold,
  toggle,
  trigger,
} from './transforms.ts';

const param = (address: string, value: Value): Signal => ({ kind: 'param', address, value });

const through = (operator: ReturnType<typeof negate>, ...signals: Signal[]): Signal[] => {
  let result: Signal[] = [];
  of(...signals)
    .pipe(operator, toArray())
    .subscribe((all) => {
      result = all;
    });
  return result;
};
const values = (operator: ReturnType<typeof negate>, ...given: Value[]): Value[] =>
  through(operator, ...given.map((value) => param('/a', value))).map((signal) =>
    'value' in signal ? signal.value : null,
  );

describe('the operators of routes', () => {
  it.each<[string, ReturnType<typeof negate>, Value[], Value[]]>([
    ['scale', scale({ to: [0, 255] }), [0.2, [0, 1]], [51, [0, 255]]],
    ['clamp', clamp(), [-1, 0.5, 2], [0, 0.5, 1]],
    ['invert', invert(), [0.25, true], [0.75, false]],
    ['negate', negate(), [1, 'x'], [-1, 'x']],
    ['modulo', modulo({ divisor: 12 }), [-1, 25], [11, 1]],
    ['power', power({ exponent: 2 }), [3], [9]],
    ['deadzone', deadzone({ threshold: 0.1 }), [0.05, 0.5], [0, 0.5]],
    ['threshold', threshold(), [0.4, 0.6], [0, 1]],
    ['gate', gate({ min: 0.5 }), [0.4, 0.6], [0.6]],
    ['toggle', toggle(), [1, 0, 1], [1, 0]],
    ['trigger', trigger({ value: 'go' }), [1, 1, 0, 1], ['go', 'go']],
    ['smooth', smooth({ factor: 0.5 }), [0, 1], [0, 0.5]],
    ['quantize', quantize({ steps: 4 }), [0.3], [0.25]],
    ['round', round(), [0.7], [1]],
    ['curve', curve({ curve: 'linear' }), [0.5, 7], [0.5, 1]],
    ['expression', expression({ expression: 'x ^ 2 + 1' }), [2], [5]],
  ])('%s', (_, operator, given, wanted) => {
    expect(values(operator, ...given)).toEqual(wanted);
  });
});

describe('mapped signals', () => {
  it('keep everything but their value, and those that do not change are passed on themselves', () => {
    const changed: Signal = { kind: 'param', address: '/a', value: 1, revision: 7, at: 5, origin: 'desk' };
    const same: Signal = { kind: 'event', address: '/a', value: 'text' };
    const [first, second] = through(negate(), changed, same);
    expect(first).toEqual({ ...changed, value: -1 });
    expect(second).toBe(same);
  });

  it('keep the state of each address apart, and of each subscription', () => {
    const operator = toggle();
    const presses = [param('/a', 1), param('/b', 1), param('/a', 0), param('/a', 1)];
    const wanted = [param('/a', 1), param('/b', 1), param('/a', 0)];
    expect(through(operator, ...presses)).toEqual(wanted);
    expect(through(operator, ...presses)).toEqual(wanted);
  });

  it('have their samples mapped one by one', () => {
    const stream: Signal = { kind: 'stream', address: '/a', value: 3, samples: [1, 2, 3], rate: 100 };
    expect(through(negate(), stream)).toEqual([{ ...stream, value: -3, samples: [-1, -2, -3] }]);
    expect(through(gate({ max: 2 }), stream)).toEqual([{ ...stream, value: 2, samples: [1, 2] }]);
    expect(through(gate({ max: 0 }), stream)).toEqual([]);
    const named = through(threshold({ at: 2, above: 'on', below: 'off' }), stream);
    expect(named).toEqual([{ kind: 'stream', address: '/a', value: 'on', rate: 100 }]);
  });

  it('know what was there before from a press, and let timelines pass', () => {
    expect(through(toggle(), { kind: 'param', address: '/a', value: 1, snapshot: true })).toEqual([]);
    const timeline: Signal = { kind: 'timeline', address: '/a', keyframes: [{ time: 0, value: 1 }] };
    expect(through(negate(), timeline)).toEqual([timeline]);
  });

  it('end a gesture that has begun, also where the value of its end is held back, and no other', () => {
    const gesture = (id: number, phase: GesturePhase, value: Value): Signal => ({
      kind: 'gesture',
      address: '/a',
      id,
      phase,
      value,
    });
    const touches = [
      ...[gesture(1, 'start', 0.9), gesture(2, 'start', 0.1), gesture(1, 'move', 0.2), gesture(2, 'end', 0.8)],
      ...[gesture(1, 'end', 0.1), gesture(3, 'start', 0.1), gesture(3, 'move', 0.6), gesture(3, 'cancel', null)],
    ];
    expect(through(gate({ min: 0.5 }), ...touches)).toEqual([
      ...[gesture(1, 'start', 0.9), gesture(1, 'end', 0.9), gesture(3, 'move', 0.6), gesture(3, 'cancel', null)],
    ]);
    expect(through(trigger(), gesture(1, 'start', 1), gesture(1, 'move', 1), gesture(1, 'end', 0))).toEqual([
      ...[gesture(1, 'start', 1), gesture(1, 'end', 1)],
    ]);
  });

  it('come at once, and end with their source', () => {
    const source = new Subject<Signal>();
    const seen: unknown[] = [];
    source.pipe(negate()).subscribe({ next: (signal) => seen.push(signal), complete: () => seen.push('end') });
    source.next(param('/a', 2));
    expect(seen).toEqual([param('/a', -2)]);
    source.complete();
    expect(seen.at(-1)).toBe('end');
  });
});
