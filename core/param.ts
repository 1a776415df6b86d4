import type { ParamLease } from './param-lease.ts';
import type { ParamPlace } from './param-places.ts';
import type { Value } from './value.ts';
import { readValue } from './wire/value.ts';

/** Wire codes up to this one are kept decoded, because that is smaller; bytes, arrays and maps stay wire bytes. */
const LARGEST_DECODED_CODE = 0x08;

/** `code` of a param that was deleted: it keeps its revision, so that revisions never go back. */
const DELETED = -1;

/** The state of one address: its value, revision and lock. One object per address that was ever written. */
export class StoredParam {
  /** Wire code of the value, -1 when deleted. */
  code: number = DELETED;
  /** The value (codes 00–08), or the body of the value as wire bytes (09–0B). */
  content: Value = null;
  /** 0 before the first accepted write. */
  revision = 0;
  /** Session id of the last writer. */
  writer = '';
  /** Time of the last write, microseconds since the Unix epoch. */
  at = 0;
  /** Session id of the lock's holder. */
  holder: string | undefined = undefined;
  /** How long it lives; absent while it never had a TTL. */
  lease: ParamLease | undefined = undefined;
  /** Where it stands when there is a limit; absent while it does not exist. */
  place: ParamPlace | undefined = undefined;

  get exists(): boolean {
    return this.code !== DELETED;
  }

  /** The value, decoded; null when deleted. */
  get value(): Value {
    return this.body ? readValue(this.body, 0, this.code) : this.content;
  }

  /** The same state in another object, which later writes leave as it is. */
  copy(): StoredParam {
    return Object.assign(new StoredParam(), this);
  }

  /** The wire bytes of the value where it is kept as such. */
  get body(): Uint8Array | undefined {
    return this.code > LARGEST_DECODED_CODE ? (this.content as Uint8Array) : undefined;
  }
}

/** Where the value of a write comes from: usually a decoded frame. */
export interface WrittenValue {
  readonly bytes: Uint8Array;
  readonly valueCode: number;
  readonly valueStart: number;
  readonly valueEnd: number;
  readonly value: Value;
}

/**
 * Puts a written value into a param under the next revision. Null deletes. Value bytes are copied, never kept: a
 * frame may be a slice of a large receive buffer.
 */
export function write(param: StoredParam, written: WrittenValue, revision: number, writer: string, at: number): void {
  const { valueCode: code } = written;
  param.revision = revision;
  param.writer = writer;
  param.at = at;
  if (code <= 0) {
    param.code = DELETED;
    param.content = null;
  } else {
    param.code = code;
    param.content =
      code <= LARGEST_DECODED_CODE
        ? written.value
        : new Uint8Array(written.bytes.subarray(written.valueStart, written.valueEnd)); // a Buffer's slice is no copy
  }
}

/** What somebody wants to do to a param. */
export interface WriteRequest {
  /** Session id. */
  readonly by: string;
  /** May override locks. */
  readonly admin: boolean;
  readonly lock: boolean;
  readonly unlock: boolean;
  /** The revision the writer expects, when it cares. */
  readonly expected: number | undefined;
}

/** `locked`: somebody else holds it. `not-holder`: only the holder may unlock. `stale`: not at the expected revision. */
export type WriteVerdict = 'accept' | 'locked' | 'not-holder' | 'stale';

/** Decides whether a write may happen, in the order of checks of the protocol: lock, then revision. */
export function judgeWrite(param: StoredParam | undefined, request: WriteRequest): WriteVerdict {
  const holder = param?.holder;
  if (request.unlock) {
    if (holder !== request.by && !(request.admin && holder !== undefined)) return 'not-holder';
  } else if (holder !== undefined && holder !== request.by) {
    return 'locked';
  }
  const { expected } = request;
  if (expected !== undefined) {
    const current = param?.revision ?? 0;
    const absent = param === undefined || !param.exists;
    if (expected !== current && !(absent && expected === 0)) return 'stale';
  }
  return 'accept';
}
