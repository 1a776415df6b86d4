import { ClaspError, ErrorCode } from '../errors.ts';
import type { DmxFault } from './artnet.ts';
import type { SacnData, SacnDiscovery, SacnPacket, SacnSync } from './sacn.ts';

const ACN = [0, 0x10, 0, 0, ...Array.from('ASC-E1.17\0\0\0', (letter) => letter.charCodeAt(0))];
const ROOT_DATA = 4;
const ROOT_EXTENDED = 8;
const CUT_OFF = 'packet is cut off';

/**
 * Reads one packet of E1.31, or says what is wrong with it. CID and levels are views on `bytes`; lengths are checked
 * layer by layer, and bytes after the end are passed over.
 */
export function parseSacn(bytes: Uint8Array): SacnPacket | DmxFault {
  if (bytes.length < 16) return { fault: 'not an ACN packet', offset: 0 };
  for (let i = 0; i < 16; i++) if (bytes[i] !== ACN[i]) return { fault: 'not an ACN packet', offset: i };
  if (bytes.length < 44) return { fault: CUT_OFF, offset: bytes.length };
  const end = 16 + (word(bytes, 16) & 0xfff);
  if (!isPdu(bytes, 16) || end > bytes.length || end < 44)
    return { fault: 'wrong length of the root layer', offset: 16 };
  const framing = 38 + (word(bytes, 38) & 0xfff);
  if (!isPdu(bytes, 38) || framing > end) return { fault: 'wrong length of the framing layer', offset: 38 };

  const root = long(bytes, 18);
  const vector = long(bytes, 40);
  if (root === ROOT_DATA && vector === 2) return data(bytes, framing);
  if (root === ROOT_EXTENDED && vector === 1) return sync(bytes, framing);
  if (root === ROOT_EXTENDED && vector === 2) return discovery(bytes, framing);
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

function data(bytes: Uint8Array, end: number): SacnData | DmxFault {
  if (end < 126) return { fault: CUT_OFF, offset: end };
  const dmp = 115 + (word(bytes, 115) & 0xfff);
  if (!isPdu(bytes, 115) || dmp > end) return { fault: 'wrong length of the DMP layer', offset: 115 };
  if (at(bytes, 117) !== 2 || at(bytes, 118) !== 0xa1) return { fault: 'not a set-property message', offset: 117 };
  if (word(bytes, 119) !== 0 || word(bytes, 121) !== 1) return { fault: 'wrong property address', offset: 119 };
  const count = word(bytes, 123);
  if (count < 1 || count > 513) return { fault: 'property count is not from 1 to 513', offset: 123 };
  if (125 + count > dmp) return { fault: 'levels are cut off', offset: dmp };
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
