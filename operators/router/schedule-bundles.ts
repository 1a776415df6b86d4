import type { SchedulerLike, Subscription } from 'rxjs';
import type { AddressTable } from '../../core/address/address-table.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { StoredParam } from '../../core/param/param.ts';
import type { ParamStore } from '../../core/param/param-store.ts';
import type { Value } from '../../core/signal/value.ts';
import { monotonicScheduler } from '../../core/time/monotonic-scheduler.ts';
import { type Scheduled, ScheduleQueue } from '../../core/time/schedule-queue.ts';
import { checkTimeline } from '../../core/timeline/timeline.ts';
import {
  bundleHead,
  bundleSize,
  copyBundle,
  decodeFrame,
  encodeMessage,
  encodeSet,
  type Frame,
  MAX_BUNDLE_WAIT,
  SetFlag,
  signalCode,
  ValueCode,
} from '../../core/wire/index.ts';
import { type StageOperator, stage } from '../stage.ts';
import { passBundle, unpackBundle } from './bundle.ts';
import type { ParamWriter } from './conflict-merge.ts';
import { type Entry, Envelope } from './envelope.ts';
import { type NextTurn, PreciseTimer } from './precise-timer.ts';
import { relaySession, type Session } from './session-state.ts';
import type { TimeOptions } from './time-options.ts';
import { isTimeline } from './timeline-scheduler.ts';

/** So many that came to wait are worth a collection of their own. */
const MANY = 100;
/** Milliseconds after that: the rest of them may follow, and others have their turn. */
const QUIET = 250;
/** Microseconds that nothing may be due for. */
const CLEAR = 20_000;

export interface YoungCollectorOptions {
  readonly scheduler: SchedulerLike;
  /** Relay time, microseconds. */
  readonly now: () => number;
  /** When the next of those that wait is due. */
  readonly next: () => number | undefined;
  /**
   * Has the host collect its young garbage, in a few milliseconds: called when many bundles have come to wait and none is
   * due, so that it is not done when they are. @defaultValue none: the host does it when it likes
   */
  readonly collectYoung: () => void;
}

/**
 * Has what waits grow old while nothing is due. A host that collects young garbage first copies what is in use, twice
 * until it counts as old: a thousand bundles take it some milliseconds, and that would be when the first of them are due.
 */
export class YoungCollector {
  readonly #options: YoungCollectorOptions;
  #young = 0;
  #timer: Subscription | undefined;

  constructor(options: YoungCollectorOptions) {
    this.#options = options;
  }

  /** One more waits. */
  added(): void {
    this.#young++;
    if (this.#young >= MANY && !this.#timer) this.#later();
  }

  dispose(): void {
    this.#timer?.unsubscribe();
  }

  #later(): void {
    this.#timer = this.#options.scheduler.schedule(() => this.#age(), QUIET);
  }

  #age(): void {
    const { now, next, collectYoung } = this.#options;
    const due = next();
    this.#timer = undefined;
    if (due !== undefined && due - now() < CLEAR) {
      this.#later();
      return;
    }
    this.#young = 0;
    if (due === undefined) return;
    collectYoung();
    collectYoung();
  }
}

/** The params of the bundles that wait. */
const TREE = '/clasp/schedule/';
/** Addresses of a bundle that its param lists. */
const MAX_ADDRESSES = 16;
/**
 * Frames are kept in pieces of memory of so many bytes: a buffer for each would be most of what a bundle that waits
 * leaves to the garbage collector. A piece is free when none of its bundles waits.
 */
const PIECE = 1024;
/**
 * What a bundle that waits takes beside its frame, its param and the places of both: about 700 bytes, and more with the
 * addresses that its param lists.
 */
const OVERHEAD = 1024;

/** Whether a param belongs to a bundle that waits, waited, or might. */
export function isScheduleAddress(address: string): boolean {
  return address.startsWith(TREE);
}

/** What is counted for a BUNDLE while it waits, in bytes. */
function waitingSize(frame: Frame): number {
  return OVERHEAD + bundleSize(frame);
}

/** A bundle that waits for its time. */
class ScheduledBundle implements Scheduled {
  readonly id: number;
  readonly at: number;
  /** Who sent it; it may have left. */
  readonly session: Session;
  readonly #memory: Uint8Array;
  readonly #start: number;
  readonly #end: number;

  /** @param memory what has the BUNDLE as a frame from `start` to `end` */
  constructor(id: number, at: number, session: Session, memory: Uint8Array, start: number, end: number) {
    this.id = id;
    this.at = at;
    this.session = session;
    this.#memory = memory;
    this.#start = start;
    this.#end = end;
  }

  /** The BUNDLE as a frame. */
  get frame(): Uint8Array {
    return this.#memory.subarray(this.#start, this.#end);
  }

  /** What is counted for it. */
  get size(): number {
    return OVERHEAD + this.#end - this.#start;
  }

  /** Its param. */
  get address(): string {
    return `${TREE}${this.id}`;
  }
}

/** What the param of a bundle says. */
function describeBundle({ at, session }: ScheduledBundle, parts: readonly Envelope[]): Value {
  const addresses = parts.slice(0, MAX_ADDRESSES).map(({ entry }) => entry?.address ?? '');
  return { at, from: session.id, name: session.name, addresses, messages: parts.length };
}

/** The bundles of a relay that wait for their time. No clock, no decisions. */
class ScheduledBundles {
  readonly #queue = new ScheduleQueue<ScheduledBundle>();
  readonly #byId = new Map<number, ScheduledBundle>();
  readonly #counts = new Map<Session, number>();
  #memory = new Uint8Array(0);
  #used = 0;
  #lastId = 0;
  /** What is counted for all of them. */
  bytes = 0;

  get size(): number {
    return this.#byId.size;
  }

  /** When the next one is due. */
  get next(): number | undefined {
    return this.#queue.next;
  }

  /** The one whose param has this address. */
  at(address: string): ScheduledBundle | undefined {
    const bundle = this.#byId.get(Number(address.slice(TREE.length)));
    return bundle?.address === address ? bundle : undefined;
  }

  /** How many of a session wait. */
  countOf(session: Session): number {
    return this.#counts.get(session) ?? 0;
  }

  /** Keeps a copy of a BUNDLE until `at`, under the next id. */
  add(session: Session, frame: Frame, at: number): ScheduledBundle {
    const size = bundleSize(frame);
    if (this.#used + size > this.#memory.length) {
      this.#memory = new Uint8Array(Math.max(PIECE, size));
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += size;
    copyBundle(frame, this.#memory, start);
    const bundle = new ScheduledBundle(++this.#lastId, at, session, this.#memory, start, this.#used);
    this.#queue.add(bundle);
    this.#byId.set(bundle.id, bundle);
    this.#counts.set(session, this.countOf(session) + 1);
    this.bytes += bundle.size;
    return bundle;
  }

  delete(bundle: ScheduledBundle): void {
    this.#queue.delete(bundle);
    this.#forget(bundle);
  }

  /** Takes out the first that is due at `now`, in the order of (time, arrival). */
  takeDue(now: number): ScheduledBundle | undefined {
    const bundle = this.#queue.takeDue(now);
    if (bundle) this.#forget(bundle);
    return bundle;
  }

  #forget(bundle: ScheduledBundle): void {
    this.#byId.delete(bundle.id);
    const count = this.countOf(bundle.session) - 1;
    if (count > 0) this.#counts.set(bundle.session, count);
    else this.#counts.delete(bundle.session);
    this.bytes -= bundle.size;
  }
}

export interface ScheduleBundlesOptions extends TimeOptions {
  /**
   * Has some work done in the next turn of the event loop, and gives a function that calls it off: bundles for a certain
   * time then run within a few microseconds of it, for which the relay is busy for the last one and a half milliseconds
   * before each, with a turn every 100 µs. @defaultValue none: on timers, up to half a millisecond early or late
   */
  readonly nextTurn?: NextTurn | undefined;
  /**
   * Has the host collect its young garbage, in a few milliseconds: called when many bundles have come to wait and none is
   * due, so that it is not done when they are. @defaultValue none: the host does it when it likes
   */
  readonly collectYoung?: (() => void) | undefined;
  /** Bundles of one session that may wait for their time. @defaultValue 1000 */
  readonly maxScheduled?: number | undefined;
  /** Bytes that all bundles which wait may have together, 1 KiB added to each. @defaultValue 64 MiB */
  readonly maxScheduledBytes?: number | undefined;
}

const TIMELINE = signalCode('timeline');
const MILLISECOND = 1000;
const HOUR = 3_600_000_000;
const MAX_HOURS = MAX_BUNDLE_WAIT / HOUR;
/** Microseconds of work on bundles that are due before others get a turn. */
const AT_ONCE = 8_000;

/**
 * Keeps a BUNDLE whose time has not come, acknowledges it, and passes it on at its time by relay time: within a
 * millisecond, those of one time in the order in which they came, whether or not its sender is still there. What does
 * not depend on the moment (addresses, scopes, ranges, timelines) is checked when it comes, all of it when it is passed
 * on. Any other BUNDLE passes at once, followed by its parts: see {@link passBundle}.
 *
 * Each that waits is a param at `/clasp/schedule/<id>`, written by the relay and deleted when it is passed on or
 * cancelled; the ACK names it. A SET of null there cancels, by the session that sent the bundle or one with admin scope.
 * Refuses with a `ClaspError` any other write there (301), more than `maxScheduled` of a session and what is more than
 * 24 hours ahead (400), and more than `maxScheduledBytes` of all (503). Everything else passes at once, in order.
 *
 * What waits is lost when the relay stops.
 */
export function scheduleBundles(
  table: AddressTable<StoredParam>,
  store: ParamStore,
  params: ParamWriter,
  options: ScheduleBundlesOptions = {},
): StageOperator<Envelope> {
  const { scheduler = monotonicScheduler, now = () => scheduler.now() * MILLISECOND } = options;
  const { nextTurn, collectYoung, maxScheduled = 1000, maxScheduledBytes = 64 * 1024 * 1024 } = options;

  return stage((out) => {
    const relay = relaySession(now());
    const waiting = new ScheduledBundles();

    /** They ran, and their params are still to be deleted: whatever else is due goes first. */
    let ran: ScheduledBundle[] = [];

    const ring = () => {
      const pause = now() + AT_ONCE;
      let bundle = waiting.takeDue(timer.until);
      while (bundle) {
        run(bundle, now());
        ran.push(bundle);
        bundle = now() < pause ? waiting.takeDue(timer.until) : undefined;
      }
      let told = 0;
      while (told < ran.length && now() < pause && !(waiting.next && waiting.next <= timer.until)) {
        note(ran[told++] as ScheduledBundle, null, now());
      }
      ran = ran.slice(told);
      arm();
    };
    const timer = new PreciseTimer(scheduler, now, ring, nextTurn);
    const ageing = collectYoung && new YoungCollector({ scheduler, now, next: () => waiting.next, collectYoung });

    const arm = () => {
      const next = ran.length > 0 ? 0 : waiting.next;
      if (next === undefined) timer.clear();
      else timer.set(next);
    };

    /** Writes the param of a bundle as the relay; gives its revision. */
    const note = ({ address }: ScheduledBundle, value: Value, at: number): number => {
      const entry = table.internString(address);
      const set = new Envelope('SET', relay, decodeFrame(encodeSet(address, value)), entry, at);
      set.revision = store.write(entry, set.frame as Frame, relay.id, at);
      out.next(set);
      return set.revision;
    };

    const run = (scheduled: ScheduledBundle, at: number) => {
      const frame = decodeFrame(scheduled.frame);
      const bundle = new Envelope('BUNDLE', scheduled.session, frame, undefined, at);
      bundle.waitedAt = scheduled.address;
      bundle.parts = unpackBundle(table, scheduled.session, frame, at);
      passBundle(out, bundle);
    };

    const acknowledge = (envelope: Envelope, address: string, revision: number) => {
      if (!envelope.frame || envelope.frame.qos === 0) return;
      envelope.answer = encodeMessage({ type: 'ACK', address, revision });
      envelope.session.outbox.send(envelope.answer, 'keep', envelope.session);
    };

    const fault = ({ kind, frame, entry }: Envelope): ClaspError | undefined => {
      if (!frame || !entry) return undefined;
      if (kind === 'SET') return params.fault(frame, entry);
      return isTimeline(frame) ? checkTimeline(frame.value, entry.address) : undefined;
    };

    const overflow = ({ session, at }: Envelope, due: number, size: number): ClaspError | undefined => {
      const hours = (due - at) / HOUR;
      if (hours > MAX_HOURS) {
        const reason = `a bundle may wait for ${MAX_HOURS} h at most, not ${Math.ceil(hours)} h`;
        return new ClaspError(ErrorCode.Conflict, reason, { value: due });
      }
      if (waiting.countOf(session) >= maxScheduled) {
        return new ClaspError(ErrorCode.Conflict, `too many bundles wait for their time, at most ${maxScheduled}`);
      }
      if (waiting.bytes + size <= maxScheduledBytes) return undefined;
      const reason = `no room for another bundle that waits, at most ${maxScheduledBytes} bytes of all`;
      return new ClaspError(ErrorCode.Overloaded, reason);
    };

    const schedule = (envelope: Envelope, frame: Frame, due: number) => {
      const { session, parts, at } = envelope;
      let error = overflow(envelope, due, waitingSize(frame));
      for (let index = 0; !error && index < parts.length; index++) error = fault(parts[index] as Envelope);
      if (error) {
        out.next(envelope.refuse(error));
        return;
      }
      const bundle = waiting.add(session, frame, due);
      ageing?.added();
      arm();
      acknowledge(envelope, bundle.address, note(bundle, describeBundle(bundle, parts), at));
    };

    const cancel = (envelope: Envelope, frame: Frame, entry: Entry) => {
      const { session, at } = envelope;
      const bundle = waiting.at(entry.address);
      const error = judgeCancel(session, frame, entry, bundle);
      if (error || !bundle) {
        out.next(error ? envelope.refuse(error) : envelope);
        return;
      }
      waiting.delete(bundle);
      arm();
      acknowledge(envelope, bundle.address, note(bundle, null, at));
    };

    const receive = (envelope: Envelope, frame: Frame) => {
      const own = envelope.parts.find(writesSchedule);
      const { timestamp = 0 } = bundleHead(frame);
      if (own) out.next(envelope.refuse(forbidden(own)));
      else if (timestamp > timer.until) schedule(envelope, frame, timestamp);
      else passBundle(out, envelope);
    };

    return {
      next(envelope) {
        const { kind, frame, entry } = envelope;
        if (kind === 'BUNDLE' && frame) receive(envelope, frame);
        else if (!writesSchedule(envelope)) out.next(envelope);
        else if (kind === 'SET' && frame && entry) cancel(envelope, frame, entry);
        else out.next(envelope.refuse(forbidden(envelope)));
      },
      dispose() {
        timer.clear();
        ageing?.dispose();
      },
    };
  });
}

/** Whether it would write to the params of bundles that wait. */
function writesSchedule(envelope: Envelope): boolean {
  const { kind, frame, entry } = envelope;
  if (kind !== 'SET' && (kind !== 'PUBLISH' || frame?.signal !== TIMELINE)) return false;
  return entry !== undefined && isScheduleAddress(entry.address);
}

function forbidden({ entry }: Envelope): ClaspError {
  const address = entry?.address;
  return new ClaspError(ErrorCode.Forbidden, `${address} is the relay's; a SET of null by itself cancels`, { address });
}

/** Why a write to the param of a bundle does not cancel it, if it does not. */
function judgeCancel(
  session: Session,
  frame: Frame,
  { address, state }: Entry,
  bundle: ScheduledBundle | undefined,
): ClaspError | undefined {
  const refused = (reason: string) => new ClaspError(ErrorCode.Forbidden, reason, { address });
  const plainNull = frame.valueCode === ValueCode.Null && (frame.flags & (SetFlag.Lock | SetFlag.Unlock)) === 0;
  if (!plainNull) return refused(`${address} is the relay's; a SET of null cancels, nothing else is taken`);
  if (!bundle) return refused(`no bundle waits at ${address}: it ran, was cancelled, or never was`);
  if (bundle.session !== session && !session.scopes.allows('admin', address)) {
    return refused(`the bundle of ${address} is cancelled by the session that sent it, or with admin scope`);
  }
  if (frame.revision === undefined || frame.revision === state?.revision) return undefined;
  const reason = `${address} is at revision ${state?.revision ?? 0}, not ${frame.revision}`;
  return new ClaspError(ErrorCode.Conflict, reason, { address, value: frame.revision });
}
