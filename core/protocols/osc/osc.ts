/** A moment as NTP has it: seconds since 1900, and fractions of 1/2^32 second. Both u32. */
export interface OscTimetag {
  readonly seconds: number;
  readonly fraction: number;
}

/** The timetag that means "at once": 64 bits of which only the lowest is set. */
export const OSC_IMMEDIATELY: OscTimetag = { seconds: 0, fraction: 1 };

/** Seconds from 1900 to 1970. */
const UNIX_EPOCH = 2_208_988_800;
const ERA = 2 ** 32;
const HALF_ERA = 2 ** 31;
const MICROS = 1_000_000;

/**
 * The timetag of a moment in microseconds since the Unix epoch, to the nearest 1/2^32 s; 0 and before, and what is not
 * a number, give {@link OSC_IMMEDIATELY}. Good for moments up to 2104, when the 32 bits run out a second time.
 */
export function oscTimetag(micros: number): OscTimetag {
  if (!(micros > 0 && micros < Number.MAX_SAFE_INTEGER)) return OSC_IMMEDIATELY;
  const whole = Math.floor(micros);
  const seconds = Math.floor(whole / MICROS);
  const fraction = Math.round(((whole - seconds * MICROS) * ERA) / MICROS);
  return { seconds: (seconds + UNIX_EPOCH) % ERA, fraction };
}

/**
 * The moment of a timetag in whole microseconds since the Unix epoch; 0 for "at once".
 *
 * The 32 bits of seconds overflow in 2036. As RFC 4330 says, a value whose highest bit is clear lies after that.
 * What lies before 1970 counts as "at once" too: devices without a clock send all zeros.
 */
export function oscTimetagMicros({ seconds, fraction }: OscTimetag): number {
  if (seconds === 0) return 0;
  const since1900 = seconds < HALF_ERA ? seconds + ERA : seconds;
  return Math.max(0, (since1900 - UNIX_EPOCH) * MICROS + Math.round((fraction * MICROS) / ERA));
}

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
