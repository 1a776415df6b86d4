import { checkAddress, MAX_ADDRESS_BYTES } from './address.ts';
import { ClaspError, ErrorCode } from './errors.ts';

/**
 * Copies `bytes[start..end)` to `words`, four bytes a word and the last one filled with zeros, and returns its
 * MurmurHash3 cut to 30 bits: a small integer on every engine.
 */
export function hashInto(words: Int32Array, bytes: Uint8Array, start: number, end: number): number {
  let hash = 0;
  let at = start;
  let place = 0;
  for (const whole = end - 3; at < whole; at += 4) {
    const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
    const word = low | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24);
    words[place++] = word;
    hash = mix(hash, word);
  }
  let tail = 0;
  for (let shift = 0; at < end; at++, shift += 8) tail |= (bytes[at] as number) << shift;
  words[place] = tail;
  hash = mix(hash, tail) ^ (end - start);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) & 0x3fffffff;
}

function mix(hash: number, word: number): number {
  let part = Math.imul(word, 0xcc9e2d51);
  part = Math.imul((part << 15) | (part >>> 17), 0x1b873593);
  const mixed = hash ^ part;
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}

/** Whether `bytes[start..end)` is the UTF-8 of `text`, which has no unpaired surrogate. Makes no string. */
export function isUtf8Of(text: string, bytes: Uint8Array, start: number, end: number): boolean {
  const length = text.length;
  if (length > end - start) return false;
  let at = start;
  for (let index = 0; index < length; index++) {
    const code = text.charCodeAt(index);
    if (code < 0x80) {
      if (bytes[at++] !== code) return false;
    } else if (code < 0x800) {
      if (bytes[at++] !== (0xc0 | (code >> 6)) || bytes[at++] !== (0x80 | (code & 0x3f))) return false;
    } else if (code >= 0xd800 && code <= 0xdbff) {
      const point = 0x10000 + ((code & 0x3ff) << 10) + (text.charCodeAt(++index) & 0x3ff);
      if (bytes[at++] !== (0xf0 | (point >> 18)) || bytes[at++] !== (0x80 | ((point >> 12) & 0x3f))) return false;
      if (bytes[at++] !== (0x80 | ((point >> 6) & 0x3f)) || bytes[at++] !== (0x80 | (point & 0x3f))) return false;
    } else {
      if (bytes[at++] !== (0xe0 | (code >> 12)) || bytes[at++] !== (0x80 | ((code >> 6) & 0x3f))) return false;
      if (bytes[at++] !== (0x80 | (code & 0x3f))) return false;
    }
  }
  return at === end;
}

/** The failure for bytes that cannot be an address, with what can be shown of them. */
export function refuse(bytes: Uint8Array, start: number, end: number): ClaspError {
  const lenient = new TextDecoder('utf-8', { ignoreBOM: true });
  const shown = lenient.decode(bytes.subarray(start, Math.min(end, start + MAX_ADDRESS_BYTES + 1)));
  const fault = checkAddress(shown);
  if (fault !== undefined) return fault;
  const reason = `address is not valid UTF-8: ${JSON.stringify(shown.slice(0, 48))}`;
  return new ClaspError(ErrorCode.BadAddress, reason, { address: shown });
}
