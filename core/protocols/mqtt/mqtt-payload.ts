import { parseJson, stringifyJson } from '../../signal/json.ts';
import type { Value } from '../../signal/value.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** As people and devices write numbers; a leading zero is rather that of a code or a telephone number. */
const NUMBER = /^[+-]?(?:0|[1-9]\d*)(?:\.\d*)?(?:[eE][+-]?\d+)?$/;
const SHORT_FRACTION = /^[+-]?\.\d+(?:[eE][+-]?\d+)?$/;
const INTEGER = /^[+-]?\d+$/;
/** No number that anybody writes is longer; what is longer stays text. */
const MAX_NUMBER = 64;
const MAX_I64 = 2n ** 63n - 1n;
const MIN_I64 = -(2n ** 63n);

/**
 * What an MQTT payload says: a JSON object, array, `true`, `false` or `null`; else a number; else text; else, when it is
 * not UTF-8, bytes. Total. Integers of 64 bits are `bigint`, so that they travel as integers. A copy: the payload may be
 * used again.
 *
 * @example
 * ```ts
 * fromMqttPayload(new TextEncoder().encode('21.5')); // 21.5
 * ```
 */
export function fromMqttPayload(payload: Uint8Array): Value {
  let text: string;
  try {
    text = utf8.decode(payload);
  } catch {
    return Uint8Array.from(payload);
  }
  const trimmed = text.trim();
  switch (trimmed) {
    case 'true':
      return true;
    case 'false':
      return false;
    case 'null':
      return null;
  }
  const first = trimmed.charCodeAt(0);
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return fromJson(trimmed) ?? text;
  return fromNumber(trimmed) ?? text;
}

/**
 * What a retained payload says as the value of a param: null, which deletes, for an empty one only. Any other is a value,
 * the word `null` too, which stays text: as null it would delete.
 *
 * @example
 * ```ts
 * fromRetainedPayload(new TextEncoder().encode('null')); // 'null'
 * ```
 */
export function fromRetainedPayload(payload: Uint8Array): Value {
  return payload.length === 0 ? null : (fromMqttPayload(payload) ?? utf8.decode(payload));
}

/**
 * The payload of a value: text and bytes as they are, everything else as JSON; bytes within a list or a map as
 * `{ "$bytes": base64 }`, NaN and the infinities as `{ "$number": "NaN" }` there and as the words by themselves. `null` is the word too: that an empty retained payload
 * deletes is for the caller to say.
 */
export function toMqttPayload(value: Value): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value === 'string') return encoder.encode(value);
  if (typeof value === 'number') return encoder.encode(String(value));
  return encoder.encode(stringifyJson(value));
}

const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;

function fromJson(text: string): Value | undefined {
  try {
    return parseJson(text);
  } catch {
    return undefined; // text that only begins like JSON
  }
}

function fromNumber(text: string): Value | undefined {
  if (text.length > MAX_NUMBER || !(NUMBER.test(text) || SHORT_FRACTION.test(text))) return undefined;
  if (INTEGER.test(text)) {
    const integer = BigInt(text.startsWith('+') ? text.slice(1) : text);
    if (integer >= MIN_I64 && integer <= MAX_I64) return integer;
  }
  const number = Number(text);
  return Number.isFinite(number) ? number : undefined;
}
