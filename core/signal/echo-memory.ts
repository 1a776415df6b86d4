import type { Value } from './value.ts';
import { sameValue, valueBytes } from './value.ts';

export interface EchoMemoryOptions {
  /** Milliseconds for which a value counts as the peer's own. @defaultValue 1000 */
  readonly window?: number;
  /** Bytes that may be remembered, about. Beyond it the oldest are forgotten early. @defaultValue 4194304 */
  readonly maxBytes?: number;
}

/** The newest values that are kept per peer and address; a relay that lags by more lets an echo through. */
const LONGEST = 1_024;

/** What one peer sent to one address, oldest first. */
interface Heard {
  readonly values: Value[];
  readonly times: number[];
  /** Those before this index are done with. */
  start: number;
  /** The newest value has come back: there is nothing on its way. */
  settled: boolean;
}

type Generation = Map<string, Map<string, Heard>>;

/** What a peer sent for a moment that lies ahead. */
interface Ahead {
  readonly peer: string;
  readonly address: string;
  readonly value: Value;
  readonly due: number;
}

/** Milliseconds by which what was sent for a moment may come back before it. */
const EARLY = 5;

/**
 * Remembers what came in from whom, so that it is not sent back to whom it came from. Pure: time is an argument, in
 * milliseconds.
 *
 * Values of one address come back from the relay in the order they went in, some of them left out. So all values of
 * the last `window` ms count, not only the newest: a fader that moves faster than the relay answers would otherwise
 * be pulled back by its own past. Once any other value is sent to the peer, what it said no longer tells what it
 * shows, and is forgotten: what comes next is sent, and the peer ends with the relay's state. (Where a congested
 * relay leaves values out, somebody else's value that equals one of those still on their way is taken for it.)
 *
 * For any sink: the source tells it what came in, under a name for the peer (its address, a port, the broker), and the
 * sink asks before it sends, with the value as the source would read it. One memory serves all peers of a bridge.
 *
 * @example
 * ```ts
 * const echoes = new EchoMemory();
 * echoes.heard('desk', '/midi/ch/1/cc/7', 0.5, 1_000); // in the source, when the device has sent it
 * echoes.isEcho('desk', '/midi/ch/1/cc/7', 0.5, 1_010); // true: in the sink, nothing is sent
 * echoes.isEcho('desk', '/midi/ch/1/cc/7', 0.6, 1_020); // false: somebody else has moved it
 * ```
 */
export class EchoMemory {
  readonly #window: number;
  readonly #halfOfBytes: number;
  // Two generations take turns, at the latest after `window`: forgetting costs no sweep and no timer.
  #young: Generation = new Map();
  #old: Generation = new Map();
  #youngBytes = 0;
  #agedAt = Number.NEGATIVE_INFINITY;
  /** The earliest first. */
  readonly #ahead: Ahead[] = [];
  #aheadBytes = 0;

  constructor({ window = 1_000, maxBytes = 4 * 1024 * 1024 }: EchoMemoryOptions = {}) {
    this.#window = window;
    this.#halfOfBytes = maxBytes / 2;
  }

  /** Notes that `peer` sent `value` to `address`; at `due`, where it is meant for later: then it counts from then on. */
  heard(peer: string, address: string, value: Value, now: number, due: number = now): void {
    if (this.#ahead.length > 0) this.#catchUp(now);
    if (due > now + EARLY) this.#wait({ peer, address, value, due });
    else this.#note(peer, address, value, now);
  }

  #note(peer: string, address: string, value: Value, now: number): void {
    if (this.#youngBytes >= this.#halfOfBytes || now - this.#agedAt >= this.#window) this.#age(now);

    const heard = this.#young.get(peer)?.get(address) ?? this.#begin(peer, address);
    if (heard.settled) skip(heard, heard.values.length);
    else if (heard.values.length - heard.start === LONGEST) skip(heard, heard.start + 1);
    heard.settled = false;
    heard.values.push(value);
    heard.times.push(now);
    this.#youngBytes += valueBytes(value);
  }

  /**
   * Whether `value`, about to be sent to `peer`, is what the peer itself sent to `address` within the window. If
   * not, the caller is taken to send it.
   */
  isEcho(peer: string, address: string, value: Value, now: number): boolean {
    if (this.#ahead.length > 0) this.#catchUp(now);
    const old = this.#old.get(peer)?.get(address);
    const young = this.#young.get(peer)?.get(address);
    if (old !== undefined && this.#comesBack(old, value, now, young === undefined)) return true;
    // Either it is younger, or it is somebody else's: what is old has had its time.
    if (old !== undefined) this.#old.get(peer)?.delete(address);
    if (young === undefined) return false;
    if (this.#comesBack(young, value, now, true)) return true;
    this.#young.get(peer)?.delete(address);
    return false;
  }

  /**
   * As {@link isEcho}, for what happens rather than lasts: each comes back once, whatever else is sent in between.
   */
  isEventEcho(peer: string, address: string, value: Value, now: number): boolean {
    for (const generation of [this.#old, this.#young]) {
      const heard = generation.get(peer)?.get(address);
      const index = heard ? this.#indexOf(heard, value, now) : -1;
      if (index < 0) continue;
      heard?.values.splice(index, 1);
      heard?.times.splice(index, 1);
      return true;
    }
    return false;
  }

  #begin(peer: string, address: string): Heard {
    const old = this.#old.get(peer);
    if (old?.get(address)?.settled) old.delete(address);
    let addresses = this.#young.get(peer);
    if (addresses === undefined) {
      addresses = new Map();
      this.#young.set(peer, addresses);
    }
    const heard = { values: [], times: [], start: 0, settled: false };
    addresses.set(address, heard);
    return heard;
  }

  #comesBack(heard: Heard, value: Value, now: number, isNewest: boolean): boolean {
    const index = this.#indexOf(heard, value, now);
    if (index < 0) return false;
    // It has come, and those before it were left out: they will not come again. The newest one may, from others.
    heard.settled = isNewest && index === heard.values.length - 1;
    skip(heard, heard.settled ? index : index + 1);
    return true;
  }

  #indexOf({ values, times, start }: Heard, value: Value, now: number): number {
    for (let i = start; i < values.length; i++) {
      if (now - (times[i] as number) <= this.#window && sameValue(values[i] as Value, value)) return i;
    }
    return -1;
  }

  #wait(ahead: Ahead): void {
    let place = this.#ahead.length;
    while (place > 0 && (this.#ahead[place - 1] as Ahead).due > ahead.due) place--;
    this.#ahead.splice(place, 0, ahead);
    this.#aheadBytes += sizeOf(ahead);
    // What lies furthest ahead is forgotten.
    while (this.#aheadBytes > this.#halfOfBytes) this.#aheadBytes -= sizeOf(this.#ahead.pop() as Ahead);
  }

  #catchUp(now: number): void {
    for (let next = this.#ahead[0]; next && next.due <= now + EARLY; next = this.#ahead[0]) {
      this.#ahead.shift();
      this.#aheadBytes -= sizeOf(next);
      this.#note(next.peer, next.address, next.value, next.due);
    }
  }

  #age(now: number): void {
    this.#old = now - this.#agedAt >= 2 * this.#window ? new Map() : this.#young;
    this.#young = new Map();
    this.#youngBytes = 0;
    this.#agedAt = now;
  }
}

/** Forgets the values before `start`; moves the others only now and then. */
function skip(heard: Heard, start: number): void {
  heard.start = start;
  if (start < LONGEST && start < heard.values.length) return;
  heard.values.splice(0, start);
  heard.times.splice(0, start);
  heard.start = 0;
}

function sizeOf({ address, value }: Ahead): number {
  return 100 + 2 * address.length + valueBytes(value);
}
