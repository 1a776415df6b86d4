/** The protocol's error codes. The number is what travels in an ERROR message. */
export const ErrorCode = {
  BadFrame: 100,
  BadMessage: 101,
  UnsupportedVersion: 102,
  BadAddress: 200,
  NotFound: 201,
  BadPattern: 202,
  NotAuthenticated: 300,
  Forbidden: 301,
  TokenExpired: 302,
  Conflict: 400,
  LockHeld: 401,
  BadValue: 402,
  Refused: 403,
  TooMany: 429,
  Internal: 500,
  NotEnabled: 501,
  Timeout: 502,
  Overloaded: 503,
} as const;

/** One of {@link ErrorCode}; foreign servers may send others, so any number is accepted. */
export type ErrorCode = number;

export interface ClaspErrorOptions {
  /** The address (or pattern) the failure is about. */
  readonly address?: string | undefined;
  /** The offending value, when there is one. */
  readonly value?: unknown;
  /** What went wrong underneath. */
  readonly cause?: unknown;
}

/** Every error this package throws, emits or puts on the wire. Tell them apart by `code`, not by class or message. */
export class ClaspError extends Error {
  override readonly name = 'ClaspError';
  readonly code: ErrorCode;
  /** What was wrong, without the code: the text of an ERROR message and of a close reason. */
  readonly reason: string;
  /** The address (or pattern) the failure is about, when there is one. */
  readonly address: string | undefined;
  /** The offending value, when there is one. */
  readonly value: unknown;

  constructor(code: ErrorCode, reason: string, options: ClaspErrorOptions = {}) {
    super(`[${code}] ${reason}`, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.reason = reason;
    this.address = options.address;
    this.value = options.value;
  }

  /** Returns `cause` if it is a `ClaspError` already, otherwise wraps it as the cause of one. */
  static from(cause: unknown, code: ErrorCode, options: ClaspErrorOptions = {}): ClaspError {
    if (cause instanceof ClaspError) return cause;
    return new ClaspError(code, cause instanceof Error ? cause.message : String(cause), { ...options, cause });
  }
}
