import { ClaspError, ErrorCode } from '../core/errors.ts';
import { judgeWrite, type StoredParam } from '../core/param.ts';
import type { ParamStore, SavedState } from '../core/param-store.ts';
import { ALL_SCOPES } from '../core/scope.ts';
import { SetFlag } from '../core/wire/index.ts';
import type { Entry, Envelope } from './envelope.ts';
import type { Session } from './session-state.ts';

/** A SET up to this size still fits into a frame as an entry of a SNAPSHOT, with writer and time. */
const MAX_SET_BYTES = 65_535 - 64;

/** What {@link ParamWriter.save} remembers of an address. */
export interface SavedParam extends SavedState {
  /** The session that held the lock. */
  readonly holder: Session | undefined;
}

/** Writes params: decides on one SET at a time, and acts on what was decided. Belongs to one run of a router. */
export class ParamWriter {
  readonly #store: ParamStore;
  readonly #locks = new Map<Session, Set<Entry>>();
  readonly #holders = new Map<string, Session>();

  constructor(store: ParamStore) {
    this.#store = store;
  }

  /**
   * Stores the value of a SET under its next revision, which the envelope gets. Otherwise refuses the envelope, changes
   * nothing and gives false: 402 too large for a snapshot, 401 held by somebody else, 400 not at the expected revision.
   */
  apply(envelope: Envelope, entry: Entry): boolean {
    const { session, frame, at } = envelope;
    if (!frame) return false;
    if (frame.valueEnd - frame.start > MAX_SET_BYTES) {
      const reason = `the value of ${entry.address} is too large, at most ${MAX_SET_BYTES} bytes with its address`;
      envelope.refuse(new ClaspError(ErrorCode.BadValue, reason, { address: entry.address }));
      return false;
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
        envelope.refuse(this.#refusal(verdict, entry, param, frame.revision));
        return false;
      }
    }
    envelope.revision = this.#store.write(entry, frame, session.id, at);
    if (wantsUnlock) this.#unlock(entry);
    else if (wantsLock) this.#lock(session, entry);
    return true;
  }

  /** What there is at an address now, for {@link restore}. */
  save(entry: Entry): SavedParam {
    const holder = entry.state?.holder;
    const { state, buried } = this.#store.save(entry);
    return { state, buried, holder: holder === undefined ? undefined : this.#holders.get(holder) };
  }

  /** Undoes every write and lock of an address since it was saved; of several addresses the last saved first. */
  restore(entry: Entry, saved: SavedParam): void {
    this.#unlock(entry);
    this.#store.restore(entry, saved);
    if (saved.holder) this.#lock(saved.holder, entry);
  }

  /** Releases every lock of a session that has ended. */
  release(session: Session): void {
    for (const entry of this.#locks.get(session) ?? []) this.#store.hold(entry, undefined);
    this.#forget(session);
  }

  #lock(session: Session, entry: Entry): void {
    // A timeline may write for a session that has ended, whose lock nobody could ever release.
    if (session.phase === 'closed') return;
    this.#store.hold(entry, session.id);
    this.#holders.set(session.id, session);
    const held = this.#locks.get(session);
    if (held) held.add(entry);
    else this.#locks.set(session, new Set([entry]));
  }

  #unlock(entry: Entry): void {
    const holder = entry.state?.holder;
    if (holder === undefined) return;
    this.#store.hold(entry, undefined);
    const session = this.#holders.get(holder);
    if (!session) return;
    const held = this.#locks.get(session);
    held?.delete(entry);
    if (held?.size === 0) this.#forget(session);
  }

  #forget(session: Session): void {
    this.#locks.delete(session);
    this.#holders.delete(session.id);
  }

  #refusal(verdict: string, { address }: Entry, param: StoredParam | undefined, expected: unknown): ClaspError {
    const holder = param?.holder;
    const name = holder === undefined ? 'nobody' : `${this.#holders.get(holder)?.name || 'session'} (${holder})`;
    if (verdict === 'stale') {
      const reason = `${address} is at revision ${param?.revision ?? 0}, not ${expected}`;
      return new ClaspError(ErrorCode.Conflict, reason, { address, value: expected });
    }
    const reason =
      verdict === 'locked'
        ? `${address} is locked by ${name}`
        : `only its holder can unlock ${address}, held by ${name}`;
    return new ClaspError(ErrorCode.LockHeld, reason, { address });
  }
}
