import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { midiStatements, midiTimeCodes } from '../../../testing/midi-arbitrary.ts';
import type { MidiMessage } from './midi.ts';
import { MidiAssembler, type MidiAssemblerOptions, type MidiStatement, spellMidi } from './midi-assembler.ts';
import { laterTimeCode, type MidiFrameRate, quarterFrames } from './midi-time-code.ts';

const cc = (control: number, value: number, channel = 1): MidiMessage => ({
  type: 'control-change',
  channel,
  control,
  value,
});

function assembling(options?: MidiAssemblerOptions) {
  const out: MidiStatement[] = [];
  const assembler = new MidiAssembler((statement) => out.push(statement), options);
  let now = 0;
  /** Takes what comes together, a while after what came before. */
  const take = (...messages: MidiMessage[]) => {
    now += 10;
    for (const message of messages) assembler.take(message, now);
    return out.splice(0);
  };
  const flush = () => {
    assembler.flush();
    return out.splice(0);
  };
  return { assembler, take, flush, out };
}

describe('MidiAssembler', () => {
  it('understands whatever spellMidi writes', () => {
    // A control that is half of a pair, or sets parameters, says more than itself.
    const plain = (statement: MidiStatement) =>
      statement.type === 'control-change'
        ? statement.control >= 64 && (statement.control < 96 || statement.control > 101)
        : statement.type !== 'control-change-14' || statement.control !== 6;
    fc.assert(
      fc.property(fc.array(midiStatements.filter(plain), { maxLength: 20 }), (statements) => {
        const { take, flush } = assembling({ cc14: true });
        const heard = statements.flatMap((statement) => {
          const parts = spellMidi(statement).flatMap((message) => take(message));
          // What a coarse half says alone is corrected by its fine half.
          return [...parts, ...flush()].slice(-1);
        });
        expect(heard).toEqual(statements);
      }),
    );
  });

  it('leaves controls alone that are no pair', () => {
    const { take } = assembling({ cc14: [7] });
    expect(take(cc(1, 2), cc(33, 4))).toEqual([cc(1, 2), cc(33, 4)]);
    expect(take(cc(7, 1), cc(39, 1))).toEqual([
      { type: 'control-change-14', channel: 1, control: 7, value: 128 },
      { type: 'control-change-14', channel: 1, control: 7, value: 129 },
    ]);
  });

  it('waits with the coarse half once a fine half has come, so that nothing jumps', () => {
    const { assembler, take, flush } = assembling({ cc14: true });
    const pair = (value: number) => ({ type: 'control-change-14', channel: 1, control: 1, value });
    take(cc(1, 64), cc(33, 1));
    expect(take(cc(1, 65))).toEqual([]);
    expect(assembler.waits).toBe(true);
    expect(take(cc(33, 5))).toEqual([pair((65 << 7) | 5)]);
    expect(assembler.waits).toBe(false);
    // The fine half alone, and the coarse half alone.
    expect(take(cc(33, 6))).toEqual([pair((65 << 7) | 6)]);
    take(cc(1, 66));
    expect(flush()).toEqual([pair(66 << 7)]);
    expect(flush()).toEqual([]);
  });

  it('makes one value of two halves, whichever comes first, however fast they come', () => {
    const halves = fc.tuple(fc.nat(127), fc.nat(127));
    fc.assert(
      fc.property(fc.boolean(), fc.array(fc.tuple(halves, fc.boolean()), { minLength: 1 }), (fineFirst, all) => {
        const { assembler, out, flush } = assembling({ cc14: [3] });
        let now = 0;
        for (const [[coarse, fine], pause] of all) {
          const pair = [cc(3, coarse), cc(35, fine)];
          for (const half of fineFirst ? pair.reverse() : pair) assembler.take(half, now);
          if (pause) {
            now += 20;
            out.push(...flush());
          }
        }
        const values = all.map(([[coarse, fine]]) => (coarse << 7) | fine);
        // Before a fine half has ever come, the first coarse half counts at once.
        const first = fineFirst ? [] : [(all[0]?.[0][0] ?? 0) << 7];
        expect(out.map((one) => 'value' in one && one.value)).toEqual([...first, ...values]);
        expect(assembler.waits).toBe(false);
      }),
    );
  });

  it('makes one value of each NRPN and RPN, whichever halves of its number and its value come first', () => {
    const sent = fc.record({
      kind: fc.constantFrom('nrpn' as const, 'rpn' as const),
      parameter: fc.nat(16_382),
      value: fc.nat(16_383),
      pause: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.boolean(), fc.boolean(), fc.array(sent), (numberFineFirst, fineFirst, all) => {
        const { assembler, out, flush, take } = assembling();
        // It is known that this sender has fine halves.
        take(cc(99, 1), cc(98, 0), ...(fineFirst ? [cc(38, 0), cc(6, 0)] : [cc(6, 0), cc(38, 0)]));
        out.length = 0;
        let now = 100;
        for (const { kind, parameter, value, pause } of all) {
          const number = kind === 'nrpn' ? [99, 98] : [101, 100];
          const select = [cc(number[0] as number, parameter >> 7), cc(number[1] as number, parameter & 127)];
          const data = [cc(6, value >> 7), cc(38, value & 127)];
          const inOrder = [...(numberFineFirst ? select.reverse() : select), ...(fineFirst ? data.reverse() : data)];
          for (const message of inOrder) assembler.take(message, now);
          if (pause) {
            now += 20;
            out.push(...flush());
          }
        }
        out.push(...flush());
        const told = all.map(({ kind, parameter, value }) => ({ type: kind, channel: 1, parameter, value }));
        expect(out).toEqual(told);
      }),
    );
  });

  it('learns that a sender sends the fine half first, though it was first heard between two halves', () => {
    const { take, flush } = assembling({ cc14: true });
    const value = (coarse: number, fine: number) => [
      { type: 'control-change-14', channel: 1, control: 1, value: (coarse << 7) | fine },
    ];
    // 1, and then 2: taken for one value.
    expect(take(cc(1, 1), cc(33, 2), cc(1, 2)).length).toBe(2);
    flush();
    for (const fine of [3, 4, 5]) take(cc(33, fine), cc(1, 2)).concat(flush());
    expect(take(cc(33, 6))).toEqual([]);
    expect(take(cc(1, 2))).toEqual(value(2, 6));
    // And the other way round.
    take(cc(1, 3), cc(33, 1));
    expect(take(cc(1, 3), cc(33, 2))).toEqual(value(3, 2));
    expect(take(cc(33, 3))).toEqual(value(3, 3));
  });

  it('lets what began to wait later wait on', () => {
    const { assembler, take, out } = assembling({ cc14: true });
    take(cc(1, 1), cc(33, 1), cc(1, 1, 2), cc(33, 1, 2));
    take(cc(1, 2));
    const { holds } = assembler;
    take(cc(1, 3, 2));
    assembler.flush(holds);
    expect(out.splice(0)).toEqual([{ type: 'control-change-14', channel: 1, control: 1, value: 256 }]);
    expect(assembler.waits).toBe(true);
    expect(take(cc(33, 4, 2))).toEqual([{ type: 'control-change-14', channel: 2, control: 1, value: 388 }]);
  });

  it('counts on from the value of a parameter that is selected again', () => {
    const { take } = assembling();
    const select = [cc(99, 1), cc(98, 2)];
    const nrpn = (value: number) => ({ type: 'nrpn', channel: 1, parameter: 130, value });
    take(...select, cc(6, 64), cc(38, 1));
    expect(take(...select, cc(96, 0))).toEqual([nrpn(8194)]);
    expect(take(...select, cc(38, 5))).toEqual([nrpn(8197)]);
  });

  it('does not let another message of the channel overtake what waits', () => {
    const { take } = assembling({ cc14: true });
    take(cc(1, 1), cc(33, 1), cc(1, 2));
    const note: MidiMessage = { type: 'note-on', channel: 1, note: 60, velocity: 1 };
    expect(take({ ...note, channel: 2 })).toEqual([{ ...note, channel: 2 }]);
    expect(take(note)).toEqual([{ type: 'control-change-14', channel: 1, control: 1, value: 256 }, note]);
  });

  it('reads parameters: selection, data entry, increment and decrement', () => {
    const { take } = assembling();
    const nrpn = (value: number) => ({ type: 'nrpn', channel: 1, parameter: 130, value });
    expect(take(cc(99, 1), cc(98, 2))).toEqual([]);
    expect(take(cc(6, 64), cc(38, 1))).toEqual([nrpn(64 << 7), nrpn((64 << 7) | 1)]);
    expect(take(cc(96, 0), cc(97, 0), cc(97, 0))).toEqual([nrpn(8194), nrpn(8193), nrpn(8192)]);
    expect(take(cc(101, 0), cc(100, 0), cc(6, 2), cc(38, 0))).toEqual([
      { type: 'rpn', channel: 1, parameter: 0, value: 256 },
    ]);
    // Each channel has its own.
    expect(take(cc(6, 1, 2))).toEqual([cc(6, 1, 2)]);
  });

  it('counts an increment on from the data entry that waits for its fine half', () => {
    const { take } = assembling();
    const nrpn = (parameter: number, value: number) => ({ type: 'nrpn', channel: 1, parameter, value });
    take(cc(99, 1), cc(98, 2), cc(6, 64), cc(38, 1));
    // A new parameter: its first data entry waits.
    expect(take(cc(98, 3), cc(6, 10))).toEqual([]);
    expect(take(cc(96, 0), cc(97, 0))).toEqual([nrpn(131, 1280), nrpn(131, 1281), nrpn(131, 1280)]);
  });

  it('forgets the parameter when all controllers are reset, as RP-015 has it', () => {
    const { take } = assembling();
    take(cc(99, 1), cc(98, 2), cc(6, 64), cc(38, 1), cc(101, 0), cc(100, 0));
    expect(take(cc(6, 3), cc(121, 0))).toEqual([{ type: 'rpn', channel: 1, parameter: 0, value: 384 }, cc(121, 0)]);
    expect(take(cc(6, 1), cc(96, 0))).toEqual([cc(6, 1), cc(96, 0)]);
    // Half of a number is none; another channel keeps its own.
    expect(take(cc(98, 2), cc(6, 1))).toEqual([cc(6, 1)]);
    take(cc(99, 1, 2), cc(98, 2, 2));
    expect(take(cc(121, 0), cc(6, 1, 2))).toEqual([
      cc(121, 0),
      { type: 'nrpn', channel: 2, parameter: 130, value: 128 },
    ]);
  });

  it('takes data entry for a control where no parameter is selected, or none of it is wanted', () => {
    const { take } = assembling();
    expect(take(cc(6, 1), cc(38, 2), cc(96, 0))).toEqual([cc(6, 1), cc(38, 2), cc(96, 0)]);
    take(cc(99, 1), cc(98, 2), cc(99, 127), cc(98, 127));
    expect(take(cc(6, 1))).toEqual([cc(6, 1)]);
    const off = assembling({ nrpn: false });
    expect(off.take(cc(99, 1), cc(98, 2), cc(6, 3))).toEqual([cc(99, 1), cc(98, 2), cc(6, 3)]);
  });

  it('counts beats, from the start, and measures the tempo', () => {
    const { assembler, out } = assembling();
    let now = 0;
    const clocks = (count: number, interval: number) => {
      for (let i = 0; i < count; i++) {
        assembler.take({ type: 'clock' }, now);
        now += interval;
      }
      return out.splice(0).map((one) => ('beat' in one ? one.beat : 'tempo' in one ? `${one.tempo} bpm` : one.type));
    };
    const at120 = 60_000 / 120 / 24;
    expect(clocks(48, at120)).toEqual([0, '120 bpm', 1]);
    assembler.take({ type: 'stop' }, now);
    expect(clocks(48, at120)).toEqual(['stop']);
    assembler.take({ type: 'song-position', position: 6 }, now);
    assembler.take({ type: 'continue' }, now);
    expect(clocks(24, at120)).toEqual(['song-position', 'continue', 2]);
    assembler.take({ type: 'start' }, now);
    expect(clocks(25, at120)).toEqual(['start', 0, 1]);
    expect(clocks(72, at120 / 2)).toContain('240 bpm');
  });

  it('does not let jitter of a millisecond show as a new tempo at each beat', () => {
    const { assembler, out } = assembling();
    for (let i = 0; i < 24 * 64; i++) {
      assembler.take({ type: 'clock' }, (i * 60_000) / 128 / 24 + ((i * 7919) % 100) / 100);
    }
    const tempos = out.flatMap((one) => (one.type === 'tempo' ? [one.tempo] : []));
    expect(tempos.length).toBeLessThan(32);
    for (const tempo of tempos) expect(Math.abs(tempo - 128)).toBeLessThanOrEqual(0.3);
  });

  it('measures anew after a pause', () => {
    const { assembler, out } = assembling();
    for (let i = 0; i < 25; i++) assembler.take({ type: 'clock' }, i * 20);
    for (let i = 0; i < 25; i++) assembler.take({ type: 'clock' }, 60_000 + i * 25);
    expect(out.flatMap((one) => (one.type === 'tempo' ? [one.tempo] : []))).toEqual([125, 100]);
  });

  it('reads time code out of quarter frames, two frames on, as they take two frames to come', () => {
    fc.assert(
      fc.property(midiTimeCodes, fc.integer({ min: 0, max: 7 }), (time, begin) => {
        const { take } = assembling();
        const pieces = quarterFrames(time).map(
          (nibble, piece): MidiMessage => ({ type: 'quarter-frame', piece, nibble }),
        );
        expect(take(...pieces.slice(begin))).toEqual(
          begin === 0 ? [{ type: 'time-code', time: laterTimeCode(time, 2) }] : [],
        );
        expect(take(...pieces)).toEqual([{ type: 'time-code', time: laterTimeCode(time, 2) }]);
        // Backwards, as when a tape is wound back.
        expect(take(...[...pieces].reverse()).at(-1)).toEqual({ type: 'time-code', time });
        expect(take(...pieces.filter((_, index) => index !== 4))).toEqual([]);
      }),
    );
  });

  it('passes over a time code that does not exist', () => {
    const { take } = assembling();
    const hour31 = [0, 0, 0, 0, 0, 0, 15, 1].map(
      (nibble, piece): MidiMessage => ({ type: 'quarter-frame', piece, nibble }),
    );
    expect(take(...hour31)).toEqual([]);
  });

  it('never says a time that drop-frame leaves out, forwards, backwards or at once', () => {
    const dropped = fc.record({ hours: fc.nat(23), minutes: fc.nat(59), seconds: fc.constant(0), frames: fc.nat(1) });
    fc.assert(
      fc.property(dropped, fc.boolean(), (numbers, backwards) => {
        const time = { ...numbers, rate: 29.97 } as const;
        const { take } = assembling();
        const exists = numbers.minutes % 10 === 0;
        const nibbles = [
          numbers.frames,
          0,
          0,
          0,
          numbers.minutes & 15,
          numbers.minutes >> 4,
          numbers.hours & 15,
          4 | (numbers.hours >> 4),
        ];
        const pieces = nibbles.map((nibble, piece): MidiMessage => ({ type: 'quarter-frame', piece, nibble }));
        expect(take(...(backwards ? pieces.reverse() : pieces)).length).toBe(exists ? 1 : 0);
        const full = [0xf0, 0x7f, 0x7f, 1, 1, 0x40 | numbers.hours, numbers.minutes, 0, numbers.frames, 0xf7];
        const said = take({ type: 'sysex', bytes: Uint8Array.from(full) });
        expect(said.some((one) => one.type === 'time-code')).toBe(exists);
        if (exists) expect(spellMidi({ type: 'time-code', time })).toHaveLength(1);
        else expect(() => spellMidi({ type: 'time-code', time })).toThrow('drop-frame has no frame');
      }),
    );
  });

  it('passes a sysex on that is no time code', () => {
    const { take } = assembling();
    const sysex: MidiMessage = { type: 'sysex', bytes: Uint8Array.of(0xf0, 0x7f, 0x7f, 6, 1, 0xf7) };
    expect(take(sysex)).toEqual([sysex]);
  });
});

describe('laterTimeCode', () => {
  it.each<[MidiFrameRate, number[], number, number[]]>([
    [25, [23, 59, 59, 24], 1, [0, 0, 0, 0]],
    [24, [1, 0, 59, 23], 2, [1, 1, 0, 1]],
    [30, [1, 0, 59, 29], 1, [1, 1, 0, 0]],
    // NTSC leaves out frames 0 and 1 of each minute but the tenth.
    [29.97, [1, 0, 59, 29], 1, [1, 1, 0, 2]],
    [29.97, [1, 9, 59, 29], 1, [1, 10, 0, 0]],
  ])('at %s, %j and %i frames are %j', (rate, from, steps, to) => {
    const [hours = 0, minutes = 0, seconds = 0, frames = 0] = from;
    const later = laterTimeCode({ hours, minutes, seconds, frames, rate }, steps);
    expect([later.hours, later.minutes, later.seconds, later.frames]).toEqual(to);
  });

  it('counts 107 892 frames in an hour of NTSC', () => {
    const later = laterTimeCode({ hours: 0, minutes: 0, seconds: 0, frames: 0, rate: 29.97 }, 107_892);
    expect(later).toEqual({ hours: 1, minutes: 0, seconds: 0, frames: 0, rate: 29.97 });
  });
});
