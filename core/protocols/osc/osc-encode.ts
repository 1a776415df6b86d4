import { ClaspError, ErrorCode } from '../../errors.ts';
import { writeF32, writeF64, writeI64, writeU32, writeUtf8 } from '../../wire/bytes.ts';
import type { OscTimetag } from './osc.ts';
import { OSC_MAX_DEPTH, type OscArgument, type OscMessage, type OscPacket } from './osc.ts';

const SLASH = 0x2f;
const COMMA = 0x2c;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const BUNDLE_HEADER = 16;
const I64_END = 2n ** 63n;

/**
 * The bytes of one OSC packet, in a buffer of their own.
 *
 * Throws a `ClaspError` with code 402 that names the message's address when something has no form in OSC: an address
 * without a leading `/`, a text with a NUL, a whole number out of its type's range, a `c` that is not one character,
 * an `m` that is not four bytes, nesting beyond 32. Half of a surrogate pair is sent as U+FFFD.
 *
 * @example
 * ```ts
 * encodeOsc({ address: '/synth/cutoff', args: [{ type: 'f', value: 0.5 }] });
 * ```
 */
export function encodeOsc(packet: OscPacket): Uint8Array {
  const bytes = new Uint8Array(sizeOfPacket(packet, 0));
  new OscWriter(bytes).packet(packet);
  return bytes;
}

const padded = (size: number): number => (size + 3) & ~3;

// First pass: checks everything and gives the exact size, so that the second pass cannot fail and copies nothing twice.

function sizeOfPacket(packet: OscPacket, depth: number): number {
  if ('address' in packet) return sizeOfMessage(packet, depth);
  if (depth >= OSC_MAX_DEPTH) throw unsendable('bundles nest too deep');
  checkTimetag(packet.timetag, undefined);
  let size = BUNDLE_HEADER;
  for (const inner of packet.packets) size += 4 + sizeOfPacket(inner, depth + 1);
  return size;
}

function sizeOfMessage({ address, args }: OscMessage, depth: number): number {
  if (address.charCodeAt(0) !== SLASH) throw unsendable('address must start with "/"', address);
  const tags = 1 + sizeOfTags(args, address, depth);
  return sizeOfString(address, address) + padded(tags + 1) + sizeOfArguments(args, address);
}

function sizeOfTags(args: readonly OscArgument[], address: string, depth: number): number {
  let size = args.length;
  for (let i = 0; i < args.length; i++) {
    const { type, value } = args[i] as OscArgument;
    if (type !== '[') continue;
    if (depth >= OSC_MAX_DEPTH) throw unsendable('arrays nest too deep', address);
    size += 1 + sizeOfTags(value as readonly OscArgument[], address, depth + 1);
  }
  return size;
}

function sizeOfArguments(args: readonly OscArgument[], address: string): number {
  let size = 0;
  for (let i = 0; i < args.length; i++) {
    const argument = args[i] as OscArgument;
    switch (argument.type) {
      case 'f':
        size += 4;
        break;
      case 'i':
        if ((argument.value | 0) !== argument.value) throw outOfRange(argument, address);
        size += 4;
        break;
      case 's':
      case 'S':
        size += sizeOfString(argument.value, address);
        break;
      case 'b':
        size += 4 + padded(argument.value.length);
        break;
      case 'd':
        size += 8;
        break;
      case 'h':
        if (argument.value < -I64_END || argument.value >= I64_END) throw outOfRange(argument, address);
        size += 8;
        break;
      case 't':
        checkTimetag(argument.value, address);
        size += 8;
        break;
      case 'r':
        if (argument.value >>> 0 !== argument.value) throw outOfRange(argument, address);
        size += 4;
        break;
      case 'c':
        if (!isCharacter(argument.value)) throw outOfRange(argument, address);
        size += 4;
        break;
      case 'm':
        if (argument.value.length !== 4) throw outOfRange(argument, address);
        size += 4;
        break;
      case '[':
        size += sizeOfArguments(argument.value, address);
        break;
      case 'T':
      case 'F':
      case 'N':
      case 'I':
        break;
      default:
        throw unsendable(`no OSC type ${JSON.stringify((argument as OscArgument).type)}`, address);
    }
  }
  return size;
}

/** Bytes of a padded OSC string. */
function sizeOfString(text: string, address: string): number {
  let size = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === 0) throw unsendable('an OSC string cannot hold a NUL', address, text);
    if (unit < 0x80) continue;
    size += unit < 0x800 ? 1 : 2;
    if (unit < 0xd800 || unit > 0xdbff) continue;
    const low = text.charCodeAt(i + 1);
    if (low < 0xdc00 || low > 0xdfff || Number.isNaN(low)) continue;
    i++; // the pair takes 4 bytes: its 2 units and the 2 just counted
  }
  return padded(size + 1);
}

/** One code point, and not half of a pair: that has no number that a decoder would take. */
function isCharacter(text: string): boolean {
  const code = text.codePointAt(0) ?? 0xd800;
  return text.length === (code > 0xffff ? 2 : 1) && (code < 0xd800 || code > 0xdfff);
}

function checkTimetag({ seconds, fraction }: OscTimetag, address: string | undefined): void {
  if (seconds >>> 0 !== seconds || fraction >>> 0 !== fraction) {
    throw unsendable(`timetag ${seconds}, ${fraction} is not two u32`, address);
  }
}

function outOfRange({ type, value }: OscArgument, address: string): ClaspError {
  return unsendable(`${String(value)} cannot be sent as OSC type ${type}`, address, value);
}

function unsendable(reason: string, address?: string, value?: unknown): ClaspError {
  return new ClaspError(ErrorCode.BadValue, address === undefined ? reason : `${address}: ${reason}`, {
    address,
    value,
  });
}

/** Second pass. The buffer is new, so padding is zero without being written. */
class OscWriter {
  readonly #bytes: Uint8Array;
  #at = 0;
  #tagAt = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  packet(packet: OscPacket): void {
    if ('address' in packet) {
      this.#message(packet);
      return;
    }
    this.#at = writeUtf8('#bundle', this.#bytes, this.#at) + 1;
    this.#timetag(packet.timetag);
    for (const inner of packet.packets) {
      const start = this.#at;
      this.#at += 4;
      this.packet(inner);
      writeU32(this.#bytes, start, this.#at - start - 4);
    }
  }

  #message({ address, args }: OscMessage): void {
    this.#string(address);
    const tags = this.#at;
    this.#bytes[tags] = COMMA;
    this.#tagAt = tags + 1;
    this.#tags(args);
    this.#at = tags + padded(this.#tagAt - tags + 1);
    this.#arguments(args);
  }

  #tags(args: readonly OscArgument[]): void {
    for (let i = 0; i < args.length; i++) {
      const { type, value } = args[i] as OscArgument;
      if (type === '[') {
        this.#bytes[this.#tagAt++] = OPEN;
        this.#tags(value as readonly OscArgument[]);
        this.#bytes[this.#tagAt++] = CLOSE;
      } else {
        this.#bytes[this.#tagAt++] = type.charCodeAt(0);
      }
    }
  }

  #arguments(args: readonly OscArgument[]): void {
    for (let i = 0; i < args.length; i++) {
      const argument = args[i] as OscArgument;
      switch (argument.type) {
        case 'f':
          writeF32(this.#bytes, this.#at, argument.value);
          this.#at += 4;
          break;
        case 'i':
          writeU32(this.#bytes, this.#at, argument.value);
          this.#at += 4;
          break;
        case 's':
        case 'S':
          this.#string(argument.value);
          break;
        case 'b':
          writeU32(this.#bytes, this.#at, argument.value.length);
          this.#bytes.set(argument.value, this.#at + 4);
          this.#at += 4 + padded(argument.value.length);
          break;
        case 'd':
          writeF64(this.#bytes, this.#at, argument.value);
          this.#at += 8;
          break;
        case 'h':
          writeI64(this.#bytes, this.#at, argument.value);
          this.#at += 8;
          break;
        case 't':
          this.#timetag(argument.value);
          break;
        case 'r':
          writeU32(this.#bytes, this.#at, argument.value);
          this.#at += 4;
          break;
        case 'c':
          writeU32(this.#bytes, this.#at, argument.value.codePointAt(0) as number);
          this.#at += 4;
          break;
        case 'm':
          this.#bytes.set(argument.value, this.#at);
          this.#at += 4;
          break;
        case '[':
          this.#arguments(argument.value);
          break;
        default: // T F N I are all tag
      }
    }
  }

  #timetag({ seconds, fraction }: OscTimetag): void {
    writeU32(this.#bytes, this.#at, seconds);
    writeU32(this.#bytes, this.#at + 4, fraction);
    this.#at += 8;
  }

  #string(text: string): void {
    this.#at = padded(writeUtf8(text, this.#bytes, this.#at) + 1);
  }
}
