import { ClaspError, ErrorCode } from '../../errors.ts';
import { isUtf8, readF32, readF64, readI32, readU32, readUtf8 } from '../../wire/bytes.ts';
import type { OscTimetag } from './osc.ts';
import { OSC_MAX_DEPTH, type OscArgument, type OscBundle, type OscMessage, type OscPacket } from './osc.ts';

/** Why bytes are not an OSC packet. */
export interface OscFault {
  /** What is wrong: one of a few constant sentences. */
  readonly fault: string;
  /** Where, in bytes from the start of the datagram. */
  readonly offset: number;
}

/**
 * Reads one OSC packet. Throws a `ClaspError` with code 101 that says what is wrong, and at which byte.
 *
 * Accepts what liblo accepts, and the types that liblo does not know (`r`, arrays): strings end with a NUL, padding is
 * there and zero, nothing is left over. Texts must be UTF-8. Unlike liblo it takes a message that ends after its
 * address (OSC 1.0 senders without type tags) as one without arguments, and insists on the leading `/`.
 * Values are copies; `bytes` can be reused.
 *
 * @example
 * ```ts
 * decodeOsc(encodeOsc({ address: '/mixer/1', args: [{ type: 'i', value: 7 }] }));
 * ```
 */
export function decodeOsc(bytes: Uint8Array): OscPacket {
  const packet = parseOsc(bytes);
  if ('fault' in packet) throw new ClaspError(ErrorCode.BadMessage, `${packet.fault} at byte ${packet.offset}`);
  return packet;
}

/** As {@link decodeOsc}, but a bad packet is a plain value: nothing is thrown and no stack is taken, for floods. */
export function parseOsc(bytes: Uint8Array): OscPacket | OscFault {
  const reader = new OscReader(bytes);
  const packet = reader.packet(bytes.length, 0);
  return packet ?? { fault: reader.fault, offset: reader.at };
}

const SLASH = 0x2f;
const HASH = 0x23;
const COMMA = 0x2c;
const OPEN = 0x5b;
const CLOSE = 0x5d;
/** `#bundle` and its NUL, as two words. */
const BUNDLE_HIGH = 0x2362_756e;
const BUNDLE_LOW = 0x646c_6500;

const padded = (size: number): number => (size + 3) & ~3;

/** Reads from front to back. A method that gives undefined has set `fault`, and left `at` where the fault is. */
class OscReader {
  readonly #bytes: Uint8Array;
  #tagAt = 0;
  at = 0;
  fault = '';

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  packet(end: number, depth: number): OscPacket | undefined {
    if (this.at >= end) return this.#fail('empty packet', this.at);
    switch (this.#bytes[this.at]) {
      case SLASH:
        return this.#message(end, depth);
      case HASH:
        return this.#bundle(end, depth);
      default:
        return this.#fail('not an OSC packet: it starts with neither "/" nor "#bundle"', this.at);
    }
  }

  #bundle(end: number, depth: number): OscBundle | undefined {
    const start = this.at;
    if (depth >= OSC_MAX_DEPTH) return this.#fail('bundles nest too deep', start);
    if (end - start < 16) return this.#fail('bundle header is cut off', start);
    if (readU32(this.#bytes, start) !== BUNDLE_HIGH || readU32(this.#bytes, start + 4) !== BUNDLE_LOW) {
      return this.#fail('not an OSC packet: it starts with neither "/" nor "#bundle"', start);
    }
    this.at += 8;
    const timetag = this.#timetag();
    const packets: OscPacket[] = [];
    while (this.at < end) {
      if (end - this.at < 4) return this.#fail('size of a bundle element is cut off', this.at);
      const size = readU32(this.#bytes, this.at);
      if (size > end - this.at - 4) return this.#fail('bundle element is longer than its bundle', this.at);
      this.at += 4;
      const packet = this.packet(this.at + size, depth + 1);
      if (packet === undefined) return undefined;
      packets.push(packet);
    }
    return { timetag, packets };
  }

  #message(end: number, depth: number): OscMessage | undefined {
    const address = this.#string(end);
    if (address === undefined) return undefined;
    if (this.at === end) return { address, args: [] };
    if (this.#bytes[this.at] !== COMMA) return this.#fail('arguments without type tags', this.at);

    const tags = this.at;
    if (!this.#skipString(end)) return undefined;
    this.#tagAt = tags + 1;
    const args = this.#arguments(end, depth, false);
    if (args === undefined) return undefined;
    if (this.at !== end) return this.#fail('bytes after the last argument', this.at);
    return { address, args };
  }

  /** Arguments up to the end of the tags, or to the `]` of the array that is open. */
  #arguments(end: number, depth: number, inArray: boolean): OscArgument[] | undefined {
    const args: OscArgument[] = [];
    for (;;) {
      const tag = this.#bytes[this.#tagAt] as number;
      if (tag === 0) return inArray ? this.#fail('array is not closed', this.#tagAt) : args;
      this.#tagAt++;
      if (tag === CLOSE) return inArray ? args : this.#fail('"]" without "["', this.#tagAt - 1);
      const argument = tag === OPEN ? this.#array(end, depth) : this.#argument(tag, end);
      if (argument === undefined) return undefined;
      args.push(argument);
    }
  }

  #array(end: number, depth: number): OscArgument | undefined {
    if (depth >= OSC_MAX_DEPTH) return this.#fail('arrays nest too deep', this.#tagAt - 1);
    const value = this.#arguments(end, depth + 1, true);
    return value && { type: '[', value };
  }

  #argument(tag: number, end: number): OscArgument | undefined {
    const at = this.at;
    switch (tag) {
      case 0x66:
        return this.#take(4, end) ? { type: 'f', value: readF32(this.#bytes, at) } : undefined;
      case 0x69:
        return this.#take(4, end) ? { type: 'i', value: readI32(this.#bytes, at) } : undefined;
      case 0x73:
      case 0x53: {
        const value = this.#string(end);
        return value === undefined ? undefined : { type: tag === 0x73 ? 's' : 'S', value };
      }
      case 0x62:
        return this.#blob(end);
      case 0x54:
        return { type: 'T', value: true };
      case 0x46:
        return { type: 'F', value: false };
      case 0x4e:
        return { type: 'N', value: null };
      case 0x49:
        return { type: 'I', value: true };
      case 0x64:
        return this.#take(8, end) ? { type: 'd', value: readF64(this.#bytes, at) } : undefined;
      case 0x68:
        return this.#take(8, end) ? { type: 'h', value: this.#integer(at) } : undefined;
      case 0x74:
        return this.#take(8, end) ? { type: 't', value: this.#timetagAt(at) } : undefined;
      case 0x72:
        return this.#take(4, end) ? { type: 'r', value: readU32(this.#bytes, at) } : undefined;
      case 0x6d:
        return this.#take(4, end) ? { type: 'm', value: this.#copy(at, at + 4) } : undefined;
      case 0x63:
        return this.#take(4, end) ? this.#character(at) : undefined;
      default:
        return this.#fail('unknown type tag', this.#tagAt - 1);
    }
  }

  #character(at: number): OscArgument | undefined {
    const code = readU32(this.#bytes, at);
    if (code > 0x10_ffff || (code >= 0xd800 && code <= 0xdfff)) return this.#fail('not a character', at);
    return { type: 'c', value: String.fromCodePoint(code) };
  }

  #blob(end: number): OscArgument | undefined {
    const start = this.at;
    if (!this.#take(4, end)) return undefined;
    const size = readU32(this.#bytes, start);
    // Compared before it is added to anything or allocated.
    if (size > end - this.at) return this.#fail('blob is longer than its message', start);
    const from = this.at;
    const to = from + size;
    if (!this.#skipPadding(to, from + padded(size), end)) return undefined;
    return { type: 'b', value: this.#copy(from, to) };
  }

  #string(end: number): string | undefined {
    const bytes = this.#bytes;
    let at = this.at;
    let text = '';
    // An ASCII text comes in words of four, of which the last holds one to four NULs.
    while (at + 4 <= end) {
      const a = bytes[at] as number;
      const b = bytes[at + 1] as number;
      const c = bytes[at + 2] as number;
      const d = bytes[at + 3] as number;
      if ((a | b | c | d) >= 0x80) break;
      if (d !== 0 && c !== 0 && b !== 0 && a !== 0) {
        text += String.fromCharCode(a, b, c, d);
        at += 4;
        continue;
      }
      if (d !== 0 || (c !== 0 && (b === 0 || a === 0)) || (b !== 0 && a === 0)) break;
      this.at = at + 4;
      if (a === 0) return text;
      if (b === 0) return text + String.fromCharCode(a);
      return text + (c === 0 ? String.fromCharCode(a, b) : String.fromCharCode(a, b, c));
    }
    return this.#anyString(end);
  }

  /** A string that is not plain: beyond ASCII, or faulty. */
  #anyString(end: number): string | undefined {
    const start = this.at;
    let to = start;
    while (to < end && this.#bytes[to] !== 0) to++;
    if (to === end) return this.#fail('text without its NUL', start);
    if (!isUtf8(this.#bytes, start, to)) return this.#fail('text is not UTF-8', start);
    if (!this.#skipPadding(to, start + padded(to - start + 1), end)) return undefined;
    return readUtf8(this.#bytes, start, to);
  }

  /** As `#string`, for a text that is not needed as one. */
  #skipString(end: number): boolean {
    const start = this.at;
    let to = start;
    while (to < end && this.#bytes[to] !== 0) to++;
    if (to === end) {
      this.#fail('type tags without their NUL', start);
      return false;
    }
    return this.#skipPadding(to, start + padded(to - start + 1), end);
  }

  #skipPadding(from: number, to: number, end: number): boolean {
    if (to > end) {
      this.#fail('padding is cut off', from);
      return false;
    }
    for (let at = from; at < to; at++) {
      if (this.#bytes[at] !== 0) {
        this.#fail('padding is not zero', at);
        return false;
      }
    }
    this.at = to;
    return true;
  }

  #integer(at: number): bigint {
    return (BigInt(readI32(this.#bytes, at)) << 32n) | BigInt(readU32(this.#bytes, at + 4));
  }

  #timetag(): OscTimetag {
    const timetag = this.#timetagAt(this.at);
    this.at += 8;
    return timetag;
  }

  #timetagAt(at: number): OscTimetag {
    return { seconds: readU32(this.#bytes, at), fraction: readU32(this.#bytes, at + 4) };
  }

  #take(size: number, end: number): boolean {
    if (size > end - this.at) {
      this.#fail('argument is cut off', this.at);
      return false;
    }
    this.at += size;
    return true;
  }

  /** A copy that is a plain Uint8Array, also out of a Node Buffer. */
  #copy(from: number, to: number): Uint8Array {
    const copy = new Uint8Array(to - from);
    copy.set(this.#bytes.subarray(from, to));
    return copy;
  }

  #fail(fault: string, at: number): undefined {
    this.fault = fault;
    this.at = at;
    return undefined;
  }
}
