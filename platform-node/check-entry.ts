import type { ZodType } from 'zod';
import { ClaspError, ErrorCode } from '../core/errors.ts';

/** The entry of a bridge as its schema reads it. Throws a `ClaspError` 402 that names the first key that is wrong. */
export function checkEntry<T>(schema: ZodType<T>, entry: unknown, name: string): T {
  const { success, data, error } = schema.safeParse(entry);
  if (success) return data;
  const [issue] = error.issues;
  const key = issue && issue.path.length > 0 ? `${issue.path.join('.')}: ` : '';
  throw new ClaspError(ErrorCode.BadValue, `bridge ${name}: ${key}${issue?.message}`, { value: entry });
}
