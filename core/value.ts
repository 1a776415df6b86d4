/**
 * What a signal can carry.
 *
 * A `number` travels as f64, a `bigint` as i64. An integer from the wire is a `number` up to 2^53 and a `bigint`
 * beyond. A map is a plain object in which every key, `__proto__` included, is an ordinary own property.
 */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly Value[]
  | { readonly [key: string]: Value };
