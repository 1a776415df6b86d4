import { joinFrames } from '../core/wire/index.ts';
import type { Envelope } from './envelope.ts';
import type { Session } from './session-state.ts';

/** One signal of a bundle, as it goes out. */
export interface BundledSignal {
  readonly envelope: Envelope;
  /** The frame that it would be alone. */
  readonly bytes: Uint8Array;
  /** What makes two frames the same param, stream or gesture to an outbox. */
  readonly key: unknown;
  readonly kind: 'param' | 'stream' | 'other';
}

/** Which signals of the bundle a session gets; shared by all that get the same, and encoded once for them. */
class Share {
  readonly #shorter: Share | undefined;
  readonly #last: BundledSignal | undefined;
  #longer: Map<BundledSignal, Share> | undefined;
  #signals: readonly BundledSignal[] | undefined;
  #frames: readonly Uint8Array[] | undefined;

  constructor(shorter?: Share, last?: BundledSignal) {
    this.#shorter = shorter;
    this.#last = last;
  }

  /** This share and one signal more. */
  with(signal: BundledSignal): Share {
    this.#longer ??= new Map();
    let longer = this.#longer.get(signal);
    if (!longer) {
      longer = new Share(this, signal);
      this.#longer.set(signal, longer);
    }
    return longer;
  }

  /** In order. Ask when the share is complete. */
  get signals(): readonly BundledSignal[] {
    if (!this.#signals) {
      const signals: BundledSignal[] = [];
      for (let share: Share | undefined = this; share !== undefined; share = share.#shorter) {
        if (share.#last) signals.push(share.#last);
      }
      this.#signals = signals.reverse();
    }
    return this.#signals;
  }

  /** The frames for a session: BUNDLEs, or one by one where it might not understand them. */
  framesFor({ confirms, connection }: Session): readonly Uint8Array[] {
    if (confirms && connection.maxFrame === undefined && this.#frames) return this.#frames;
    const alone = this.signals.map(({ bytes }) => bytes);
    if (!confirms) return alone;
    if (connection.maxFrame !== undefined) return joinFrames(alone, connection.maxFrame);
    this.#frames = joinFrames(alone);
    return this.#frames;
  }
}

/**
 * Gathers the signals of one bundle, and delivers them when they are complete: to each session what it subscribes to, in
 * order and with nothing in between.
 */
export class BundleDelivery {
  readonly #nothing = new Share();
  readonly #shares = new Map<Session, Share>();

  /** Adds a signal that these sessions, and not `except`, will get. Gives how many they are. */
  add(signal: BundledSignal, receivers: readonly Session[], except: Session | undefined): number {
    let count = 0;
    for (const receiver of receivers) {
      if (receiver === except) continue;
      const share = this.#shares.get(receiver) ?? this.#nothing;
      this.#shares.set(receiver, share.with(signal));
      count++;
    }
    return count;
  }

  deliver(): void {
    for (const [receiver, share] of this.#shares) {
      if (receiver.paced) tellPacing(receiver.paced, share.signals);
      const { outbox } = receiver;
      // What comes later for the same param must not take the place of what waits since before the bundle.
      for (const { key } of share.signals) outbox.fence(key);
      for (const bytes of share.framesFor(receiver)) outbox.send(bytes, 'keep', undefined);
    }
  }
}

/** A bundle is never held back: it counts as a delivery of each of its params and streams. */
function tellPacing(paced: NonNullable<Session['paced']>, signals: readonly BundledSignal[]): void {
  for (const { kind, envelope } of signals) {
    const { entry, frame } = envelope;
    if (!entry || !frame) continue;
    if (kind === 'param') paced.told(entry);
    else if (kind === 'stream') paced.told(entry, frame);
  }
}
