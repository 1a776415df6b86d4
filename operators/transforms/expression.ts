import type { MonoTypeOperatorFunction } from 'rxjs';
import type { Signal } from '../../core/signal.ts';
import { type ExpressionOptions, expressionTransform } from '../../core/transforms/expression-transform.ts';
import { mapValues } from './map-values.ts';

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
