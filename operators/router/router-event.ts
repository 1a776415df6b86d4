import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { Envelope } from './envelope.ts';

/** A session, for logs. */
export interface SessionInfo {
  readonly id: string;
  /** As the client calls itself. */
  readonly name: string;
  /** Where it is. */
  readonly peer: string;
}

/** What happens in a relay, beside the signals themselves. */
export type RouterEvent =
  | { readonly type: 'session-opened'; readonly session: SessionInfo }
  | { readonly type: 'session-closed'; readonly session: SessionInfo; readonly reason: ClaspError | undefined }
  | { readonly type: 'refused'; readonly session: SessionInfo; readonly error: ClaspError };

/** What the end of the trunk lets through, in the words of {@link RouterEvent}. */
export function toRouterEvent({ kind, session, error }: Envelope): RouterEvent {
  const info = { id: session.id, name: session.name, peer: session.peer };
  if (kind === 'opened') return { type: 'session-opened', session: info };
  if (kind === 'closed') return { type: 'session-closed', session: info, reason: error };
  return { type: 'refused', session: info, error: error ?? new ClaspError(ErrorCode.Internal, 'refused') };
}
