import { ClaspError, ErrorCode } from '../../errors.ts';
import type { DmxFault } from '../artnet/artnet.ts';

/** Levels of one universe (ANSI E1.31, data packet). */
export interface SacnData {
  readonly type: 'data';
  /** Who sends: 16 bytes that never change, a UUID. Decoded: a view on the packet. */
  readonly cid: Uint8Array;
  /** For people; up to 63 bytes of UTF-8. */
  readonly sourceName: string;
  /** 0–200; the highest counts. */
  readonly priority: number;
  /** The universe whose sync packets say when to show it; 0 for at once. */
  readonly syncAddress: number;
  /** 0–255, rising by one a packet of this universe. */
  readonly sequence: number;
  /** Not for the stage, only for visualisers. */
  readonly preview: boolean;
  /** The source leaves this universe: the levels mean nothing. */
  readonly terminated: boolean;
  /** Without sync packets the levels are to be shown at once. */
  readonly forceSync: boolean;
  /** 1–63999. */
  readonly universe: number;
  /** 0 for levels; others have other meanings, 0xdd a priority for each channel. */
  readonly startCode: number;
  /** One byte a channel, the first is channel 1; 0 to 512 of them. Decoded: a view on the packet. */
  readonly levels: Uint8Array;
}

/** What was sent with this sync address is to be shown now. */
export interface SacnSync {
  readonly type: 'sync';
  readonly cid: Uint8Array;
  readonly sequence: number;
  readonly syncAddress: number;
}

/** Which universes a source sends; one of several pages. */
export interface SacnDiscovery {
  readonly type: 'discovery';
  readonly cid: Uint8Array;
  readonly sourceName: string;
  /** 0 is the first. */
  readonly page: number;
  readonly lastPage: number;
  /** At most 512, rising. */
  readonly universes: readonly number[];
}

/** A packet of E1.31 with a vector that is not known here. */
export interface SacnOther {
  readonly type: 'other';
  readonly vector: number;
}

/** What an sACN packet says. */
export type SacnPacket = SacnData | SacnSync | SacnDiscovery | SacnOther;

/** The UDP port of sACN. */
export const SACN_PORT = 5568;
/** The highest universe that carries levels; the lowest is 1. */
export const SACN_MAX_UNIVERSE = 63_999;
/** The start code of packets that have a priority for each channel in place of its level, 0 for none. */
export const SACN_PRIORITIES = 0xdd;
/** The universe on which sources say what they send. */
export const SACN_DISCOVERY_UNIVERSE = 64_214;

/**
 * The multicast group of a universe: `239.255.{high}.{low}`.
 *
 * @example
 * ```ts
 * sacnGroup(258); // '239.255.1.2'
 * ```
 */
export function sacnGroup(universe: number): string {
  return `239.255.${universe >> 8}.${universe & 0xff}`;
}

/** Universes on one page of a discovery packet. */
const PAGE = 512;

/**
 * Writes a data packet of E1.31. Throws a `ClaspError` 402 that names the field and its value: a universe that is not
 * from 1 to 63999, a priority above 200, more than 512 levels, a CID that is not 16 bytes.
 *
 * @param packet `priority` 100, start code 0, no name, no options and sequence 0 where absent.
 */
export function encodeSacnData(packet: Pick<SacnData, 'cid' | 'universe' | 'levels'> & Partial<SacnData>): Uint8Array {
  const { cid, universe, levels, sourceName = '', priority = 100, syncAddress = 0, sequence = 0 } = packet;
  const { preview = false, terminated = false, forceSync = false, startCode = 0 } = packet;
  check('universe', universe, 1, SACN_MAX_UNIVERSE);
  check('priority', priority, 0, 200);
  check('sync address', syncAddress, 0, SACN_MAX_UNIVERSE);
  check('number of levels', levels.length, 0, 512);
  const length = 126 + levels.length;
  const bytes = root(length, 4, cid);
  pdu(bytes, 38, length);
  bytes[43] = 2;
  name(bytes, sourceName);
  bytes[108] = priority;
  bytes[109] = syncAddress >> 8;
  bytes[110] = syncAddress;
  bytes[111] = sequence;
  bytes[112] = (preview ? 0x80 : 0) | (terminated ? 0x40 : 0) | (forceSync ? 0x20 : 0);
  bytes[113] = universe >> 8;
  bytes[114] = universe;
  pdu(bytes, 115, length);
  bytes[117] = 2;
  bytes[118] = 0xa1;
  bytes[122] = 1;
  bytes[123] = (levels.length + 1) >> 8;
  bytes[124] = levels.length + 1;
  bytes[125] = startCode;
  bytes.set(levels, 126);
  return bytes;
}

/** Writes a synchronisation packet of E1.31. Throws a `ClaspError` 402 as {@link encodeSacnData} does. */
export function encodeSacnSync({ cid, sequence, syncAddress }: Omit<SacnSync, 'type'>): Uint8Array {
  check('sync address', syncAddress, 1, SACN_MAX_UNIVERSE);
  const bytes = root(49, 8, cid);
  pdu(bytes, 38, 49);
  bytes[43] = 1;
  bytes[44] = sequence;
  bytes[45] = syncAddress >> 8;
  bytes[46] = syncAddress;
  return bytes;
}

/**
 * Writes the pages of a universe discovery: one packet for each 512 universes, at least one. Throws a `ClaspError` 402
 * as {@link encodeSacnData} does.
 */
export function encodeSacnDiscovery({
  cid,
  sourceName = '',
  universes,
}: Pick<SacnDiscovery, 'cid' | 'universes'> & Partial<SacnDiscovery>): Uint8Array[] {
  const sorted = [...universes].sort((a, b) => a - b);
  for (const universe of sorted) check('universe', universe, 1, SACN_MAX_UNIVERSE);
  const last = Math.max(0, Math.ceil(sorted.length / PAGE) - 1);
  return Array.from({ length: last + 1 }, (_, page) => {
    const some = sorted.slice(page * PAGE, (page + 1) * PAGE);
    const length = 120 + 2 * some.length;
    const bytes = root(length, 8, cid);
    pdu(bytes, 38, length);
    bytes[43] = 2;
    name(bytes, sourceName);
    pdu(bytes, 112, length);
    bytes[117] = 1;
    bytes[118] = page;
    bytes[119] = last;
    some.forEach((universe, i) => {
      bytes[120 + 2 * i] = universe >> 8;
      bytes[121 + 2 * i] = universe;
    });
    return bytes;
  });
}

function root(length: number, vector: number, cid: Uint8Array): Uint8Array {
  if (cid.length !== 16) {
    throw new ClaspError(ErrorCode.BadValue, `a CID has 16 bytes, not ${cid.length}`, { value: cid });
  }
  const bytes = new Uint8Array(length);
  bytes[1] = 0x10;
  for (let i = 0; i < 9; i++) bytes[4 + i] = 'ASC-E1.17'.charCodeAt(i);
  pdu(bytes, 16, length);
  bytes[21] = vector;
  bytes.set(cid, 22);
  return bytes;
}

/** Flags and length of a protocol data unit that reaches to the end of the packet. */
function pdu(bytes: Uint8Array, offset: number, end: number): void {
  const length = end - offset;
  bytes[offset] = 0x70 | (length >> 8);
  bytes[offset + 1] = length;
}

/** The source name, cut between two characters so that its NUL has room. */
function name(bytes: Uint8Array, text: string): void {
  const field = bytes.subarray(44, 107);
  new TextEncoder().encodeInto(text, field);
}

function check(field: string, value: number, lowest: number, highest: number): void {
  if (Number.isInteger(value) && value >= lowest && value <= highest) return;
  throw new ClaspError(ErrorCode.BadValue, `${field} ${value} is not from ${lowest} to ${highest}`, { value });
}

const ACN = [0, 0x10, 0, 0, ...Array.from('ASC-E1.17\0\0\0', (letter) => letter.charCodeAt(0))];
const ROOT_DATA = 4;
const ROOT_EXTENDED = 8;
const CUT_OFF = 'packet is cut off';

/**
 * Reads one packet of E1.31, or says what is wrong with it. CID and levels are views on `bytes`; bytes after the end are
 * passed over. The lengths of the inner layers say nothing that is not known already, and some senders have them wrong:
 * what counts is that the levels are whole.
 */
export function parseSacn(bytes: Uint8Array): SacnPacket | DmxFault {
  if (bytes.length < 16) return { fault: 'not an ACN packet', offset: 0 };
  for (let i = 0; i < 16; i++) if (bytes[i] !== ACN[i]) return { fault: 'not an ACN packet', offset: i };
  if (bytes.length < 44) return { fault: CUT_OFF, offset: bytes.length };
  const end = 16 + (word(bytes, 16) & 0xfff);
  if (!isPdu(bytes, 16) || end > bytes.length || end < 44)
    return { fault: 'wrong length of the root layer', offset: 16 };
  const root = long(bytes, 18);
  const vector = long(bytes, 40);
  if (root === ROOT_DATA && vector === 2) return data(bytes);
  if (root === ROOT_EXTENDED && vector === 1) return sync(bytes, end);
  if (root === ROOT_EXTENDED && vector === 2) return discovery(bytes, end);
  return { type: 'other', vector: root === ROOT_DATA || root === ROOT_EXTENDED ? vector : root };
}

/**
 * Reads one packet of E1.31. Throws a `ClaspError` 101 that says what is wrong, and at which byte.
 *
 * @example
 * ```ts
 * const cid = new Uint8Array(16);
 * const packet = decodeSacn(encodeSacnData({ cid, universe: 1, levels: Uint8Array.of(255) }));
 * if (packet.type === 'data') console.log(packet.universe, packet.priority); // 1 100
 * ```
 */
export function decodeSacn(bytes: Uint8Array): SacnPacket {
  const packet = parseSacn(bytes);
  if ('type' in packet) return packet;
  throw new ClaspError(ErrorCode.BadMessage, `${packet.fault} at byte ${packet.offset}`);
}

function data(bytes: Uint8Array): SacnData | DmxFault {
  if (bytes.length < 126) return { fault: CUT_OFF, offset: bytes.length };
  if (at(bytes, 117) !== 2 || at(bytes, 118) !== 0xa1) return { fault: 'not a set-property message', offset: 117 };
  if (word(bytes, 119) !== 0 || word(bytes, 121) !== 1) return { fault: 'wrong property address', offset: 119 };
  const count = word(bytes, 123);
  if (count < 1 || count > 513) return { fault: 'property count is not from 1 to 513', offset: 123 };
  if (125 + count > bytes.length) return { fault: 'levels are cut off', offset: bytes.length };
  const priority = at(bytes, 108);
  if (priority > 200) return { fault: 'priority is above 200', offset: 108 };
  const universe = word(bytes, 113);
  if (universe < 1 || universe > 63_999) return { fault: 'universe is not from 1 to 63999', offset: 113 };
  const options = at(bytes, 112);
  return {
    type: 'data',
    cid: bytes.subarray(22, 38),
    sourceName: text(bytes),
    priority,
    syncAddress: word(bytes, 109),
    sequence: at(bytes, 111),
    preview: (options & 0x80) !== 0,
    terminated: (options & 0x40) !== 0,
    forceSync: (options & 0x20) !== 0,
    universe,
    startCode: at(bytes, 125),
    levels: bytes.subarray(126, 125 + count),
  };
}

function sync(bytes: Uint8Array, end: number): SacnSync | DmxFault {
  if (end < 47) return { fault: CUT_OFF, offset: end };
  return { type: 'sync', cid: bytes.subarray(22, 38), sequence: at(bytes, 44), syncAddress: word(bytes, 45) };
}

function discovery(bytes: Uint8Array, end: number): SacnDiscovery | DmxFault {
  if (end < 120) return { fault: CUT_OFF, offset: end };
  const list = 112 + (word(bytes, 112) & 0xfff);
  if (!isPdu(bytes, 112) || list > end || list < 120) return { fault: 'wrong length of the list', offset: 112 };
  if (long(bytes, 114) !== 1) return { fault: 'not a list of universes', offset: 114 };
  if ((list - 120) % 2 !== 0 || list - 120 > 1024) return { fault: 'not a list of 512 universes at most', offset: 112 };
  const universes: number[] = [];
  for (let i = 120; i < list; i += 2) universes.push(word(bytes, i));
  return {
    type: 'discovery',
    cid: bytes.subarray(22, 38),
    sourceName: text(bytes),
    page: at(bytes, 118),
    lastPage: at(bytes, 119),
    universes,
  };
}

/** The high four bits of a length are the flags of the protocol data unit, always 7 here. */
function isPdu(bytes: Uint8Array, offset: number): boolean {
  return at(bytes, offset) >> 4 === 7;
}

const utf8 = new TextDecoder();

/** The source name: ends at the first NUL. Plain letters, which most names are, are read without a decoder. */
function text(bytes: Uint8Array): string {
  let read = '';
  for (let i = 44; i < 108 && bytes[i] !== 0; i++) {
    const code = at(bytes, i);
    if (code > 126) {
      let end = i;
      while (end < 108 && bytes[end] !== 0) end++;
      return utf8.decode(bytes.subarray(44, end));
    }
    read += String.fromCharCode(code);
  }
  return read;
}

function at(bytes: Uint8Array, offset: number): number {
  return bytes[offset] as number;
}

function word(bytes: Uint8Array, offset: number): number {
  return (at(bytes, offset) << 8) | at(bytes, offset + 1);
}

function long(bytes: Uint8Array, offset: number): number {
  return word(bytes, offset) * 65_536 + word(bytes, offset + 2);
}

/** More sources than this are not remembered. */
const MOST = 1_024;

/** CIDs as texts that can be compared; one that was seen before costs a lookup and a comparison. */
export class SacnCids {
  readonly #known = new Map<number, { readonly cid: Uint8Array; readonly name: string }>();

  /** The sixteen bytes in the form of a UUID. */
  name(cid: Uint8Array): string {
    const key =
      (((cid[0] as number) << 24) | ((cid[1] as number) << 16) | ((cid[2] as number) << 8)) ^ (cid[15] as number);
    const known = this.#known.get(key);
    if (known !== undefined && isSame(known.cid, cid)) return known.name;
    const hex = Array.from(cid, (byte) => byte.toString(16).padStart(2, '0')).join('');
    const name = hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
    if (this.#known.size >= MOST) this.#known.clear();
    this.#known.set(key, { cid: cid.slice(), name });
    return name;
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < 16; i++) if (a[i] !== b[i]) return false;
  return true;
}
