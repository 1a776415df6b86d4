import { ClaspError, ErrorCode } from '../../errors.ts';
import { checkTimeCode, type MidiFrameRate, type MidiTimeCode } from '../midi/midi-time-code.ts';

/** One of the up to four ports that a reply describes. */
export interface ArtNetPort {
  /** It gives to a device what Art-Net carries in its universe: it wants ArtDmx. */
  readonly output: boolean;
  /** It brings what a device says to Art-Net: it sends ArtDmx. */
  readonly input: boolean;
  /** 15-bit port address of the output; meaningless where `output` is false. */
  readonly outputUniverse: number;
  /** 15-bit port address of the input; meaningless where `input` is false. */
  readonly inputUniverse: number;
}

/** What a node says about itself, four ports at a time. */
export interface ArtPollReply {
  readonly op: 'poll-reply';
  /** The node's own idea of its IPv4 address. */
  readonly ip: string;
  readonly port: number;
  readonly firmware: number;
  readonly oem: number;
  readonly esta: number;
  /** Up to 17 characters. */
  readonly shortName: string;
  /** Up to 63 characters. */
  readonly longName: string;
  /** What it has to say about its state, for people. */
  readonly report: string;
  /** 0 a node, 1 a controller, 2 a media server … */
  readonly style: number;
  /** Tells apart several replies of one node; 1 is the first. */
  readonly bindIndex: number;
  /** At most four, all of the same net and sub-net. */
  readonly ports: readonly ArtNetPort[];
}

/** Bytes of a reply; those of old editions are shorter. */
const LENGTH = 239;
const SHORTEST = 207;

/** Reads the body of an ArtPollReply whose header has been looked at. */
function parseArtPollReply(bytes: Uint8Array): ArtPollReply | DmxFault {
  if (bytes.length < 194) return { fault: 'packet is cut off', offset: bytes.length };
  const count = (at(bytes, 172) << 8) | at(bytes, 173);
  if (count > 4) return { fault: 'more than 4 ports', offset: 172 };
  const base = ((at(bytes, 18) & 0x7f) << 8) | ((at(bytes, 19) & 0x0f) << 4);
  const ports: ArtNetPort[] = [];
  for (let i = 0; i < count; i++) {
    const type = at(bytes, 174 + i);
    ports.push({
      output: (type & 0x80) !== 0,
      input: (type & 0x40) !== 0,
      inputUniverse: base | (at(bytes, 186 + i) & 0x0f),
      outputUniverse: base | (at(bytes, 190 + i) & 0x0f),
    });
  }
  return {
    op: 'poll-reply',
    ip: `${bytes[10]}.${bytes[11]}.${bytes[12]}.${bytes[13]}`,
    port: at(bytes, 14) | (at(bytes, 15) << 8),
    firmware: (at(bytes, 16) << 8) | at(bytes, 17),
    oem: (at(bytes, 20) << 8) | at(bytes, 21),
    esta: at(bytes, 24) | (at(bytes, 25) << 8),
    shortName: text(bytes, 26, 18),
    longName: text(bytes, 44, 64),
    report: text(bytes, 108, 64),
    style: bytes[200] ?? 0,
    bindIndex: bytes.length > 211 ? at(bytes, 211) || 1 : 1,
    ports,
  };
}

/**
 * Writes ArtPollReply. The net and sub-net of the first port are those of all; texts that are too long are cut, and
 * what is not printable ASCII becomes `?`.
 *
 * @example
 * ```ts
 * const port: ArtNetPort = { output: true, input: false, outputUniverse: 0x123, inputUniverse: 0 };
 * const reply = decodeArtNet(encodeArtPollReply({ ip: '10.0.0.1', shortName: 'desk', ports: [port] }));
 * if (reply.op === 'poll-reply') console.log(reply.ports[0]?.outputUniverse); // 291
 * ```
 */
export function encodeArtPollReply(reply: Partial<ArtPollReply>): Uint8Array {
  const { ip = '0.0.0.0', port = 6454, firmware = 1, oem = 0x00ff, esta = 0, ports = [] } = reply;
  const { shortName = '', longName = '', report = '', style = 0, bindIndex = 1 } = reply;
  const bytes = new Uint8Array(LENGTH);
  const address = ip.split('.').map(Number);
  write(bytes, 0, 8, 'Art-Net');
  bytes[9] = 0x21;
  bytes.set(address.slice(0, 4), 10);
  bytes[14] = port;
  bytes[15] = port >> 8;
  bytes[16] = firmware >> 8;
  bytes[17] = firmware;
  const first = ports[0];
  const base = first === undefined ? 0 : first.output ? first.outputUniverse : first.inputUniverse;
  bytes[18] = (base >> 8) & 0x7f;
  bytes[19] = (base >> 4) & 0x0f;
  bytes[20] = oem >> 8;
  bytes[21] = oem;
  bytes[23] = 0xd0; // indicators normal, addresses set by the network
  bytes[24] = esta;
  bytes[25] = esta >> 8;
  write(bytes, 26, 18, shortName);
  write(bytes, 44, 64, longName);
  write(bytes, 108, 64, report);
  bytes[173] = Math.min(4, ports.length);
  for (let i = 0; i < Math.min(4, ports.length); i++) {
    const { output, input, outputUniverse, inputUniverse } = ports[i] as ArtNetPort;
    bytes[174 + i] = (output ? 0x80 : 0) | (input ? 0x40 : 0);
    bytes[178 + i] = input ? 0x80 : 0x08; // good input: data received, or disabled
    bytes[182 + i] = output ? 0x80 : 0;
    bytes[186 + i] = inputUniverse & 0x0f;
    bytes[190 + i] = outputUniverse & 0x0f;
  }
  bytes[200] = style;
  bytes.set(address.slice(0, 4), SHORTEST);
  bytes[211] = bindIndex;
  bytes[212] = 0x08; // 15-bit port addresses
  return bytes;
}

function write(bytes: Uint8Array, offset: number, size: number, value: string): void {
  for (let i = 0; i < Math.min(size - 1, value.length); i++) {
    const code = value.charCodeAt(i);
    bytes[offset + i] = code >= 32 && code < 127 ? code : 63;
  }
}

function text(bytes: Uint8Array, offset: number, size: number): string {
  let read = '';
  for (let i = offset; i < offset + size && bytes[i] !== 0; i++) {
    const code = at(bytes, i);
    read += code >= 32 && code < 127 ? String.fromCharCode(code) : '?';
  }
  return read;
}

function at(bytes: Uint8Array, offset: number): number {
  return bytes[offset] as number;
}

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

/** The time of a show. */
export interface ArtTimeCode {
  readonly op: 'time-code';
  readonly time: MidiTimeCode;
}

/** Any other Art-Net packet: its operation, unread. */
export interface ArtOther {
  readonly op: 'other';
  readonly opcode: number;
}

/** What an Art-Net packet says. */
export type ArtNetPacket = ArtDmx | ArtPoll | ArtPollReply | ArtSync | ArtTimeCode | ArtOther;

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
const OP_TIME_CODE = 0x9700;
/** Film, EBU, drop-frame, SMPTE: by the number in the packet. */
const RATES = [24, 25, 29.97, 30] as const;
const PROTOCOL = 14;
const DMX_HEADER = 18;
const TIME_CODE_LENGTH = 19;

/**
 * Reads one packet, or says what is wrong with it. Allocates little: the levels are a view on `bytes`. Bytes after
 * the end are passed over, as newer editions of Art-Net append fields.
 */
export function parseArtNet(bytes: Uint8Array): ArtNetPacket | DmxFault {
  if (!isArtNet(bytes)) return { fault: 'not an Art-Net packet', offset: 0 };
  if (bytes.length < 10) return { fault: 'packet is cut off', offset: bytes.length };
  const opcode = at(bytes, 8) | (at(bytes, 9) << 8);
  if (opcode === OP_POLL_REPLY) return parseArtPollReply(bytes);
  const shortest = SHORTEST_OF_ARTNET.get(opcode);
  if (shortest === undefined) return { op: 'other', opcode };
  if (bytes.length < shortest) return { fault: 'packet is cut off', offset: bytes.length };
  if (word(bytes, 10) < PROTOCOL) return { fault: 'protocol version is below 14', offset: 10 };
  if (opcode === OP_SYNC) return { op: 'sync' };
  if (opcode === OP_POLL) return { op: 'poll', flags: bytes[12] ?? 0, priority: bytes[13] ?? 0 };
  if (opcode === OP_TIME_CODE) return timeCode(bytes);

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

/** Writes ArtTimeCode. Throws a `ClaspError` 402 for a time that does not exist. */
export function encodeArtTimeCode(time: MidiTimeCode): Uint8Array {
  const wrong = checkTimeCode(time);
  if (wrong) throw wrong;
  const bytes = header(OP_TIME_CODE, TIME_CODE_LENGTH);
  bytes[14] = time.frames;
  bytes[15] = time.seconds;
  bytes[16] = time.minutes;
  bytes[17] = time.hours;
  bytes[18] = RATES.indexOf(time.rate);
  return bytes;
}

function timeCode(bytes: Uint8Array): ArtTimeCode | DmxFault {
  const rate = RATES[at(bytes, 18)];
  if (rate === undefined) return { fault: 'type of time code is above 3', offset: 18 };
  const [frames, seconds, minutes, hours] = [14, 15, 16, 17].map((offset) => at(bytes, offset)) as Four;
  const time = { hours, minutes, seconds, frames, rate: rate as MidiFrameRate };
  return checkTimeCode(time) === undefined ? { op: 'time-code', time } : { fault: 'no such time', offset: 14 };
}

type Four = [number, number, number, number];

function header(opcode: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < 7; i++) bytes[i] = ID.charCodeAt(i);
  bytes[8] = opcode;
  bytes[9] = opcode >> 8;
  bytes[11] = PROTOCOL;
  return bytes;
}

/** Bytes that a packet has at least; a poll of the first editions ends after its flags. */
const SHORTEST_OF_ARTNET: ReadonlyMap<number, number> = new Map([
  [OP_DMX, DMX_HEADER],
  [OP_POLL, 12],
  [OP_SYNC, 12],
  [OP_TIME_CODE, TIME_CODE_LENGTH],
]);

const ID = 'Art-Net\0';

function isArtNet(bytes: Uint8Array): boolean {
  if (bytes.length < 8) return false;
  for (let i = 0; i < 8; i++) if (bytes[i] !== ID.charCodeAt(i)) return false;
  return true;
}

function word(bytes: Uint8Array, offset: number): number {
  return (at(bytes, offset) << 8) | at(bytes, offset + 1);
}
