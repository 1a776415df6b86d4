import { ClaspError, ErrorCode } from '../../errors.ts';
import type { Event, Param, Signal, Stream } from '../../signal/signal.ts';
import type { Value } from '../../signal/value.ts';
import type { MidiStatement } from './midi-assembler.ts';
import { checkTimeCode, type MidiTimeCode } from './midi-time-code.ts';

/** Where MIDI lives in the address space, and how its numbers are written. */
export interface MidiNames {
  /** @defaultValue '/midi' */
  readonly namespace?: string | undefined;
  /** Adds a segment, so that several devices can stand side by side: `/midi/{device}/ch/…`. */
  readonly device?: string | undefined;
  /** Integers as MIDI has them, 0–127 or 0–16383, instead of 0…1. @defaultValue false */
  readonly raw?: boolean | undefined;
}

/** What all addresses of a device begin with, for example `/midi/desk`. */
export function midiPrefix({ namespace = '/midi', device }: MidiNames = {}): string {
  return device === undefined ? namespace : `${namespace}/${device}`;
}

/**
 * The signal that a MIDI message means; undefined for what has no address: clocks and quarter frames, which
 * {@link MidiAssembler} puts together, song select, tune request, active sensing and reset.
 *
 * | message | address | value |
 * |---|---|---|
 * | control change | `/midi/ch/{c}/cc/{n}` | value / 127 |
 * | note on, off | `/midi/ch/{c}/note/{n}` (event) | velocity / 127, off 0 |
 * | program change | `/midi/ch/{c}/program` | integer |
 * | pitch bend | `/midi/ch/{c}/pitch` | 0…1, centre 0.5 |
 * | channel, poly pressure | `/midi/ch/{c}/pressure`, `/midi/ch/{c}/poly/{n}` | pressure / 127 |
 * | 14-bit control, NRPN, RPN | `/midi/ch/{c}/cc14/{n}`, `…/nrpn/{n}`, `…/rpn/{n}` | value / 16383 |
 * | beat, tempo | `/midi/clock` (event), `/midi/tempo` | beat from 0; beats a minute |
 * | start, stop, continue | `/midi/transport` (event) | `'start'`, `'stop'`, `'continue'` |
 * | song position | `/midi/transport` (event) | integer: sixteenth notes |
 * | time code | `/midi/timecode` (stream) | `[h, m, s, f, rate]` |
 * | sysex | `/midi/sysex` (event) | bytes, F0 and F7 included |
 */
export function midiToSignal(statement: MidiStatement, names: MidiNames = {}): Signal | undefined {
  const prefix = midiPrefix(names);
  const number = names.raw ? (value: number) => BigInt(value) : (value: number, max: number) => value / max;
  const channel = 'channel' in statement ? `${prefix}/ch/${statement.channel}` : '';
  switch (statement.type) {
    case 'note-on':
      return event(`${channel}/note/${statement.note}`, number(statement.velocity, 127));
    case 'note-off':
      return event(`${channel}/note/${statement.note}`, number(0, 127));
    case 'poly-pressure':
      return param(`${channel}/poly/${statement.note}`, number(statement.pressure, 127));
    case 'control-change':
      return param(`${channel}/cc/${statement.control}`, number(statement.value, 127));
    case 'program-change':
      return param(`${channel}/program`, BigInt(statement.program));
    case 'channel-pressure':
      return param(`${channel}/pressure`, number(statement.pressure, 127));
    case 'pitch-bend':
      return param(`${channel}/pitch`, names.raw ? BigInt(statement.bend) : bendToUnit(statement.bend));
    case 'control-change-14':
      return param(`${channel}/cc14/${statement.control}`, number(statement.value, MAX_14_BIT));
    case 'nrpn':
    case 'rpn':
      return param(`${channel}/${statement.type}/${statement.parameter}`, number(statement.value, MAX_14_BIT));
    case 'beat':
      return event(`${prefix}/clock`, BigInt(statement.beat));
    case 'tempo':
      return param(`${prefix}/tempo`, statement.tempo);
    case 'start':
    case 'stop':
    case 'continue':
      return event(`${prefix}/transport`, statement.type);
    case 'song-position':
      return event(`${prefix}/transport`, BigInt(statement.position));
    case 'time-code': {
      const { hours, minutes, seconds, frames, rate } = statement.time;
      return stream(`${prefix}/timecode`, [hours, minutes, seconds, frames, rate]);
    }
    case 'sysex':
      return event(`${prefix}/sysex`, statement.bytes);
    default:
      return undefined;
  }
}

/**
 * What a param, an event or a stream's newest sample says in MIDI: the inverse of {@link midiToSignal}. Numbers are
 * rounded, and clamped to what MIDI has; true and false are its highest and lowest. Undefined where nothing is to be
 * said: a deleted param, `clock` and `tempo`, for which a clock would have to run, and without `device` the addresses of
 * those that have one.
 *
 * Throws a `ClaspError`: 200 for an address that is none of the device's, 402 for a value or a kind of signal that MIDI
 * has no form for.
 *
 * @example
 * ```ts
 * midiFromSignal({ kind: 'param', address: '/midi/ch/1/cc/7', value: 0.5 }); // control-change 7, value 64
 * ```
 */
export function midiFromSignal(signal: Signal, names: MidiNames = {}): MidiStatement | undefined {
  const { address } = signal;
  const prefix = midiPrefix(names);
  if (!address.startsWith(`${prefix}/`)) throw badAddress(address, `it is not below ${prefix}`);
  if (signal.kind === 'gesture' || signal.kind === 'timeline') {
    throw new ClaspError(ErrorCode.BadValue, `${address}: a ${signal.kind} has no form in MIDI`, { address });
  }
  if (signal.kind === 'param' && signal.value === null) return undefined;
  const [first, channel, what, number, ...others] = address.slice(prefix.length + 1).split('/');
  // Without a device of its own, it shares the namespace with those that have one.
  if (names.device === undefined && first !== 'ch' && OF_A_DEVICE.has(channel ?? '')) return undefined;
  if (first !== 'ch') return globalStatement(first ?? '', channel, signal);
  if (what === undefined || others.length > 0) throw badAddress(address, 'it is not ch/{channel}/…');
  const to = indexOf(channel, 1, 16, 'channel', address);
  return channelStatement({ channel: to, what, number, signal, raw: names.raw === true });
}

/** What follows the name of a device. */
const OF_A_DEVICE: ReadonlySet<string> = new Set(['ch', 'clock', 'tempo', 'transport', 'timecode', 'sysex']);
const MAX_14_BIT = 16_383;
const CENTRE = 8192;

type Carried = Param | Event | Stream;

interface ChannelPlace {
  readonly channel: number;
  readonly what: string;
  readonly number: string | undefined;
  readonly signal: Carried;
  readonly raw: boolean;
}

function channelStatement({ channel, what, number, signal, raw }: ChannelPlace): MidiStatement {
  const { address, value } = signal;
  const index = (max: number, name: string) => indexOf(number, 0, max, name, address);
  const scaled = (max: number) => toInteger(value, max, raw ? 1 : max, address);
  const alone = () => {
    if (number !== undefined) throw badAddress(address, `nothing stands below ${what}`);
    return channel;
  };
  switch (what) {
    case 'note': {
      const note = index(127, 'note');
      const velocity = scaled(127);
      return { type: velocity === 0 ? 'note-off' : 'note-on', channel, note, velocity };
    }
    case 'poly':
      return { type: 'poly-pressure', channel, note: index(127, 'note'), pressure: scaled(127) };
    case 'cc':
      return { type: 'control-change', channel, control: index(127, 'control'), value: scaled(127) };
    case 'cc14':
      return { type: 'control-change-14', channel, control: index(31, '14-bit control'), value: scaled(MAX_14_BIT) };
    case 'nrpn':
    case 'rpn':
      return { type: what, channel, parameter: index(MAX_14_BIT, 'parameter'), value: scaled(MAX_14_BIT) };
    case 'program':
      return { type: 'program-change', channel: alone(), program: toInteger(value, 127, 1, address) };
    case 'pressure':
      return { type: 'channel-pressure', channel: alone(), pressure: scaled(127) };
    case 'pitch':
      return { type: 'pitch-bend', channel: alone(), bend: raw ? scaled(MAX_14_BIT) : unitToBend(value, address) };
    default:
      throw badAddress(address, `MIDI has no ${JSON.stringify(what)}`);
  }
}

function globalStatement(
  name: string,
  below: string | undefined,
  { address, value }: Carried,
): MidiStatement | undefined {
  if (below !== undefined) throw badAddress(address, `MIDI has no ${JSON.stringify(name)} with something below it`);
  switch (name) {
    case 'clock':
    case 'tempo':
      return undefined;
    case 'transport':
      if (value === 'start' || value === 'stop' || value === 'continue') return { type: value };
      if (typeof value === 'string' || typeof value === 'boolean') break;
      return { type: 'song-position', position: toInteger(value, MAX_14_BIT, 1, address) };
    case 'timecode':
      return { type: 'time-code', time: timeOf(value, address) };
    case 'sysex':
      if (value instanceof Uint8Array) return { type: 'sysex', bytes: framed(value) };
      break;
    default:
      throw badAddress(address, `MIDI has no ${JSON.stringify(name)}`);
  }
  throw badValue(address, value);
}

function indexOf(text: string | undefined, min: number, max: number, name: string, address: string): number {
  const index = /^(0|[1-9]\d{0,4})$/.test(text ?? '') ? Number(text) : Number.NaN;
  if (index >= min && index <= max) return index;
  throw badAddress(address, `${name} is ${min}–${max}, not ${text === undefined ? 'absent' : JSON.stringify(text)}`);
}

/** The integer 0–`max` that is nearest to the value times `factor`. */
function toInteger(value: Value, max: number, factor: number, address: string): number {
  if (typeof value === 'boolean') return value ? max : 0;
  if (typeof value !== 'number' && typeof value !== 'bigint') throw badValue(address, value);
  const number = Number(value);
  if (Number.isNaN(number)) throw badValue(address, value);
  return Math.min(max, Math.max(0, Math.round(number * factor)));
}

/** 0–16383 to 0…1 with 8192, the centre, at exactly 0.5: two straight lines. */
function bendToUnit(bend: number): number {
  return bend <= CENTRE ? bend / (2 * CENTRE) : 0.5 + (bend - CENTRE) / (2 * (CENTRE - 1));
}

function unitToBend(value: Value, address: string): number {
  const unit = typeof value === 'bigint' ? Number(value) : value;
  if (typeof unit !== 'number' || !(unit > 0.5)) return toInteger(value, MAX_14_BIT, 2 * CENTRE, address);
  return Math.min(MAX_14_BIT, CENTRE + Math.round((unit - 0.5) * 2 * (CENTRE - 1)));
}

function timeOf(value: Value, address: string): MidiTimeCode {
  const numbers = Array.isArray(value)
    ? value.map((item: Value) => (typeof item === 'bigint' ? Number(item) : item))
    : [];
  const [hours, minutes, seconds, frames, rate = 30] = numbers;
  const time = { hours, minutes, seconds, frames, rate } as MidiTimeCode;
  const wrong = numbers.length < 4 || numbers.length > 5 ? 'not [h, m, s, f, rate]' : checkTimeCode(time)?.reason;
  if (wrong !== undefined) throw new ClaspError(ErrorCode.BadValue, `${address}: ${wrong}`, { address, value });
  return time;
}

/** Between F0 and F7, if it is not. */
function framed(bytes: Uint8Array): Uint8Array {
  if (bytes[0] === 0xf0) return bytes;
  const whole = new Uint8Array(bytes.length + 2);
  whole[0] = 0xf0;
  whole.set(bytes, 1);
  whole[whole.length - 1] = 0xf7;
  return whole;
}

function param(address: string, value: Value): Param {
  return { kind: 'param', address, value };
}

function event(address: string, value: Value): Event {
  return { kind: 'event', address, value };
}

function stream(address: string, value: Value): Stream {
  return { kind: 'stream', address, value };
}

function badAddress(address: string, reason: string): ClaspError {
  return new ClaspError(ErrorCode.BadAddress, `${address} is no MIDI address: ${reason}`, { address });
}

function badValue(address: string, value: Value): ClaspError {
  return new ClaspError(ErrorCode.BadValue, `${address}: ${describe(value)} has no form in MIDI`, { address, value });
}

function describe(value: Value): string {
  if (value instanceof Uint8Array) return 'bytes';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 32));
  return value !== null && typeof value === 'object' ? 'a map' : String(value);
}
