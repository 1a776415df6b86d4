import { type Scheduled, ScheduleQueue } from '../../core/schedule-queue.ts';
import type { Value } from '../../core/value.ts';
import type { Envelope } from './envelope.ts';
import type { Session } from './session-state.ts';

/** The params of the bundles that wait. */
const TREE = '/clasp/schedule/';
/** Addresses of a bundle that its param lists. */
const MOST_ADDRESSES = 16;
const MOST_NAME = 256;

/** Whether a param belongs to a bundle that waits, waited, or might. */
export function isScheduleAddress(address: string): boolean {
  return address.startsWith(TREE);
}

/** A bundle that waits for its time. */
export class ScheduledBundle implements Scheduled {
  readonly id: number;
  readonly at: number;
  /** Who sent it; it may have left. */
  readonly session: Session;
  /** The BUNDLE as a frame. */
  readonly frame: Uint8Array;

  constructor(id: number, at: number, session: Session, frame: Uint8Array) {
    this.id = id;
    this.at = at;
    this.session = session;
    this.frame = frame;
  }

  /** Its param. */
  get address(): string {
    return `${TREE}${this.id}`;
  }
}

/** What the param of a bundle says. */
export function describeBundle({ at, session }: ScheduledBundle, parts: readonly Envelope[]): Value {
  const addresses = parts.slice(0, MOST_ADDRESSES).map(({ entry }) => entry?.address ?? '');
  return { at, from: session.id, name: session.name.slice(0, MOST_NAME), addresses, messages: parts.length };
}

/** The bundles of a relay that wait for their time. No clock, no decisions. */
export class ScheduledBundles {
  readonly #queue = new ScheduleQueue<ScheduledBundle>();
  readonly #byAddress = new Map<string, ScheduledBundle>();
  readonly #counts = new Map<Session, number>();
  /** Of all their frames. */
  bytes = 0;

  get size(): number {
    return this.#byAddress.size;
  }

  /** When the next one is due. */
  get next(): number | undefined {
    return this.#queue.next;
  }

  /** The one whose param has this address. */
  at(address: string): ScheduledBundle | undefined {
    return this.#byAddress.get(address);
  }

  /** How many of a session wait. */
  countOf(session: Session): number {
    return this.#counts.get(session) ?? 0;
  }

  add(bundle: ScheduledBundle): void {
    this.#queue.add(bundle);
    this.#byAddress.set(bundle.address, bundle);
    this.#counts.set(bundle.session, this.countOf(bundle.session) + 1);
    this.bytes += bundle.frame.length;
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
    this.#byAddress.delete(bundle.address);
    const count = this.countOf(bundle.session) - 1;
    if (count > 0) this.#counts.set(bundle.session, count);
    else this.#counts.delete(bundle.session);
    this.bytes -= bundle.frame.length;
  }
}
