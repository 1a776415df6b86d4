import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { midiMessages } from '../../../testing/midi-arbitrary.ts';
import { ClaspError } from '../../errors.ts';
import { decodeMidi, encodeMidi, type MidiMessage } from './midi.ts';

describe('decodeMidi and encodeMidi', () => {
  it.each<[MidiMessage, number[]]>([
    [{ type: 'note-off', channel: 1, note: 60, velocity: 40 }, [0x80, 60, 40]],
    [{ type: 'note-on', channel: 10, note: 36, velocity: 100 }, [0x99, 36, 100]],
    [{ type: 'poly-pressure', channel: 16, note: 1, pressure: 2 }, [0xaf, 1, 2]],
    [{ type: 'control-change', channel: 2, control: 7, value: 127 }, [0xb1, 7, 127]],
    [{ type: 'program-change', channel: 1, program: 5 }, [0xc0, 5]],
    [{ type: 'channel-pressure', channel: 1, pressure: 9 }, [0xd0, 9]],
    [{ type: 'pitch-bend', channel: 1, bend: 8193 }, [0xe0, 1, 64]],
    [{ type: 'sysex', bytes: Uint8Array.of(0xf0, 0x7d, 1, 0xf7) }, [0xf0, 0x7d, 1, 0xf7]],
    [{ type: 'quarter-frame', piece: 7, nibble: 6 }, [0xf1, 0x76]],
    [{ type: 'song-position', position: 129 }, [0xf2, 1, 1]],
    [{ type: 'song-select', song: 3 }, [0xf3, 3]],
    [{ type: 'tune-request' }, [0xf6]],
    [{ type: 'clock' }, [0xf8]],
    [{ type: 'start' }, [0xfa]],
    [{ type: 'continue' }, [0xfb]],
    [{ type: 'stop' }, [0xfc]],
    [{ type: 'active-sensing' }, [0xfe]],
    [{ type: 'reset' }, [0xff]],
  ])('%j is %j', (message, bytes) => {
    expect([...encodeMidi(message)]).toEqual(bytes);
    expect(decodeMidi(Uint8Array.from(bytes))).toEqual(message);
  });

  it('give any message back', () => {
    fc.assert(
      fc.property(midiMessages, (message) => {
        expect(decodeMidi(encodeMidi(message))).toEqual(message);
      }),
    );
  });

  it.each([
    ['nothing', []],
    ['no status', [1, 2]],
    ['a message cut off', [0x90, 60]],
    ['a message too long', [0xc0, 1, 2]],
    ['a data byte above 127', [0xb0, 1, 200]],
    ['an undefined status', [0xf4]],
    ['a sysex without its end', [0xf0, 1, 2]],
    ['a sysex with a status byte inside', [0xf0, 1, 0x90, 0xf7]],
    ['only the end of a sysex', [0xf7]],
  ])('refuse %s with 101', (_name, bytes) => {
    expect(() => decodeMidi(Uint8Array.from(bytes))).toThrow(expect.objectContaining({ code: 101 }));
  });

  it.each<[string, MidiMessage]>([
    ['channel is 1–16, not 17', { type: 'program-change', channel: 17, program: 1 }],
    ['control is 0–127, not 128', { type: 'control-change', channel: 1, control: 128, value: 0 }],
    ['value is 0–127, not 0.5', { type: 'control-change', channel: 1, control: 1, value: 0.5 }],
    ['bend is 0–16383, not -1', { type: 'pitch-bend', channel: 1, bend: -1 }],
    ['not a sysex', { type: 'sysex', bytes: Uint8Array.of(0xf0, 0x80, 0xf7) }],
    ['not a sysex', { type: 'sysex', bytes: Uint8Array.of(0xf0) }],
  ])('say with 402 that %s', (text, message) => {
    expect(() => encodeMidi(message)).toThrow(expect.objectContaining({ code: 402 }));
    expect(() => encodeMidi(message)).toThrow(text);
  });

  it('decode any bytes, or throw a ClaspError', () => {
    const opening = fc.integer({ min: 0x70, max: 0xff });
    const any = fc
      .tuple(opening, fc.uint8Array({ maxLength: 4 }))
      .map(([first, rest]) => Uint8Array.of(first, ...rest));
    fc.assert(
      fc.property(any, (bytes) => {
        try {
          expect(encodeMidi(decodeMidi(bytes))).toEqual(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(ClaspError);
        }
      }),
    );
  });
});
