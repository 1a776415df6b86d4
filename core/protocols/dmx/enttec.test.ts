import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mutatedPackets } from '../../../peers/mutated-packets.ts';
import {
  applyEnttecDmx,
  EnttecLabel,
  type EnttecMessage,
  EnttecParser,
  encodeEnttec,
  encodeEnttecDmx,
  enttecSerialNumber,
} from './enttec.ts';

const message = fc.record({ label: fc.nat(255), data: fc.uint8Array({ maxLength: 600 }) });

/** What a parser makes of bytes that come in pieces of these lengths, in turn. */
function parse(bytes: Uint8Array, pieces: readonly number[] = [bytes.length || 1]) {
  const parser = new EnttecParser();
  const found: EnttecMessage[] = [];
  for (let i = 0, piece = 0; i < bytes.length; piece++) {
    const size = pieces[piece % pieces.length] as number;
    parser.push(bytes.subarray(i, i + size), (each) => found.push(each));
    i += size;
  }
  return { found, skipped: parser.skipped };
}
const joined = (parts: readonly Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));

describe('EnttecParser', () => {
  it('finds every message, however the bytes are cut', () => {
    const pieces = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1 });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 5 }), pieces, (messages, sizes) => {
        const bytes = joined(messages.map(({ label, data }) => encodeEnttec(label, data)));
        expect(parse(bytes, sizes)).toEqual({ found: messages, skipped: 0 });
      }),
    );
  });

  it('finds the longest message there can be, and the next', () => {
    const messages = [600, 600, 0].map((length, label) => ({ label, data: new Uint8Array(length).fill(label) }));
    const bytes = joined(messages.map(({ label, data }) => encodeEnttec(label, data)));
    expect(parse(bytes)).toEqual({ found: messages, skipped: 0 });
  });

  it('finds the messages after any rubbish that does not look like the beginning of one, and counts it', () => {
    const rubbish = fc.uint8Array({ maxLength: 50 }).map((bytes) => bytes.filter((byte) => byte !== 0x7e));
    fc.assert(
      fc.property(rubbish, message, rubbish, message, (a, one, b, two) => {
        const parts = [a, encodeEnttec(one.label, one.data), b, encodeEnttec(two.label, two.data)];
        expect(parse(joined(parts))).toEqual({ found: [one, two], skipped: a.length + b.length });
      }),
    );
  });

  it.each([
    ['a length that cannot be', [0x7e, 6, 0xff, 0xff]],
    ['a wrong end', [0x7e, 6, 2, 0, 1, 2, 0x55]],
    ['a start alone', [0x7e]],
  ])('goes on with the next message after %s', (_what, rubbish) => {
    const good = encodeEnttec(10, Uint8Array.of(1, 2, 3, 4));
    const padding = new Uint8Array(620);
    const { found } = parse(joined([Uint8Array.from(rubbish), padding, good]));
    expect(found).toEqual([{ label: 10, data: Uint8Array.of(1, 2, 3, 4) }]);
  });

  it('finds the message that begins within what looked like another', () => {
    const starts = fc.array(fc.constantFrom(0x7e, 0), { maxLength: 20 });
    const small = fc.record({ label: fc.nat(100), data: fc.uint8Array({ maxLength: 8, max: 100 }) });
    fc.assert(
      fc.property(starts, small, (rubbish, one) => {
        const bytes = joined([
          Uint8Array.from([...rubbish, 0]),
          encodeEnttec(one.label, one.data),
          new Uint8Array(620),
        ]);
        expect(parse(bytes).found).toEqual([one]);
      }),
    );
  });

  it('takes whatever comes, without end and without failing', () => {
    const parser = new EnttecParser();
    let found = 0;
    const seeds = [encodeEnttecDmx(new Uint8Array(40)), encodeEnttec(9, new Uint8Array(46)), encodeEnttec(10)];
    const levels = new Uint8Array(512);
    for (const bytes of mutatedPackets(seeds)) {
      parser.push(bytes, (each) => {
        found++;
        applyEnttecDmx(each, levels);
      });
    }
    expect(found).toBeGreaterThan(0);
    expect(parser.skipped).toBeGreaterThan(0);
  });
});

describe('ENTTEC messages', () => {
  it('send a frame with its start code, of 24 levels at least', () => {
    const full = encodeEnttecDmx(new Uint8Array(512).fill(9));
    expect([...full.slice(0, 6)]).toEqual([0x7e, 6, 0x01, 0x02, 0, 9]);
    expect([full.length, full.at(-1)]).toEqual([518, 0xe7]);
    expect(encodeEnttecDmx(Uint8Array.of(1)).length).toBe(30);
  });

  it('are not made of what they cannot carry', () => {
    expect(() => encodeEnttecDmx(new Uint8Array(513))).toThrow('[402] a universe has at most 512 levels, not 513');
    expect(() => encodeEnttec(6, new Uint8Array(601))).toThrow('601');
    expect(() => encodeEnttec(256)).toThrow('label 256');
  });

  it('say what a received frame shows, and nothing after an overrun or for another start code', () => {
    const levels = new Uint8Array(512);
    const received = (...data: number[]) => applyEnttecDmx({ label: 5, data: Uint8Array.from(data) }, levels);
    expect(received(0, 0, 11, 22)).toBe(2);
    expect([...levels.slice(0, 3)]).toEqual([11, 22, 0]);
    expect([received(1, 0, 99), received(0, 0xcc, 99), received(0)]).toEqual([-1, -1, -2]);
    expect(applyEnttecDmx({ label: 5, data: new Uint8Array(515) }, levels)).toBe(-2);
    expect(applyEnttecDmx({ label: 3, data: new Uint8Array(9) }, levels)).toBe(-1);
    expect(levels[0]).toBe(11);
  });

  it('say which channels changed, up to channel 512', () => {
    const levels = new Uint8Array(512);
    const change = (first: number, bits: number[], ...values: number[]) =>
      applyEnttecDmx({ label: 9, data: Uint8Array.of(first, ...bits, ...values) }, levels);
    // Slot 0 is the start code, so the second bit is channel 1.
    expect(change(0, [0b0000_0010, 0, 0, 0, 0x80], 50, 60)).toBe(512);
    expect([levels[0], levels[38]]).toEqual([50, 60]);
    expect(change(64, [1, 0, 0, 0, 0], 70)).toBe(512);
    expect(levels[511]).toBe(70);
    expect(change(64, [2, 0, 0, 0, 0], 80)).toBe(512);
    expect(change(0, [0xff, 0, 0, 0, 0], 1)).toBe(-2);
    expect(change(0, [0xff, 0, 0])).toBe(-2);
  });

  it('are dropped whole when they tell of more channels than they have levels', () => {
    const told = fc.uint8Array({ minLength: 5, maxLength: 5 });
    fc.assert(
      fc.property(fc.nat(255), told, fc.uint8Array({ maxLength: 40, min: 1 }), (first, bits, values) => {
        const levels = new Uint8Array(512);
        const wanted = [...bits].reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0);
        const known = applyEnttecDmx({ label: 9, data: Uint8Array.of(first, ...bits, ...values) }, levels);
        expect(known).toBe(values.length < wanted ? -2 : 512);
        if (known === -2) expect(levels.every((level) => level === 0)).toBe(true);
      }),
    );
  });

  it('carry the serial number as it is printed', () => {
    const data = Uint8Array.of(0x78, 0x56, 0x34, 0x02);
    expect(enttecSerialNumber({ label: EnttecLabel.GetSerialNumber, data })).toBe('02345678');
    expect(enttecSerialNumber({ label: 10, data: data.slice(1) })).toBeUndefined();
  });
});
