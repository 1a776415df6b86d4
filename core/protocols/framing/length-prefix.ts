/** What a {@link LengthPrefixReader} tells. */
export interface LengthPrefixOutput {
  /** A packet is complete. Its bytes are the caller's only until it returns. */
  packet(bytes: Uint8Array): void;
  /** A length cannot be; where the next packet begins is not known, and nothing more is read. */
  fault(reason: string): void;
}

/** One packet after its length in four bytes, highest first, as OSC 1.0 has it over streams. */
export function encodeLengthPrefix(packet: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(packet.length + 4);
  const { length } = packet;
  bytes[0] = length >>> 24;
  bytes[1] = length >>> 16;
  bytes[2] = length >>> 8;
  bytes[3] = length;
  bytes.set(packet, 4);
  return bytes;
}

/** Reads packets out of a stream of bytes that is cut anywhere. A length of 0 is passed over. */
export class LengthPrefixReader {
  readonly #out: LengthPrefixOutput;
  readonly #maxPacket: number;
  /** Bytes of the length that have come, and what they say so far. */
  #lengthBytes = 0;
  #length = 0;
  // It grows with what comes, not with what is announced.
  #bytes: Uint8Array = new Uint8Array(256);
  #filled = 0;
  #broken = false;

  /** @param maxPacket bytes of the longest packet */
  constructor(out: LengthPrefixOutput, maxPacket: number) {
    this.#out = out;
    this.#maxPacket = maxPacket;
  }

  /** Takes the next bytes. */
  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length && !this.#broken) {
      at = this.#lengthBytes < 4 ? this.#readLength(bytes, at) : this.#readPacket(bytes, at);
    }
  }

  #readLength(bytes: Uint8Array, from: number): number {
    let at = from;
    while (at < bytes.length && this.#lengthBytes < 4) {
      this.#length = ((this.#length << 8) | (bytes[at++] as number)) >>> 0;
      this.#lengthBytes++;
    }
    if (this.#lengthBytes < 4) return at;
    if (this.#length > this.#maxPacket) {
      this.#broken = true;
      this.#out.fault(`a packet of ${this.#length} bytes, more than ${this.#maxPacket}`);
    } else if (this.#length === 0) {
      this.#lengthBytes = 0;
    }
    return at;
  }

  #readPacket(bytes: Uint8Array, from: number): number {
    const wanted = this.#length - this.#filled;
    const end = Math.min(bytes.length, from + wanted);
    // What has come in one piece needs no copy.
    if (this.#filled === 0 && end - from === wanted) {
      this.#lengthBytes = 0;
      this.#length = 0;
      this.#out.packet(bytes.subarray(from, end));
      return end;
    }
    this.#keep(bytes.subarray(from, end));
    if (this.#filled === this.#length) {
      const length = this.#filled;
      this.#lengthBytes = 0;
      this.#length = 0;
      this.#filled = 0;
      this.#out.packet(this.#bytes.subarray(0, length));
    }
    return end;
  }

  #keep(part: Uint8Array): void {
    const needed = this.#filled + part.length;
    if (needed > this.#bytes.length) {
      const larger = new Uint8Array(Math.min(Math.max(2 * this.#bytes.length, needed), this.#maxPacket));
      larger.set(this.#bytes.subarray(0, this.#filled));
      this.#bytes = larger;
    }
    this.#bytes.set(part, this.#filled);
    this.#filled = needed;
  }
}
