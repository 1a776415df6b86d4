import { memoryPair } from '../../core/memory-pair.ts';
import { ALL_SCOPES } from '../../core/scope.ts';
import { Session } from './session-state.ts';

/** The relay itself, as the author of what nobody sent. It hears nothing, and its writes have an empty writer. */
export function relaySession(since: number): Session {
  const [silent] = memoryPair();
  const limits = { hardBytes: 0, softBytes: 0 };
  const session = new Session('', silent, { scopes: ALL_SCOPES, expiresAt: undefined }, since, limits, () => undefined);
  session.name = 'relay';
  session.phase = 'open';
  return session;
}
