import { z } from 'zod';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { Value } from '../../core/signal/value.ts';
import { CURVES } from '../../core/transforms/curve.ts';
import { type TransformConfig, transformOf } from '../../core/transforms/transform-config.ts';
import { encodeValue } from '../../core/wire/index.ts';

const range = z.tuple([z.number(), z.number()]);
/** Anything that can be sent: lists and maps too. */
const anyValue = z.unknown().superRefine((value, context) => {
  try {
    encodeValue(value as Value);
  } catch (cause) {
    const { reason } = ClaspError.from(cause, ErrorCode.BadValue);
    context.addIssue({ code: 'custom', message: reason, input: value });
  }
}) as z.ZodType<unknown> as z.ZodType<Value>;
const of = <T extends string, S extends z.core.$ZodLooseShape>(type: T, shape: S) =>
  z.strictObject({ type: z.literal(type), ...shape });

const kinds = z.discriminatedUnion('type', [
  of('scale', {
    from: range.describe('what comes in; [0, 1] if absent').optional(),
    to: range.describe('what goes out; [0, 1] if absent').optional(),
    clamp: z.boolean().describe('whether what comes in from outside is cut to the range; false if absent').optional(),
  }),
  of('clamp', {
    min: z.number().describe('0 if absent').optional(),
    max: z.number().describe('1 if absent').optional(),
  }),
  of('invert', { range: range.describe('whose ends change places; [0, 1] if absent').optional() }),
  of('negate', {}),
  of('modulo', { divisor: z.number().describe('above 0') }),
  of('power', { exponent: z.number().describe('the exponent') }),
  of('deadzone', {
    threshold: z.number().describe('how near to the centre counts as the centre'),
    center: z.number().describe('0 if absent').optional(),
  }),
  of('threshold', {
    at: z.number().describe('from here on it is high; 0.5 if absent').optional(),
    above: anyValue.describe('what stands for high; 1 if absent').optional(),
    below: anyValue.describe('what stands for low; 0 if absent').optional(),
  }),
  of('gate', {
    min: z.number().describe('nothing below passes; none is too low if absent').optional(),
    max: z.number().describe('nothing above passes; none is too high if absent').optional(),
  }),
  of('toggle', {
    at: z.number().describe('from here on it is pressed; 0.5 if absent').optional(),
    on: anyValue.describe('1 if absent').optional(),
    off: anyValue.describe('0 if absent').optional(),
  }),
  of('trigger', {
    at: z.number().describe('fires when the number rises to this; 0.5 if absent').optional(),
    value: anyValue.describe('what goes out; 1 if absent').optional(),
  }),
  of('smooth', { factor: z.number().describe('above 0, up to 1, which smooths nothing; 0.2 if absent').optional() }),
  of('quantize', {
    steps: z.number().describe('how many parts the range has'),
    range: range.describe('[0, 1] if absent').optional(),
  }),
  of('round', {
    decimals: z.number().describe('digits after the point, 0 to 15; 0 if absent').optional(),
    mode: z.enum(['nearest', 'floor', 'ceil']).describe('nearest if absent').optional(),
  }),
  of('curve', {
    curve: z.enum(CURVES).describe('how it bends'),
    range: range.describe('numbers outside are cut to it; [0, 1] if absent').optional(),
  }),
  of('expression', { expression: z.string().describe('arithmetic over value, as value * 2 - 1') }),
]);

/** One entry of a route's `transform`. What its type makes no sense of is said in the type's own words. */
export const transformSchema: z.ZodType<TransformConfig> = kinds.superRefine((config, context) => {
  try {
    transformOf(config);
  } catch (cause) {
    const { reason, value } = ClaspError.from(cause, ErrorCode.BadValue);
    context.addIssue({ code: 'custom', message: reason, input: value });
  }
});
