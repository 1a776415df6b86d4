import { ClaspError, ErrorCode } from '../errors.ts';
import { type ArtPollReply, parseArtPollReply } from './artnet-poll-reply.ts';

/** Levels of one universe. */
export interface ArtDmx {
  readonly op: 'dmx';
  /** 15-bit port address, 0–32767: net, sub-net and universe in one number. */
  readonly universe: number;
  /** 1–255, rising by one a packet of this universe; 0 when the sender does not count. */
  readonly sequence: number;
  /** The input it comes from, for information. */
  readonly physical: number;
  /** One byte a channel, the first is channel 1; 1 to 512 of them. Decoded: a view on the packet. */
  readonly levels: Uint8Array;
}

/** Asks every node on the network to answer with {@link ArtPollReply}. */
export interface ArtPoll {
  readonly op: 'poll';
  /** Bits of TalkToMe: 2 = reply again whenever something changes, 4 and 8 = diagnostics. */
  readonly flags: number;
  /** The lowest priority of diagnostics that is wanted. */
  readonly priority: number;
}

/** Everything received since the last one is to be shown now. */
export interface ArtSync {
  readonly op: 'sync';
}

/** Any other Art-Net packet: its operation, unread. */
export interface ArtOther {
  readonly op: 'other';
  readonly opcode: number;
}

/** What an Art-Net packet says. */
export type ArtNetPacket = ArtDmx | ArtPoll | ArtPollReply | ArtSync | ArtOther;

/** Why a packet is not what it claims to be: a constant text, and the byte it is about. */
export interface DmxFault {
  readonly fault: string;
  readonly offset: number;
}

/** The UDP port of Art-Net. */
export const ARTNET_PORT = 6454;
/** The highest 15-bit port address. */
export const ARTNET_MAX_UNIVERSE = 32_767;

const OP_POLL = 0x2000;
const OP_POLL_REPLY = 0x2100;
const OP_DMX = 0x5000;
const OP_SYNC = 0x5200;
const PROTOCOL = 14;
const DMX_HEADER = 18;

/**
 * Reads one packet, or says what is wrong with it. Allocates little: the levels are a view on `bytes`. Bytes after
 * the end are passed over, as newer editions of Art-Net append fields.
 */
export function parseArtNet(bytes: Uint8Array): ArtNetPacket | DmxFault {
  if (!isArtNet(bytes)) return { fault: 'not an Art-Net packet', offset: 0 };
  if (bytes.length < 10) return { fault: 'packet is cut off', offset: bytes.length };
  const opcode = at(bytes, 8) | (at(bytes, 9) << 8);
  if (opcode === OP_POLL_REPLY) return parseArtPollReply(bytes);
  if (opcode !== OP_DMX && opcode !== OP_POLL && opcode !== OP_SYNC) return { op: 'other', opcode };

  // A poll of the first editions ends after its flags.
  if (bytes.length < (opcode === OP_DMX ? DMX_HEADER : 12)) return { fault: 'packet is cut off', offset: bytes.length };
  if (word(bytes, 10) < PROTOCOL) return { fault: 'protocol version is below 14', offset: 10 };
  if (opcode === OP_SYNC) return { op: 'sync' };
  if (opcode === OP_POLL) return { op: 'poll', flags: bytes[12] ?? 0, priority: bytes[13] ?? 0 };

  if (at(bytes, 15) > 0x7f) return { fault: 'net is above 127', offset: 15 };
  const length = word(bytes, 16);
  if (length < 1 || length > 512) return { fault: 'length is not from 1 to 512', offset: 16 };
  if (bytes.length < DMX_HEADER + length) return { fault: 'levels are cut off', offset: bytes.length };
  return {
    op: 'dmx',
    universe: at(bytes, 14) | (at(bytes, 15) << 8),
    sequence: at(bytes, 12),
    physical: at(bytes, 13),
    levels: bytes.subarray(DMX_HEADER, DMX_HEADER + length),
  };
}

/**
 * Reads one packet. Throws a `ClaspError` 101 that says what is wrong, and at which byte.
 *
 * @example
 * ```ts
 * const packet = decodeArtNet(encodeArtDmx({ universe: 1, sequence: 1, levels: Uint8Array.of(255, 0) }));
 * if (packet.op === 'dmx') console.log(packet.universe, packet.levels[0]); // 1 255
 * ```
 */
export function decodeArtNet(bytes: Uint8Array): ArtNetPacket {
  const packet = parseArtNet(bytes);
  if ('op' in packet) return packet;
  throw new ClaspError(ErrorCode.BadMessage, `${packet.fault} at byte ${packet.offset}`);
}

/**
 * Writes ArtDmx. An odd number of levels is filled up with a zero, as Art-Net wants an even one. Throws a `ClaspError`
 * 402 for a universe that is not from 0 to 32767, and for none or more than 512 levels.
 */
export function encodeArtDmx({
  universe,
  sequence = 0,
  physical = 0,
  levels,
}: Pick<ArtDmx, 'universe' | 'levels'> & Partial<ArtDmx>): Uint8Array {
  if (!(Number.isInteger(universe) && universe >= 0 && universe <= ARTNET_MAX_UNIVERSE)) {
    throw new ClaspError(ErrorCode.BadValue, `universe ${universe} is not from 0 to ${ARTNET_MAX_UNIVERSE}`, {
      value: universe,
    });
  }
  if (levels.length < 1 || levels.length > 512) {
    throw new ClaspError(ErrorCode.BadValue, `a universe has 1 to 512 levels, not ${levels.length}`, {
      value: levels.length,
    });
  }
  const length = levels.length + (levels.length & 1);
  const bytes = header(OP_DMX, DMX_HEADER + length);
  bytes[12] = sequence;
  bytes[13] = physical;
  bytes[14] = universe;
  bytes[15] = universe >> 8;
  bytes[16] = length >> 8;
  bytes[17] = length;
  bytes.set(levels, DMX_HEADER);
  return bytes;
}

/** Writes ArtPoll. */
export function encodeArtPoll({ flags = 2, priority = 0 }: Partial<ArtPoll> = {}): Uint8Array {
  const bytes = header(OP_POLL, 14);
  bytes[12] = flags;
  bytes[13] = priority;
  return bytes;
}

/** Writes ArtSync. */
export function encodeArtSync(): Uint8Array {
  return header(OP_SYNC, 14);
}

function header(opcode: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < 7; i++) bytes[i] = ID.charCodeAt(i);
  bytes[8] = opcode;
  bytes[9] = opcode >> 8;
  bytes[11] = PROTOCOL;
  return bytes;
}

const ID = 'Art-Net\0';

function isArtNet(bytes: Uint8Array): boolean {
  if (bytes.length < 8) return false;
  for (let i = 0; i < 8; i++) if (bytes[i] !== ID.charCodeAt(i)) return false;
  return true;
}

function at(bytes: Uint8Array, offset: number): number {
  return bytes[offset] as number;
}

function word(bytes: Uint8Array, offset: number): number {
  return (at(bytes, offset) << 8) | at(bytes, offset + 1);
}
