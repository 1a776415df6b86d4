import fc from 'fast-check';
import { expect, it } from 'vitest';
import { midiMessages } from '../../../testing/midi-arbitrary.ts';
import { seededRandom } from '../../../testing/seeded-random.ts';
import { ClaspError } from '../../errors.ts';
import { decodeMidi, encodeMidi } from './midi.ts';
import { MidiAssembler } from './midi-assembler.ts';
import { midiFromSignal, midiToSignal } from './midi-mapping.ts';
import { MidiParser } from './midi-parser.ts';

const PACKETS = 1_000_000;
const SEED = 20_261;

it('takes a million mutated packets, alone and as one stream, with nothing but ClaspErrors', () => {
  const random = seededRandom(SEED);
  const valid = fc.sample(midiMessages, { seed: SEED, numRuns: 400 }).map(encodeMidi);
  let decoded = 0;
  let refused = 0;
  let signals = 0;
  const unexpected: unknown[] = [];
  const guarded = (action: () => void) => {
    try {
      action();
    } catch (error) {
      refused++;
      if (!(error instanceof ClaspError)) unexpected.push(error);
    }
  };
  const assembler = new MidiAssembler(
    (statement) => {
      const signal = midiToSignal(statement);
      if (!signal) return;
      signals++;
      midiFromSignal(signal);
    },
    { cc14: true },
  );
  let now = 0;
  const parser = new MidiParser(
    { message: (message) => assembler.take(message, now++), fault: () => undefined },
    { maxSysex: 64 },
  );

  for (let i = 0; i < PACKETS; i++) {
    let bytes = (valid[random.integer(0, valid.length - 1)] as Uint8Array).slice(0, random.integer(1, 12));
    for (let times = random.integer(0, 2); times > 0; times--) {
      bytes[random.integer(0, bytes.length - 1)] = random.integer(0, 255);
    }
    if (random.chance(0.1)) bytes = bytes.subarray(1);
    guarded(() => {
      decodeMidi(bytes);
      decoded++;
    });
    guarded(() => parser.push(bytes));
  }
  expect(unexpected).toEqual([]);
  // It is the limits that are looked for, on both sides.
  for (const count of [decoded, refused, signals]) expect(count).toBeGreaterThan(PACKETS / 10);
});
