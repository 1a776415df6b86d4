import { ClaspError, ErrorCode } from '../errors.ts';
import { SACN_MAX_UNIVERSE, type SacnData, type SacnDiscovery, type SacnSync } from './sacn.ts';

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
