import type { Arbitrary } from 'fast-check';
import type { MidiMessage } from '../core/protocols/midi/midi.ts';
import type { MidiStatement } from '../core/protocols/midi/midi-assembler.ts';
import type { MidiTimeCode } from '../core/protocols/midi/midi-time-code.ts';
import { constantArbitrary, fc } from './fast-check.ts';

const channel = constantArbitrary(() => fc.integer({ min: 1, max: 16 }));
const seven = constantArbitrary(() => fc.integer({ min: 0, max: 127 }));
const fourteen = constantArbitrary(() => fc.integer({ min: 0, max: 16_383 }));

function one<const Type extends string, Fields extends object>(
  type: Type,
  fields: { [Key in keyof Fields]: Arbitrary<Fields[Key]> },
): Arbitrary<{ type: Type } & Fields> {
  return fc.record({ type: fc.constant(type), ...fields }, { noNullPrototype: true }) as never;
}

/** Any message, a sysex of up to forty bytes included. */
export const midiMessages: Arbitrary<MidiMessage> = constantArbitrary(() =>
  fc.oneof(
    one('note-off', { channel, note: seven, velocity: seven }),
    one('note-on', { channel, note: seven, velocity: seven }),
    one('poly-pressure', { channel, note: seven, pressure: seven }),
    one('control-change', { channel, control: seven, value: seven }),
    one('program-change', { channel, program: seven }),
    one('channel-pressure', { channel, pressure: seven }),
    one('pitch-bend', { channel, bend: fourteen }),
    one('quarter-frame', { piece: fc.integer({ min: 0, max: 7 }), nibble: fc.integer({ min: 0, max: 15 }) }),
    one('song-position', { position: fourteen }),
    one('song-select', { song: seven }),
    fc
      .array(seven, { maxLength: 40 })
      .map((data): MidiMessage => ({ type: 'sysex', bytes: Uint8Array.of(0xf0, ...data, 0xf7) })),
    fc
      .constantFrom('tune-request', 'clock', 'start', 'continue', 'stop', 'active-sensing', 'reset')
      .map((type): MidiMessage => ({ type }) as MidiMessage),
  ),
);

/** Any time that exists: of those that NTSC leaves out, none. */
export const midiTimeCodes: Arbitrary<MidiTimeCode> = constantArbitrary(() =>
  fc
    .record(
      {
        hours: fc.integer({ min: 0, max: 23 }),
        minutes: fc.integer({ min: 0, max: 59 }),
        seconds: fc.integer({ min: 0, max: 59 }),
        frames: fc.integer({ min: 2, max: 23 }),
        rate: fc.constantFrom(24, 25, 29.97, 30),
      },
      { noNullPrototype: true },
    )
    .map((time) => time as MidiTimeCode),
);

/** What one message or several say together; all but the messages that have no address. */
export const midiStatements: Arbitrary<MidiStatement> = constantArbitrary(() =>
  fc.oneof(
    midiMessages.filter(({ type }) => !WITHOUT_ADDRESS.has(type)),
    one('control-change-14', { channel, control: fc.integer({ min: 0, max: 31 }), value: fourteen }),
    one('nrpn', { channel, parameter: fc.integer({ min: 0, max: 16_382 }), value: fourteen }),
    one('rpn', { channel, parameter: fc.integer({ min: 0, max: 16_382 }), value: fourteen }),
    midiTimeCodes.map((time): MidiStatement => ({ type: 'time-code', time })),
  ),
);

const WITHOUT_ADDRESS: ReadonlySet<string> = new Set([
  'clock',
  'quarter-frame',
  'song-select',
  'tune-request',
  'active-sensing',
  'reset',
]);
