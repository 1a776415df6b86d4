import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OSC_IMMEDIATELY, oscTimetag, oscTimetagMicros } from './osc.ts';

describe('timetags', () => {
  it('keep every microsecond from 1970 to 2104', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4_233_000_000_000_000 }), (micros) => {
        expect(oscTimetagMicros(oscTimetag(micros))).toBe(micros);
      }),
    );
  });

  it('agree with NTP on the epochs', () => {
    expect(oscTimetagMicros({ seconds: 2_208_988_800, fraction: 0 })).toBe(0);
    expect(oscTimetag(1_500_000)).toEqual({ seconds: 2_208_988_801, fraction: 0x8000_0000 });
    // RFC 4330: the first second of era 1 is 7 February 2036, 06:28:16 UTC.
    expect(oscTimetagMicros({ seconds: 1, fraction: 0 })).toBe(Date.UTC(2036, 1, 7, 6, 28, 17) * 1000);
  });

  it('say "at once" for what is no moment', () => {
    for (const micros of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
      expect(oscTimetag(micros)).toEqual(OSC_IMMEDIATELY);
    expect(oscTimetagMicros(OSC_IMMEDIATELY)).toBe(0);
    expect(oscTimetagMicros({ seconds: 0, fraction: 0 })).toBe(0);
  });
});
