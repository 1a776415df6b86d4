import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClaspError, ErrorCode } from '../errors.ts';
import { compileExpression, MAX_EXPRESSION_DEPTH, MAX_EXPRESSION_LENGTH } from './expression.ts';

/** An expression with its result, as a tree: what text it is printed as and what it gives are decided apart. */
type Tree =
  | { readonly kind: 'number'; readonly number: number }
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'sign'; readonly sign: '-' | '!'; readonly of: Tree }
  | { readonly kind: 'pair'; readonly symbol: string; readonly left: Tree; readonly right: Tree }
  | { readonly kind: 'choice'; readonly condition: Tree; readonly yes: Tree; readonly no: Tree }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Tree[] };

const SYMBOLS = ['+', '-', '*', '/', '%', '^', '<', '<=', '>', '>=', '==', '!=', '&&', '||'];

const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.record({ kind: fc.constant('number' as const), number: fc.double({ min: 0, max: 1e6, noNaN: true }) }),
    fc.record({ kind: fc.constant('variable' as const), name: fc.constantFrom('x', 'value') }),
    fc.record({
      kind: fc.constant('sign' as const),
      sign: fc.constantFrom('-' as const, '!' as const),
      of: tie('tree'),
    }),
    fc.record({
      kind: fc.constant('pair' as const),
      symbol: fc.constantFrom(...SYMBOLS),
      left: tie('tree'),
      right: tie('tree'),
    }),
    fc.record({ kind: fc.constant('choice' as const), condition: tie('tree'), yes: tie('tree'), no: tie('tree') }),
    fc.record({
      kind: fc.constant('call' as const),
      name: fc.constantFrom('min', 'max', 'pow'),
      args: fc.array(tie('tree'), { minLength: 2, maxLength: 2 }),
    }),
    fc.record({
      kind: fc.constant('call' as const),
      name: fc.constantFrom('abs', 'floor', 'ceil', 'round', 'sin', 'cos', 'sqrt', 'log', 'exp'),
      args: fc.array(tie('tree'), { minLength: 1, maxLength: 1 }),
    }),
  ),
}));

const print = (of: Tree): string => {
  switch (of.kind) {
    case 'number':
      return String(of.number);
    case 'variable':
      return of.name;
    case 'sign':
      return `${of.sign}(${print(of.of)})`;
    case 'pair':
      return `(${print(of.left)}) ${of.symbol} (${print(of.right)})`;
    case 'choice':
      return `(${print(of.condition)}) ? ${print(of.yes)} : ${print(of.no)}`;
    case 'call':
      return `${of.name}(${of.args.map(print).join(', ')})`;
  }
};

const evaluate = (of: Tree, x: number): number => {
  switch (of.kind) {
    case 'number':
      return of.number;
    case 'variable':
      return x;
    case 'sign':
      return of.sign === '-' ? -evaluate(of.of, x) : Number(!evaluate(of.of, x));
    case 'pair':
      return pair(of.symbol, evaluate(of.left, x), evaluate(of.right, x));
    case 'choice':
      return evaluate(of.condition, x) ? evaluate(of.yes, x) : evaluate(of.no, x);
    case 'call': {
      const call = Math[of.name as 'max'] as (...args: number[]) => number;
      return call(...of.args.map((arg) => evaluate(arg, x)));
    }
  }
};

const pair = (symbol: string, a: number, b: number): number => {
  const results: Readonly<Record<string, number | boolean>> = {
    '+': a + b,
    '-': a - b,
    '*': a * b,
    '/': a / b,
    '%': a % b,
    '^': a ** b,
    '<': a < b,
    '<=': a <= b,
    '>': a > b,
    '>=': a >= b,
    '==': a === b,
    '!=': a !== b,
    '&&': Boolean(a && b),
    '||': Boolean(a || b),
  };
  return Number(results[symbol]);
};

/** The reason that an expression is refused for. */
const faultOf = (text: string): string => {
  try {
    compileExpression(text);
  } catch (cause) {
    if (cause instanceof ClaspError && cause.code === ErrorCode.BadValue) return cause.reason;
    throw cause;
  }
  return 'none';
};

describe('an expression', () => {
  it('gives what evaluating it piece by piece gives', () => {
    fc.assert(
      fc.property(tree, fc.double(), (some, x) => {
        const text = print(some);
        fc.pre(text.length <= MAX_EXPRESSION_LENGTH);
        expect(compileExpression(text)(x)).toBe(evaluate(some, x));
      }),
    );
  });

  it.each<[string, number, number]>([
    ['1 + 2 * 3', 0, 7],
    ['(1 + 2) * 3', 0, 9],
    ['10 - 4 - 3', 0, 3],
    ['100 / 10 / 2', 0, 5],
    ['-2 ^ 2', 0, -4],
    ['2 ^ -1', 0, 0.5],
    ['2 ^ 3 ^ 2', 0, 512],
    ['-7 % 3', 0, -1],
    ['.5 + 1e2 + 2.', 0, 102.5],
    ['value * 127', 0.5, 63.5],
    ['x > 0.5 ? 1 : x < 0.2 ? -1 : 0', 0.1, -1],
    ['!x || x >= 1 && x != 2', 2, 0],
    ['clamp(x * 2, 0, 1)', 0.7, 1],
    ['round(sin(pi / 2) * cos(0) + log(e))', 0, 2],
    ['min(3, 1, 2) + max(x)', 5, 6],
    [' \n\t x\r', 4, 4],
  ])('%j of %d is %d', (text, x, result) => {
    expect(compileExpression(text)(x)).toBe(result);
  });

  it.each([
    ['', 'expression, character 1: the end where a number, a name or "(" should be'],
    ['1 +', 'expression, character 4: the end where a number, a name or "(" should be'],
    ['value 2', 'expression, character 7: "2" where an operator or the end should be'],
    ['(1', 'expression, character 3: the end where ")" should be'],
    ['x ? 1', 'expression, character 6: the end where ":" should be'],
    ['pow(2)', 'expression, character 6: pow takes 2 numbers, not 1'],
    ['max()', 'expression, character 5: ")" where a number, a name or "(" should be'],
    ['1 = 2', 'expression, character 3: "=" where an operator or the end should be'],
  ])('%j is refused: %s', (text, reason) => {
    expect(faultOf(text)).toBe(reason);
  });

  it.each([
    'constructor',
    '__proto__',
    'toString',
    'process.exit()',
    'this',
    'globalThis',
    'x.y',
    'x[0]',
    '`1`',
    '"1"',
    'Math.PI',
  ])('knows nothing of %s', (text) => {
    expect(faultOf(text)).toMatch(/^expression, character \d+: /);
  });

  it('is bounded in length and in depth', () => {
    expect(faultOf('1+'.repeat(MAX_EXPRESSION_LENGTH))).toMatch(/longer than 1024 characters/);
    for (const deep of ['('.repeat(500), '-'.repeat(500), '2^'.repeat(500), 'x?1:'.repeat(250), 'abs('.repeat(250)]) {
      expect(faultOf(deep)).toMatch(/deeper than 64 levels/);
    }
    expect(faultOf(`${'('.repeat(MAX_EXPRESSION_DEPTH)}1${')'.repeat(MAX_EXPRESSION_DEPTH)}`)).toBe('none');
    expect(compileExpression(`${'1+'.repeat(511)}1`)(0)).toBe(512);
  });

  it('is read, or refused with a ClaspError, whatever it is', () => {
    const pieces = fc.constantFrom(
      ...SYMBOLS,
      '(',
      ')',
      ',',
      '?',
      ':',
      '!',
      ' ',
      'x',
      'value',
      'min',
      'e',
      'pi',
      '1',
      '.',
      '2e3',
      '\u0000',
      'é',
    );
    const text = fc.oneof(
      fc.array(pieces, { maxLength: 60 }).map((some) => some.join('')),
      fc.string({ unit: 'binary' }),
    );
    fc.assert(
      fc.property(text, fc.double(), (some, x) => {
        if (faultOf(some) === 'none') expect(typeof compileExpression(some)(x)).toBe('number');
      }),
    );
  });
});
