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
