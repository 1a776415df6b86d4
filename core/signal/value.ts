/**
 * What a signal can carry; an `interface` of your own is one too.
 *
 * A `number` travels as f64, a `bigint` as i64. An integer from the wire is a `number` up to 2^53 and a `bigint`
 * beyond. A map is a plain object in which every key, `__proto__` included, is an ordinary own property.
 */
export type Value = null | boolean | number | bigint | string | Uint8Array | readonly Value[] | ValueMap;

/**
 * A value as it comes, when you do not say which type you expect: as `Value`, but what is in a map is a value again, and
 * not `any`, and `Array.isArray` tells arrays from maps, which it does not for readonly ones. Others may hold the same
 * value: do not change it.
 */
export type PlainValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PlainValue[]
  | { readonly [key: string]: PlainValue };

/**
 * A map of values. Its items are `any`, because TypeScript takes an interface for a type with an index signature only
 * where that is of `any`; what is read has the type `PlainValue` instead, or the one that the reader names. The symbols
 * keep out what is an object and no map: functions, promises, dates, `Map`, `Set`, regular expressions.
 */
export interface ValueMap {
  // biome-ignore lint/suspicious/noExplicitAny: nothing else admits interfaces
  readonly [key: string]: any;
  readonly [Symbol.hasInstance]?: never;
  readonly [Symbol.iterator]?: never;
  readonly [Symbol.match]?: never;
  readonly [Symbol.toPrimitive]?: never;
  readonly [Symbol.toStringTag]?: never;
}

/**
 * Whether two values are the same to a receiver: compared by content, and a `bigint` equals the `number` that the
 * same integer arrives as. NaN equals NaN, and 0 equals -0.
 */
export function sameValue(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (typeof a === 'number') return typeof b === 'bigint' ? Number(b) === a : Object.is(a, b);
  if (typeof a === 'bigint') return typeof b === 'number' && Number(a) === b;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (a instanceof Uint8Array) return b instanceof Uint8Array && sameBytes(a, b);
  if (isArray(a)) return isArray(b) && a.length === b.length && a.every((item, i) => sameValue(item, b[i] as Value));
  if (isArray(b) || b instanceof Uint8Array) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && sameValue(a[key] as Value, b[key] as Value))
  );
}

// `Array.isArray` alone does not narrow a readonly array.
const isArray = (value: unknown): value is readonly Value[] => Array.isArray(value);

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** About what keeping a value costs. */
export function valueBytes(value: Value): number {
  if (typeof value === 'string') return 48 + 2 * value.length;
  if (typeof value !== 'object' || value === null) return 48;
  if (value instanceof Uint8Array) return 200 + value.length;
  let size = 64;
  for (const key in value) size += 16 + 2 * key.length + valueBytes((value as Record<string, Value>)[key] as Value);
  return size;
}
