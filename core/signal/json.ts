import { ClaspError, ErrorCode } from '../errors.ts';
import { MAX_DEPTH } from '../wire/codes.ts';
import type { Value } from './value.ts';

const MAX_I64 = 2n ** 63n - 1n;
const MIN_I64 = -(2n ** 63n);
const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/**
 * Reads JSON as a {@link Value}: a number without fraction or exponent becomes a `bigint` (an integer on the wire,
 * where it fits 64 bits), every other number a `number`; `{ "$bytes": base64 }` becomes bytes; `__proto__` is an
 * ordinary key and the last of equal keys wins.
 *
 * Throws a `ClaspError` 402 when `text` is not JSON, is nested deeper than the wire allows (32 levels), or holds `$bytes` that are not base64.
 *
 * @param around levels of what the text wraps values in, `{ "value": … }`, which do not travel: so many more are allowed
 *
 * @example
 * ```ts
 * parseJson('[1, 0.5, {"$bytes": "AQI="}]'); // [1n, 0.5, Uint8Array [1, 2]]
 * ```
 */
export function parseJson(text: string, around = 0): Value {
  try {
    JSON.parse(text);
  } catch (cause) {
    throw new ClaspError(ErrorCode.BadValue, cause instanceof Error ? cause.message : 'not JSON', {
      value: text,
      cause,
    });
  }
  return new Reader(text, MAX_DEPTH + around).value(1);
}

/**
 * Writes a {@link Value} as JSON on one line. {@link parseJson} reads it back, a `number` without fraction as an integer.
 * Bytes become `{ "$bytes": base64 }`. JSON has no NaN and no infinity: they become `null`.
 *
 * @example
 * ```ts
 * stringifyJson({ id: 9007199254740993n, data: new Uint8Array([1, 2]) }); // {"id":9007199254740993,"data":{"$bytes":"AQI="}}
 * ```
 */
export function stringifyJson(value: Value): string {
  return writeJson(value, String);
}

/** As {@link stringifyJson}, with finite numbers as `writeNumber` writes them. */
export function writeJson(value: Value, writeNumber: (value: number) => string): string {
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number' && Number.isFinite(value)) return value === 0 ? '0' : writeNumber(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (value instanceof Uint8Array) return `{"$bytes":"${toBase64(value)}"}`;
  if (isList(value)) return `[${value.map((item) => writeJson(item, writeNumber)).join(',')}]`;
  return `{${Object.entries(value)
    .map(([key, item]) => `${JSON.stringify(key)}:${writeJson(item, writeNumber)}`)
    .join(',')}}`;
}

/** Walks text that `JSON.parse` has accepted already, because only the text still tells `1` from `1.0`. */
class Reader {
  readonly #text: string;
  readonly #most: number;
  #at = 0;

  constructor(text: string, most: number) {
    this.#text = text;
    this.#most = most;
  }

  value(depth: number): Value {
    const start = this.#peek();
    switch (start) {
      case '{': {
        // Bytes are written as a map, and are no level.
        if (depth > this.#most + 1) throw this.#tooDeep();
        const map = this.#map(depth);
        if (depth > this.#most && !(map instanceof Uint8Array)) throw this.#tooDeep();
        return map;
      }
      case '[':
        if (depth > this.#most) throw this.#tooDeep();
        return this.#list(depth);
      case '"':
        return this.#string();
      default:
        return this.#literal();
    }
  }

  #tooDeep(): ClaspError {
    return new ClaspError(ErrorCode.BadValue, `JSON is nested deeper than ${this.#most} levels`);
  }

  #peek(): string {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at++;
    return this.#text[this.#at] ?? '';
  }

  /** Steps over the separator; true at the end of the list or map. */
  #closes(bracket: string): boolean {
    const next = this.#peek();
    if (next === ',' || next === ':' || next === bracket) this.#at++;
    return next === bracket;
  }

  #list(depth: number): Value {
    this.#at++;
    const items: Value[] = [];
    while (!this.#closes(']')) items.push(this.value(depth + 1));
    return items;
  }

  #map(depth: number): Value {
    this.#at++;
    const map: Record<string, Value> = {};
    while (!this.#closes('}')) {
      this.#peek();
      const key = this.#string();
      this.#closes(':');
      const value = this.value(depth + 1);
      // Assigning `__proto__` would set the prototype.
      Object.defineProperty(map, key, { value, enumerable: true, writable: true, configurable: true });
    }
    const keys = Object.keys(map);
    const bytes = map['$bytes'];
    return keys.length === 1 && typeof bytes === 'string' ? fromBase64(bytes) : map;
  }

  #string(): string {
    const start = this.#at++;
    while (this.#text[this.#at] !== '"') this.#at += this.#text[this.#at] === '\\' ? 2 : 1;
    this.#at++;
    return JSON.parse(this.#text.slice(start, this.#at)) as string;
  }

  #literal(): Value {
    const start = this.#at;
    while (/[-+.\w]/.test(this.#text[this.#at] ?? '')) this.#at++;
    const literal = this.#text.slice(start, this.#at);
    if (!/^-?\d+$/.test(literal)) return JSON.parse(literal) as Value;
    // More digits than 64 bits can hold need not be turned into an integer first.
    const integer = literal.length > 20 ? MAX_I64 + 1n : BigInt(literal);
    return integer >= MIN_I64 && integer <= MAX_I64 ? integer : Number(literal);
  }
}

function isList(value: readonly Value[] | { readonly [key: string]: Value }): value is readonly Value[] {
  return Array.isArray(value);
}

function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const bits = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    text += BASE64.charAt(bits >> 18) + BASE64.charAt((bits >> 12) & 63);
    text += i + 1 < bytes.length ? BASE64.charAt((bits >> 6) & 63) : '=';
    text += i + 2 < bytes.length ? BASE64.charAt(bits & 63) : '=';
  }
  return text;
}

function fromBase64(text: string): Uint8Array {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) {
    throw new ClaspError(ErrorCode.BadValue, '$bytes is not base64', { value: text });
  }
  const digits = text.replace(/=+$/, '');
  const bytes = new Uint8Array(Math.floor((digits.length * 3) / 4));
  let bits = 0;
  for (let i = 0, at = 0; i < digits.length; i++) {
    bits = (bits << 6) | BASE64.indexOf(digits.charAt(i));
    if (i % 4 !== 0) bytes[at++] = (bits >> (6 - 2 * (i % 4))) & 255;
  }
  return bytes;
}
