import { ClaspError, ErrorCode } from './errors.ts';

/** The close codes of RFC 6455 that stand for an error of ours, for the side that may send them: a server. */
const SERVER_CODES: ReadonlyMap<number, number> = new Map([
  [ErrorCode.BadFrame, 1002],
  [ErrorCode.BadMessage, 1002],
  [ErrorCode.UnsupportedVersion, 1002],
  [ErrorCode.NotAuthenticated, 1008],
  [ErrorCode.Forbidden, 1008],
  [ErrorCode.TokenExpired, 1008],
  [ErrorCode.Internal, 1011],
  [ErrorCode.Overloaded, 1013],
]);

/** What a close code other than 1000, 1001 and 4000 + code means here, and what to say when no reason came with it. */
const MEANINGS: ReadonlyMap<number, readonly [code: ErrorCode, reason: string]> = new Map([
  [1002, [ErrorCode.BadFrame, 'protocol error']],
  [1003, [ErrorCode.BadFrame, 'kind of data not accepted']],
  [1006, [ErrorCode.Timeout, 'connection lost']],
  [1007, [ErrorCode.BadFrame, 'data malformed']],
  [1008, [ErrorCode.NotAuthenticated, 'refused by the peer']],
  [1009, [ErrorCode.BadFrame, 'frame too large for the peer']],
  [1011, [ErrorCode.Internal, 'the peer failed']],
  [1012, [ErrorCode.Overloaded, 'the peer restarts']],
  [1013, [ErrorCode.Overloaded, 'the peer is overloaded']],
]);

/** A close frame carries at most this many bytes of reason. */
const MAX_REASON = 123;

/**
 * The close code a server sends for an error: 1002 for 100–102, 1008 for 300–302, 1011 for 500, 1013 for 503, and
 * 4000 + code for all others, since no code of RFC 6455 says what they say.
 */
export function serverCloseCode({ code }: ClaspError): number {
  return SERVER_CODES.get(code) ?? clientCloseCode(code);
}

/** The close code a client sends for an error, 4000 + code: browsers throw on all but 1000 and 3000–4999. */
export function clientCloseCode(code: ErrorCode): number {
  return 4000 + (Number.isInteger(code) && code > 0 && code < 1000 ? code : ErrorCode.Internal);
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
  const [meaning, text] = MEANINGS.get(code) ?? [ErrorCode.Internal, `closed with ${code}`];
  return new ClaspError(meaning, reason || text);
}
