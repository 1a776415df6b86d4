import type { SchedulerLike } from 'rxjs';
import type { Connection } from '../../core/connection.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { judgeLife, nextJudgement, type SessionLife } from '../../core/session-life.ts';
import { Deadlines } from '../client/deadlines.ts';
import type { CompiledGrant } from './authenticate.ts';
import type { OutboxChange } from './outbox.ts';
import type { Session } from './session-state.ts';

export interface SessionWatchOptions {
  readonly scheduler: SchedulerLike;
  readonly now: () => number;
  readonly trusted: (connection: Connection) => CompiledGrant | undefined;
  readonly sessionTimeout: number;
  readonly handshakeTimeout: number;
  readonly maxLag: number;
}

/** Ends a session for a reason; `told` says it to the peer in an ERROR first. */
export type CloseSession = (session: Session, reason: ClaspError, told: boolean) => void;

const MILLISECOND = 1000;

/** Watches over the lives of all sessions with one timer: no HELLO or answer to it, silence, lag, the end of a grant. */
export class SessionWatch {
  readonly #options: SessionWatchOptions;
  readonly #close: CloseSession;
  readonly #deadlines: Deadlines<Session>;

  constructor(options: SessionWatchOptions, close: CloseSession) {
    this.#options = options;
    this.#close = close;
    this.#deadlines = new Deadlines(options.scheduler, options.now, (session) => this.#due(session));
  }

  /** Decides anew when to look at a session again. */
  look(session: Session): void {
    const { handshakeTimeout } = this.#options;
    const next =
      session.phase === 'open' ? nextJudgement(this.#life(session)) : session.since + handshakeTimeout * MILLISECOND;
    this.#deadlines.set(session, next);
  }

  /** Takes note of how a session's receiver does. */
  lag(session: Session, change: OutboxChange): void {
    if (session.phase === 'closed') return;
    if (change === 'overflowed') {
      this.#close(session, slowConsumer(), true);
      return;
    }
    session.laggingSince = change === 'lagging' ? this.#options.now() : undefined;
    if (session.phase === 'open') this.look(session);
  }

  stop(session: Session): void {
    this.#deadlines.delete(session);
  }

  dispose(): void {
    this.#deadlines.dispose();
  }

  #life({ activeAt, grant, connection, laggingSince, pinged }: Session): SessionLife {
    const { sessionTimeout, maxLag, trusted } = this.#options;
    const mayBeSilent = sessionTimeout === 0 || trusted(connection) !== undefined;
    return {
      activeAt,
      maxIdle: mayBeSilent ? Number.POSITIVE_INFINITY : sessionTimeout * MILLISECOND,
      canPing: connection.ping !== undefined && !pinged,
      laggingSince,
      maxLag: maxLag * MILLISECOND,
      expiresAt: grant?.expiresAt === undefined ? undefined : grant.expiresAt * MILLISECOND,
    };
  }

  #due(session: Session): void {
    if (session.phase !== 'open') {
      this.#close(session, unfinished(session), true);
      return;
    }
    switch (judgeLife(this.#life(session), this.#options.now())) {
      case 'expired':
        this.#close(session, new ClaspError(ErrorCode.TokenExpired, 'token expired'), true);
        return;
      case 'lagging':
        this.#close(session, slowConsumer(), true);
        return;
      case 'idle':
        this.#close(session, new ClaspError(ErrorCode.Timeout, 'idle'), false);
        return;
      case 'ping':
        session.pinged = true;
        session.connection.ping?.(() => {
          session.activeAt = this.#options.now();
          session.pinged = false;
        });
        break;
      case 'fine':
    }
    this.look(session);
  }
}

/** Why a session that is not open yet may wait no longer: for its HELLO, or for whoever checks its token. */
function unfinished({ phase }: Session): ClaspError {
  if (phase === 'greeting') return new ClaspError(ErrorCode.BadMessage, 'no HELLO arrived in time');
  return new ClaspError(ErrorCode.Timeout, 'the authentication took too long');
}

function slowConsumer(): ClaspError {
  return new ClaspError(ErrorCode.Overloaded, 'slow consumer');
}
