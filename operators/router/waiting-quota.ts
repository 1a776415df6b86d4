interface Place {
  readonly peer: string;
  readonly due: number;
}

/** Per place that is free, so many may one peer have. */
const PER_FREE_PLACE = 4;

/**
 * Shares places to wait for a time among peers that come by one way, so that one of them, whose clock is ahead say, never
 * takes all: a peer gets a place while it has fewer than four times those that are free. One alone so gets four fifths;
 * there is always room for one more. Pure: times are arguments, in one unit.
 */
export class WaitingQuota {
  readonly #places: number;
  /** The earliest first. */
  readonly #waiting: Place[] = [];
  readonly #counts = new Map<string, number>();

  constructor(places: number) {
    this.#places = places;
  }

  /** How many of a peer wait at `now`. */
  countOf(peer: string, now: number): number {
    this.#leave(now);
    return this.#counts.get(peer) ?? 0;
  }

  /** Takes a place until `due`, if the peer may; gives what frees it before its time. */
  take(peer: string, due: number, now: number): (() => void) | undefined {
    const own = this.countOf(peer, now);
    if (own >= PER_FREE_PLACE * (this.#places - this.#waiting.length)) return undefined;
    const place = { peer, due };
    let at = this.#waiting.length;
    while (at > 0 && (this.#waiting[at - 1] as Place).due > due) at--;
    this.#waiting.splice(at, 0, place);
    this.#counts.set(peer, own + 1);
    return () => {
      const index = this.#waiting.indexOf(place);
      if (index < 0) return;
      this.#waiting.splice(index, 1);
      this.#free(place);
    };
  }

  #leave(now: number): void {
    let gone = 0;
    while (gone < this.#waiting.length && (this.#waiting[gone] as Place).due <= now) gone++;
    for (const place of this.#waiting.splice(0, gone)) this.#free(place);
  }

  #free({ peer }: Place): void {
    const left = (this.#counts.get(peer) ?? 1) - 1;
    if (left > 0) this.#counts.set(peer, left);
    else this.#counts.delete(peer);
  }
}
