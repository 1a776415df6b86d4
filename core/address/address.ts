import { ClaspError, ErrorCode } from '../errors.ts';

/** The longest address or pattern, in bytes of UTF-8. */
export const MAX_ADDRESS_BYTES = 1024;
/** The most segments an address or pattern can have; `/a/b` has two. */
export const MAX_ADDRESS_SEGMENTS = 64;

const SLASH = 0x2f;
const STAR = 0x2a;
/** Enough to recognise the value in a log, and a message stays small enough for a close reason. */
const QUOTED = 48;
/** What an over-long address is cut to where a failure carries it: it must fit a frame again. */
const CARRIED = 256;

/**
 * Why `address` is not an address, as a `ClaspError` with code 200 that says which rule it breaks; undefined when it
 * is one.
 *
 * An address is case-sensitive, starts with `/`, has no empty segment (so `/` alone, `/a/` and `/a//b` are none) and
 * no `*`, and has at most 1024 bytes of UTF-8 and 64 segments. An unpaired surrogate has no UTF-8 and is refused.
 *
 * @example
 * ```ts
 * checkAddress('/mixer/1'); // undefined
 * checkAddress('mixer/1')?.reason; // 'address must start with "/": "mixer/1"'
 * ```
 */
export function checkAddress(address: string): ClaspError | undefined {
  const fault = findFault(address, false);
  return fault === undefined ? undefined : failure(ErrorCode.BadAddress, 'address', fault, address);
}

/** Whether `address` satisfies every rule of {@link checkAddress}. */
export function isAddress(address: string): boolean {
  return findFault(address, false) === undefined;
}

/**
 * Why `pattern` is not a pattern, as a `ClaspError` with code 202; undefined when it is one. The rules are those of
 * {@link checkAddress}, except that `*` is allowed anywhere.
 */
export function checkPattern(pattern: string): ClaspError | undefined {
  const fault = findFault(pattern, true);
  return fault === undefined ? undefined : failure(ErrorCode.BadPattern, 'pattern', fault, pattern);
}

/** The first rule that `text` breaks, in words that follow "address" or "pattern". One pass, no allocation. */
function findFault(text: string, wildcards: boolean): string | undefined {
  if (typeof text !== 'string') return 'must be a string';
  if (text.length === 0) return 'is empty';
  if (text.charCodeAt(0) !== SLASH) return 'must start with "/"';
  // UTF-8 is never shorter than UTF-16 in code units, so this refuses a huge text without reading it.
  if (text.length > MAX_ADDRESS_BYTES) return `is longer than ${MAX_ADDRESS_BYTES} bytes`;

  let bytes = text.length;
  let segments = 0;
  let previous = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === SLASH) {
      if (previous === SLASH) return 'has an empty segment';
      segments++;
    } else if (code === STAR) {
      if (!wildcards) return 'must not contain "*"';
    } else if (code >= 0x80) {
      if (code >= 0xd800 && code <= 0xdfff) {
        const low = text.charCodeAt(at + 1);
        if (code >= 0xdc00 || !(low >= 0xdc00 && low <= 0xdfff)) return 'has an unpaired surrogate';
        at++;
        bytes += 2;
      } else {
        bytes += code < 0x800 ? 1 : 2;
      }
    }
    previous = code;
  }
  if (previous === SLASH) return 'has an empty segment';
  if (bytes > MAX_ADDRESS_BYTES) return `is longer than ${MAX_ADDRESS_BYTES} bytes`;
  if (segments > MAX_ADDRESS_SEGMENTS) return `has more than ${MAX_ADDRESS_SEGMENTS} segments`;
  return undefined;
}

function failure(code: ErrorCode, noun: string, fault: string, text: string): ClaspError {
  const shown = String(text);
  return new ClaspError(code, `${noun} ${fault}: ${JSON.stringify(clip(shown, QUOTED))}`, {
    address: clip(shown, CARRIED),
    value: text,
  });
}

/** The beginning of `text`, at most so many UTF-16 units and the sign that it was cut, never half a character. */
export function clip(text: string, units: number): string {
  if (text.length <= units) return text;
  const last = text.charCodeAt(units - 1);
  return `${text.slice(0, last >= 0xd800 && last <= 0xdbff ? units - 1 : units)}…`;
}
