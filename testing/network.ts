import type { SchedulerLike, Subscription } from 'rxjs';
import type { Connection } from '../core/connection/connection.ts';
import { type MemoryConnection, type MemoryPairOptions, memoryPair } from '../core/connection/memory-pair.ts';
import { ClaspError, ErrorCode } from '../core/errors.ts';
import { monotonicScheduler } from '../core/time/monotonic-scheduler.ts';
import { type SeededRandom, seededRandom } from './seeded-random.ts';

/** What is between two peers. Everything is off by default; what is left is perfect and takes no time. */
export interface Network extends MemoryPairOptions {
  /** Milliseconds one way. @defaultValue 0 */
  readonly latency?: number;
  /** Up to this many milliseconds more, for each frame anew. @defaultValue 0 */
  readonly jitter?: number;
  /** How fast each direction is; what waits saturates its sender. @defaultValue unlimited */
  readonly bytesPerSecond?: number;
  /** Milliseconds that a connection lives on average before it is cut; what was under way is lost. @defaultValue for ever */
  readonly lifetime?: number;
  /** Frames travel each on their own, as over UDP; only then can they be lost, doubled or overtaken. @defaultValue false */
  readonly datagram?: boolean;
  /** Share of frames that never arrive, 0 … 1; only with `datagram`. @defaultValue 0 */
  readonly loss?: number;
  /** Share of frames that arrive twice, 0 … 1; only with `datagram`. @defaultValue 0 */
  readonly duplication?: number;
  /** Share of frames that are held up for one to five ways more, 0 … 1; only with `datagram`. @defaultValue 0 */
  readonly reordering?: number;
}

/** What happens on the way, for logs. `from` is 0 or 1: the side of the pair that sent. */
export interface NetworkWatcher {
  /** A frame was handed over. */
  readonly sent?: (from: 0 | 1, frame: Uint8Array) => void;
  /** A frame arrived, or is about to where that takes no time. */
  readonly arrived?: (from: 0 | 1, frame: Uint8Array) => void;
  /** A frame was lost. */
  readonly lost?: (from: 0 | 1, frame: Uint8Array) => void;
  readonly cut?: (reason: ClaspError) => void;
}

/** Time and chance of a network, and who watches it. */
export interface NetworkOptions {
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
  /** Decides jitter and faults. @defaultValue `seededRandom(0)` */
  readonly random?: SeededRandom;
  readonly watch?: NetworkWatcher;
}

/** Two connections with a network between them. */
export interface NetworkPair {
  readonly ends: readonly [MemoryConnection, MemoryConnection];
  /** Cuts it: both sides lose the connection, and with it what is under way. */
  cut(reason?: ClaspError): void;
}

const LOST = new ClaspError(ErrorCode.Timeout, 'the connection was cut');

/**
 * Two connections like those of `memoryPair`, with a network between them. As over TCP, nothing is lost or overtaken
 * while the connection lives, unless the network is one of datagrams. Throws 402 for faults that only datagrams know.
 *
 * @example
 * ```ts
 * const time = virtualTime();
 * const { ends } = networkPair({ latency: 20, jitter: 5 }, { scheduler: time, random: seededRandom(1) });
 * ends[1].incoming.subscribe(() => console.log(time.now())); // from 20 to 25
 * ends[0].outgoing.next(new Uint8Array(3));
 * time.pass(25);
 * ```
 */
export function networkPair(network: Network = {}, options: NetworkOptions = {}): NetworkPair {
  const { scheduler = monotonicScheduler, random = seededRandom(0), watch = {} } = options;
  const { datagram = false, loss = 0, duplication = 0, reordering = 0, lifetime = Number.POSITIVE_INFINITY } = network;
  if (!datagram && loss + duplication + reordering > 0) {
    throw new ClaspError(ErrorCode.BadValue, 'frames are lost, doubled or reordered only with `datagram: true`');
  }
  if (!datagram && !network.latency && !network.jitter && network.bytesPerSecond === undefined) {
    return perfectPair(network, scheduler, random, watch);
  }
  const [near, leaving] = memoryPair(network);
  const [far, arriving] = memoryPair(network);
  const forth = new Way(leaving, arriving, 0, network, scheduler, random, watch);
  const back = new Way(arriving, leaving, 1, network, scheduler, random, watch);

  let alive: Subscription | undefined;
  const cut = (reason: ClaspError = LOST) => {
    alive?.unsubscribe();
    if (forth.ended && back.ended) return;
    watch.cut?.(reason);
    forth.drop();
    back.drop();
    leaving.outgoing.error(reason);
    arriving.outgoing.error(reason);
  };
  forth.open(() => alive?.unsubscribe());
  back.open(() => alive?.unsubscribe());
  if (lifetime !== Number.POSITIVE_INFINITY) alive = scheduler.schedule(() => cut(), random.wait(lifetime));
  return { ends: [near, far], cut };
}

/** What takes no time needs nothing in between: frames arrive before `next` returns. */
function perfectPair(
  network: Network,
  scheduler: SchedulerLike,
  random: SeededRandom,
  watch: NetworkWatcher,
): NetworkPair {
  const { lifetime = Number.POSITIVE_INFINITY } = network;
  const [near, far] = memoryPair(network);
  let alive: Subscription | undefined;
  let ended = false;
  const cut = (reason: ClaspError = LOST) => {
    if (ended) return;
    watch.cut?.(reason);
    near.cut(reason);
  };
  near.saturated.subscribe({
    complete: () => {
      ended = true;
      alive?.unsubscribe();
    },
  });
  if (lifetime !== Number.POSITIVE_INFINITY) alive = scheduler.schedule(() => cut(), random.wait(lifetime));
  const ends = [near, far] as const;
  return { ends: watch.sent || watch.arrived ? [watched(near, 0, watch), watched(far, 1, watch)] : ends, cut };
}

/** The same connection; what is sent over it is told. */
function watched(connection: MemoryConnection, side: 0 | 1, { sent, arrived }: NetworkWatcher): MemoryConnection {
  const { id, incoming, outgoing, saturated } = connection;
  return {
    id,
    incoming,
    saturated,
    outgoing: {
      next: (frame) => {
        sent?.(side, frame);
        arrived?.(side, frame);
        outgoing.next(frame);
      },
      error: (cause) => outgoing.error(cause),
      complete: () => outgoing.complete(),
    },
    pause: () => connection.pause(),
    resume: () => connection.resume(),
    cut: (reason) => connection.cut(reason),
  };
}

/** A frame under way, or the end of the connection. */
interface UnderWay {
  readonly frame: Uint8Array | undefined;
  readonly reason: ClaspError | undefined;
  readonly due: number;
}

/** One direction: takes frames from one pair and brings them, later, to the other. */
class Way {
  readonly #from: MemoryConnection;
  readonly #to: Connection;
  readonly #side: 0 | 1;
  readonly #network: Network;
  readonly #scheduler: SchedulerLike;
  readonly #random: SeededRandom;
  readonly #watch: NetworkWatcher;
  /** In the order of arrival. */
  #underWay: UnderWay[] = [];
  #timer: Subscription | undefined;
  /** Held while a slow line is busy, and while the reader lags. */
  #busy = false;
  #lagging = false;
  ended = false;

  constructor(
    from: MemoryConnection,
    to: Connection,
    side: 0 | 1,
    network: Network,
    scheduler: SchedulerLike,
    random: SeededRandom,
    watch: NetworkWatcher,
  ) {
    this.#from = from;
    this.#to = to;
    this.#side = side;
    this.#network = network;
    this.#scheduler = scheduler;
    this.#random = random;
    this.#watch = watch;
  }

  open(ended: () => void): void {
    this.#to.saturated.subscribe((saturated) => {
      this.#lagging = saturated;
      this.#hold();
    });
    this.#from.incoming.subscribe({
      next: (frame) => this.#take(frame),
      error: (cause) => {
        ended();
        this.#end(ClaspError.from(cause, ErrorCode.Internal));
      },
      complete: () => {
        ended();
        this.#end(undefined);
      },
    });
  }

  drop(): void {
    this.ended = true;
    this.#underWay = [];
    this.#timer?.unsubscribe();
  }

  #take(frame: Uint8Array): void {
    const { bytesPerSecond, datagram, loss = 0, duplication = 0, latency = 0 } = this.#network;
    this.#watch.sent?.(this.#side, frame);
    let travel = 0;
    if (bytesPerSecond !== undefined) {
      travel = (frame.length / bytesPerSecond) * 1000;
      this.#busy = true;
      this.#hold();
      this.#scheduler.schedule(() => {
        this.#busy = false;
        this.#hold();
      }, travel);
    }
    if (datagram && this.#random.chance(loss)) {
      this.#watch.lost?.(this.#side, frame);
      return;
    }
    this.#send(frame, undefined, travel + this.#delay());
    if (datagram && this.#random.chance(duplication)) this.#send(frame, undefined, travel + latency + this.#delay());
  }

  #end(reason: ClaspError | undefined): void {
    this.ended = true;
    this.#send(undefined, reason, this.#network.latency ?? 0);
  }

  /** How long this frame takes. */
  #delay(): number {
    const { latency = 0, jitter = 0, datagram, reordering = 0 } = this.#network;
    const usual = jitter === 0 ? latency : latency + this.#random() * jitter;
    if (!datagram || !this.#random.chance(reordering)) return usual;
    return usual + Math.max(1, latency + jitter) * this.#random.integer(1, 5);
  }

  #send(frame: Uint8Array | undefined, reason: ClaspError | undefined, delay: number): void {
    const queue = this.#underWay;
    if (delay === 0 && queue.length === 0) {
      this.#arrive({ frame, reason, due: 0 });
      return;
    }
    const now = this.#scheduler.now();
    const last = queue.at(-1)?.due ?? 0;
    // On a stream nothing overtakes; the end of a connection never does.
    const ordered = this.#network.datagram !== true || frame === undefined;
    const due = ordered ? Math.max(last, now + delay) : now + delay;
    let place = queue.length;
    while (place > 0 && (queue[place - 1] as UnderWay).due > due) place--;
    queue.splice(place, 0, { frame, reason, due });
    if (place === 0) this.#arm(due - now);
  }

  #arm(delay: number): void {
    this.#timer?.unsubscribe();
    this.#timer = this.#scheduler.schedule(() => this.#deliver(), delay);
  }

  #deliver(): void {
    const now = this.#scheduler.now();
    for (let next = this.#underWay[0]; next; next = this.#underWay[0]) {
      // Half a microsecond is less than any timer here can tell apart.
      if (next.due > now + 0.0005) {
        this.#arm(next.due - now);
        return;
      }
      this.#underWay.shift();
      this.#arrive(next);
    }
  }

  #arrive({ frame, reason }: UnderWay): void {
    if (frame) {
      this.#watch.arrived?.(this.#side, frame);
      this.#to.outgoing.next(frame);
    } else if (reason) {
      this.#to.outgoing.error(reason);
    } else {
      this.#to.outgoing.complete();
    }
  }

  #hold(): void {
    if (this.#busy || this.#lagging) this.#from.pause();
    else this.#from.resume();
  }
}
