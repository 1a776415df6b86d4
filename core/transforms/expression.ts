import { ClaspError, ErrorCode } from '../errors.ts';
import { numeric, type Transform } from './transform.ts';

/** Gives the result for a value. */
export type Formula = (value: number) => number;

/** Characters that an expression may have. */
export const MAX_EXPRESSION_LENGTH = 1_024;
/** Parentheses, signs, powers and conditions that may stand inside each other. */
export const MAX_EXPRESSION_DEPTH = 64;

const FUNCTIONS: Readonly<Record<string, { readonly apply: (...args: number[]) => number; readonly takes: Arity }>> = {
  abs: { apply: Math.abs, takes: [1, 1] },
  ceil: { apply: Math.ceil, takes: [1, 1] },
  clamp: { apply: (value = 0, low = 0, high = 1) => Math.min(Math.max(value, low), high), takes: [3, 3] },
  cos: { apply: Math.cos, takes: [1, 1] },
  exp: { apply: Math.exp, takes: [1, 1] },
  floor: { apply: Math.floor, takes: [1, 1] },
  log: { apply: Math.log, takes: [1, 1] },
  max: { apply: Math.max, takes: [1, 16] },
  min: { apply: Math.min, takes: [1, 16] },
  pow: { apply: Math.pow, takes: [2, 2] },
  round: { apply: Math.round, takes: [1, 1] },
  sin: { apply: Math.sin, takes: [1, 1] },
  sqrt: { apply: Math.sqrt, takes: [1, 1] },
};
const CONSTANTS: Readonly<Record<string, number>> = { pi: Math.PI, e: Math.E };
const VARIABLES: readonly string[] = ['value', 'x'];

type Arity = readonly [least: number, most: number];
type Operation = (left: number, right: number) => number;

/** Operators with two sides, by what binds less; each level goes from left to right. */
const LEVELS: readonly Readonly<Record<string, Operation>>[] = [
  { '||': (a, b) => (a || b ? 1 : 0) },
  { '&&': (a, b) => (a && b ? 1 : 0) },
  { '==': (a, b) => (a === b ? 1 : 0), '!=': (a, b) => (a !== b ? 1 : 0) },
  {
    '<=': (a, b) => (a <= b ? 1 : 0),
    '>=': (a, b) => (a >= b ? 1 : 0),
    '<': (a, b) => (a < b ? 1 : 0),
    '>': (a, b) => (a > b ? 1 : 0),
  },
  { '+': (a, b) => a + b, '-': (a, b) => a - b },
  { '*': (a, b) => a * b, '/': (a, b) => a / b, '%': (a, b) => a % b },
];

/**
 * Reads arithmetic over one variable, `value` or `x`, and gives the function it stands for. No code is run: it is
 * read by a parser of its own, which knows nothing else.
 *
 * Numbers (`1`, `.5`, `2e-3`), `pi`, `e`; `+ - * / %`, `^` for powers (from the right, before a sign: `-2^2` is -4);
 * `< <= > >= == !=`, `&& || !`, which give 1 and 0; `condition ? this : that`; `abs ceil clamp cos exp floor log max
 * min pow round sin sqrt`; parentheses. As in JavaScript: `%` has the sign of its left side, what has no result is NaN
 * or an infinity, and 0 and NaN are false.
 *
 * Throws a `ClaspError` 402 that says what is wrong at which character, also for an expression of more than 1024
 * characters or 64 levels. The function never throws, and takes a time that only its length decides.
 *
 * @example
 * ```ts
 * const decibels = compileExpression('value > 0 ? 20 * log(value) / log(10) : -90');
 * decibels(0.1); // -20
 * ```
 */
export function compileExpression(text: string): Formula {
  return new Parser(text).whole();
}

/** Recursive descent, one method a rule; each gives the function for what it has read. */
class Parser {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
    if (text.length > MAX_EXPRESSION_LENGTH) throw this.#fault(`longer than ${MAX_EXPRESSION_LENGTH} characters`);
  }

  whole(): Formula {
    const formula = this.#condition();
    this.#skip();
    if (this.#at < this.#text.length) throw this.#unexpected('an operator or the end');
    return formula;
  }

  #condition(): Formula {
    const condition = this.#binary(0);
    if (!this.#take('?')) return condition;
    return this.#deeper(() => {
      const yes = this.#condition();
      this.#demand(':');
      const no = this.#condition();
      return (value) => (condition(value) ? yes(value) : no(value));
    });
  }

  #binary(level: number): Formula {
    const operators = LEVELS[level];
    if (!operators) return this.#signed();
    let left = this.#binary(level + 1);
    for (let operate = this.#operator(operators); operate; operate = this.#operator(operators)) {
      left = joined(operate, left, this.#binary(level + 1));
    }
    return left;
  }

  #operator(operators: Readonly<Record<string, Operation>>): Operation | undefined {
    for (const [symbol, operate] of Object.entries(operators)) if (this.#take(symbol)) return operate;
    return undefined;
  }

  #signed(): Formula {
    if (this.#take('-')) {
      const operand = this.#deeper(() => this.#signed());
      return (value) => -operand(value);
    }
    if (this.#take('+')) return this.#deeper(() => this.#signed());
    if (this.#take('!')) {
      const operand = this.#deeper(() => this.#signed());
      return (value) => (operand(value) ? 0 : 1);
    }
    return this.#power();
  }

  #power(): Formula {
    const base = this.#atom();
    if (!this.#take('^')) return base;
    const exponent = this.#deeper(() => this.#signed());
    return (value) => base(value) ** exponent(value);
  }

  #atom(): Formula {
    if (this.#take('(')) {
      const inner = this.#deeper(() => this.#condition());
      this.#demand(')');
      return inner;
    }
    const number = this.#match(/(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?/iy);
    if (number !== undefined) return constant(Number(number));
    const start = this.#at;
    const name = this.#match(/[a-z_]\w*/iy);
    if (name === undefined) throw this.#unexpected('a number, a name or "("');
    if (VARIABLES.includes(name)) return (value) => value;
    const known = Object.hasOwn(CONSTANTS, name) ? CONSTANTS[name] : undefined;
    if (known !== undefined) return constant(known);
    if (Object.hasOwn(FUNCTIONS, name)) return this.#call(name);
    this.#at = start;
    throw this.#fault(`"${name}" is neither value, x, pi, e nor one of ${Object.keys(FUNCTIONS).join(', ')}`);
  }

  #call(name: string): Formula {
    const { apply, takes } = FUNCTIONS[name] ?? { apply: constant(Number.NaN), takes: [0, 0] };
    const [least, most] = takes;
    this.#demand('(');
    const args = this.#deeper(() => {
      const list = [this.#condition()];
      while (this.#take(',')) list.push(this.#condition());
      return list;
    });
    if (args.length < least || args.length > most) {
      const wanted = least === most ? `${least}` : `${least} to ${most}`;
      throw this.#fault(`${name} takes ${wanted} numbers, not ${args.length}`);
    }
    this.#demand(')');
    const [first, second] = args;
    if (first && args.length === 1) return (value) => apply(first(value));
    if (first && second && args.length === 2) return (value) => apply(first(value), second(value));
    return (value) => apply(...args.map((arg) => arg(value)));
  }

  #deeper<T>(read: () => T): T {
    this.#depth++;
    if (this.#depth > MAX_EXPRESSION_DEPTH) throw this.#fault(`deeper than ${MAX_EXPRESSION_DEPTH} levels`);
    const result = read();
    this.#depth--;
    return result;
  }

  #take(symbol: string): boolean {
    this.#skip();
    if (!this.#text.startsWith(symbol, this.#at)) return false;
    this.#at += symbol.length;
    return true;
  }

  #demand(symbol: string): void {
    if (!this.#take(symbol)) throw this.#unexpected(`"${symbol}"`);
  }

  #match(sticky: RegExp): string | undefined {
    this.#skip();
    sticky.lastIndex = this.#at;
    const [found] = sticky.exec(this.#text) ?? [];
    this.#at += found?.length ?? 0;
    return found;
  }

  #skip(): void {
    while (' \t\r\n'.includes(this.#text[this.#at] ?? '-')) this.#at++;
  }

  #unexpected(wanted: string): ClaspError {
    this.#skip();
    const found = this.#text[this.#at];
    return this.#fault(`${found === undefined ? 'the end' : JSON.stringify(found)} where ${wanted} should be`);
  }

  #fault(problem: string): ClaspError {
    const reason = `expression, character ${this.#at + 1}: ${problem}`;
    return new ClaspError(ErrorCode.BadValue, reason, { value: this.#text.slice(0, MAX_EXPRESSION_LENGTH) });
  }
}

function constant(number: number): Formula {
  return () => number;
}

function joined(operate: Operation, left: Formula, right: Formula): Formula {
  return (value) => operate(left(value), right(value));
}

/** What is computed. */
export interface ExpressionOptions {
  /** Arithmetic over `value` (or `x`), see `compileExpression`. */
  readonly expression: string;
}

/** The result of an expression; NaN where there is none, as for the root of a negative number. */
export function expressionTransform({ expression }: ExpressionOptions): Transform {
  return numeric(compileExpression(expression));
}
