import { Subscriber } from 'rxjs';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { Session } from './session-state.ts';

/** Whoever deals with what comes from a session's connection. None of it may throw. */
export interface Receiving {
  receive(session: Session, bytes: Uint8Array): void;
  /** The connection has ended, cleanly where there is no reason. */
  ended(session: Session, reason: ClaspError | undefined): void;
}

/**
 * Subscribes to a session's connection. Three functions would do the same; RxJS puts two objects and two calls more between
 * those and the connection, for each session and each frame.
 */
export class Incoming extends Subscriber<Uint8Array> {
  readonly #session: Session;
  readonly #receiving: Receiving;

  constructor(session: Session, receiving: Receiving) {
    super();
    this.#session = session;
    this.#receiving = receiving;
  }

  protected override _next(bytes: Uint8Array): void {
    this.#receiving.receive(this.#session, bytes);
  }

  protected override _error(cause: unknown): void {
    this.unsubscribe();
    this.#receiving.ended(this.#session, ClaspError.from(cause, ErrorCode.Internal));
  }

  protected override _complete(): void {
    this.unsubscribe();
    this.#receiving.ended(this.#session, undefined);
  }
}
