import { z } from 'zod';
import type { BundlePart } from '../../core/client.ts';
import { ClaspError } from '../../core/errors.ts';
import { parseJson } from '../../core/json.ts';
import type { Value } from '../../core/value.ts';
import { addressField } from '../config/config-fields.ts';
import { inOurWords, mistakesOf } from '../config/config-mistakes.ts';
import { UsageError } from './command.ts';

/** Integers are read as bigints. */
const read = <T>(schema: z.ZodType<T>) =>
  z.preprocess((given) => (typeof given === 'bigint' ? Number(given) : given), schema);
const number = read(z.number());
const whole = read(z.int().min(0));
const value = z.custom<Value>((given) => given !== undefined, { error: 'is missing' });

const setOptions = z.strictObject({
  lock: z.boolean().exactOptional(),
  unlock: z.boolean().exactOptional(),
  revision: whole.exactOptional(),
  ttl: z.union([whole, z.strictObject({ seconds: whole, mode: z.enum(['sliding', 'absolute']) })]).exactOptional(),
});
const keyframe = z.strictObject({
  time: number,
  value,
  easing: z.enum(['linear', 'ease-in', 'ease-out', 'ease-in-out', 'step', 'cubic-bezier']).exactOptional(),
  bezier: z.tuple([number, number, number, number]).exactOptional(),
});
const timelineOptions = z.strictObject({ loop: z.boolean().exactOptional(), startTime: number.exactOptional() });

/** The kinds of part, with their arguments as in {@link BundlePart}. */
const KINDS: Readonly<Record<string, z.ZodType<readonly unknown[]>>> = {
  set: z.tuple([addressField, value, setOptions.optional()]),
  emit: z.tuple([addressField, value.optional()]),
  stream: z.tuple([addressField, value]),
  gesture: z.tuple([addressField, whole, z.enum(['start', 'move', 'end', 'cancel']), value.optional()]),
  timeline: z.tuple([addressField, z.array(keyframe), timelineOptions.optional()]),
};

/** Levels around a keyframe's value: the list, the part, its arguments, the keyframes, the keyframe. */
const AROUND = 5;

/**
 * Reads a JSON list of the parts of a bundle, `[{ "set": ["/a", 1] }, { "emit": ["/go"] }]`. Throws a
 * {@link UsageError} that names the part and what is wrong with it.
 */
export function parseParts(text: string): readonly BundlePart[] {
  let list: unknown;
  try {
    list = parseJson(text, AROUND);
  } catch (cause) {
    if (cause instanceof ClaspError) throw new UsageError(`the parts are not JSON: ${cause.reason}`);
    throw cause;
  }
  if (!Array.isArray(list)) throw new UsageError('the parts are a list: [{ "set": ["/a", 1] }, { "emit": ["/go"] }]');
  return (list as readonly Value[]).map((part, index) => parsePart(part, index + 1));
}

function parsePart(part: Value, place: number): BundlePart {
  const entries = typeof part === 'object' && part !== null ? Object.entries(part) : [];
  const [kind = '', given] = entries[0] ?? [];
  const schema = entries.length === 1 && Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
  if (!schema) {
    throw new UsageError(`part ${place} has one of ${Object.keys(KINDS).join(', ')}, and nothing else`);
  }
  const { data, error } = schema.safeParse(given, inOurWords);
  if (data) return { [kind]: data } as unknown as BundlePart;
  const [mistake] = mistakesOf(error.issues, []);
  const where = [kind, ...(mistake?.path ?? [])].join('.');
  throw new UsageError(`part ${place}: ${where}: ${mistake?.reason ?? 'is wrong'}`);
}
