import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { midiMessages } from '../../../testing/midi-arbitrary.ts';
import { encodeMidi, type MidiMessage } from './midi.ts';
import { MidiParser, type MidiParserOptions } from './midi-parser.ts';

function reading(options?: MidiParserOptions) {
  const messages: MidiMessage[] = [];
  const faults: string[] = [];
  const parser = new MidiParser(
    { message: (one) => messages.push(one), fault: (reason) => faults.push(reason) },
    options,
  );
  return { messages, faults, push: (...bytes: number[]) => parser.push(Uint8Array.from(bytes)) };
}

const REAL_TIME = new Set(['clock', 'start', 'continue', 'stop', 'active-sensing', 'reset']);
const isRealTime = ({ type }: MidiMessage) => REAL_TIME.has(type);

describe('MidiParser', () => {
  it('reads whatever was written, cut anywhere, with running status where it may', () => {
    const cuts = fc.infiniteStream(fc.integer({ min: 1, max: 5 }));
    fc.assert(
      fc.property(fc.array(midiMessages, { maxLength: 20 }), cuts, (sent, sizes) => {
        let running = 0;
        const bytes = sent.flatMap((message) => {
          const whole = [...encodeMidi(message)];
          const status = whole[0] as number;
          const implied = status < 0xf0 && status === running;
          // Real-time messages leave the running status alone, all other system messages end it.
          if (status < 0xf8) running = status < 0xf0 ? status : 0;
          return implied ? whole.slice(1) : whole;
        });
        const { messages, faults, push } = reading();
        for (let at = 0; at < bytes.length; ) {
          const size = sizes.next().value as number;
          push(...bytes.slice(at, at + size));
          at += size;
        }
        expect(messages).toEqual(sent);
        expect(faults).toEqual([]);
      }),
    );
  });

  it('takes real-time messages out of the middle of others, at once', () => {
    const { messages, push } = reading();
    push(0xf0, 0x7d, 0xf8, 1, 0xfe, 0xf7, 0xb0, 0xfa, 1, 0xf8, 2);
    expect(messages.map(({ type }) => type)).toEqual([
      'clock',
      'active-sensing',
      'sysex',
      'start',
      'clock',
      'control-change',
    ]);
    expect(messages[2]).toEqual({ type: 'sysex', bytes: Uint8Array.of(0xf0, 0x7d, 1, 0xf7) });
  });

  it.each([
    ['a data byte without a status', [1, 2, 3]],
    ['a data byte without a status', [0xf3, 1, 2]],
    ['a message cut off by the next', [0x90, 60]],
    ['a message cut off by the next', [0x90]],
    ['an undefined status', [0xf4, 1, 2]],
    ['an undefined status', [0xf9]],
    ['an end of sysex without a sysex', [0xf7]],
    ['a sysex cut off by another message', [0xf0, 1, 2]],
    ['a sysex that is too long', [0xf0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0xf7]],
  ])('tells of %s once, and goes on', (reason, bytes) => {
    const { messages, faults, push } = reading({ maxSysex: 8 });
    push(...bytes);
    push(0xb0, 1, 2);
    expect(faults).toEqual([reason]);
    expect(messages.at(-1)).toEqual({ type: 'control-change', channel: 1, control: 1, value: 2 });
  });

  it('keeps a sysex that is just short enough', () => {
    const { messages, faults, push } = reading({ maxSysex: 8 });
    push(0xf0, 1, 2, 3, 4, 5, 6, 0xf7);
    expect([messages.length, faults]).toEqual([1, []]);
  });

  it('never throws, whatever bytes come, and what it reads can be written', () => {
    const byte = fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0xf0, 0xf7, 0x90, 0xb0, 1, 2));
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 60 }), (bytes) => {
        const { messages, push } = reading({ maxSysex: 16 });
        push(...bytes);
        for (const message of messages) expect(() => encodeMidi(message)).not.toThrow();
        expect(messages.filter(isRealTime).length).toBe(
          bytes.filter((one) => one >= 0xf8 && one !== 0xf9 && one !== 0xfd).length,
        );
      }),
    );
  });
});
