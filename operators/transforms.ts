import type { MonoTypeOperatorFunction } from 'rxjs';
import type { Signal, Stream } from '../core/signal/signal.ts';
import type { Value } from '../core/signal/value.ts';
import { type ClampOptions, clampTransform } from '../core/transforms/clamp.ts';
import { type CurveOptions, curveTransform } from '../core/transforms/curve.ts';
import { type DeadzoneOptions, deadzoneTransform } from '../core/transforms/deadzone.ts';
import { type ExpressionOptions, expressionTransform } from '../core/transforms/expression.ts';
import { type GateOptions, gateTransform } from '../core/transforms/gate.ts';
import { type InvertOptions, invertTransform } from '../core/transforms/invert.ts';
import { type ModuloOptions, moduloTransform } from '../core/transforms/modulo.ts';
import { negateTransform } from '../core/transforms/negate.ts';
import { PassedGestures } from '../core/transforms/passed-gestures.ts';
import { type PowerOptions, powerTransform } from '../core/transforms/power.ts';
import { type QuantizeOptions, quantizeTransform } from '../core/transforms/quantize.ts';
import { RecentMap } from '../core/transforms/recent-map.ts';
import { type RoundOptions, roundTransform } from '../core/transforms/round.ts';
import { type ScaleOptions, scaleTransform } from '../core/transforms/scale.ts';
import { type SmoothOptions, smoothTransform } from '../core/transforms/smooth.ts';
import { type ThresholdOptions, thresholdTransform } from '../core/transforms/threshold.ts';
import { type ToggleOptions, toggleTransform } from '../core/transforms/toggle.ts';
import type { Step, Transform } from '../core/transforms/transform.ts';
import { type TriggerOptions, triggerTransform } from '../core/transforms/trigger.ts';
import { stage } from './stage.ts';

/** Addresses whose state is remembered, and open gestures; those used longest ago go first. */
const MAX_ADDRESSES = 65_536;

/**
 * Maps the values of signals by a transform that is opened once per address; what it holds back does not come out.
 * Samples that came together are mapped one by one. Timelines pass as they are; everything at once and in order.
 * The end or cancel of a gesture comes out where something of that gesture has: with the newest value that has, if its
 * own is held back.
 */
export function mapValues(transform: Transform): MonoTypeOperatorFunction<Signal> {
  return stage((out) => {
    const steps = new RecentMap<string, Step>(MAX_ADDRESSES);
    const gestures = new PassedGestures(MAX_ADDRESSES);

    const stepOf = (address: string): Step => {
      let step = steps.get(address);
      if (step === undefined) {
        step = transform.open();
        steps.set(address, step);
      }
      return step;
    };

    return {
      next(signal) {
        if (signal.kind === 'timeline') {
          out.next(signal);
          return;
        }
        const step = stepOf(signal.address);
        if (signal.kind === 'stream' && signal.samples !== undefined) {
          const mapped = mapSamples(signal, signal.samples, step);
          if (mapped) out.next(mapped);
          return;
        }
        const mapped = step(signal.value, signal.kind === 'param' && signal.snapshot === true);
        const value = signal.kind === 'gesture' ? gestures.pass(signal, mapped) : mapped;
        if (value !== undefined) out.next(Object.is(value, signal.value) ? signal : { ...signal, value });
      },
    };
  });
}

/** The samples that are left, as samples where all are numbers still; the newest as the value. */
function mapSamples({ samples: _, ...signal }: Stream, samples: readonly number[], step: Step): Stream | undefined {
  const mapped = samples.map((sample) => step(sample)).filter((value): value is Value => value !== undefined);
  const value = mapped.at(-1);
  if (value === undefined) return undefined;
  const numbers = mapped.filter((item) => typeof item === 'number');
  return numbers.length === mapped.length ? { ...signal, value, samples: numbers } : { ...signal, value };
}

/**
 * Cuts numbers below `min` and above `max`.
 *
 * Takes signals; an array of numbers is mapped item by item, and other values pass as they are. Throws a
 * `ClaspError` 402 at once for options that make no sense.
 *
 * @example
 * ```ts
 * router().client('desk').on('/faders/*').pipe(clamp({ min: 0, max: 1 })).subscribe(console.log);
 * ```
 */
export function clamp(options: ClampOptions = {}): MonoTypeOperatorFunction<Signal> {
  return mapValues(clampTransform(options));
}

/**
 * Bends a range whose ends stay where they are; numbers outside are cut to it.
 *
 * Takes signals; an array of numbers is mapped item by item, and other values pass as they are. Throws a
 * `ClaspError` 402 at once for options that make no sense.
 *
 * @example
 * ```ts
 * router().client('desk').on('/faders/*').pipe(curve({ curve: 'exponential' })).subscribe(console.log);
 * ```
 */
export function curve(options: CurveOptions): MonoTypeOperatorFunction<Signal> {
  return mapValues(curveTransform(options));
}

/**
 * Makes the centre of all numbers that are nearer to it than `threshold`, as a stick needs that never rests quite still.
 *
 * Takes signals; an array of numbers is mapped item by item, and other values pass as they are. Throws a
 * `ClaspError` 402 at once for options that make no sense.
 *
 * @example
 * ```ts
 * router().client('desk').on('/faders/*').pipe(deadzone({ threshold: 0.05 })).subscribe(console.log);
 * ```
 */
export function deadzone(options: DeadzoneOptions): MonoTypeOperatorFunction<Signal> {
  return mapValues(deadzoneTransform(options));
}

/**
 * Computes numbers by arithmetic over `value`, see `compileExpression`; NaN where there is no result.
 *
 * Takes signals; an array of numbers is mapped item by item, and other values pass as they are. Throws a
 * `ClaspError` 402 at once for options that make no sense.
 *
 * @example
 * ```ts
 * router().client('desk').on('/faders/*').pipe(expression({ expression: 'value * 2 - 1' })).subscribe(console.log);
 * ```
 */
export function expression(options: ExpressionOptions): MonoTypeOperatorFunction<Signal> {
  return mapValues(expressionTransform(options));
}

/**
 * Lets numbers between `min` and `max` pass, and holds the others back. A switch counts as 1 and 0.
 *
 * Takes signals; arrays, text and other values that are neither number nor switch pass as they are. Throws a
 * `ClaspError` 402 at once for options that make no sense.
 *
 * @example
 * ```ts
 * router().client('desk').on('/faders/*').pipe(gate({ min: 0.1 })).subscribe(console.log);
 * ```
 */
export function gate(options: GateOptions): MonoTypeOperatorFunction<Signal> {
  return mapValues(gateTransform(options));
}

/**
 * Turns a range upside down: 0.2 of `[0, 1]` becomes 0.8, and `true` becomes `false`.
 *
 * Takes signals; an array of numbers is mapped item by item, and other values pass as they are. Throws a
 * `ClaspError` 402 at once for options that make no sense.
 *
 * @example
 * ```ts
 * router().client('desk').on('/faders/*').pipe(invert()).subscribe(console.log);
 * ```
 */
export function invert(options: InvertOptions = {}): MonoTypeOperatorFunction<Signal> {
  return mapValues(invertTransform(options));
}

/**
 * Gives what is left of a division, from 0 up to the divisor: -1 modulo 12 is 11.
 *
 * Takes signals; an array of numbers is mapped item by item, and other values pass as they are. Throws a
 * `ClaspError` 402 at once for options that make no sense.
 *
 * @example
 * ```ts
 * router().client('desk').on('/faders/*').pipe(modulo({ divisor: 12 })).subscribe(console.log);
 * ```
 */
export function modulo(options: ModuloOptions): MonoTypeOperatorFunction<Signal> {
  return mapValues(moduloTransform(options));
}

/**
 * Gives numbers the other sign.
 *
 * Takes signals; an array of numbers is mapped item by item, and other values pass as they are.
 *
 * @example
 * ```ts
 * router().client('desk').on('/faders/*').pipe(negate()).subscribe(console.log);
 * ```
 */
export function negate(): MonoTypeOperatorFunction<Signal> {
  return mapValues(negateTransform());
}

/**
 * Raises numbers to a power; NaN where there is no real result.
 *
 * Takes signals; an array of numbers is mapped item by item, and other values pass as they are. Throws a
 * `ClaspError` 402 at once for options that make no sense.
 *
 * @example
 * ```ts
 * router().client('desk').on('/faders/*').pipe(power({ exponent: 2 })).subscribe(console.log);
 * ```
 */
export function power(options: PowerOptions): MonoTypeOperatorFunction<Signal> {
  return mapValues(powerTransform(options));
}

/**
 * Moves numbers to the nearest line of a grid of `steps` equal parts.
 *
 * Takes signals; an array of numbers is mapped item by item, and other values pass as they are. Throws a
 * `ClaspError` 402 at once for options that make no sense.
 *
 * @example
 * ```ts
 * router().client('desk').on('/faders/*').pipe(quantize({ steps: 8 })).subscribe(console.log);
 * ```
 */
export function quantize(options: QuantizeOptions): MonoTypeOperatorFunction<Signal> {
  return mapValues(quantizeTransform(options));
}

/**
 * Rounds numbers, to whole ones or to `decimals` digits.
 *
 * Takes signals; an array of numbers is mapped item by item, and other values pass as they are. Throws a
 * `ClaspError` 402 at once for options that make no sense.
 *
 * @example
 * ```ts
 * router().client('desk').on('/faders/*').pipe(round({ decimals: 2 })).subscribe(console.log);
 * ```
 */
export function round(options: RoundOptions = {}): MonoTypeOperatorFunction<Signal> {
  return mapValues(roundTransform(options));
}

/**
 * Brings numbers from one range to another, in a straight line: 0.5 of `[0, 1]` is 127.5 of `[0, 255]`.
 *
 * Goes on outside the range, unless `clamp` is set.
 *
 * Takes signals; an array of numbers is mapped item by item, and other values pass as they are. Throws a
 * `ClaspError` 402 at once for options that make no sense.
 *
 * @example
 * ```ts
 * router().client('desk').on('/faders/*').pipe(scale({ from: [0, 127], to: [0, 1] })).subscribe(console.log);
 * ```
 */
export function scale(options: ScaleOptions): MonoTypeOperatorFunction<Signal> {
  return mapValues(scaleTransform(options));
}

/**
 * Takes the jumps out of numbers: the exponential moving average of each address.
 *
 * Takes signals; an array of numbers is mapped item by item, and other values pass as they are. Throws a
 * `ClaspError` 402 at once for options that make no sense.
 *
 * @example
 * ```ts
 * router().client('desk').on('/faders/*').pipe(smooth({ factor: 0.2 })).subscribe(console.log);
 * ```
 */
export function smooth(options: SmoothOptions = {}): MonoTypeOperatorFunction<Signal> {
  return mapValues(smoothTransform(options));
}

/**
 * Makes one of two values of each number: `above` from `at` on, otherwise `below`. A switch counts as 1 and 0.
 *
 * Takes signals; an array of numbers is mapped item by item, and other values pass as they are. Throws a
 * `ClaspError` 402 at once for options that make no sense.
 *
 * @example
 * ```ts
 * router().client('desk').on('/faders/*').pipe(threshold({ at: 64 })).subscribe(console.log);
 * ```
 */
export function threshold(options: ThresholdOptions = {}): MonoTypeOperatorFunction<Signal> {
  return mapValues(thresholdTransform(options));
}

/**
 * Makes a switch of a button: each press changes over between `on` and `off`, the release gives nothing.
 *
 * Each address has a switch of its own, off at first. A param out of a snapshot is no press.
 *
 * Takes signals; arrays, text and other values that are neither number nor switch pass as they are. Throws a
 * `ClaspError` 402 at once for options that make no sense.
 *
 * @example
 * ```ts
 * router().client('desk').on('/faders/*').pipe(toggle()).subscribe(console.log);
 * ```
 */
export function toggle(options: ToggleOptions = {}): MonoTypeOperatorFunction<Signal> {
  return mapValues(toggleTransform(options));
}

/**
 * Gives one value each time a number rises to `at`, and nothing otherwise.
 *
 * Each address by itself. A param out of a snapshot is no rise.
 *
 * Takes signals; arrays, text and other values that are neither number nor switch pass as they are. Throws a
 * `ClaspError` 402 at once for options that make no sense.
 *
 * @example
 * ```ts
 * router().client('desk').on('/faders/*').pipe(trigger({ at: 0.5 })).subscribe(console.log);
 * ```
 */
export function trigger(options: TriggerOptions = {}): MonoTypeOperatorFunction<Signal> {
  return mapValues(triggerTransform(options));
}
