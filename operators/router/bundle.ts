import type { Subscriber } from 'rxjs';
import type { AddressTable } from '../../core/address/address-table.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { StoredParam } from '../../core/param/param.ts';
import { bundledFrames, type Frame, joinFrames, publishAsSet, signalCode } from '../../core/wire/index.ts';
import { type Entry, Envelope, kindOf } from './envelope.ts';
import type { PacedDelivery } from './pacing.ts';
import type { Session } from './session-state.ts';

const PARAM = signalCode('param');

/**
 * The messages of a BUNDLE as envelopes of their own, at QoS 0: the bundle is acknowledged, not its parts.
 *
 * Throws a `ClaspError`: 101 for a part that cannot be read, is neither SET nor PUBLISH, or publishes a param without a
 * value, 200 for one whose address is none; with the address, where it is known.
 */
export function unpackBundle(
  table: AddressTable<StoredParam>,
  session: Session,
  bundle: Frame,
  at: number,
): readonly Envelope[] {
  const parts: Envelope[] = [];
  for (const frame of bundledFrames(bundle, 0)) {
    const kind = kindOf(frame.type);
    if (kind !== 'SET' && kind !== 'PUBLISH') {
      const address = frame.address || undefined;
      throw new ClaspError(ErrorCode.BadMessage, `a bundle takes SET and PUBLISH, not ${kind}`, { address });
    }
    const entry = intern(table, frame);
    const writes = kind === 'PUBLISH' && frame.signal === PARAM;
    parts.push(new Envelope(writes ? 'SET' : kind, session, writes ? publishAsSet(frame) : frame, entry, at));
  }
  return parts;
}

function intern(table: AddressTable<StoredParam>, frame: Frame): Entry {
  try {
    return table.intern(frame.bytes, frame.addressStart, frame.addressEnd);
  } catch (cause) {
    const { code, reason } = ClaspError.from(cause, ErrorCode.BadAddress);
    throw new ClaspError(code, reason, { address: frame.address, cause });
  }
}

/**
 * Passes a bundle on in two rounds. First the BUNDLE itself goes down the trunk: every stage behind says whether it takes
 * the parts that concern it, and the one that writes params writes all of them or none. If nobody refused it, its parts
 * follow one by one as if they had come alone, and then the same envelope again as `bundled`: what passed in between
 * belongs together.
 */
export function passBundle(out: Subscriber<Envelope>, bundle: Envelope): void {
  out.next(bundle);
  if (bundle.kind !== 'BUNDLE') return;
  for (const part of bundle.parts) out.next(part);
  bundle.kind = 'bundled';
  out.next(bundle);
}

/** One signal of a bundle, as it goes out. */
interface BundledSignal {
  readonly envelope: Envelope;
  /** The frame that it would be alone. */
  readonly bytes: Uint8Array;
  /** What makes two frames the same param, stream or gesture to an outbox. */
  readonly key: unknown;
  readonly kind: 'param' | 'stream' | 'other';
}

/** Signals that go to the same receivers, with their places in the bundle. */
interface Group {
  readonly receivers: readonly Session[];
  readonly except: Session | undefined;
  readonly signals: BundledSignal[];
  readonly places: number[];
}

/** Which groups a session gets; shared by all that get the same, so that it is encoded once for them. */
class Share {
  readonly #shorter: Share | undefined;
  readonly #last: Group | undefined;
  #longer: Map<Group, Share> | undefined;
  #signals: readonly BundledSignal[] | undefined;
  #keys: readonly unknown[] | undefined;
  #alone: readonly Uint8Array[] | undefined;
  #joined: readonly Uint8Array[] | undefined;

  constructor(shorter?: Share, last?: Group) {
    this.#shorter = shorter;
    this.#last = last;
  }

  /** This share and one group more. */
  with(group: Group): Share {
    this.#longer ??= new Map();
    let longer = this.#longer.get(group);
    if (!longer) {
      longer = new Share(this, group);
      this.#longer.set(group, longer);
    }
    return longer;
  }

  /** In the order of the bundle. Ask when nothing is added any more, as for the rest. */
  get signals(): readonly BundledSignal[] {
    this.#signals ??= this.#sorted();
    return this.#signals;
  }

  get keys(): readonly unknown[] {
    this.#keys ??= this.signals.map(({ key }) => key);
    return this.#keys;
  }

  /** The frames for a session: BUNDLEs, or one by one where it might not understand them. */
  framesFor({ confirms, connection }: Session): readonly Uint8Array[] {
    this.#alone ??= this.signals.map(({ bytes }) => bytes);
    if (!confirms) return this.#alone;
    if (connection.maxFrame !== undefined) return joinFrames(this.#alone, connection.maxFrame);
    this.#joined ??= joinFrames(this.#alone);
    return this.#joined;
  }

  #sorted(): readonly BundledSignal[] {
    // Of one group they are in order.
    if (this.#shorter === undefined || this.#shorter.#last === undefined) return (this.#last ?? NO_GROUP).signals;
    const placed: { readonly place: number; readonly signal: BundledSignal }[] = [];
    for (let share: Share | undefined = this; share !== undefined; share = share.#shorter) {
      const { signals, places } = share.#last ?? NO_GROUP;
      for (const [index, signal] of signals.entries()) placed.push({ place: places[index] as number, signal });
    }
    return placed.sort((a, b) => a.place - b.place).map(({ signal }) => signal);
  }
}

const NO_GROUP: Group = { receivers: [], except: undefined, signals: [], places: [] };

/**
 * Gathers the signals of one bundle, and delivers them when they are complete: to each session what it subscribes to, in
 * order and with nothing in between.
 */
export class BundleDelivery {
  /** By the array of receivers, which addresses with the same ones have in common; apart for those without the sender. */
  #toAll: Map<readonly Session[], Group> | undefined;
  #toOthers: Map<readonly Session[], Group> | undefined;
  #count = 0;

  /** Adds a signal that these sessions get, without the bundle's sender where one is given. */
  add(signal: BundledSignal, receivers: readonly Session[], except: Session | undefined): void {
    const groups = except === undefined ? this.#allGroups() : this.#otherGroups();
    let group = groups.get(receivers);
    if (!group) {
      group = { receivers, except, signals: [], places: [] };
      groups.set(receivers, group);
    }
    group.signals.push(signal);
    group.places.push(this.#count++);
  }

  /** Gives how many signals that were, one for each receiver. */
  deliver(): number {
    let delivered = 0;
    if (this.#count === 0) return delivered;
    for (const [receiver, share] of this.#shares()) {
      if (receiver.paced) tellPacing(receiver.paced, share.signals);
      const { outbox } = receiver;
      // What comes later for the same param must not take the place of what waits since before the bundle.
      outbox.fence(share.keys);
      for (const bytes of share.framesFor(receiver)) outbox.send(bytes, 'keep', undefined);
      delivered += share.signals.length;
    }
    return delivered;
  }

  #allGroups(): Map<readonly Session[], Group> {
    this.#toAll ??= new Map();
    return this.#toAll;
  }

  #otherGroups(): Map<readonly Session[], Group> {
    this.#toOthers ??= new Map();
    return this.#toOthers;
  }

  #shares(): ReadonlyMap<Session, Share> {
    const nothing = new Share();
    const shares = new Map<Session, Share>();
    for (const groups of [this.#toAll, this.#toOthers]) {
      for (const group of groups?.values() ?? []) {
        for (const receiver of group.receivers) {
          if (receiver !== group.except) shares.set(receiver, (shares.get(receiver) ?? nothing).with(group));
        }
      }
    }
    return shares;
  }
}

/** A bundle is never held back: it counts as a delivery of each of its params and streams. */
function tellPacing(paced: PacedDelivery, signals: readonly BundledSignal[]): void {
  for (const { kind, envelope } of signals) {
    const { entry, frame } = envelope;
    if (!entry || !frame) continue;
    if (kind === 'param') paced.told(entry);
    else if (kind === 'stream') paced.told(entry, frame);
  }
}
