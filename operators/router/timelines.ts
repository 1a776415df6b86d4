import type { AddressTable } from '../../core/address-table.ts';
import type { StoredParam } from '../../core/param.ts';
import type { Pattern } from '../../core/pattern.ts';
import type { Keyframe } from '../../core/signal.ts';
import { KindBit } from '../../core/subscription-index.ts';
import type { Curve } from '../../core/timeline.ts';
import type { Value } from '../../core/value.ts';
import type { Alarmed } from '../alarms.ts';
import type { Entry } from './envelope.ts';
import type { Ongoing, OngoingSignal } from './ongoing.ts';
import type { Session } from './session-state.ts';

/** The timeline of an address, from its PUBLISH to its end. */
export class ActiveTimeline implements Curve, OngoingSignal, Alarmed {
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
  /** What it wrote last. */
  played: Value | undefined = undefined;
  due = 0;
  place = -1;
  /** Whether it will never write again. */
  over = false;

  constructor(entry: Entry, publisher: Session, curve: Curve, startTime: number, beginning: Uint8Array) {
    this.entry = entry;
    this.publisher = publisher;
    this.keyframes = curve.keyframes;
    this.loop = curve.loop ?? false;
    this.startTime = startTime;
    this.beginning = beginning;
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
