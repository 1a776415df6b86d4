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
