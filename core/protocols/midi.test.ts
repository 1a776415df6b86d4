import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClaspError } from '../errors.ts';
import { decodeMidi, midiToSignal } from './midi.ts';

const signalOf = (...bytes: number[]) => {
  const message = decodeMidi(Uint8Array.from(bytes));
  return message && midiToSignal(message);
};

describe('midiToSignal', () => {
  it.each([
    ['control change', [0xb0, 1, 127], { kind: 'param', address: '/midi/ch/1/cc/1', value: 1 }],
    ['control change on channel 16', [0xbf, 64, 0], { kind: 'param', address: '/midi/ch/16/cc/64', value: 0 }],
    ['note on', [0x91, 60, 127], { kind: 'event', address: '/midi/ch/2/note/60', value: 1 }],
    ['note off', [0x81, 60, 40], { kind: 'event', address: '/midi/ch/2/note/60', value: 0 }],
    [
      'note on with velocity 0, which is off',
      [0x91, 60, 0],
      { kind: 'event', address: '/midi/ch/2/note/60', value: 0 },
    ],
    ['program change', [0xc0, 5], { kind: 'param', address: '/midi/ch/1/program', value: 5n }],
    ['channel pressure', [0xd0, 127], { kind: 'param', address: '/midi/ch/1/pressure', value: 1 }],
    ['poly pressure', [0xa0, 60, 127], { kind: 'param', address: '/midi/ch/1/poly/60', value: 1 }],
    ['pitch bend, lowest', [0xe0, 0, 0], { kind: 'param', address: '/midi/ch/1/pitch', value: 0 }],
    ['pitch bend, centre', [0xe0, 0, 64], { kind: 'param', address: '/midi/ch/1/pitch', value: 0.5 }],
    ['pitch bend, highest', [0xe0, 127, 127], { kind: 'param', address: '/midi/ch/1/pitch', value: 1 }],
  ])('%s', (_name, bytes, expected) => {
    expect(signalOf(...bytes)).toEqual(expected);
  });

  it('names the device when there is one', () => {
    const message = decodeMidi(Uint8Array.of(0xb0, 7, 64));
    if (!message) throw new Error('not decoded');
    expect(midiToSignal(message, { device: 'desk', namespace: '/m' }).address).toBe('/m/desk/ch/1/cc/7');
  });
});

describe('decodeMidi', () => {
  it('passes over system messages', () => {
    expect(decodeMidi(Uint8Array.of(0xf8))).toBeUndefined();
    expect(decodeMidi(Uint8Array.of(0xf0, 1, 2, 0xf7))).toBeUndefined();
  });

  it('throws nothing but a ClaspError 101, and every value is within 0 … 1 or an integer below 128', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4 }), (bytes) => {
        try {
          const message = decodeMidi(bytes);
          if (!message) return;
          const signal = midiToSignal(message);
          const value = Number((signal as { value: number | bigint }).value);
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThanOrEqual(message.type === 'program-change' ? 127 : 1);
        } catch (error) {
          expect(error).toBeInstanceOf(ClaspError);
          expect((error as ClaspError).code).toBe(101);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
