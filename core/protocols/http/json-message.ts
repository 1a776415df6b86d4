import { ClaspError, ErrorCode } from '../../errors.ts';
import type { SignalKind } from '../../signal/signal.ts';
import type { Value } from '../../signal/value.ts';
import type { Ttl } from '../../wire/message.ts';
import { jsonWrite, kindsOf, parseJsonMap, wrong } from './http.ts';

/** What a JSON client may ask for. `id`, where given, comes back in the answer. */
export type JsonRequest = { readonly id: Value | undefined } & (
  | {
      readonly type: 'set';
      readonly address: string;
      readonly value: Value;
      readonly options: {
        readonly lock?: boolean;
        readonly unlock?: boolean;
        readonly revision?: number;
        readonly ttl?: number | Ttl;
      };
    }
  | { readonly type: 'get'; readonly address: string }
  | { readonly type: 'emit' | 'stream'; readonly address: string; readonly value: Value }
  | {
      readonly type: 'subscribe';
      readonly pattern: string;
      readonly types: readonly SignalKind[] | undefined;
      readonly maxRate: number | undefined;
      readonly epsilon: number | undefined;
    }
  | { readonly type: 'unsubscribe'; readonly pattern: string }
  | { readonly type: 'snapshot'; readonly prefix: string }
);

type JsonMap = ReturnType<typeof parseJsonMap>;

/**
 * Reads a message of a JSON client. Throws a `ClaspError` 101 that names what is missing or wrong; its `value` is the
 * object where there is one, or what can be read of it, so that the answer can carry the `id`.
 */
export function parseJsonRequest(text: string): JsonRequest {
  let map: JsonMap | undefined;
  try {
    map = parseJsonMap(text);
    return requestOf(map);
  } catch (cause) {
    const { code, reason } = ClaspError.from(cause, ErrorCode.BadMessage);
    throw new ClaspError(code, reason, { value: map ?? headOf(text), cause });
  }
}

/** Type and id of a message that is JSON but holds what no value can: bytes that are not base64, too many levels. */
function headOf(text: string): JsonMap {
  try {
    const { type, id } = JSON.parse(text);
    return Object.fromEntries(Object.entries({ type, id }).filter(([, part]) => PLAIN.includes(typeof part)));
  } catch {
    return {}; // not even JSON
  }
}

const PLAIN = ['string', 'number'];

function requestOf(map: JsonMap): JsonRequest {
  const id = map['id'];
  const type = map['type'];
  switch (type) {
    case 'set': {
      const { value, ...options } = jsonWrite(map);
      return { id, type, address: text(map, 'address'), value, options };
    }
    case 'get':
      return { id, type, address: text(map, 'address') };
    case 'emit':
    case 'stream':
      return { id, type, address: text(map, 'address'), value: map['value'] ?? null };
    case 'subscribe': {
      const [maxRate, epsilon] = [positive(map, 'maxRate', MAX_RATE), positive(map, 'epsilon')];
      return { id, type, pattern: text(map, 'pattern'), types: kindsOf(map['types']), maxRate, epsilon };
    }
    case 'unsubscribe':
      return { id, type, pattern: text(map, 'pattern') };
    case 'snapshot':
      return { id, type, prefix: map['prefix'] === undefined ? '' : text(map, 'prefix') };
    default:
      throw new ClaspError(ErrorCode.BadMessage, `"type" must be one of ${TYPES.join(', ')}, not ${String(type)}`);
  }
}

/** What SUBSCRIBE can carry: a u32, in values a second. */
const MAX_RATE = 2 ** 32 - 1;
const TYPES = ['set', 'get', 'emit', 'stream', 'subscribe', 'unsubscribe', 'snapshot'];

function text(map: JsonMap, key: string): string {
  const value = map[key];
  if (typeof value === 'string') return value;
  throw new ClaspError(ErrorCode.BadMessage, `"${key}" must be a text${value === undefined ? '; it is missing' : ''}`);
}

function positive(map: JsonMap, key: string, most = Number.MAX_VALUE): number | undefined {
  const value = map[key];
  if (value === undefined || value === null) return undefined;
  const number = typeof value === 'bigint' ? Number(value) : value;
  if (typeof number === 'number' && number >= 0 && number <= most) return number;
  throw wrong(key, `a number of 0 ${most < Number.MAX_VALUE ? `to ${most}` : 'or more'}`, value);
}
