import type { AddressTable } from '../../core/address/address-table.ts';
import type { Pattern } from '../../core/address/pattern.ts';
import { KindBit } from '../../core/address/subscription-index.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { StoredParam } from '../../core/param/param.ts';
import type { Keyframe } from '../../core/signal/signal.ts';
import { sameValue, type Value } from '../../core/signal/value.ts';
import { monotonicScheduler } from '../../core/time/monotonic-scheduler.ts';
import {
  type Curve,
  checkTimeline,
  heldKeyframe,
  interpolate,
  nextMoment,
  ticksAround,
} from '../../core/timeline/timeline.ts';
import { countKeyframes, keyframeValues, readCurve, readPlainCurve } from '../../core/timeline/timeline-curve.ts';
import { copyIntoSet, stampStartTime } from '../../core/wire/forward.ts';
import { decodeFrame, encodeSet, type Frame, forwardPublish, signalCode, ValueCode } from '../../core/wire/index.ts';
import { NumberSets } from '../../core/wire/number-sets.ts';
import { type StageOperator, stage } from '../stage.ts';
import { type TimerEntry, TimerHeap } from '../timer-heap.ts';
import { type Entry, Envelope } from './envelope.ts';
import type { Ongoing, OngoingSignal } from './ongoing.ts';
import type { Session } from './session-state.ts';
import type { TimeOptions } from './time-options.ts';

/** The timeline of an address, from its PUBLISH to its end. */
export class ActiveTimeline implements Curve, OngoingSignal, TimerEntry {
  readonly entry: Entry;
  readonly publisher: Session;
  readonly keyframes: readonly Keyframe[];
  readonly loop: boolean;
  /** Relay time, microseconds. */
  readonly startTime: number;
  readonly beginning: Uint8Array;
  /** Nobody in particular: it is state, its publisher too gets it when it subscribes. */
  readonly sender = undefined;
  /** The param's revision as this timeline left it: any other means that somebody else has written. */
  revision: number;
  /** Where the values of its keyframes are in `beginning`, where they are not all f64: there they keep their type. */
  readonly values: Uint32Array | undefined;
  /** What it wrote last. */
  played: Value | undefined = undefined;
  /** Whether that was the value of a keyframe. */
  held = false;
  due = 0;
  place = -1;
  /** Whether it will never write again. */
  over = false;

  constructor(
    entry: Entry,
    publisher: Session,
    curve: Curve,
    startTime: number,
    beginning: Uint8Array,
    values?: Uint32Array,
  ) {
    this.entry = entry;
    this.publisher = publisher;
    this.keyframes = curve.keyframes;
    this.loop = curve.loop ?? false;
    this.startTime = startTime;
    this.beginning = beginning;
    this.values = values;
    this.revision = entry.state?.revision ?? 0;
  }

  /** Whether somebody else has written to the param, and so ended it. */
  get taken(): boolean {
    return (this.entry.state?.revision ?? 0) !== this.revision;
  }
}

/** The timelines of a relay, at most one per address. No clock, no decisions. */
export class Timelines implements Ongoing {
  readonly kindBit: number = KindBit.timeline;
  readonly repeats: boolean = true;
  /** How many keyframes all of them have. */
  keyframes = 0;
  readonly #table: Pick<AddressTable<StoredParam>, 'retain' | 'release'>;
  readonly #timelines = new Map<Entry, ActiveTimeline>();

  constructor(table: Pick<AddressTable<StoredParam>, 'retain' | 'release'>) {
    this.#table = table;
  }

  get size(): number {
    return this.#timelines.size;
  }

  of(entry: Entry): ActiveTimeline | undefined {
    return this.#timelines.get(entry);
  }

  add(timeline: ActiveTimeline): void {
    this.#timelines.set(timeline.entry, timeline);
    this.#table.retain(timeline.entry);
    this.keyframes += timeline.keyframes.length;
  }

  remove(timeline: ActiveTimeline): void {
    timeline.over = true;
    if (this.#timelines.get(timeline.entry) !== timeline) return;
    this.#timelines.delete(timeline.entry);
    this.#table.release(timeline.entry);
    this.keyframes -= timeline.keyframes.length;
  }

  *matching(pattern: Pattern): Iterable<ActiveTimeline> {
    for (const timeline of this.#timelines.values()) {
      if (!timeline.taken && pattern.matches(timeline.entry.address)) yield timeline;
    }
  }
}

/** Places at the front that may be empty. */
const MAX_EMPTY = 1024;

/** Timelines that wait for a tick. Ticks come one after the other, so that a queue will do: a heap costs ten times that. */
export class TimelineQueue {
  readonly #waiting: ActiveTimeline[] = [];
  #first = 0;

  /** The one that waits for the earliest tick. */
  get first(): ActiveTimeline | undefined {
    return this.#waiting[this.#first];
  }

  /** Adds one whose tick is no earlier than that of those before it. */
  push(timeline: ActiveTimeline): void {
    this.#waiting.push(timeline);
  }

  /** Takes the first one out. */
  shift(): void {
    const waiting = this.#waiting;
    this.#first++;
    if (this.#first < waiting.length && this.#first < MAX_EMPTY) return;
    waiting.copyWithin(0, this.#first);
    waiting.length -= this.#first;
    this.#first = 0;
  }
}

export interface TimelineSchedulerOptions extends TimeOptions {
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
  const { scheduler = monotonicScheduler, now = () => scheduler.now() * MILLISECOND, timelineRate = 60 } = options;
  const { maxTimelines = 10_000, maxKeyframes = 1_000_000 } = options;
  const interval = SECOND / Math.min(Math.max(timelineRate, 1), 1000);

  return stage((out) => {
    /** Timelines that came in the bundle that is passing. */
    let bundled: ActiveTimeline[] | undefined;

    let ticks = ticksAround(0, interval);
    const ticking = new TimelineQueue();
    const tick: TimerEntry = { due: 0, place: -1 };
    const numbers = new NumberSets();

    const ring = (due: TimerEntry, at: number) => {
      if (due instanceof ActiveTimeline) play(due, at);
      else playTicking(at);
    };
    const timers = new TimerHeap<TimerEntry>(scheduler, now, ring, AT_ONCE);

    const stop = (timeline: ActiveTimeline) => {
      timers.delete(timeline);
      timelines.remove(timeline);
    };

    /** Has a timeline play again, at a tick or at a moment of its own. */
    const wait = (timeline: ActiveTimeline, next: number) => {
      if (next !== ticks.next || next < tick.due) {
        timers.set(timeline, next);
        return;
      }
      timeline.due = next;
      ticking.push(timeline);
      if (tick.place < 0) timers.set(tick, next);
    };

    const playTicking = (at: number) => {
      let { first } = ticking;
      for (let left = AT_ONCE; first && first.due <= at && left > 0; left--) {
        ticking.shift();
        if (!first.over) play(first, at);
        first = ticking.first;
      }
      if (first) timers.set(tick, first.due);
    };

    const write = (timeline: ActiveTimeline, value: Value, at: number, place: number | undefined) => {
      const envelope = setOf(numbers, timeline, value, at, place);
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
      const place = valuePlace(timeline, elapsed);
      const held = place !== undefined;
      if (timeline.played !== undefined && sameValue(value, timeline.played) && (!held || timeline.held)) return;
      timeline.played = value;
      timeline.held = held;
      write(timeline, value, at, place);
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
      const { keyframes, loop, startTime: asked, plain } = curve;
      if (old) stop(old);
      if (keyframes.length === 0) {
        out.next(envelope);
        return;
      }
      const startTime = asked ?? Math.floor(at);
      const beginning = asked === undefined ? stampStartTime(frame, startTime) : forwardPublish(frame);
      const values = plain ? undefined : keyframeValues(decodeFrame(beginning));
      const timeline = new ActiveTimeline(entry, session, { keyframes, loop }, startTime, beginning, values);
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
      dispose: () => timers.dispose(),
    };
  });
}

/** Where the value at `elapsed` is written in the timeline's bytes, if it is that of a keyframe and has a type to keep. */
function valuePlace(timeline: ActiveTimeline, elapsed: number): number | undefined {
  if (timeline.values === undefined) return undefined;
  const index = heldKeyframe(timeline, elapsed);
  return index === undefined ? undefined : timeline.values[index];
}

/** A timeline's write; a refused one where the value does not fit a frame. `place`: see {@link valuePlace}. */
function setOf(
  numbers: NumberSets,
  { entry, publisher, beginning }: ActiveTimeline,
  value: Value,
  at: number,
  place: number | undefined,
): Envelope {
  const { address } = entry;
  try {
    const frame =
      place !== undefined
        ? copyIntoSet(address, beginning, place)
        : typeof value === 'number'
          ? numbers.make(address, value)
          : decodeFrame(encodeSet(address, value));
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
