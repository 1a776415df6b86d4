// SLIP (RFC 1055), with the END on both sides that OSC 1.1 asks for.

const END = 0xc0;
const ESC = 0xdb;
const ESC_END = 0xdc;
const ESC_ESC = 0xdd;

/** What a {@link SlipReader} tells. */
export interface SlipOutput {
  /** A packet is complete. Its bytes are the caller's only until it returns. */
  packet(bytes: Uint8Array): void;
  /** A packet was passed over; `reason` is a constant text. The reader goes on with the next. */
  fault(reason: SlipFault): void;
}

/** Why a packet was passed over. */
export type SlipFault = 'a SLIP packet that is too long' | 'a SLIP escape of neither END nor ESC';

/** One packet between two ENDs, as SLIP has it. */
export function encodeSlip(packet: Uint8Array): Uint8Array {
  let length = packet.length + 2;
  for (let i = 0; i < packet.length; i++) if (packet[i] === END || packet[i] === ESC) length++;
  const bytes = new Uint8Array(length);
  bytes[0] = END;
  let at = 1;
  for (let i = 0; i < packet.length; i++) {
    const byte = packet[i] as number;
    if (byte === END || byte === ESC) {
      bytes[at++] = ESC;
      bytes[at++] = byte === END ? ESC_END : ESC_ESC;
    } else {
      bytes[at++] = byte;
    }
  }
  bytes[at] = END;
  return bytes;
}

/** Reads packets out of a stream of bytes that is cut anywhere. Empty packets are none. */
export class SlipReader {
  readonly #out: SlipOutput;
  readonly #maxPacket: number;
  #bytes: Uint8Array = new Uint8Array(256);
  #length = 0;
  #escaped = false;
  /** The packet that comes has been told of, and is passed over. */
  #skipping = false;

  /** @param maxPacket bytes of the longest packet */
  constructor(out: SlipOutput, maxPacket: number) {
    this.#out = out;
    this.#maxPacket = maxPacket;
  }

  /** Takes the next bytes. */
  push(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i] as number;
      if (byte === END) this.#end();
      else if (this.#skipping) continue;
      else if (this.#escaped) this.#unescape(byte);
      else if (byte === ESC) this.#escaped = true;
      else this.#add(byte);
    }
  }

  #end(): void {
    const length = this.#length;
    const whole = !this.#skipping && !this.#escaped;
    if (this.#escaped) this.#skip('a SLIP escape of neither END nor ESC');
    this.#length = 0;
    this.#escaped = false;
    this.#skipping = false;
    if (whole && length > 0) this.#out.packet(this.#bytes.subarray(0, length));
  }

  #unescape(byte: number): void {
    this.#escaped = false;
    if (byte === ESC_END) this.#add(END);
    else if (byte === ESC_ESC) this.#add(ESC);
    else this.#skip('a SLIP escape of neither END nor ESC');
  }

  #add(byte: number): void {
    if (this.#length === this.#maxPacket) {
      this.#skip('a SLIP packet that is too long');
      return;
    }
    if (this.#length === this.#bytes.length) {
      const larger = new Uint8Array(Math.min(2 * this.#bytes.length, this.#maxPacket));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes[this.#length++] = byte;
  }

  #skip(reason: SlipFault): void {
    this.#skipping = true;
    this.#out.fault(reason);
  }
}
