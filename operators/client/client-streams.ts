/** Addresses whose newest sample is kept while the way to the relay is congested. */
const MAX_HELD = 1_000;

/**
 * What a client sends without asking for an answer. Nothing is kept for a relay that is not there; while the way to it
 * is congested only the newest sample of each address is.
 */
export class ClientStreams {
  readonly #held = new Map<string, Uint8Array>();
  #send: ((frame: Uint8Array) => void) | undefined;
  #saturated = false;
  /** Frames that were not sent. */
  dropped = 0;

  resume(send: (frame: Uint8Array) => void): void {
    this.#send = send;
    this.#flush();
  }

  suspend(): void {
    this.#send = undefined;
    this.dropped += this.#held.size;
    this.#held.clear();
  }

  saturate(saturated: boolean): void {
    this.#saturated = saturated;
    this.#flush();
  }

  /** Sends a sample; a newer one may take its place. */
  sample(address: string, frame: Uint8Array): void {
    if (!this.#send || !this.#saturated) {
      this.send(frame);
      return;
    }
    const full = this.#held.size >= MAX_HELD && !this.#held.has(address);
    if (full) for (const oldest of this.#held.keys()) if (this.#held.delete(oldest)) break;
    if (full || this.#held.delete(address)) this.dropped++;
    this.#held.set(address, frame);
  }

  /** Sends a frame that none may replace. */
  send(frame: Uint8Array): void {
    if (this.#send) this.#send(frame);
    else this.dropped++;
  }

  #flush(): void {
    for (const [address, frame] of this.#held) {
      if (this.#saturated || !this.#send) return;
      this.#held.delete(address);
      this.#send(frame);
    }
  }
}
