import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { midiTimeCodes } from '../../../testing/midi-arbitrary.ts';
import type { MidiMessage } from './midi.ts';
import { MidiAssembler } from './midi-assembler.ts';
import {
  laterTimeCode,
  type MidiFrameRate,
  type MidiTimeCode,
  timeCodeDay,
  timeCodeFrames,
  timeCodeOf,
} from './midi-time-code.ts';
import { MidiTimeCodeWriter } from './midi-time-code-writer.ts';

const frameMs = (rate: MidiFrameRate) => (rate === 29.97 ? 1001 / 30 : 1000 / rate);
const rates = fc.constantFrom<MidiFrameRate[]>(24, 25, 29.97, 30);

describe('frames since midnight', () => {
  it('count what laterTimeCode counts, and back', () => {
    fc.assert(
      fc.property(midiTimeCodes, fc.integer({ min: 0, max: 20_000 }), (time, steps) => {
        const day = timeCodeDay(time.rate);
        const later = (timeCodeFrames(time) + steps) % day;
        expect(timeCodeOf(later, time.rate)).toEqual(laterTimeCode(time, steps));
        expect(timeCodeFrames(timeCodeOf(later, time.rate))).toBe(later);
      }),
    );
    expect(timeCodeDay(29.97)).toBe(2_589_408);
  });
});

/** A writer in virtual time, with a reader behind it that knows nothing but the messages. */
class Line {
  now = 1_000;
  readonly full: string[] = [];
  /** Quarter frames, and when each was due. */
  readonly quarters: { readonly piece: number; readonly at: number }[] = [];
  /** What the reader said, and when. */
  readonly heard: { readonly time: MidiTimeCode; readonly at: number }[] = [];
  readonly #writer = new MidiTimeCodeWriter();
  readonly #reader = new MidiAssembler((said) => {
    if (said.type === 'time-code') this.heard.push({ time: said.time, at: this.now });
  });

  tell(time: MidiTimeCode): void {
    this.#send(this.#writer.take(time, this.now));
  }

  /** Lets time pass; the timer is late by what `late` says. */
  pass(milliseconds: number, late: () => number = () => 0): void {
    const end = this.now + milliseconds;
    for (let due = this.#writer.due; due <= end; due = this.#writer.due) {
      this.now = Math.max(this.now, Math.min(end, due + late()));
      while (this.#writer.due <= this.now) this.#send(this.#writer.next(this.now));
    }
    this.now = end;
  }

  #send(message: MidiMessage | undefined): void {
    if (!message) return;
    if (message.type === 'sysex') this.full.push([...message.bytes.subarray(5, 9)].join(':'));
    else if (message.type === 'quarter-frame') this.quarters.push({ piece: message.piece, at: this.now });
    this.#reader.take(message, this.now);
  }
}

const at = (frame: number, rate: MidiFrameRate) => timeCodeOf(Math.floor(frame) % timeCodeDay(rate), rate);

describe('MidiTimeCodeWriter', () => {
  it('sends quarter frames while time goes on, of which a reader has the right time, over minutes and midnight', () => {
    fc.assert(
      fc.property(
        fc.record({
          rate: rates,
          // Near a minute, a tenth minute and midnight.
          second: fc.constantFrom(58, 598, 3_600, 86_398),
          offset: fc.nat(30),
          every: fc.integer({ min: 10, max: 1_000 }),
          lateness: fc.integer({ min: 0, max: 9 }),
        }),
        ({ rate, second, offset, every, lateness }) => {
          const start = timeCodeDay(rate) * (second / 86_400) + offset;
          const line = new Line();
          const began = line.now;
          const position = (time: number) => start + (time - began) / frameMs(rate);
          const count = Math.ceil(6_000 / every);
          let seed = 1;
          const late = () => {
            seed = (seed * 16_807) % 2_147_483_647;
            return seed % (lateness + 1);
          };
          for (let i = 0; i < count; i++) {
            line.tell(at(position(line.now), rate));
            line.pass(every, late);
          }
          // One full frame, the first, and from the second time on four quarter frames a frame, in order.
          expect(line.full).toHaveLength(1);
          const pieces = line.quarters.map(({ piece }) => piece);
          expect(pieces).toEqual(pieces.map((_, index) => index % 8));
          const told = (4 * (every * (count - 1))) / frameMs(rate);
          expect(Math.abs(line.quarters.length - told)).toBeLessThan(20);
          expect(line.heard.length).toBeGreaterThan(line.quarters.length / 8 - 1);
          for (const { time, at: when } of line.heard.slice(1)) {
            const day = timeCodeDay(rate);
            const ahead = (timeCodeFrames(time) - (position(when) % day) + day) % day;
            const error = Math.min(ahead, day - ahead);
            expect(error).toBeLessThan(1.5 + lateness / frameMs(rate));
          }
        },
      ),
    );
  });

  it('sends a full frame for a time that stands alone, and none for one that stands still', () => {
    const line = new Line();
    for (const second of [10, 10, 20, 5]) {
      line.tell({ hours: 1, minutes: 0, seconds: second, frames: 0, rate: 25 });
      line.pass(500);
    }
    expect(line.full).toEqual(['33:0:10:0', '33:0:20:0', '33:0:5:0']);
    expect(line.quarters).toEqual([]);
  });

  it('sends a full frame for a jump, and goes on from there', () => {
    const line = new Line();
    for (const begin of [1_000, 50_000]) {
      for (let frame = begin; frame < begin + 50; frame++) {
        line.tell(at(frame, 25));
        line.pass(40);
      }
    }
    expect(line.full).toEqual([`32:0:40:0`, '32:33:20:0']);
    expect(line.heard.at(-1)?.time.minutes).toBe(33);
    // Another rate is another run.
    line.tell(at(50_050, 30));
    expect(line.full).toHaveLength(3);
  });

  it('ends with a full frame when it stands still, or when nothing is heard any more', () => {
    for (const stops of [true, false]) {
      const line = new Line();
      for (let frame = 0; frame < 25; frame++) {
        line.tell(at(frame, 25));
        line.pass(40);
      }
      for (let i = 0; stops && i < 5; i++) {
        line.tell(at(24, 25));
        line.pass(40);
      }
      line.pass(5_000);
      const { length } = line.quarters;
      line.pass(60_000);
      expect(line.quarters).toHaveLength(length);
      expect(line.full).toEqual(['32:0:0:0', '32:0:0:24']);
    }
  });

  it('leaves out what it could not say in time, and begins with a first piece again', () => {
    const line = new Line();
    let frame = 0;
    const run = (frames: number, late?: () => number) => {
      for (let i = 0; i < frames; i++, frame++) {
        line.tell(at(frame, 25));
        line.pass(40, late);
      }
    };
    run(25);
    const before = line.quarters.length;
    line.pass(0);
    // Half a second in which no timer runs.
    line.now += 480;
    frame += 12;
    run(25);
    expect(line.full).toHaveLength(1);
    expect(line.quarters[before]?.piece).toBe(0);
    const last = line.heard.at(-1) as { time: MidiTimeCode; at: number };
    expect(Math.abs(timeCodeFrames(last.time) - (last.at - 1_000) / 40)).toBeLessThan(1.5);
  });
});
