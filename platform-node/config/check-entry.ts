import type { ZodType } from 'zod';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { mistakesOf, plainMessages } from './config-mistakes.ts';

/** The entry of a bridge as its schema reads it. Throws a `ClaspError` 402 that names the first key that is wrong. */
export function checkEntry<T>(schema: ZodType<T>, entry: unknown, name: string): T {
  const { success, data, error } = schema.safeParse(entry, plainMessages);
  if (success) return data;
  const [mistake] = mistakesOf(error.issues, []);
  const key = mistake && mistake.path.length > 0 && !mistake.atKey ? `${mistake.path.join('.')} ` : '';
  const reason = `bridge ${name}: ${key}${mistake?.reason ?? 'its entry makes no sense'}`;
  throw new ClaspError(ErrorCode.BadValue, reason, { value: mistake?.value });
}
