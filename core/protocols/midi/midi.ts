import { ClaspError, ErrorCode } from '../../errors.ts';

/** A message to one channel, in the field's words and raw MIDI numbers. `channel` is 1–16. */
export type MidiChannelMessage =
  | {
      readonly type: 'note-off' | 'note-on';
      readonly channel: number;
      readonly note: number;
      readonly velocity: number;
    }
  | { readonly type: 'poly-pressure'; readonly channel: number; readonly note: number; readonly pressure: number }
  | { readonly type: 'control-change'; readonly channel: number; readonly control: number; readonly value: number }
  | { readonly type: 'program-change'; readonly channel: number; readonly program: number }
  | { readonly type: 'channel-pressure'; readonly channel: number; readonly pressure: number }
  | { readonly type: 'pitch-bend'; readonly channel: number; readonly bend: number };

/** A message of one byte that may stand anywhere, also within others. */
export type MidiRealTimeType = 'clock' | 'start' | 'continue' | 'stop' | 'active-sensing' | 'reset';

/** A message to everybody on the cable. */
export type MidiSystemMessage =
  | { readonly type: MidiRealTimeType | 'tune-request' }
  /** The whole message, F0 and F7 included. */
  | { readonly type: 'sysex'; readonly bytes: Uint8Array }
  /** One eighth of a time: `piece` 0–7 says which, `nibble` is its four bits. */
  | { readonly type: 'quarter-frame'; readonly piece: number; readonly nibble: number }
  /** Sixteenth notes since the start of the song, 0–16383. */
  | { readonly type: 'song-position'; readonly position: number }
  | { readonly type: 'song-select'; readonly song: number };

/** One MIDI 1.0 message. */
export type MidiMessage = MidiChannelMessage | MidiSystemMessage;

/** Data bytes of each channel message, by the high nibble of its status byte minus 8. */
const CHANNEL_DATA = [2, 2, 2, 2, 1, 1, 2] as const;
/** Data bytes of F1–F3; F4 and F5 are undefined, F6 has none. */
const COMMON_DATA = [1, 2, 1] as const;
const REAL_TIME: readonly (MidiRealTimeType | undefined)[] = [
  'clock',
  undefined,
  'start',
  'continue',
  'stop',
  undefined,
  'active-sensing',
  'reset',
];

/**
 * How many data bytes follow a status byte (80–FF); -1 for a sysex, which says itself where it ends, and undefined
 * for F4, F5, F7, F9 and FD, which begin nothing (MIDI 1.0 detailed specification, tables 1 and 5).
 */
export function midiDataLength(status: number): number | undefined {
  if (status < 0xf0) return CHANNEL_DATA[(status >> 4) - 8];
  if (status === 0xf0) return -1;
  if (status <= 0xf3) return COMMON_DATA[status - 0xf1];
  if (status === 0xf6) return 0;
  return status >= 0xf8 && REAL_TIME[status - 0xf8] ? 0 : undefined;
}

/**
 * Reads one complete MIDI message with its status byte, as Web MIDI and RtMidi deliver it; {@link MidiParser} reads a
 * stream of bytes. Throws a `ClaspError` 101 for what is not one whole message.
 *
 * @example
 * ```ts
 * decodeMidi(Uint8Array.of(0xb0, 1, 127)); // control-change 1 on channel 1, value 127
 * ```
 */
export function decodeMidi(bytes: Uint8Array): MidiMessage {
  const status = bytes[0];
  if (status === undefined || status < 0x80) throw bad('a MIDI message starts with a status byte', bytes);
  const data = midiDataLength(status);
  if (data === undefined) throw bad('an undefined status', bytes);
  const end = data < 0 ? bytes.length - 1 : bytes.length;
  if (data < 0 ? end < 1 || bytes[end] !== 0xf7 : bytes.length !== 1 + data) throw bad('wrong length', bytes);
  for (let i = 1; i < end; i++) if ((bytes[i] as number) > 127) throw bad('a data byte above 127', bytes);
  return data < 0 ? { type: 'sysex', bytes: bytes.slice() } : shortMidi(status, bytes[1] ?? 0, bytes[2] ?? 0);
}

/** The message of a defined status other than F0, and of data bytes that are below 128; those it has not are 0. */
export function shortMidi(status: number, first: number, second: number): MidiMessage {
  const channel = (status & 15) + 1;
  switch (status >> 4) {
    case 0x8:
      return { type: 'note-off', channel, note: first, velocity: second };
    case 0x9:
      return { type: 'note-on', channel, note: first, velocity: second };
    case 0xa:
      return { type: 'poly-pressure', channel, note: first, pressure: second };
    case 0xb:
      return { type: 'control-change', channel, control: first, value: second };
    case 0xc:
      return { type: 'program-change', channel, program: first };
    case 0xd:
      return { type: 'channel-pressure', channel, pressure: first };
    case 0xe:
      return { type: 'pitch-bend', channel, bend: (second << 7) | first };
    default:
      return systemMessage(status, first, second);
  }
}

function systemMessage(status: number, first: number, second: number): MidiMessage {
  switch (status) {
    case 0xf1:
      return { type: 'quarter-frame', piece: first >> 4, nibble: first & 15 };
    case 0xf2:
      return { type: 'song-position', position: (second << 7) | first };
    case 0xf3:
      return { type: 'song-select', song: first };
    default:
      return { type: REAL_TIME[status - 0xf8] ?? 'tune-request' };
  }
}

/**
 * Writes one message as bytes, without running status. Throws a `ClaspError` 402 for a number that is out of its
 * range, which the message names.
 *
 * @example
 * ```ts
 * encodeMidi({ type: 'note-on', channel: 10, note: 36, velocity: 100 }); // 99 24 64
 * ```
 */
export function encodeMidi(message: MidiMessage): Uint8Array {
  switch (message.type) {
    case 'note-off':
      return channelBytes(0x80, message, within(message.note, 'note'), within(message.velocity, 'velocity'));
    case 'note-on':
      return channelBytes(0x90, message, within(message.note, 'note'), within(message.velocity, 'velocity'));
    case 'poly-pressure':
      return channelBytes(0xa0, message, within(message.note, 'note'), within(message.pressure, 'pressure'));
    case 'control-change':
      return channelBytes(0xb0, message, within(message.control, 'control'), within(message.value, 'value'));
    case 'program-change':
      return channelBytes(0xc0, message, within(message.program, 'program'));
    case 'channel-pressure':
      return channelBytes(0xd0, message, within(message.pressure, 'pressure'));
    case 'pitch-bend': {
      const bend = within(message.bend, 'bend', 16_383);
      return channelBytes(0xe0, message, bend & 127, bend >> 7);
    }
    case 'sysex':
      return sysexBytes(message.bytes);
    case 'quarter-frame':
      return Uint8Array.of(0xf1, (within(message.piece, 'piece', 7) << 4) | within(message.nibble, 'nibble', 15));
    case 'song-position': {
      const position = within(message.position, 'position', 16_383);
      return Uint8Array.of(0xf2, position & 127, position >> 7);
    }
    case 'song-select':
      return Uint8Array.of(0xf3, within(message.song, 'song'));
    case 'tune-request':
      return Uint8Array.of(0xf6);
    default:
      return Uint8Array.of(0xf8 + REAL_TIME.indexOf(message.type));
  }
}

function channelBytes(kind: number, { channel }: MidiChannelMessage, ...data: readonly number[]): Uint8Array {
  if (!(Number.isInteger(channel) && channel >= 1 && channel <= 16)) throw outOfRange('channel', '1–16', channel);
  return Uint8Array.of(kind | (channel - 1), ...data);
}

function within(value: number, name: string, max = 127): number {
  if (Number.isInteger(value) && value >= 0 && value <= max) return value;
  throw outOfRange(name, `0–${max}`, value);
}

function sysexBytes(bytes: Uint8Array): Uint8Array {
  const last = bytes.length - 1;
  const whole = last >= 1 && bytes[0] === 0xf0 && bytes[last] === 0xf7;
  if (whole && bytes.subarray(1, last).every((byte) => byte < 128)) return bytes.slice();
  throw new ClaspError(ErrorCode.BadValue, `not a sysex, F0, data below 80, F7: ${shown(bytes)}`, { value: bytes });
}

function outOfRange(name: string, range: string, value: unknown): ClaspError {
  return new ClaspError(ErrorCode.BadValue, `MIDI ${name} is ${range}, not ${String(value)}`, { value });
}

function bad(reason: string, bytes: Uint8Array): ClaspError {
  return new ClaspError(ErrorCode.BadMessage, `not a MIDI message, ${reason}: ${shown(bytes) || 'nothing'}`);
}

function shown(bytes: Uint8Array): string {
  return Array.from(bytes.subarray(0, 8), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}
