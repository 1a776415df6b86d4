import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { midiStatements } from '../../../testing/midi-arbitrary.ts';
import { ClaspError } from '../../errors.ts';
import type { Signal } from '../../signal/signal.ts';
import type { Value } from '../../signal/value.ts';
import { decodeMidi } from './midi.ts';
import type { MidiStatement } from './midi-assembler.ts';
import { midiFromSignal, midiToSignal } from './midi-mapping.ts';
import { chooseMidiPort, midiPortChoices } from './midi-port-choice.ts';

const signalOf = (...bytes: number[]) => midiToSignal(decodeMidi(Uint8Array.from(bytes)));
const param = (address: string, value: Value): Signal => ({ kind: 'param', address, value });
const event = (address: string, value: Value): Signal => ({ kind: 'event', address, value });

describe('midiToSignal', () => {
  it.each([
    ['control change', [0xb0, 1, 127], { kind: 'param', address: '/midi/ch/1/cc/1', value: 1 }],
    ['control change on channel 16', [0xbf, 64, 0], { kind: 'param', address: '/midi/ch/16/cc/64', value: 0 }],
    ['note on', [0x91, 60, 127], { kind: 'event', address: '/midi/ch/2/note/60', value: 1 }],
    ['note off', [0x81, 60, 40], { kind: 'event', address: '/midi/ch/2/note/60', value: 0 }],
    ['note on with velocity 0, which is off', [0x91, 60, 0], event('/midi/ch/2/note/60', 0)],
    ['program change', [0xc0, 5], { kind: 'param', address: '/midi/ch/1/program', value: 5n }],
    ['channel pressure', [0xd0, 127], { kind: 'param', address: '/midi/ch/1/pressure', value: 1 }],
    ['poly pressure', [0xa0, 60, 127], { kind: 'param', address: '/midi/ch/1/poly/60', value: 1 }],
    ['pitch bend, lowest', [0xe0, 0, 0], { kind: 'param', address: '/midi/ch/1/pitch', value: 0 }],
    ['pitch bend, centre', [0xe0, 0, 64], { kind: 'param', address: '/midi/ch/1/pitch', value: 0.5 }],
    ['pitch bend, one above the centre', [0xe0, 1, 64], param('/midi/ch/1/pitch', 0.5 + 1 / 16_382)],
    ['pitch bend, highest', [0xe0, 127, 127], { kind: 'param', address: '/midi/ch/1/pitch', value: 1 }],
    ['start', [0xfa], { kind: 'event', address: '/midi/transport', value: 'start' }],
    ['song position', [0xf2, 16, 0], { kind: 'event', address: '/midi/transport', value: 16n }],
    ['sysex', [0xf0, 1, 0xf7], { kind: 'event', address: '/midi/sysex', value: Uint8Array.of(0xf0, 1, 0xf7) }],
    ['active sensing', [0xfe], undefined],
    ['tune request', [0xf6], undefined],
  ])('%s', (_name, bytes, expected) => {
    expect(signalOf(...bytes)).toEqual(expected);
  });

  it('has tempo, beats and time code too', () => {
    const time = { hours: 1, minutes: 2, seconds: 3, frames: 4, rate: 25 } as const;
    expect(midiToSignal({ type: 'tempo', tempo: 120.5 })).toEqual(param('/midi/tempo', 120.5));
    expect(midiToSignal({ type: 'beat', beat: 3 })).toEqual(event('/midi/clock', 3n));
    expect(midiToSignal({ type: 'time-code', time })).toEqual({
      kind: 'stream',
      address: '/midi/timecode',
      value: [1, 2, 3, 4, 25],
    });
  });

  it('names the device when there is one, and gives raw integers where asked to', () => {
    const message = decodeMidi(Uint8Array.of(0xb0, 7, 64));
    expect(midiToSignal(message, { device: 'desk', namespace: '/m', raw: true })).toEqual(
      param('/m/desk/ch/1/cc/7', 64n),
    );
  });
});

describe('midiFromSignal', () => {
  // What says the same to a receiver: a note that ends, however.
  const same = (statement: MidiStatement): MidiStatement =>
    statement.type === 'note-off' || (statement.type === 'note-on' && statement.velocity === 0)
      ? { ...statement, type: 'note-off', velocity: 0 }
      : statement;

  it.each([{}, { raw: true }, { namespace: '/stage/left', device: 'desk' }])(
    'gives back whatever midiToSignal said, with %j',
    (names) => {
      fc.assert(
        fc.property(midiStatements, (statement) => {
          const signal = midiToSignal(statement, names);
          expect(signal && midiFromSignal(signal, names)).toEqual(same(statement));
        }),
      );
    },
  );

  it.each<[string, Signal, MidiStatement | undefined]>([
    ['rounds', param('/midi/ch/1/cc/7', 0.5), { type: 'control-change', channel: 1, control: 7, value: 64 }],
    ['clamps above', param('/midi/ch/1/cc/7', 7), { type: 'control-change', channel: 1, control: 7, value: 127 }],
    ['clamps below', param('/midi/ch/1/cc/7', -1n), { type: 'control-change', channel: 1, control: 7, value: 0 }],
    [
      'takes true for 1',
      param('/midi/ch/1/cc/7', true),
      { type: 'control-change', channel: 1, control: 7, value: 127 },
    ],
    ['says nothing for a deleted param', param('/midi/ch/1/cc/7', null), undefined],
    [
      'ends a note that is too soft to sound',
      event('/midi/ch/1/note/60', 0.001),
      { type: 'note-off', channel: 1, note: 60, velocity: 0 },
    ],
    ['plays true', event('/midi/ch/1/note/60', true), { type: 'note-on', channel: 1, note: 60, velocity: 127 }],
    ['bends to the centre', param('/midi/ch/1/pitch', 0.5), { type: 'pitch-bend', channel: 1, bend: 8192 }],
    ['clamps a bend', param('/midi/ch/1/pitch', 2), { type: 'pitch-bend', channel: 1, bend: 16383 }],
    [
      'frames a sysex that is not',
      event('/midi/sysex', Uint8Array.of(1, 2)),
      { type: 'sysex', bytes: Uint8Array.of(0xf0, 1, 2, 0xf7) },
    ],
    ['says nothing for a tempo', param('/midi/tempo', 120), undefined],
    ['says nothing for a beat', event('/midi/clock', 3), undefined],
  ])('%s', (_name, signal, statement) => {
    expect(midiFromSignal(signal)).toEqual(statement);
  });

  it('leaves the addresses of other devices to them', () => {
    expect(midiFromSignal(param('/midi/desk/ch/1/cc/7', 1))).toBeUndefined();
    expect(midiFromSignal(event('/midi/desk/transport', 'start'))).toBeUndefined();
    const desk = () => midiFromSignal(param('/midi/desk/keys/ch/1/cc/7', 1), { device: 'desk' });
    expect(desk).toThrow('MIDI has no "keys"');
  });

  it.each<[number, string, Signal]>([
    [200, 'it is not below /midi', param('/osc/ch/1/cc/7', 1)],
    [200, 'channel is 1–16, not "17"', param('/midi/ch/17/cc/7', 1)],
    [200, 'channel is 1–16, not "01"', param('/midi/ch/01/cc/7', 1)],
    [200, 'control is 0–127, not "128"', param('/midi/ch/1/cc/128', 1)],
    [200, 'control is 0–127, not absent', param('/midi/ch/1/cc', 1)],
    [200, '14-bit control is 0–31, not "32"', param('/midi/ch/1/cc14/32', 1)],
    [200, 'nothing stands below program', param('/midi/ch/1/program/1', 1)],
    [200, 'MIDI has no "volume"', param('/midi/ch/1/volume', 1)],
    [200, 'MIDI has no "name"', param('/midi/name', 'desk')],
    [200, 'it is not ch/{channel}/…', param('/midi/ch/1/cc/7/fine', 1)],
    [402, 'NaN', param('/midi/ch/1/cc/7', Number.NaN)],
    [402, '"loud" has no form in MIDI', param('/midi/ch/1/cc/7', 'loud')],
    [402, 'null has no form in MIDI', event('/midi/ch/1/note/60', null)],
    [402, '"pause" has no form in MIDI', event('/midi/transport', 'pause')],
    [402, 'frames are 0–23, not 24', event('/midi/timecode', [1, 2, 3, 24, 24])],
    [402, 'not [h, m, s, f, rate]', event('/midi/timecode', 5)],
    [402, 'a gesture has no form', { kind: 'gesture', address: '/midi/ch/1/cc/1', id: 1, phase: 'move', value: 1 }],
  ])('refuses with %i: %s', (code, text, signal) => {
    const translate = () => midiFromSignal(signal);
    expect(translate).toThrow(expect.objectContaining({ code, address: signal.address }));
    expect(translate).toThrow(text);
  });

  it('throws nothing but a ClaspError, whatever the address and the value', () => {
    const segments = fc.constantFrom(
      'ch',
      '1',
      '16',
      '0',
      'cc',
      'note',
      'nrpn',
      'pitch',
      'program',
      'sysex',
      'clock',
      '',
    );
    const value = fc.oneof(fc.double(), fc.bigInt(), fc.string(), fc.boolean(), fc.constant(null), fc.uint8Array());
    fc.assert(
      fc.property(fc.array(segments, { maxLength: 5 }), value, (some, what) => {
        try {
          midiFromSignal(param(`/midi/${some.join('/')}`, what));
        } catch (error) {
          expect(error).toBeInstanceOf(ClaspError);
        }
      }),
    );
  });
});

describe('chooseMidiPort', () => {
  const names = ['Midi Through 14:0', 'nanoKONTROL2:CTRL 20:0', 'nanoKONTROL2:SLIDER 20:1', 'Keys'];

  it.each([
    ['the whole name', 'Keys', 3],
    ['the name without the system’s number', 'nanokontrol2:slider', 2],
    ['a part, in any case', 'through', 0],
  ])('takes %s', (_name, wanted, index) => {
    expect(chooseMidiPort(names, wanted, 'input')).toBe(index);
  });

  it('prefers the whole name to a part of another', () => {
    expect(chooseMidiPort(['Keys 2', 'Keys'], 'Keys', 'input')).toBe(1);
    expect(chooseMidiPort(['Keys in 20:0', 'Keys 24:0'], 'keys', 'input')).toBe(1);
  });

  it('lists the choices where there are several, or none', () => {
    expect(() => chooseMidiPort(names, 'nano', 'input')).toThrow(
      '[402] "nano" is the name of several MIDI inputs: "nanoKONTROL2:CTRL 20:0", "nanoKONTROL2:SLIDER 20:1"',
    );
    expect(() => chooseMidiPort(['Keys'], 'desk', 'output')).toThrow(
      '[201] no MIDI output is called "desk"; there are "Keys"',
    );
    expect(() => chooseMidiPort([], 'desk', 'output')).toThrow('there is none at all');
  });

  it('takes each of several of one name by its number, whatever they are called', () => {
    const name = fc.constantFrom('Keys', 'keys', 'Keys 2', 'Desk 20:0', 'Desk 24:1', 'Pad', '');
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 8 }), (all) => {
        const choices = midiPortChoices(all);
        expect(new Set(choices).size).toBe(all.length);
        for (const [index, choice] of choices.entries()) {
          expect(chooseMidiPort(all, `#${index + 1}`, 'input')).toBe(index);
          if (all[index] !== '') expect(chooseMidiPort(all, choice, 'input')).toBe(index);
        }
      }),
    );
  });

  it('counts those that the name fits, and takes a name that ends so as it is', () => {
    expect(chooseMidiPort(names, 'nano #2', 'input')).toBe(2);
    expect(chooseMidiPort(['Keys 20:0', 'Keys 24:0'], 'Keys #2', 'input')).toBe(1);
    expect(chooseMidiPort(['Keys', 'Keys', 'Keys #2'], 'Keys #2', 'input')).toBe(2);
    expect(() => chooseMidiPort(['Keys', 'Keys'], 'Keys #3', 'input')).toThrow(
      '[201] no MIDI input is called "Keys #3"; there are "Keys #1", "Keys #2"',
    );
    expect(() => chooseMidiPort(['Keys', 'Keys'], 'Keys', 'input')).toThrow(
      '[402] "Keys" is the name of several MIDI inputs: "Keys #1", "Keys #2"',
    );
  });
});
