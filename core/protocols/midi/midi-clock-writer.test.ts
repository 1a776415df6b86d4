import fc from 'fast-check';
import { expect, it } from 'vitest';
import { MidiClockWriter, midiTempo } from './midi-clock-writer.ts';

/** The times of the clocks up to `end`, each sent when it is due. */
function clocks(writer: MidiClockWriter, end: number): number[] {
  const times: number[] = [];
  while (writer.due <= end) {
    times.push(writer.due);
    writer.next(writer.due);
  }
  return times;
}

it('is due 24 times a quarter note, without drift', () => {
  fc.assert(
    fc.property(fc.integer({ min: 20, max: 400 }), fc.integer({ min: 1, max: 600 }), (tempo, seconds) => {
      const writer = new MidiClockWriter();
      writer.setTempo(tempo, 0);
      expect(Math.abs(clocks(writer, seconds * 1_000).length - 1 - (tempo * 24 * seconds) / 60)).toBeLessThan(1.01);
    }),
  );
});

it('changes the tempo from the last clock on, and ends with 0', () => {
  const writer = new MidiClockWriter();
  expect(writer.due).toBe(Number.POSITIVE_INFINITY);
  writer.setTempo(125, 100);
  expect(clocks(writer, 165)).toEqual([100, 120, 140, 160]);
  writer.setTempo(250, 165);
  expect(clocks(writer, 200)).toEqual([170, 180, 190, 200]);
  writer.setTempo(2.5, 205);
  writer.setTempo(250, 240);
  expect(writer.due).toBe(240);
  writer.setTempo(0, 240);
  expect(writer.due).toBe(Number.POSITIVE_INFINITY);
});

it('begins the beat a moment after a start, and knows whether it plays', () => {
  const writer = new MidiClockWriter();
  writer.setTempo(125, 0);
  clocks(writer, 45);
  writer.transport('start', 50);
  expect(clocks(writer, 80)).toEqual([51, 71]);
  expect(writer.isPlaying).toBe(true);
  writer.transport('stop', 80);
  expect(writer.isPlaying).toBe(false);
  expect(clocks(writer, 95)).toEqual([91]);
  writer.setTempo(0, 100);
  writer.transport('continue', 100);
  expect(writer.due).toBe(Number.POSITIVE_INFINITY);
});

it('makes up for a late timer, but not for a pause of more than a beat', () => {
  const writer = new MidiClockWriter();
  writer.setTempo(125, 0);
  writer.next(400);
  expect(writer.due).toBe(20);
  writer.next(700);
  expect(writer.due).toBe(720);
});

it('takes a number for a tempo, nothing for none, and refuses what is neither', () => {
  expect([120, 120n, 0, null].map((value) => midiTempo(value, '/midi/tempo'))).toEqual([120, 120, 0, 0]);
  for (const value of [-1, 1_001, Number.NaN, 'fast', true]) {
    expect(() => midiTempo(value, '/midi/tempo')).toThrow('[402] /midi/tempo: a tempo is a number from 0 to 1000');
  }
});
