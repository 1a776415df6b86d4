import { ClaspError, ErrorCode } from '../../errors.ts';
import { parseJson, stringifyJson } from '../../signal/json.ts';
import type { Signal, SignalKind } from '../../signal/signal.ts';
import type { Value } from '../../signal/value.ts';
import type { Ttl } from '../../wire/message.ts';

/** The HTTP status for each code of the protocol; a code that is not here is a 500. */
const STATUS: Readonly<Record<number, number>> = {
  [ErrorCode.BadFrame]: 400,
  [ErrorCode.BadMessage]: 400,
  [ErrorCode.BadAddress]: 400,
  [ErrorCode.NotFound]: 404,
  [ErrorCode.BadPattern]: 400,
  [ErrorCode.NotAuthenticated]: 401,
  [ErrorCode.Forbidden]: 403,
  [ErrorCode.TokenExpired]: 401,
  [ErrorCode.Conflict]: 409,
  [ErrorCode.LockHeld]: 423,
  [ErrorCode.BadValue]: 402,
  [ErrorCode.Refused]: 403,
  [ErrorCode.TooMany]: 429,
  [ErrorCode.NotEnabled]: 501,
  [ErrorCode.Timeout]: 504,
  [ErrorCode.Overloaded]: 503,
};

/** The HTTP status that says the same as a code of the protocol. */
export function httpStatus(code: number): number {
  return STATUS[code] ?? 500;
}

/** What `PUT /v1/state/{address}` and JSON `set` messages may say beside the value. */
export interface JsonWrite {
  readonly value: Value;
  readonly lock?: boolean;
  readonly unlock?: boolean;
  readonly revision?: number;
  readonly ttl?: number | Ttl;
}

type JsonMap = { readonly [key: string]: Value };

/** Reads a JSON object; throws a `ClaspError` 101 when `text` is anything else, no JSON at all, or holds what no value can (the place is named). */
export function parseJsonMap(text: string): JsonMap {
  let value: Value;
  try {
    value = parseJson(text, 1);
  } catch (cause) {
    const { reason, cause: syntax } = ClaspError.from(cause, ErrorCode.BadMessage);
    throw new ClaspError(ErrorCode.BadMessage, syntax === undefined ? reason : `not JSON: ${reason}`, { cause });
  }
  if (!isMap(value)) throw new ClaspError(ErrorCode.BadMessage, 'a JSON object is wanted', { value });
  return value;
}

/** What an object says about a write; throws a `ClaspError` 101 that names the key that cannot be. */
export function jsonWrite(map: JsonMap): JsonWrite {
  if (!('value' in map)) throw new ClaspError(ErrorCode.BadMessage, '"value" is missing; null deletes');
  const lock = flag(map, 'lock');
  const unlock = flag(map, 'unlock');
  const revision = whole(map, 'revision');
  const ttl = ttlOf(map['ttl']);
  return {
    value: map['value'] ?? null,
    ...(lock !== undefined && { lock }),
    ...(unlock !== undefined && { unlock }),
    ...(revision !== undefined && { revision }),
    ...(ttl !== undefined && { ttl }),
  };
}

/** A whole number of 0 or more under `key`; undefined when it is absent. Throws a `ClaspError` 101 for anything else. */
function whole(map: JsonMap, key: string): number | undefined {
  const value = map[key];
  if (value === undefined || value === null) return undefined;
  const number = typeof value === 'bigint' ? Number(value) : value;
  if (typeof number === 'number' && Number.isSafeInteger(number) && number >= 0) return number;
  throw wrong(key, 'a whole number of 0 or more', value);
}

/** Kinds of signal by name, one text with commas or a list; undefined when absent. Throws a `ClaspError` 101 for a kind there is not. */
export function kindsOf(value: Value | undefined): readonly SignalKind[] | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  const names = typeof value === 'string' ? value.split(',').map((name) => name.trim()) : value;
  if (!Array.isArray(names)) throw wrong('types', 'a list of kinds', value);
  for (const name of names)
    if (typeof name !== 'string' || !KINDS.includes(name)) throw wrong('types', `some of ${KINDS.join(', ')}`, name);
  return names as readonly SignalKind[];
}

/**
 * What JSON clients get to see of a signal: its address and value, and what its kind adds. `now`, in microseconds since
 * the Unix epoch, is the timestamp of a signal that carries none.
 */
export function signalJson(signal: Signal, now?: number): JsonMap {
  const { address, at = now } = signal;
  const time = at === undefined ? {} : { timestamp: isoTime(at) };
  switch (signal.kind) {
    case 'param':
      return { address, value: signal.value, revision: BigInt(signal.revision ?? 0), ...time };
    case 'event':
      return { address, value: signal.value, ...time };
    case 'stream': {
      const samples = signal.samples ? { samples: [...signal.samples] } : {};
      return { address, value: signal.value, ...samples, ...(signal.rate ? { rate: signal.rate } : {}), ...time };
    }
    case 'gesture':
      return { address, value: signal.value, id: BigInt(signal.id), phase: signal.phase, ...time };
    case 'timeline': {
      const keyframes = signal.keyframes.map((keyframe) => ({
        ...keyframe,
        ...(keyframe.bezier && { bezier: [...keyframe.bezier] }),
      }));
      return { address, keyframes: keyframes as unknown as Value, loop: signal.loop ?? false, ...time };
    }
  }
}

/** An error as JSON clients get it. `about` is the address that was asked for, for an error that names none. */
export function errorJson({ code, reason, address }: ClaspError, about?: string): JsonMap {
  const named = address ?? about;
  return { code: BigInt(code), message: reason, ...(named !== undefined && { address: named }) };
}

/** Microseconds since the Unix epoch as ISO 8601, to the millisecond. */
function isoTime(microseconds: number): string {
  const milliseconds = Math.floor(microseconds / 1000);
  // biome-ignore lint/style/noRestrictedGlobals: writes a time that is given, reads no clock
  return Math.abs(milliseconds) <= 8.64e15 ? new Date(milliseconds).toISOString() : String(microseconds);
}

/** One server-sent event; without `id` its reader still resumes after the last one that had one. */
export function serverSentEvent(id: string | undefined, type: string, data: Value): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${type}\ndata: ${stringifyJson(data)}\n\n`;
}

const KINDS: readonly string[] = ['param', 'event', 'stream', 'gesture', 'timeline'] satisfies SignalKind[];

function isMap(value: Value | undefined): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

function flag(map: JsonMap, key: string): boolean | undefined {
  const value = map[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'boolean') return value;
  throw wrong(key, 'true or false', value);
}

function ttlOf(value: Value | undefined): number | Ttl | undefined {
  if (value === undefined || value === null) return undefined;
  if (isMap(value)) {
    const seconds = whole(value, 'seconds');
    const mode = value['mode'] ?? 'sliding';
    if (seconds === undefined || (mode !== 'sliding' && mode !== 'absolute')) {
      throw wrong('ttl', 'seconds, or { seconds, mode: "sliding" or "absolute" }', value);
    }
    return { seconds, mode };
  }
  return whole({ ttl: value }, 'ttl');
}

/** The `ClaspError` 101 for a value under `key` that cannot be. */
export function wrong(key: string, wanted: string, value: Value): ClaspError {
  return new ClaspError(ErrorCode.BadMessage, `"${key}" must be ${wanted}, not ${stringifyJson(value)}`, { value });
}
