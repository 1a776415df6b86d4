import { encodeLengthPrefix, LengthPrefixReader } from '../framing/length-prefix.ts';
import { encodeSlip, SlipReader } from '../framing/slip.ts';

/** How packets are told apart on a stream: `length` is OSC 1.0, four bytes before each; `slip` is OSC 1.1. */
export type OscFraming = 'length' | 'slip';

/** What an {@link OscStreamReader} tells. */
export interface OscStreamOutput {
  /** The first byte has told the framing; called before the first packet, and only for `auto`. */
  begin?(framing: OscFraming): void;
  /** A packet is complete. Its bytes are the caller's only until it returns. */
  packet(bytes: Uint8Array): void;
  /** Something was passed over. After a `fatal` one nothing more can be read. */
  fault(reason: string, fatal: boolean): void;
}

export interface OscStreamOptions {
  /** `auto` looks at the first byte. @defaultValue 'auto' */
  readonly framing?: OscFraming | 'auto' | undefined;
  /** Bytes of the longest packet; below 16 MB. @defaultValue 65536 */
  readonly maxPacket?: number | undefined;
}

/** A packet as it goes over a stream. */
export function frameOsc(packet: Uint8Array, framing: OscFraming): Uint8Array {
  return framing === 'slip' ? encodeSlip(packet) : encodeLengthPrefix(packet);
}

/**
 * Reads OSC packets out of a stream, in either framing. Never throws.
 *
 * @example
 * ```ts
 * const reader = new OscStreamReader({ packet: (bytes) => console.log(decodeOsc(bytes)), fault: console.error });
 * reader.push(frameOsc(encodeOsc({ address: '/go', args: [] }), 'slip'));
 * console.log(reader.framing); // slip
 * ```
 */
export class OscStreamReader {
  readonly #out: OscStreamOutput;
  readonly #maxPacket: number;
  #framing: OscFraming | undefined;
  #reader: { push(bytes: Uint8Array): void } | undefined;
  #broken = false;

  constructor(out: OscStreamOutput, { framing = 'auto', maxPacket = 65_536 }: OscStreamOptions = {}) {
    this.#out = out;
    this.#maxPacket = maxPacket;
    if (framing !== 'auto') this.#begin(framing);
  }

  /** The framing; undefined while nothing has come that tells it. */
  get framing(): OscFraming | undefined {
    return this.#framing;
  }

  /** Takes the next bytes. */
  push(bytes: Uint8Array): void {
    const first = bytes[0];
    if (this.#broken || first === undefined) return;
    if (this.#reader === undefined) {
      const framing = framingOf(first);
      if (framing === undefined) {
        this.#broken = true;
        this.#out.fault(`neither a length nor SLIP: it begins with byte ${first}`, true);
        return;
      }
      this.#begin(framing);
      this.#out.begin?.(framing);
    }
    this.#reader?.push(bytes);
  }

  #begin(framing: OscFraming): void {
    const packet = (bytes: Uint8Array) => this.#out.packet(bytes);
    this.#framing = framing;
    this.#reader =
      framing === 'slip'
        ? new SlipReader({ packet, fault: (reason) => this.#out.fault(reason, false) }, this.#maxPacket)
        : new LengthPrefixReader({ packet, fault: (reason) => this.#out.fault(reason, true) }, this.#maxPacket);
  }
}

/** The highest byte of a length below 16 MB is 0; SLIP begins with END, or with the packet: `/` or `#bundle`. */
function framingOf(first: number): OscFraming | undefined {
  if (first === 0) return 'length';
  return first === 0xc0 || first === 0x2f || first === 0x23 ? 'slip' : undefined;
}
