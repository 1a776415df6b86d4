import { ClaspError, type ErrorCode } from './errors.ts';

/**
 * What a close code other than 1000, 1001 and 4000 + code means here, and what to say when no reason came with it. The
 * codes of errors are written out: an object of constants would travel whole to a page.
 */
const MEANINGS: { readonly [closeCode: number]: readonly [code: ErrorCode, reason?: string] } = {
  1002: [100],
  1003: [100],
  1006: [502, 'connection lost'],
  1007: [100],
  1008: [300, 'refused by the peer'],
  1009: [100, 'frame too large for the peer'],
  1012: [503, 'the peer restarts'],
  1013: [503, 'the peer is overloaded'],
};

/** A close frame carries at most this many bytes of reason. */
const MAX_REASON = 123;

/**
 * The close code a server sends for an error: 1002 for 100–102, 1008 for 300–302, 1011 for 500, 1013 for 503, and
 * 4000 + code for all others, since no code of RFC 6455 says what they say.
 */
export function serverCloseCode({ code }: ClaspError): number {
  if (code >= 100 && code <= 102) return 1002;
  if (code >= 300 && code <= 302) return 1008;
  if (code === 500) return 1011;
  return code === 503 ? 1013 : clientCloseCode(code);
}

/** The close code a client sends for an error, 4000 + code: browsers throw on all but 1000 and 3000–4999. */
export function clientCloseCode(code: ErrorCode): number {
  return 4000 + (Number.isInteger(code) && code > 0 && code < 1000 ? code : 500);
}

/** The reason as a close frame can carry it: cut to 123 bytes of UTF-8, between two characters. */
export function closeReason({ reason }: ClaspError): string {
  const { read } = new TextEncoder().encodeInto(reason, new Uint8Array(MAX_REASON));
  return reason.slice(0, read);
}

/**
 * What a received close means: undefined for a clean one (1000, 1001, or none given), otherwise the error, with the
 * peer's reason where it gave one. A lost connection (1006) is 502, 1008 is 300, 4000 + code is that code.
 */
export function closeError(code: number, reason: string): ClaspError | undefined {
  if (code === 1000 || code === 1001 || code === 1005) return undefined;
  if (code > 4000 && code < 5000) return new ClaspError(code - 4000, reason || 'closed by the peer');
  const [meaning, text = `closed with ${code}`] = MEANINGS[code] ?? [500];
  return new ClaspError(meaning, reason || text);
}
