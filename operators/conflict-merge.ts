import type { MonoTypeOperatorFunction } from 'rxjs';
import { ClaspError, ErrorCode } from '../core/errors.ts';
import { judgeWrite, type StoredParam } from '../core/param.ts';
import type { ParamStore } from '../core/param-store.ts';
import { ALL_SCOPES } from '../core/scope.ts';
import { SetFlag } from '../core/wire/index.ts';
import type { Entry, Envelope } from './envelope.ts';
import type { Session } from './session-state.ts';
import { stage } from './stage.ts';

/** A SET up to this size still fits into a frame as an entry of a SNAPSHOT, with writer and time. */
const MAX_SET_BYTES = 65_535 - 64;

/**
 * Decides who wins: an accepted SET is stored under its next revision and passes on with it, any other is refused
 * (402 too large for a snapshot, 401 held by somebody else, 400 not at the expected revision). Locks end with the session that holds them.
 * Everything else passes at once, in order.
 */
export function conflictMerge(store: ParamStore): MonoTypeOperatorFunction<Envelope> {
  return stage((out) => {
    const locks = new Map<Session, Set<Entry>>();
    const holders = new Map<string, Session>();

    const lock = (session: Session, entry: Entry) => {
      store.hold(entry, session.id);
      holders.set(session.id, session);
      const held = locks.get(session);
      if (held) held.add(entry);
      else locks.set(session, new Set([entry]));
    };

    const unlock = (entry: Entry) => {
      const holder = entry.state?.holder;
      const session = holder === undefined ? undefined : holders.get(holder);
      store.hold(entry, undefined);
      if (!session) return;
      const held = locks.get(session);
      held?.delete(entry);
      if (held?.size === 0) forget(session);
    };

    const forget = (session: Session) => {
      locks.delete(session);
      holders.delete(session.id);
    };

    const refusal = (verdict: string, { address }: Entry, param: StoredParam | undefined, expected: unknown) => {
      const holder = param?.holder;
      const name = holder === undefined ? 'nobody' : `${holders.get(holder)?.name || 'session'} (${holder})`;
      if (verdict === 'stale') {
        const reason = `${address} is at revision ${param?.revision ?? 0}, not ${expected}`;
        return new ClaspError(ErrorCode.Conflict, reason, { address, value: expected });
      }
      const reason =
        verdict === 'locked'
          ? `${address} is locked by ${name}`
          : `only its holder can unlock ${address}, held by ${name}`;
      return new ClaspError(ErrorCode.LockHeld, reason, { address });
    };

    const merge = (envelope: Envelope, entry: Entry) => {
      const { session, frame, at } = envelope;
      if (!frame) return;
      if (frame.valueEnd - frame.start > MAX_SET_BYTES) {
        const reason = `the value of ${entry.address} is too large, at most ${MAX_SET_BYTES} bytes with its address`;
        envelope.refuse(new ClaspError(ErrorCode.BadValue, reason, { address: entry.address }));
        return;
      }
      const wantsLock = (frame.flags & SetFlag.Lock) !== 0;
      const wantsUnlock = (frame.flags & SetFlag.Unlock) !== 0;
      const param = entry.state;
      // The common write: nobody holds it, nobody asks.
      if (wantsLock || wantsUnlock || frame.revision !== undefined || param?.holder !== undefined) {
        const verdict = judgeWrite(param, {
          by: session.id,
          // In open mode everybody is admin, which must not make locks worthless.
          admin: session.scopes !== ALL_SCOPES && session.scopes.allows('admin', entry.address),
          lock: wantsLock,
          unlock: wantsUnlock,
          expected: frame.revision,
        });
        if (verdict !== 'accept') {
          envelope.refuse(refusal(verdict, entry, param, frame.revision));
          return;
        }
      }
      envelope.revision = store.write(entry, frame, session.id, at);
      if (wantsUnlock) unlock(entry);
      else if (wantsLock) lock(session, entry);
    };

    return {
      next(envelope) {
        if (envelope.kind === 'SET' && envelope.entry) merge(envelope, envelope.entry);
        else if (envelope.kind === 'closed') {
          for (const entry of locks.get(envelope.session) ?? []) store.hold(entry, undefined);
          forget(envelope.session);
        }
        out.next(envelope);
      },
    };
  });
}
