import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { laterTimeCode, type MidiTimeCode } from './midi/midi-time-code.ts';
import { timeCodeAt, timeCodeOf, timeCodeValue } from './time-code.ts';

const rates = fc.constantFrom(24, 25, 29.97, 30);

describe('time codes', () => {
  it('count every frame, one after the other, and leave out what drop-frame leaves out', () => {
    for (const rate of [24, 25, 29.97, 30] as const) {
      const exact = rate === 29.97 ? 30_000 / 1_001 : rate;
      let time: MidiTimeCode = timeCodeAt(0, rate);
      for (let frame = 1; frame < 18_500; frame++) {
        time = laterTimeCode(time, 1);
        expect(timeCodeAt((frame + 0.5) / exact, rate)).toEqual(time);
      }
    }
  });

  it('exist, whatever the number of seconds, and are those of the day', () => {
    fc.assert(
      fc.property(fc.double({ min: -1e9, max: 1e9, noNaN: true }), rates, (seconds, rate) => {
        const time = timeCodeAt(seconds, rate);
        expect(timeCodeOf(timeCodeValue(time), '/a', 30)).toEqual(time);
      }),
    );
    expect(timeCodeAt(86_400 + 3_661.5, 24)).toEqual({ hours: 1, minutes: 1, seconds: 1, frames: 12, rate: 24 });
    expect(timeCodeAt(86_399.9, 29.97)).toMatchObject({ hours: 23, minutes: 59, seconds: 59 });
  });

  it('are read from a list, with a rate or without, and from seconds', () => {
    expect(timeCodeOf([1, 2, 3, 4n, 24], '/a', 30)).toEqual({ hours: 1, minutes: 2, seconds: 3, frames: 4, rate: 24 });
    expect(timeCodeOf([1n, 2, 3, 4], '/a', 25)).toEqual({ hours: 1, minutes: 2, seconds: 3, frames: 4, rate: 25 });
    expect(timeCodeOf(90n, '/a', 25)).toEqual({ hours: 0, minutes: 1, seconds: 30, frames: 0, rate: 25 });
  });

  it.each([
    [[1, 2, 3], 'neither'],
    ['01:00:00:00', 'neither'],
    [Number.NaN, 'neither'],
    [[24, 0, 0, 0], 'hours'],
    [[0, 0, 0, 25, 25], 'frames'],
    [[0, 0, 0, 0, 50], 'rate'],
    [[0, 0, 'x', 0], 'seconds'],
  ])('are refused: %o', (value, reason) => {
    expect(() => timeCodeOf(value, '/artnet/timecode', 25)).toThrow(reason);
  });
});
