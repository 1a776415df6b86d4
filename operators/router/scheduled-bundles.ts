import { type Scheduled, ScheduleQueue } from '../../core/schedule-queue.ts';
import type { Value } from '../../core/value.ts';
import { bundleSize, copyBundle, type Frame } from '../../core/wire/index.ts';
import type { Envelope } from './envelope.ts';
import type { Session } from './session-state.ts';

/** The params of the bundles that wait. */
const TREE = '/clasp/schedule/';
/** Addresses of a bundle that its param lists. */
const MOST_ADDRESSES = 16;
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
export function waitingSize(frame: Frame): number {
  return OVERHEAD + bundleSize(frame);
}

/** A bundle that waits for its time. */
export class ScheduledBundle implements Scheduled {
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
export function describeBundle({ at, session }: ScheduledBundle, parts: readonly Envelope[]): Value {
  const addresses = parts.slice(0, MOST_ADDRESSES).map(({ entry }) => entry?.address ?? '');
  return { at, from: session.id, name: session.name, addresses, messages: parts.length };
}

/** The bundles of a relay that wait for their time. No clock, no decisions. */
export class ScheduledBundles {
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
