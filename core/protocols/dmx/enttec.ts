import { ClaspError, ErrorCode } from '../../errors.ts';

/** A message to or from an ENTTEC DMX USB Pro (API 1.44), or a widget that speaks like one. */
export interface EnttecMessage {
  /** What it is about, see {@link EnttecLabel}. */
  readonly label: number;
  /** Up to 600 bytes; those of a parser are yours only until the caller returns. */
  readonly data: Uint8Array;
}

/** The labels of messages that are known here. */
export const EnttecLabel = {
  /** Asks for the widget's parameters; answered under the same label. */
  GetParameters: 3,
  /** Break, mark after break, and how often a second it repeats what it sends. */
  SetParameters: 4,
  /** From the widget: a frame that it received. */
  ReceivedDmx: 5,
  /** A frame to be sent, and repeated by the widget until the next. */
  SendDmx: 6,
  /** Begin to receive: every frame (0), or only what changes (1). */
  ReceiveOnChange: 8,
  /** From the widget: channels that changed. */
  ChangeOfState: 9,
  /** Asks for the serial number; answered under the same label. */
  GetSerialNumber: 10,
} as const;

const START = 0x7e;
const END = 0xe7;
const LONGEST = 600;
/** The widget refuses shorter frames. */
const SHORTEST_FRAME = 24;

/**
 * Writes one message: start, label, length, data, end. Throws a `ClaspError` 402 for more than 600 bytes of data and
 * for a label that is not a byte.
 */
export function encodeEnttec(label: number, data: Uint8Array = new Uint8Array()): Uint8Array {
  if (!(Number.isInteger(label) && label >= 0 && label <= 255)) {
    throw new ClaspError(ErrorCode.BadValue, `label ${label} is not from 0 to 255`, { value: label });
  }
  if (data.length > LONGEST) {
    throw new ClaspError(ErrorCode.BadValue, `a message has at most ${LONGEST} bytes, not ${data.length}`, {
      value: data.length,
    });
  }
  const bytes = new Uint8Array(data.length + 5);
  bytes[0] = START;
  bytes[1] = label;
  bytes[2] = data.length;
  bytes[3] = data.length >> 8;
  bytes.set(data, 4);
  bytes[data.length + 4] = END;
  return bytes;
}

/**
 * Writes the message that has the widget send a frame (label 6). Fewer than 24 levels are filled up with zeros.
 * Throws a `ClaspError` 402 for more than 512.
 *
 * @example
 * ```ts
 * const parser = new EnttecParser();
 * parser.push(encodeEnttecDmx(Uint8Array.of(255)), ({ label, data }) => console.log(label, data.length)); // 6 25
 * ```
 */
export function encodeEnttecDmx(levels: Uint8Array): Uint8Array {
  if (levels.length > 512) {
    throw new ClaspError(ErrorCode.BadValue, `a universe has at most 512 levels, not ${levels.length}`, {
      value: levels.length,
    });
  }
  const data = new Uint8Array(1 + Math.max(SHORTEST_FRAME, levels.length));
  data.set(levels, 1);
  return encodeEnttec(EnttecLabel.SendDmx, data);
}

/**
 * Cuts a stream of bytes, in pieces as they come, into messages. What lies between messages, and a message whose length
 * or end is wrong, is passed over byte by byte until a message fits, and counted. Holds one message at most.
 */
export class EnttecParser {
  /** Bytes that belonged to no message. */
  skipped = 0;
  readonly #buffer = new Uint8Array(LONGEST + 5);
  #length = 0;

  /** Takes the next bytes and calls `message` for each message that is complete. */
  push(bytes: Uint8Array, message: (message: EnttecMessage) => void): void {
    for (let i = 0; i < bytes.length; i++) {
      this.#buffer[this.#length++] = bytes[i] as number;
      this.#settle(message);
    }
  }

  /** After each byte: what is held is the beginning of a message, or becomes one. */
  #settle(message: (message: EnttecMessage) => void): void {
    while (this.#length > 0) {
      const buffer = this.#buffer;
      if (buffer[0] !== START) {
        this.#resume();
        continue;
      }
      if (this.#length < 4) return;
      const size = (buffer[2] as number) | ((buffer[3] as number) << 8);
      if (size > LONGEST) {
        this.#resume();
        continue;
      }
      if (this.#length < size + 5) return;
      if (buffer[size + 4] !== END) {
        this.#resume();
        continue;
      }
      // Gone before it is told of: the listener may push more.
      const data = buffer.slice(4, size + 4);
      const label = buffer[1] as number;
      this.#drop(size + 5);
      message({ label, data });
    }
  }

  /** No message begins here: goes on at the next byte that may begin one. */
  #resume(): void {
    let next = 1;
    while (next < this.#length && this.#buffer[next] !== START) next++;
    this.skipped += next;
    this.#drop(next);
  }

  #drop(count: number): void {
    this.#buffer.copyWithin(0, count, this.#length);
    this.#length -= count;
  }
}

/**
 * Puts what a message of label 5 or 9 says into `levels` (512 bytes), and gives how many channels are known from it.
 * Gives -1 when it says nothing about levels: another label, an overrun, a start code other than 0; and -2 when it is
 * malformed, which leaves the levels as they are.
 */
export function applyEnttecDmx({ label, data }: EnttecMessage, levels: Uint8Array): number {
  if (label === EnttecLabel.ReceivedDmx) {
    if (data.length < 2 || data.length > 514) return -2;
    if (data[0] !== 0 || data[1] !== 0) return -1;
    levels.set(data.subarray(2));
    return data.length - 2;
  }
  if (label !== EnttecLabel.ChangeOfState) return -1;
  if (data.length < 6) return -2;
  let told = 0;
  for (let bit = 0; bit < 40; bit++) told += ((data[1 + (bit >> 3)] as number) >> (bit & 7)) & 1;
  // Cut off, it may be anything: none of it is believed.
  if (data.length < 6 + told) return -2;
  const first = (data[0] as number) * 8;
  let next = 6;
  for (let bit = 0; bit < 40; bit++) {
    if ((((data[1 + (bit >> 3)] as number) >> (bit & 7)) & 1) === 0) continue;
    const level = data[next++] as number;
    const slot = first + bit; // slot 0 is the start code
    if (slot >= 1 && slot <= 512) levels[slot - 1] = level;
  }
  return 512;
}

/** The serial number in a message of label 10, as printed on the widget; undefined when it is malformed. */
export function enttecSerialNumber({ label, data }: EnttecMessage): string | undefined {
  if (label !== EnttecLabel.GetSerialNumber || data.length !== 4) return undefined;
  return Array.from(data, (byte) => byte.toString(16).padStart(2, '0'))
    .reverse()
    .join('');
}
