import type { OscTimetag } from './osc-timetag.ts';

/** The type tags this package speaks: OSC 1.0 with all of its optional types. `[` stands for an array. */
export type OscType = 'i' | 'f' | 's' | 'S' | 'b' | 'T' | 'F' | 'N' | 'I' | 'h' | 'd' | 'c' | 'm' | 'r' | 't' | '[';

/** One argument of a message: its type tag and its value. */
export type OscArgument =
  /** i: a whole number of 32 bits with sign. f: sent as the nearest f32. d: f64. r: RGBA as u32, red highest. */
  | { readonly type: 'i' | 'f' | 'd' | 'r'; readonly value: number }
  /** A whole number of 64 bits with sign. */
  | { readonly type: 'h'; readonly value: bigint }
  /** s: string. S: symbol. c: exactly one character (code point). */
  | { readonly type: 's' | 'S' | 'c'; readonly value: string }
  /** b: any bytes. m: the four bytes port, status, data 1, data 2. */
  | { readonly type: 'b' | 'm'; readonly value: Uint8Array }
  | { readonly type: 'T'; readonly value: true }
  | { readonly type: 'F'; readonly value: false }
  | { readonly type: 'N'; readonly value: null }
  /** Infinitum, which most programs call impulse or bang. */
  | { readonly type: 'I'; readonly value: true }
  | { readonly type: 't'; readonly value: OscTimetag }
  | { readonly type: '['; readonly value: readonly OscArgument[] };

/** One OSC message: where it goes, and its typed arguments. */
export interface OscMessage {
  /** Starts with `/`. */
  readonly address: string;
  readonly args: readonly OscArgument[];
}

/** Messages and bundles that are meant for one moment. */
export interface OscBundle {
  readonly timetag: OscTimetag;
  /** Messages and bundles, to be handled in this order. */
  readonly packets: readonly OscPacket[];
}

/** What one datagram holds. A bundle is the one that has `packets`. */
export type OscPacket = OscMessage | OscBundle;

/** How deep bundles and arrays may lie in each other, both counted together. */
export const OSC_MAX_DEPTH = 32;
