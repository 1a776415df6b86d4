import { ClaspError, ErrorCode } from '../errors.ts';
import type { Value } from '../signal/value.ts';
import { checkTimeCode, type MidiFrameRate, type MidiTimeCode } from './midi/midi-time-code.ts';

/** Frames of ten minutes, and of one, at 29.97, where two are left out each minute but the tenth. */
const TEN_MINUTES = 17_982;
const MINUTE = 1_798;
const DAY = 86_400;

/** A time code as the value `[hours, minutes, seconds, frames, rate]`. */
export function timeCodeValue({ hours, minutes, seconds, frames, rate }: MidiTimeCode): Value {
  return [hours, minutes, seconds, frames, rate];
}

/**
 * The time code that a value means: `[h, m, s, f, rate]`, the rate left out for `rate`; or a number of seconds, as a clock
 * or a timeline counts them. Throws a `ClaspError` 402 for anything else and for a time that does not exist.
 */
export function timeCodeOf(value: Value, address: string, rate: MidiFrameRate): MidiTimeCode {
  if (typeof value === 'number' || typeof value === 'bigint') {
    const seconds = Number(value);
    if (Number.isFinite(seconds)) return timeCodeAt(seconds, rate);
  }
  const numbers = Array.isArray(value)
    ? value.map((each: Value) => (typeof each === 'bigint' ? Number(each) : each))
    : [];
  const [hours, minutes, seconds, frames, own = rate] = numbers;
  const time = { hours, minutes, seconds, frames, rate: own } as MidiTimeCode;
  const fits = numbers.length === 4 || numbers.length === 5;
  const wrong = fits ? checkTimeCode(time)?.reason : 'neither [h, m, s, f, rate] nor a number of seconds';
  if (wrong !== undefined) throw new ClaspError(ErrorCode.BadValue, `${address}: ${wrong}`, { address, value });
  return time;
}

/**
 * The time code `seconds` after midnight; past a day, or before its beginning, of that day.
 *
 * @example
 * ```ts
 * timeCodeAt(3_661.5, 24); // { hours: 1, minutes: 1, seconds: 1, frames: 12, rate: 24 }
 * ```
 */
export function timeCodeAt(seconds: number, rate: MidiFrameRate): MidiTimeCode {
  const count = Math.ceil(rate);
  const exact = rate === 29.97 ? 30_000 / 1_001 : rate;
  const day = rate === 29.97 ? TEN_MINUTES * 144 : DAY * rate;
  // A frame that a sum of fractions reaches from just below is reached.
  const elapsed = Math.floor(seconds * exact + 1e-6);
  let frame = ((elapsed % day) + day) % day;
  if (rate === 29.97) {
    const tens = Math.floor(frame / TEN_MINUTES);
    const rest = frame % TEN_MINUTES;
    frame += 18 * tens + (rest < 2 ? 0 : 2 * Math.floor((rest - 2) / MINUTE));
  }
  const whole = Math.floor(frame / count);
  return {
    hours: Math.floor(whole / 3_600),
    minutes: Math.floor(whole / 60) % 60,
    seconds: whole % 60,
    frames: frame % count,
    rate,
  };
}
