import { ClaspError, ErrorCode } from '../errors.ts';
import type { Event, Param, Signal } from '../signal.ts';
import type { Value } from '../value.ts';

/** A channel message, in the field's words and raw MIDI numbers. `channel` is 1–16. */
export type MidiMessage =
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

/** Data bytes of each channel message, by the high nibble of its status byte minus 8. */
const DATA_BYTES = [2, 2, 2, 2, 1, 1, 2] as const;
const CENTRE = 8192;

/**
 * Reads one complete MIDI message with its status byte, as Web MIDI and RtMidi deliver it. Gives undefined for system
 * messages (status F0–FF), which have no channel. Throws a `ClaspError` 101 for what is not one whole message
 * (MIDI 1.0 detailed specification, table 1).
 *
 * @example
 * ```ts
 * decodeMidi(Uint8Array.of(0xb0, 1, 127)); // control-change 1 on channel 1, value 127
 * ```
 */
export function decodeMidi(bytes: Uint8Array): MidiMessage | undefined {
  const status = bytes[0];
  if (status === undefined || status < 0x80) throw bad('a MIDI message starts with a status byte', bytes);
  if (status >= 0xf0) return undefined;
  const kind = (status >> 4) - 8;
  if (bytes.length !== 1 + (DATA_BYTES[kind] as number)) throw bad('wrong length', bytes);
  const [, first = 0, second = 0] = bytes;
  if (first > 127 || second > 127) throw bad('a data byte above 127', bytes);
  const channel = (status & 15) + 1;
  switch (kind) {
    case 0:
      return { type: 'note-off', channel, note: first, velocity: second };
    case 1:
      return { type: 'note-on', channel, note: first, velocity: second };
    case 2:
      return { type: 'poly-pressure', channel, note: first, pressure: second };
    case 3:
      return { type: 'control-change', channel, control: first, value: second };
    case 4:
      return { type: 'program-change', channel, program: first };
    case 5:
      return { type: 'channel-pressure', channel, pressure: first };
    default:
      return { type: 'pitch-bend', channel, bend: (second << 7) | first };
  }
}

/** Where MIDI lives in the address space. */
export interface MidiNames {
  /** @defaultValue '/midi' */
  readonly namespace?: string | undefined;
  /** Adds a segment, so that several devices can stand side by side: `/midi/{device}/ch/…`. */
  readonly device?: string | undefined;
}

/**
 * The signal that a MIDI message means. Controls, pressures and bends are params in 0…1 (a bend's centre is exactly
 * 0.5), programs are integers 0–127, notes are events with the velocity in 0…1, off = 0.
 *
 * | message | address | value |
 * |---|---|---|
 * | control change | `/midi/ch/{c}/cc/{n}` | value / 127 |
 * | note on, off | `/midi/ch/{c}/note/{n}` (event) | velocity / 127, off 0 |
 * | program change | `/midi/ch/{c}/program` | integer |
 * | pitch bend | `/midi/ch/{c}/pitch` | 0…1, centre 0.5 |
 * | channel, poly pressure | `/midi/ch/{c}/pressure`, `/midi/ch/{c}/poly/{n}` | pressure / 127 |
 */
export function midiToSignal(message: MidiMessage, { namespace = '/midi', device }: MidiNames = {}): Signal {
  const channel = `${namespace}${device === undefined ? '' : `/${device}`}/ch/${message.channel}`;
  switch (message.type) {
    case 'note-on':
      return event(`${channel}/note/${message.note}`, message.velocity / 127);
    case 'note-off':
      return event(`${channel}/note/${message.note}`, 0);
    case 'poly-pressure':
      return param(`${channel}/poly/${message.note}`, message.pressure / 127);
    case 'control-change':
      return param(`${channel}/cc/${message.control}`, message.value / 127);
    case 'program-change':
      return param(`${channel}/program`, BigInt(message.program));
    case 'channel-pressure':
      return param(`${channel}/pressure`, message.pressure / 127);
    case 'pitch-bend':
      return param(`${channel}/pitch`, bendToUnit(message.bend));
  }
}

/** 0–16383 to 0…1 with 8192, the centre, at exactly 0.5: two straight lines. */
function bendToUnit(bend: number): number {
  return bend <= CENTRE ? bend / (2 * CENTRE) : 0.5 + (bend - CENTRE) / (2 * (CENTRE - 1));
}

function param(address: string, value: Value): Param {
  return { kind: 'param', address, value };
}

function event(address: string, value: Value): Event {
  return { kind: 'event', address, value };
}

function bad(reason: string, bytes: Uint8Array): ClaspError {
  const shown = Array.from(bytes.subarray(0, 8), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return new ClaspError(ErrorCode.BadMessage, `not a MIDI message, ${reason}: ${shown || 'nothing'}`);
}
