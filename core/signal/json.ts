import { ClaspError, ErrorCode } from '../errors.ts';
import { MAX_DEPTH } from '../wire/codes.ts';
import type { Value } from './value.ts';

const MAX_I64 = 2n ** 63n - 1n;
const MIN_I64 = -(2n ** 63n);
const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** The numbers that JSON does not have. */
const NUMBERS: ReadonlySet<string> = new Set(['NaN', 'Infinity', '-Infinity']);
/** With the flag u, whole pairs are one character and do not match. */
const LONE_SURROGATE = /\p{Surrogate}/u;
/** Characters of a place that is named. */
const MAX_PLACE = 200;

/**
 * Reads JSON as a {@link Value}: a number without fraction or exponent becomes a `bigint` (an integer on the wire),
 * every other number a `number`; `{ "$bytes": base64 }` becomes bytes, `{ "$number": "NaN" }` (or `"Infinity"`,
 * `"-Infinity"`) that number; `__proto__` is an ordinary key and the last of equal keys wins.
 *
 * Throws a `ClaspError` 402 when `text` is not JSON, and one that names the place (`value.levels[2]`) when it holds what
 * no value can: an integer of more than 64 bits, a number too large for a float, half a surrogate pair, more than 32
 * levels, `$bytes` that are not base64, `$number` that is none of the three.
 *
 * @param around levels of what the text wraps values in, `{ "value": … }`, which do not travel: so many more are allowed
 * @param rounds an integer of more than 64 bits becomes the nearest number, as foreign programs read their own JSON
 *
 * @example
 * ```ts
 * parseJson('[1, 0.5, {"$bytes": "AQI="}]'); // [1n, 0.5, Uint8Array [1, 2]]
 * ```
 */
export function parseJson(text: string, around = 0, rounds = false): Value {
  try {
    JSON.parse(text);
  } catch (cause) {
    throw new ClaspError(ErrorCode.BadValue, cause instanceof Error ? cause.message : 'not JSON', {
      value: text,
      cause,
    });
  }
  return new Reader(text, MAX_DEPTH + around, rounds).value(1);
}

/**
 * Writes a {@link Value} as JSON on one line. {@link parseJson} reads it back, a `number` without fraction as an integer.
 * Bytes become `{ "$bytes": base64 }`. JSON has no NaN and no infinity: they become `{ "$number": "NaN" }`, since a null
 * would say that the value was deleted.
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
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) return `{"$number":"${value}"}`;
    return value === 0 ? '0' : writeNumber(value);
  }
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
  readonly #rounds: boolean;
  /** Keys and places of what is read just now, from the outside in. */
  readonly #path: (string | number)[] = [];
  #at = 0;

  constructor(text: string, most: number, rounds: boolean) {
    this.#text = text;
    this.#most = most;
    this.#rounds = rounds;
  }

  value(depth: number): Value {
    const start = this.#peek();
    switch (start) {
      case '{': {
        // Bytes and numbers are written as a map too, and are no level.
        if (depth > this.#most + 1) throw this.#tooDeep();
        const map = this.#map(depth);
        if (depth > this.#most && typeof map === 'object' && !(map instanceof Uint8Array)) throw this.#tooDeep();
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

  /** What no value can hold, and where it stands. */
  #refused(reason: string, value: Value): ClaspError {
    const place = this.#path.map((step, index) => {
      if (typeof step === 'number') return `[${step}]`;
      if (!/^[\w$-]+$/.test(step)) return `[${JSON.stringify(step)}]`;
      return index === 0 ? step : `.${step}`;
    });
    const where = place.length === 0 ? '' : `${place.join('').slice(0, MAX_PLACE)}: `;
    return new ClaspError(ErrorCode.BadValue, where + reason, { value });
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
    while (!this.#closes(']')) {
      this.#path.push(items.length);
      items.push(this.value(depth + 1));
      this.#path.pop();
    }
    return items;
  }

  #map(depth: number): Value {
    this.#at++;
    const map: Record<string, Value> = {};
    while (!this.#closes('}')) {
      this.#peek();
      const key = this.#string();
      this.#closes(':');
      this.#path.push(key);
      const value = this.value(depth + 1);
      this.#path.pop();
      // Assigning `__proto__` would set the prototype.
      Object.defineProperty(map, key, { value, enumerable: true, writable: true, configurable: true });
    }
    if (Object.keys(map).length !== 1) return map;
    const { $bytes: bytes, $number: number } = map;
    if (typeof bytes === 'string') {
      const read = fromBase64(bytes);
      if (read === undefined) throw this.#refused('$bytes is not base64', bytes);
      return read;
    }
    if (typeof number !== 'string') return map;
    if (!NUMBERS.has(number)) {
      throw this.#refused(`$number is one of ${[...NUMBERS].join(', ')}, not ${JSON.stringify(number)}`, number);
    }
    return Number(number);
  }

  #string(): string {
    const start = this.#at++;
    while (this.#text[this.#at] !== '"') this.#at += this.#text[this.#at] === '\\' ? 2 : 1;
    this.#at++;
    const string = JSON.parse(this.#text.slice(start, this.#at)) as string;
    // It would travel as U+FFFD, and two keys could become one.
    const half = LONE_SURROGATE.exec(string)?.[0];
    if (half === undefined) return string;
    const written = `\\u${half.charCodeAt(0).toString(16)}`;
    throw this.#refused(`${written} is half of a surrogate pair, no character of a text`, string);
  }

  #literal(): Value {
    const start = this.#at;
    while (/[-+.\w]/.test(this.#text[this.#at] ?? '')) this.#at++;
    const literal = this.#text.slice(start, this.#at);
    if (!/^-?\d+$/.test(literal)) {
      const value = JSON.parse(literal) as Value;
      if (typeof value !== 'number' || Number.isFinite(value)) return value;
      throw this.#refused(`${shortened(literal)} is too large for a number`, literal);
    }
    // More digits than 64 bits can hold need not be turned into an integer first.
    const integer = literal.length > 20 ? MAX_I64 + 1n : BigInt(literal);
    if (integer >= MIN_I64 && integer <= MAX_I64) return integer;
    const nearest = Number(literal);
    if (this.#rounds && Number.isFinite(nearest)) return nearest;
    throw this.#refused(`${shortened(literal)} is an integer of more than 64 bits`, literal);
  }
}

function shortened(literal: string): string {
  return literal.length > 40 ? `${literal.slice(0, 40)}… (${literal.length} digits)` : literal;
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

/** The bytes; undefined for what is not base64. */
function fromBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  const digits = text.replace(/=+$/, '');
  const bytes = new Uint8Array(Math.floor((digits.length * 3) / 4));
  let bits = 0;
  for (let i = 0, at = 0; i < digits.length; i++) {
    bits = (bits << 6) | BASE64.indexOf(digits.charAt(i));
    if (i % 4 !== 0) bytes[at++] = (bits >> (6 - 2 * (i % 4))) & 255;
  }
  return bytes;
}
