import { ALL_SCOPES } from '../../core/address/scope.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { judgeWrite, type ParamLease, type StoredParam } from '../../core/param/param.ts';
import { type CompiledParamRule, mergeMaps, type ParamRules } from '../../core/param/param-rules.ts';
import type { ParamStore, SavedState } from '../../core/param/param-store.ts';
import type { Value } from '../../core/signal/value.ts';
import { monotonicScheduler } from '../../core/time/monotonic-scheduler.ts';
import { ttlOf } from '../../core/wire/frame.ts';
import { decodeInProcessFrame, encodeInProcess, MAX_SET_BYTES } from '../../core/wire/in-process.ts';
import {
  decodeFrame,
  encodeSet,
  type Frame,
  mergeIntoSet,
  replaceInSet,
  SetFlag,
  ValueCode,
} from '../../core/wire/index.ts';
import { type StageOperator, stage } from '../stage.ts';
import { TimerHeap } from '../timer-heap.ts';
import { type Entry, Envelope } from './envelope.ts';
import { relaySession, type Session } from './session-state.ts';
import type { TimeOptions } from './time-options.ts';

export interface ParamExpiryOptions extends TimeOptions {
  /** Whether something (a timeline) goes on at an address, so that a sliding TTL does not end. @defaultValue never */
  readonly inUse?: ((entry: Entry) => boolean) | undefined;
}

/** How many params may expire before others get a turn: a few milliseconds of work. */
const AT_ONCE = 500;

/**
 * Takes params away: when their TTL ends, within a millisecond or as soon as all that end with it are gone, and when
 * there are more than the store's limit. Costs nothing while no param has a TTL and there is no limit. One per store.
 */
class ParamExpiry {
  readonly #store: ParamStore;
  readonly #out: (removal: Envelope) => void;
  readonly #now: () => number;
  readonly #inUse: (entry: Entry) => boolean;
  readonly #relay: Session;
  readonly #alarms: TimerHeap<ParamLease>;

  /** @param out gets each removal: a SET of null that has been stored, under its revision */
  constructor(store: ParamStore, out: (removal: Envelope) => void, options: ParamExpiryOptions = {}) {
    const { scheduler = monotonicScheduler, now = () => scheduler.now() * 1000, inUse = () => false } = options;
    this.#store = store;
    this.#out = out;
    this.#now = now;
    this.#inUse = inUse;
    this.#relay = relaySession(now());
    this.#alarms = new TimerHeap(scheduler, now, (lease) => this.#lapse(lease), AT_ONCE);
    store.leased = (lease) => {
      if (lease.duration > 0) this.#alarms.set(lease, lease.end);
      else this.#alarms.delete(lease);
    };
  }

  /** Deletes what is more than the store's limit. */
  evict(at: number): void {
    for (let entry = this.#store.surplus; entry !== undefined; entry = this.#store.surplus) this.#remove(entry, at);
  }

  /** Nothing expires any more. */
  dispose(): void {
    this.#alarms.dispose();
  }

  #lapse(lease: ParamLease): void {
    const at = this.#now();
    if (lease.sliding && this.#inUse(lease.entry)) lease.renew(at);
    if (lease.end > at) this.#alarms.set(lease, lease.end);
    else this.#remove(lease.entry, at);
  }

  #remove(entry: Entry, at: number): void {
    const frame = decodeFrame(encodeSet(entry.address, null));
    const removal = new Envelope('SET', this.#relay, frame, entry, at);
    removal.revision = this.#store.write(entry, frame, this.#relay.id, at);
    this.#out(removal);
  }
}

/** Bytes that all values together may take that no frame of CLASP holds. */
const MAX_ALL_LARGE = 64 * 1024 * 1024;

/** What {@link ParamWriter.save} remembers of an address. */
export interface SavedParam extends SavedState {
  /** The session that held the lock. */
  readonly holder: Session | undefined;
}

/** Writes params: decides on one SET at a time, and acts on what was decided. Belongs to one run of a router. */
export class ParamWriter {
  readonly store: ParamStore;
  readonly #rules: ParamRules | undefined;
  readonly #locks = new Map<Session, Set<Entry>>();
  readonly #holders = new Map<string, Session>();

  /** @param rules of the params; without any every write is the last that wins */
  constructor(store: ParamStore, rules?: ParamRules) {
    this.store = store;
    this.#rules = rules && rules.size > 0 ? rules : undefined;
  }

  /** What is wrong with a SET whatever there is at its address, if anything: 402 too large or out of range. */
  fault(frame: Frame, entry: Entry): ClaspError | undefined {
    if (isTooLarge(frame)) return tooLarge(entry);
    const rule = this.#rules?.of(entry);
    return rule?.bounded && !rule.admits(frame.value) ? outOfRange(entry, rule, frame.value) : undefined;
  }

  /** Whether {@link apply} cannot fail, whatever is applied before it, unless that asks for a lock. */
  isCertain({ frame }: Envelope, { state }: Entry): boolean {
    return (
      frame !== undefined &&
      this.#rules === undefined &&
      this.store.maxParams === Number.POSITIVE_INFINITY &&
      (frame.flags & (SetFlag.Lock | SetFlag.Unlock)) === 0 &&
      frame.revision === undefined &&
      state?.holder === undefined &&
      !isTooLarge(frame)
    );
  }

  /**
   * Stores the value of a SET under its next revision, which the envelope gets; where values are merged its frame is
   * replaced by one with what was stored. Otherwise refuses the envelope, changes nothing and gives false: 402 too
   * large for a snapshot or out of range, 401 held by somebody else, 400 not at the expected revision or loses by the
   * param's strategy, 503 no room.
   */
  apply(envelope: Envelope, entry: Entry): boolean {
    const { session, frame, at } = envelope;
    if (!frame) return false;
    const rule = this.#rules === undefined ? undefined : this.#rules.of(entry);
    if (isTooLarge(frame)) return refuse(envelope, tooLarge(entry));
    if (rule?.bounded && !rule.admits(frame.value)) return refuse(envelope, outOfRange(entry, rule, frame.value));

    const wantsUnlock = (frame.flags & SetFlag.Unlock) !== 0;
    const param = entry.state;
    let wantsLock = (frame.flags & SetFlag.Lock) !== 0;
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
      if (verdict !== 'accept') return refuse(envelope, this.#refusal(verdict, entry, param, frame.revision));
    }

    if (rule !== undefined && param?.exists && frame.valueCode > 0) {
      const error = settle(envelope, entry, param, rule);
      if (error) return refuse(envelope, error);
    }
    if (rule?.strategy === 'lock' && !wantsUnlock && param?.holder === undefined) wantsLock = true;
    if (frame.valueCode > 0 && !this.store.hasRoom(entry, wantsLock)) {
      return refuse(envelope, noRoom(entry, this.store.maxParams));
    }

    if (!this.store.hasRoomForLarge(entry, envelope.frame as Frame, MAX_ALL_LARGE)) {
      const reason = `no room for ${entry.address}: large values take ${MAX_ALL_LARGE} bytes at most together`;
      return refuse(envelope, new ClaspError(ErrorCode.Overloaded, reason, { address: entry.address }));
    }

    const existed = param?.exists === true;
    envelope.revision = this.store.write(entry, envelope.frame as Frame, session.id, at);
    if (wantsUnlock) this.#unlock(entry);
    else if (wantsLock) this.#lock(session, entry);
    if (frame.valueCode > 0) {
      const ttl = ttlOf(frame.ttl) ?? (existed ? undefined : rule?.ttl);
      if (ttl !== undefined) this.store.lease(entry, ttl, at);
    }
    return true;
  }

  /** What there is at an address now, for {@link restore}. */
  save(entry: Entry): SavedParam {
    const holder = entry.state?.holder;
    return { ...this.store.save(entry), holder: holder === undefined ? undefined : this.#holders.get(holder) };
  }

  /** Undoes every write, lock and TTL of an address since it was saved; of several addresses the last saved first. */
  restore(entry: Entry, saved: SavedParam): void {
    this.#unlock(entry);
    this.store.restore(entry, saved);
    if (saved.holder) this.#lock(saved.holder, entry);
  }

  /** Releases every lock of a session that has ended. */
  release(session: Session): void {
    for (const entry of this.#locks.get(session) ?? []) this.store.hold(entry, undefined);
    this.#forget(session);
  }

  #lock(session: Session, entry: Entry): void {
    // A timeline may write for a session that has ended, whose lock nobody could ever release.
    if (session.phase === 'closed') return;
    this.store.hold(entry, session.id);
    this.#holders.set(session.id, session);
    const held = this.#locks.get(session);
    if (held) held.add(entry);
    else this.#locks.set(session, new Set([entry]));
  }

  #unlock(entry: Entry): void {
    const holder = entry.state?.holder;
    if (holder === undefined) return;
    this.store.hold(entry, undefined);
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

/** Lets a rule decide about a write over an existing value: an error, or nothing; a merged value replaces the frame. */
function settle(envelope: Envelope, entry: Entry, param: StoredParam, rule: CompiledParamRule): ClaspError | undefined {
  const { address } = entry;
  const { strategy } = rule;
  if (strategy === 'lww' || strategy === 'lock') return undefined;
  const frame = envelope.frame as Frame;
  if (strategy === 'merge') {
    try {
      const merged = mergeInto(frame, param, rule, address);
      if (isTooLarge(merged)) return tooLarge(entry);
      if (merged !== frame && !rule.admits(merged.value)) return outOfRange(entry, rule, merged.value);
      envelope.frame = merged;
      return undefined;
    } catch (cause) {
      const { code, reason } = ClaspError.from(cause, ErrorCode.Conflict);
      const text = `could not merge into ${address}: ${reason}`;
      return new ClaspError(code, text, { address, value: frame.value, cause });
    }
  }
  const { value } = frame;
  const current = param.value;
  if (rule.accepts(current, value)) return undefined;
  const reason = `${address} keeps the ${strategy} of its numbers, ${current}; ${value} loses`;
  return new ClaspError(ErrorCode.Conflict, reason, { address, value });
}

/** The SET that writes what a SET and its param give together; the same one where that is what was written. */
function mergeInto(frame: Frame, param: StoredParam, { merge }: CompiledParamRule, address: string): Frame {
  const isLarge = param.code === ValueCode.Large || frame.valueCode === ValueCode.Large;
  if (!merge && !isLarge) {
    const { body } = param;
    const maps = body !== undefined && param.code === ValueCode.Map && frame.valueCode === ValueCode.Map;
    return maps ? mergeIntoSet(frame, body) : frame;
  }
  const merged: Value | undefined = merge
    ? merge(param.value, frame.value, address)
    : mergeMaps(param.value, frame.value);
  // As a value it would be null, and delete: a function that forgot to return shall not.
  if (merged === undefined) throw new ClaspError(ErrorCode.BadValue, 'the function gave nothing', { address });
  if (merged === frame.value) return frame;
  if (!isLarge && frame.tag === undefined) return replaceInSet(frame, merged, param.wire);
  const { flags, qos, revision } = frame;
  const lock = (flags & SetFlag.Lock) !== 0;
  const unlock = (flags & SetFlag.Unlock) !== 0;
  const set = { type: 'SET', address, value: merged, revision, lock, unlock, ttl: ttlOf(frame.ttl) } as const;
  return decodeInProcessFrame(encodeInProcess(set, qos));
}

function refuse(envelope: Envelope, error: ClaspError): false {
  envelope.refuse(error);
  return false;
}

function isTooLarge(frame: Frame): boolean {
  // A larger one from this process was bounded when it was written.
  return frame.valueCode !== ValueCode.Large && frame.valueEnd - frame.start > MAX_SET_BYTES;
}

function tooLarge({ address }: Entry): ClaspError {
  const reason = `the value of ${address} is too large, at most ${MAX_SET_BYTES} bytes with its address`;
  return new ClaspError(ErrorCode.BadValue, reason, { address });
}

function outOfRange({ address }: Entry, { min, max }: CompiledParamRule, value: Value): ClaspError {
  return new ClaspError(ErrorCode.BadValue, `${address} must be ${min} to ${max}, not ${value}`, { address, value });
}

function noRoom({ address }: Entry, most: number): ClaspError {
  return new ClaspError(ErrorCode.Overloaded, `no room for ${address}, at most ${most} params`, { address });
}

interface Written {
  readonly entry: Entry;
  readonly saved: SavedParam;
}

/**
 * Writes the SETs of a bundle in order, so that each has its revision before it is told to anybody, or none: then the
 * bundle is refused for the first that was. Its other parts are told at which revision they find their param.
 */
export function writeBundle(params: ParamWriter, bundle: Envelope): void {
  const { parts } = bundle;
  const written: Written[] = [];
  // Where nothing can fail there is nothing to undo.
  const last = parts.every((part) => isCertain(params, part)) ? -1 : lastWrite(parts);
  for (let index = 0; index < parts.length; index++) {
    const part = parts[index] as Envelope;
    const { entry } = part;
    if (!entry) continue;
    if (part.kind !== 'SET') {
      part.revision = entry.state?.revision ?? 0;
      continue;
    }
    // After the last write nothing can fail any more.
    if (index < last) written.push({ entry, saved: params.save(entry) });
    if (params.apply(part, entry)) continue;
    if (index < last) written.pop();
    for (const { entry: address, saved } of written.reverse()) params.restore(address, saved);
    if (part.error) bundle.refuse(part.error);
    return;
  }
}

function isCertain(params: ParamWriter, part: Envelope): boolean {
  return part.kind !== 'SET' || part.entry === undefined || params.isCertain(part, part.entry);
}

/** The place of the last SET; -1 where there is none. */
function lastWrite(parts: readonly Envelope[]): number {
  let index = parts.length - 1;
  while (index >= 0 && parts[index]?.kind !== 'SET') index--;
  return index;
}

/**
 * Decides who wins: an accepted SET is stored under its next revision and passes on with it, any other is refused, see
 * {@link ParamWriter.apply}; a BUNDLE when all of its SETs are, and otherwise none of them is stored. Locks end with the
 * session that holds them. Everything else passes at once, in order.
 *
 * Also takes params away, when their TTL ends and when there are more than the store's limit: each by a SET of null under
 * its next revision, as if the relay had written it. What pushed a param out passes first. A lock outlives the value.
 */
export function conflictMerge(params: ParamWriter, options: ParamExpiryOptions = {}): StageOperator<Envelope> {
  return stage((out) => {
    const expiry = new ParamExpiry(params.store, (removal) => out.next(removal), options);
    let unbundling = false;

    return {
      next(envelope) {
        const { kind, entry } = envelope;
        if (kind === 'SET') {
          // What has its revision already was written with its bundle.
          if (entry && envelope.revision === 0) params.apply(envelope, entry);
          out.next(envelope);
          // A bundle's writes are done before any of them is told, and what one of them has pushed out may be another.
          if (!unbundling) expiry.evict(envelope.at);
          return;
        }
        if (kind === 'BUNDLE') {
          writeBundle(params, envelope);
          unbundling = envelope.kind === 'BUNDLE';
        } else if (kind === 'bundled') {
          unbundling = false;
        } else if (kind === 'closed') {
          params.release(envelope.session);
        }
        out.next(envelope);
        if (kind === 'bundled' || kind === 'closed') expiry.evict(envelope.at);
      },
      dispose: () => expiry.dispose(),
    };
  });
}
