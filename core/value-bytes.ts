import type { Value } from './value.ts';

/** About what keeping a value costs. */
export function valueBytes(value: Value): number {
  if (typeof value === 'string') return 48 + 2 * value.length;
  if (typeof value !== 'object' || value === null) return 48;
  if (value instanceof Uint8Array) return 200 + value.length;
  let size = 64;
  for (const key in value) size += 16 + 2 * key.length + valueBytes((value as Record<string, Value>)[key] as Value);
  return size;
}
