import { asyncScheduler, type SchedulerLike } from 'rxjs';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { readPlainCurve } from '../../core/plain-curve.ts';
import { sameValue } from '../../core/same-value.ts';
import { checkTimeline, interpolate, nextMoment, ticksAround } from '../../core/timeline.ts';
import { countKeyframes, readCurve } from '../../core/timeline-curve.ts';
import type { Value } from '../../core/value.ts';
import { decodeFrame, encodeSet, type Frame, forwardPublish, signalCode, ValueCode } from '../../core/wire/index.ts';
import { NumberSets } from '../../core/wire/number-sets.ts';
import { stampStartTime } from '../../core/wire/stamp-start-time.ts';
import { type Alarmed, Alarms } from '../alarms.ts';
import { type Entry, Envelope } from './envelope.ts';
import { type StageOperator, stage } from './stage.ts';
import { TimelineQueue } from './timeline-queue.ts';
import { ActiveTimeline, type Timelines } from './timelines.ts';

export interface TimelineSchedulerOptions {
  /** Clock and timer. @defaultValue `asyncScheduler` */
  readonly scheduler?: SchedulerLike | undefined;
  /** Relay time, microseconds since the Unix epoch. @defaultValue the scheduler's milliseconds times 1000 */
  readonly now?: (() => number) | undefined;
  /** Values a second that a timeline writes while it moves, beside its keyframes, 1 … 1000. @defaultValue 60 */
  readonly timelineRate?: number | undefined;
  /** Timelines that may wait or play at a time. @defaultValue 10 000 */
  readonly maxTimelines?: number | undefined;
  /** Keyframes that all of them may have together. @defaultValue 1 000 000 */
  readonly maxKeyframes?: number | undefined;
}

const TIMELINE = signalCode('timeline');
const MILLISECOND = 1000;
const SECOND = 1_000_000;
/** How many timelines may write before others get a turn: a few milliseconds of work. */
const AT_ONCE = 1000;

/**
 * Keeps the timeline of each address and plays it: from its start (relay time; when it came if it does not say) as SETs
 * by the session that published it. Each writes when it starts and at its keyframes, exactly at the last; while it moves
 * also at the ticks of `timelineRate`, which are the same for all, so that a thousand wake the relay no more often than
 * one. A value that has not changed is not written again. One that starts in the past joins in the middle.
 *
 * It ends at its last keyframe, unless it loops; when somebody else's write to the param was accepted (also before
 * it starts), at the latest one value later and before that value is written; when the address gets another timeline,
 * or one with no keyframes; and when its own write is refused (401 while somebody else holds the lock), which its
 * publisher is told once. It does not end with its publisher's session.
 *
 * A timeline that cannot be played is refused with a `ClaspError` 400, one too many with 429, and changes nothing; so is
 * a BUNDLE with one. A
 * PUBLISH without a value, as published clients send, says nothing about keyframes: it is only forwarded. Everything
 * else passes at once, in order. Needs `conflictMerge` behind it, on the same param store.
 *
 * @param timelines where they are kept; belongs to one subscription
 */
export function timelineScheduler(
  timelines: Timelines,
  options: TimelineSchedulerOptions = {},
): StageOperator<Envelope> {
  const { scheduler = asyncScheduler, now = () => scheduler.now() * MILLISECOND, timelineRate = 60 } = options;
  const { maxTimelines = 10_000, maxKeyframes = 1_000_000 } = options;
  const interval = SECOND / Math.min(Math.max(timelineRate, 1), 1000);

  return stage((out) => {
    /** Timelines that came in the bundle that is passing. */
    let bundled: ActiveTimeline[] | undefined;

    let ticks = ticksAround(0, interval);
    const ticking = new TimelineQueue();
    const tick: Alarmed = { due: 0, place: -1 };
    const numbers = new NumberSets();

    const ring = (due: Alarmed, at: number) => {
      if (due instanceof ActiveTimeline) play(due, at);
      else playTicking(at);
    };
    const alarms = new Alarms<Alarmed>(scheduler, now, ring, AT_ONCE);

    const stop = (timeline: ActiveTimeline) => {
      alarms.delete(timeline);
      timelines.remove(timeline);
    };

    /** Has a timeline play again, at a tick or at a moment of its own. */
    const wait = (timeline: ActiveTimeline, next: number) => {
      if (next !== ticks.next || next < tick.due) {
        alarms.set(timeline, next);
        return;
      }
      timeline.due = next;
      ticking.push(timeline);
      if (tick.place < 0) alarms.set(tick, next);
    };

    const playTicking = (at: number) => {
      let { first } = ticking;
      for (let left = AT_ONCE; first && first.due <= at && left > 0; left--) {
        ticking.shift();
        if (!first.over) play(first, at);
        first = ticking.first;
      }
      if (first) alarms.set(tick, first.due);
    };

    const write = (timeline: ActiveTimeline, value: Value, at: number) => {
      const envelope = setOf(numbers, timeline, value, at);
      out.next(envelope);
      if (envelope.kind === 'refused') stop(timeline);
      else timeline.revision = envelope.revision;
    };

    const play = (timeline: ActiveTimeline, at: number) => {
      if (timeline.taken) {
        stop(timeline);
        return;
      }
      if (at < ticks.last || at >= ticks.next) ticks = ticksAround(at, interval);
      const next = nextMoment(timeline, timeline.startTime, at, ticks);
      if (next === undefined) stop(timeline);
      else wait(timeline, next);
      const elapsed = at - timeline.startTime;
      if (elapsed < (timeline.keyframes[0]?.time ?? 0)) return;
      const value = interpolate(timeline, elapsed);
      if (timeline.played !== undefined && sameValue(value, timeline.played)) return;
      timeline.played = value;
      write(timeline, value, at);
    };

    const overflow = (others: number, keyframes: number, { address }: Entry) => {
      if (others < maxTimelines && keyframes <= maxKeyframes) return undefined;
      const reason = `too many timelines, at most ${maxTimelines} with ${maxKeyframes} keyframes in all`;
      return new ClaspError(ErrorCode.TooMany, reason, { address });
    };

    const overflowOf = (old: ActiveTimeline | undefined, count: number, entry: Entry) => {
      const keyframes = timelines.keyframes - (old?.keyframes.length ?? 0) + count;
      return overflow(timelines.size - Number(old !== undefined), keyframes, entry);
    };

    /** Why a bundle's timelines would not all be taken, if so: they have to be before any of them is. */
    const judgeBundle = ({ parts }: Envelope): ClaspError | undefined => {
      let planned: Map<Entry, number> | undefined;
      let { size, keyframes } = timelines;
      for (const { kind, frame, entry } of parts) {
        if (kind !== 'PUBLISH' || !frame || !entry || !isTimeline(frame)) continue;
        planned ??= new Map();
        const old = planned.get(entry) ?? timelines.of(entry)?.keyframes.length ?? 0;
        const invalid = checkTimeline(frame.value, entry.address);
        if (invalid) return invalid;
        const length = countKeyframes(frame.value);
        size -= Number(old > 0);
        keyframes += length - old;
        const error = overflow(size, keyframes, entry);
        if (error) return error;
        size += Number(length > 0);
        planned.set(entry, length);
      }
      return undefined;
    };

    const begin = (timeline: ActiveTimeline, at: number) => {
      if (timelines.of(timeline.entry) === timeline) play(timeline, at);
    };

    const receive = (envelope: Envelope, frame: Frame, entry: Entry) => {
      const { session, at } = envelope;
      const old = timelines.of(entry);
      const curve = readPlainCurve(frame) ?? checkTimeline(frame.value, entry.address) ?? readCurve(frame.value);
      if (curve instanceof ClaspError) {
        out.next(envelope.refuse(curve));
        return;
      }
      const error = overflowOf(old, curve.keyframes.length, entry);
      if (error) {
        out.next(envelope.refuse(error));
        return;
      }
      const { keyframes, loop, startTime: asked } = curve;
      if (old) stop(old);
      if (keyframes.length === 0) {
        out.next(envelope);
        return;
      }
      const startTime = asked ?? Math.floor(at);
      const beginning = asked === undefined ? stampStartTime(frame, startTime) : forwardPublish(frame);
      const timeline = new ActiveTimeline(entry, session, { keyframes, loop }, startTime, beginning);
      if (bundled) {
        // The whole bundle's writes are done already: what is written after this part has taken it over.
        timeline.revision = envelope.revision;
        bundled.push(timeline);
      }
      timelines.add(timeline);
      out.next(envelope);
      if (!bundled) begin(timeline, at);
    };

    /** A bundle's timelines write their first value when all of its parts have passed, not among them. */
    const watchBundle = (envelope: Envelope) => {
      if (envelope.kind === 'BUNDLE') {
        const error = judgeBundle(envelope);
        if (error) envelope.refuse(error);
      }
      out.next(envelope);
      if (envelope.kind === 'BUNDLE') bundled = [];
      if (envelope.kind !== 'bundled') return;
      const begun = bundled ?? [];
      bundled = undefined;
      for (const timeline of begun) begin(timeline, envelope.at);
    };

    return {
      next(envelope) {
        const { kind, frame, entry } = envelope;
        if (kind === 'PUBLISH' && frame && entry && isTimeline(frame)) receive(envelope, frame, entry);
        else if (kind === 'BUNDLE' || kind === 'bundled') watchBundle(envelope);
        else out.next(envelope);
      },
      dispose: () => alarms.dispose(),
    };
  });
}

/** A timeline's write; a refused one where the value does not fit a frame. */
function setOf(numbers: NumberSets, { entry, publisher }: ActiveTimeline, value: Value, at: number): Envelope {
  const { address } = entry;
  try {
    const frame = typeof value === 'number' ? numbers.make(address, value) : decodeFrame(encodeSet(address, value));
    return new Envelope('SET', publisher, frame, entry, at);
  } catch (cause) {
    const { code, reason } = ClaspError.from(cause, ErrorCode.Internal);
    const error = new ClaspError(code, reason, { address, cause });
    return new Envelope('refused', publisher, undefined, entry, at).refuse(error);
  }
}

/** Whether a PUBLISH is a timeline and says what it is: its value slot has more than null. */
export function isTimeline({ signal, valueCode, samplesStart }: Frame): boolean {
  return signal === TIMELINE && (valueCode > ValueCode.Null || samplesStart > 0);
}
