import type { AddressTable } from '../../core/address-table.ts';
import type { GestureTimes } from '../../core/gesture.ts';
import type { StoredParam } from '../../core/param.ts';
import type { Pattern } from '../../core/pattern.ts';
import { KindBit } from '../../core/subscription-index.ts';
import type { Alarmed } from '../alarms.ts';
import type { Entry } from './envelope.ts';
import type { Ongoing } from './ongoing.ts';
import type { Session } from './session-state.ts';

/** A gesture that has begun and not ended. */
export class OpenGesture implements GestureTimes, Alarmed {
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
