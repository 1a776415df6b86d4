import type { DmxFault } from './artnet.ts';

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
export function parseArtPollReply(bytes: Uint8Array): ArtPollReply | DmxFault {
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
