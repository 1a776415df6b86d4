import { compileExpression } from './expression.ts';
import { numeric, type Transform } from './transform.ts';

/** What is computed. */
export interface ExpressionOptions {
  /** Arithmetic over `value` (or `x`), see `compileExpression`. */
  readonly expression: string;
}

/** The result of an expression; NaN where there is none, as for the root of a negative number. */
export function expressionTransform({ expression }: ExpressionOptions): Transform {
  return numeric(compileExpression(expression));
}
