import type { Observable } from 'rxjs';
import type { AddressTable } from '../../core/address/address-table.ts';
import type { Pattern } from '../../core/address/pattern.ts';
import { KindBit } from '../../core/address/subscription-index.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { StoredParam } from '../../core/param/param.ts';
import {
  type GestureTimes,
  judgeMove,
  judgeWait,
  missingBefore,
  nextGestureDeadline,
} from '../../core/signal/gesture.ts';
import type { GesturePhase } from '../../core/signal/signal.ts';
import { monotonicScheduler } from '../../core/time/monotonic-scheduler.ts';
import {
  decodeFrame,
  encodeMessage,
  encodePublish,
  type Frame,
  forwardPublish,
  GESTURE_PHASES,
  signalCode,
} from '../../core/wire/index.ts';
import { type StageOperator, stage } from '../stage.ts';
import { type TimerEntry, TimerHeap } from '../timer-heap.ts';
import { type Entry, Envelope } from './envelope.ts';
import type { Ongoing } from './ongoing.ts';
import type { Session } from './session-state.ts';
import type { TimeOptions } from './time-options.ts';

/** A gesture that has begun and not ended. */
export class OpenGesture implements GestureTimes, TimerEntry {
  readonly sender: Session;
  readonly entry: Entry;
  readonly id: number;
  /** Its start, as receivers got it. */
  readonly beginning: Uint8Array;
  heardAt: number;
  movedAt: number = Number.NEGATIVE_INFINITY;
  /** The newest move, as receivers will get it, while it waits for its turn. */
  held: Uint8Array | undefined = undefined;
  due = 0;
  place = -1;

  constructor(sender: Session, entry: Entry, id: number, beginning: Uint8Array, at: number) {
    this.sender = sender;
    this.entry = entry;
    this.id = id;
    this.beginning = beginning;
    this.heardAt = at;
  }

  get holding(): boolean {
    return this.held !== undefined;
  }
}

interface OfSession {
  readonly byAddress: Map<Entry, Map<number, OpenGesture>>;
  count: number;
}

/** The open gestures of a relay, by session, address and id. No clock, no decisions. */
export class OpenGestures implements Ongoing {
  readonly kindBit: number = KindBit.gesture;
  readonly repeats: boolean = false;
  readonly #table: Pick<AddressTable<StoredParam>, 'retain' | 'release'>;
  readonly #sessions = new Map<Session, OfSession>();

  constructor(table: Pick<AddressTable<StoredParam>, 'retain' | 'release'>) {
    this.#table = table;
  }

  find(session: Session, entry: Entry, id: number): OpenGesture | undefined {
    return this.#sessions.get(session)?.byAddress.get(entry)?.get(id);
  }

  /** How many a session has. */
  countOf(session: Session): number {
    return this.#sessions.get(session)?.count ?? 0;
  }

  add(gesture: OpenGesture): void {
    const { sender, entry, id } = gesture;
    let own = this.#sessions.get(sender);
    if (!own) {
      own = { byAddress: new Map(), count: 0 };
      this.#sessions.set(sender, own);
    }
    let there = own.byAddress.get(entry);
    if (!there) {
      there = new Map();
      own.byAddress.set(entry, there);
      this.#table.retain(entry);
    }
    there.set(id, gesture);
    own.count++;
  }

  remove({ sender, entry, id }: OpenGesture): void {
    const own = this.#sessions.get(sender);
    const there = own?.byAddress.get(entry);
    if (!own || !there?.delete(id)) return;
    own.count--;
    if (there.size === 0) {
      own.byAddress.delete(entry);
      this.#table.release(entry);
    }
    if (own.count === 0) this.#sessions.delete(sender);
  }

  /** Those of one session, or all; may be removed meanwhile. */
  *of(session: Session | undefined): Iterable<OpenGesture> {
    const sessions = session ? [this.#sessions.get(session)] : this.#sessions.values();
    for (const own of sessions) {
      for (const there of own?.byAddress.values() ?? []) yield* there.values();
    }
  }

  *matching(pattern: Pattern): Iterable<OpenGesture> {
    for (const own of this.#sessions.values()) {
      for (const [entry, there] of own.byAddress) if (pattern.matches(entry.address)) yield* there.values();
    }
  }
}

export interface GestureLifecycleOptions extends TimeOptions {
  /** Milliseconds between two moves of a gesture that receivers see. @defaultValue 16 */
  readonly moveInterval?: number | undefined;
  /** Milliseconds without any message after which a gesture is cancelled. @defaultValue 30 000 */
  readonly gestureTimeout?: number | undefined;
  /** Gestures that one session may have open. @defaultValue 1000 */
  readonly maxGestures?: number | undefined;
  /** When it emits, every open gesture is cancelled: the relay is about to stop. */
  readonly ending?: Observable<unknown> | undefined;
}

const GESTURE = signalCode('gesture');
const FIRST_END = GESTURE_PHASES.indexOf('end');
const MILLISECOND = 1000;
/** How many gestures may move or fall silent before others get a turn, and for how long, in microseconds. */
const AT_ONCE = 1000;
const LONGEST = 4 * MILLISECOND;
/** How many gestures of a session that has gone are cancelled at once; the others follow in turns. */
const AT_CLOSE = 32;
/** When a gesture was heard whose session has gone. */
const ABANDONED = Number.NEGATIVE_INFINITY;
/** The phase is in the low bits of the byte after the message's type, which a forwarded frame has at 4. */
const PHASE_AT = 5;
const PHASE_BITS = 0x07;

/**
 * Makes every gesture `start move* (end | cancel)`, per session, address and id, whatever arrives. A start, end or
 * cancel passes at once. Moves pass at most once in `moveInterval`, the newest, at the latest just before the end. What
 * comes for a gesture that is not open opens it first; a start for an open one cancels that first. Silence, the end of
 * the session, of the source and `ending` give `cancel`; very many of one session are cancelled within milliseconds of
 * its end, while others have their turns.
 *
 * A move that a newer one replaces is acknowledged here if its QoS asks for it; what passes is acknowledged by
 * `dispatch`. More than `maxGestures` of one session are refused with a `ClaspError` 429, and so is a BUNDLE that would
 * open them. Everything else passes at
 * once, in order.
 *
 * @param gestures where the open ones are kept; belongs to one subscription
 */
export function gestureLifecycle(
  gestures: OpenGestures,
  options: GestureLifecycleOptions = {},
): StageOperator<Envelope> {
  const { scheduler = monotonicScheduler, now = () => scheduler.now() * MILLISECOND, maxGestures = 1000 } = options;
  const { moveInterval = 16, gestureTimeout = 30_000, ending } = options;
  const limits = { moveInterval: moveInterval * MILLISECOND, silence: gestureTimeout * MILLISECOND };

  return stage((out) => {
    const timers = new TimerHeap<OpenGesture>(
      scheduler,
      now,
      (gesture) => {
        const time = now();
        const verdict = gesture.heardAt === ABANDONED ? 'cancel' : judgeWait(gesture, limits, time);
        if (verdict === 'cancel') {
          cancel(gesture, time);
        } else if (verdict === 'flush') {
          timers.set(gesture, gesture.heardAt + limits.silence);
          flush(gesture, time);
        } else {
          watch(gesture);
        }
      },
      AT_ONCE,
      LONGEST,
    );

    const watch = (gesture: OpenGesture) => timers.set(gesture, nextGestureDeadline(gesture, limits));

    const emit = ({ sender, entry }: OpenGesture, bytes: Uint8Array, at: number) =>
      out.next(new Envelope('PUBLISH', sender, decodeFrame(bytes), entry, at));

    const flush = (gesture: OpenGesture, at: number) => {
      const { held } = gesture;
      if (!held) return;
      gesture.held = undefined;
      gesture.movedAt = at;
      emit(gesture, held, at);
    };

    const close = (gesture: OpenGesture, at: number) => {
      gestures.remove(gesture);
      timers.delete(gesture);
      flush(gesture, at);
    };

    const cancel = (gesture: OpenGesture, at: number) => {
      close(gesture, at);
      const { entry, id } = gesture;
      const timestamp = Math.max(0, Math.floor(at));
      emit(gesture, encodePublish('gesture', entry.address, undefined, { id, phase: 'cancel', timestamp }), at);
    };

    const cancelAll = (session: Session | undefined, at: number) => {
      for (const gesture of [...gestures.of(session)]) cancel(gesture, at);
    };

    const abandon = (session: Session, at: number) => {
      let left = AT_CLOSE;
      for (const gesture of [...gestures.of(session)]) {
        if (left-- > 0) {
          cancel(gesture, at);
        } else {
          gesture.heardAt = ABANDONED;
          timers.set(gesture, at);
        }
      }
    };

    const open = ({ session, at }: Envelope, frame: Frame, entry: Entry): OpenGesture => {
      const gesture = new OpenGesture(session, entry, idOf(frame), asStart(frame), at);
      gestures.add(gesture);
      watch(gesture);
      return gesture;
    };

    const tooMany = ({ address }: Entry) =>
      new ClaspError(ErrorCode.TooMany, `too many open gestures, at most ${maxGestures}`, { address });

    /** Why a bundle's gestures would not all be taken, if so: they have to be before any of them is. */
    const judgeBundle = ({ session, parts }: Envelope): ClaspError | undefined => {
      let planned: Map<string, boolean> | undefined;
      let count = gestures.countOf(session);
      for (const { kind, frame, entry } of parts) {
        if (kind !== 'PUBLISH' || frame?.signal !== GESTURE || !entry) continue;
        const key = `${entry.id} ${idOf(frame)}`;
        planned ??= new Map();
        const isOpen = planned.get(key) ?? gestures.find(session, entry, idOf(frame)) !== undefined;
        const ends = endsWith(frame);
        planned.set(key, !ends);
        if (ends) count -= Number(isOpen);
        else if (!isOpen && ++count > maxGestures) return tooMany(entry);
      }
      return undefined;
    };

    const move = (gesture: OpenGesture, envelope: Envelope, frame: Frame) => {
      const { session, entry, at } = envelope;
      if (judgeMove(gesture, limits, at) === 'send') {
        gesture.held = undefined;
        gesture.movedAt = at;
        out.next(envelope);
        return;
      }
      gesture.held = forwardPublish(frame);
      watch(gesture);
      if (frame.qos === 0) return;
      envelope.answer = encodeMessage({ type: 'ACK', address: entry?.address });
      session.outbox.send(envelope.answer, 'keep', session);
    };

    const receive = (envelope: Envelope, frame: Frame, entry: Entry) => {
      const { session, at } = envelope;
      const phase = GESTURE_PHASES[frame.phase] as GesturePhase;
      const ends = endsWith(frame);
      let gesture = gestures.find(session, entry, idOf(frame));
      const missing = missingBefore(gesture !== undefined, phase);
      if (gesture && missing === 'cancel') {
        cancel(gesture, at);
        gesture = undefined;
      }
      if (!gesture && !ends) {
        if (gestures.countOf(session) >= maxGestures) {
          out.next(envelope.refuse(tooMany(entry)));
          return;
        }
        gesture = open(envelope, frame, entry);
      }
      if (missing === 'start') {
        out.next(new Envelope('PUBLISH', session, decodeFrame(gesture?.beginning ?? asStart(frame)), entry, at));
      }
      if (gesture) {
        gesture.heardAt = at;
        if (phase === 'move') {
          move(gesture, envelope, frame);
          return;
        }
        if (ends) close(gesture, at);
      }
      out.next(envelope);
    };

    const stopping = ending?.subscribe(() => cancelAll(undefined, now()));

    return {
      next(envelope) {
        const { kind, frame, entry } = envelope;
        if (kind === 'PUBLISH' && frame?.signal === GESTURE && entry) {
          receive(envelope, frame, entry);
          return;
        }
        if (kind === 'closed') {
          abandon(envelope.session, envelope.at);
        } else if (kind === 'BUNDLE') {
          const error = judgeBundle(envelope);
          if (error) envelope.refuse(error);
        }
        out.next(envelope);
      },
      complete: () => cancelAll(undefined, now()),
      dispose: () => {
        stopping?.unsubscribe();
        timers.dispose();
      },
    };
  });
}

function endsWith({ phase }: Frame): boolean {
  return phase >= FIRST_END;
}

/** A gesture without an id is the one with id 0. */
function idOf(frame: Frame): number {
  return frame.id ?? 0;
}

/** A copy of a gesture's message, as its start. */
function asStart(frame: Frame): Uint8Array {
  const bytes = forwardPublish(frame);
  bytes[PHASE_AT] = (bytes[PHASE_AT] as number) & ~PHASE_BITS;
  return bytes;
}
