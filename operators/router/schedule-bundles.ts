import { asyncScheduler, type SchedulerLike } from 'rxjs';
import type { AddressTable } from '../../core/address-table.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { StoredParam } from '../../core/param.ts';
import type { ParamStore } from '../../core/param-store.ts';
import { checkTimeline } from '../../core/timeline.ts';
import type { Value } from '../../core/value.ts';
import {
  bundleHead,
  decodeFrame,
  encodeMessage,
  encodeSet,
  type Frame,
  SetFlag,
  signalCode,
  ValueCode,
} from '../../core/wire/index.ts';
import { Ageing } from './ageing.ts';
import { type Entry, Envelope } from './envelope.ts';
import type { ParamWriter } from './param-writer.ts';
import { passBundle } from './pass-bundle.ts';
import { type NextTurn, PreciseTimer } from './precise-timer.ts';
import { relaySession } from './relay-session.ts';
import {
  describeBundle,
  isScheduleAddress,
  type ScheduledBundle,
  ScheduledBundles,
  waitingSize,
} from './scheduled-bundles.ts';
import type { Session } from './session-state.ts';
import { type StageOperator, stage } from './stage.ts';
import { isTimeline } from './timeline-scheduler.ts';
import { unpackBundle } from './unpack-bundle.ts';

export interface ScheduleBundlesOptions {
  /** Clock and timer. @defaultValue `asyncScheduler` */
  readonly scheduler?: SchedulerLike | undefined;
  /** Relay time, microseconds since the Unix epoch. @defaultValue the scheduler's milliseconds times 1000 */
  readonly now?: (() => number) | undefined;
  /** Waits out the last millisecond before a bundle is due. @defaultValue none: up to half of one is missed */
  readonly nextTurn?: NextTurn | undefined;
  /** Has the host collect its young garbage, while nothing is due. @defaultValue none: it does when it likes */
  readonly collectYoung?: (() => void) | undefined;
  /** Bundles of one session that may wait for their time. @defaultValue 1000 */
  readonly maxScheduled?: number | undefined;
  /** Bytes that all bundles which wait may have together, 1 KiB added to each. @defaultValue 64 MiB */
  readonly maxScheduledBytes?: number | undefined;
}

const TIMELINE = signalCode('timeline');
const MILLISECOND = 1000;
const HOUR = 3_600_000_000;
const MOST_HOURS = 24;
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
  const { scheduler = asyncScheduler, now = () => scheduler.now() * MILLISECOND } = options;
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
    const ageing = collectYoung && new Ageing({ scheduler, now, next: () => waiting.next, collectYoung });

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
      if (hours > MOST_HOURS) {
        const reason = `a bundle may wait for ${MOST_HOURS} h at most, not ${Math.ceil(hours)} h`;
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
