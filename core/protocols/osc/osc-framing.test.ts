import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeLengthPrefix } from '../framing/length-prefix.ts';
import { encodeSlip } from '../framing/slip.ts';
import { frameOsc, type OscFraming, type OscStreamOptions, OscStreamReader } from './osc-framing.ts';

function reading(options?: OscStreamOptions) {
  const packets: Uint8Array[] = [];
  const faults: string[] = [];
  const reader = new OscStreamReader(
    {
      packet: (bytes) => packets.push(bytes.slice()),
      fault: (reason, fatal) => faults.push(fatal ? `fatal: ${reason}` : reason),
    },
    options,
  );
  return { reader, packets, faults, push: (...bytes: number[]) => reader.push(Uint8Array.from(bytes)) };
}

/** As a packet begins, and with many of the bytes that SLIP escapes. */
const packet = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0xc0, 0xdb, 0xdc, 0xdd)), { maxLength: 400 })
  .map((rest) => Uint8Array.of(0x2f, ...rest));
const cuts = fc.infiniteStream(fc.integer({ min: 1, max: 300 }));

describe('OscStreamReader', () => {
  it.each<[OscFraming, OscFraming | 'auto']>([
    ['slip', 'slip'],
    ['length', 'length'],
    ['slip', 'auto'],
    ['length', 'auto'],
  ])('reads packets framed as %s, cut anywhere, when told %s', (framing, told) => {
    fc.assert(
      fc.property(fc.array(packet, { minLength: 1, maxLength: 6 }), cuts, (sent, sizes) => {
        const { reader, packets, faults } = reading({ framing: told });
        const stream = Uint8Array.from(sent.flatMap((one) => [...frameOsc(one, framing)]));
        for (let at = 0; at < stream.length; ) {
          const size = sizes.next().value as number;
          reader.push(stream.subarray(at, at + size));
          at += size;
        }
        expect(packets).toEqual(sent);
        expect(faults).toEqual([]);
        expect(reader.framing).toBe(framing);
      }),
    );
  });

  it('tells the framing before the first packet', () => {
    const told: string[] = [];
    const reader = new OscStreamReader({
      begin: (framing) => told.push(framing),
      packet: () => told.push('packet'),
      fault: (reason) => told.push(reason),
    });
    reader.push(frameOsc(Uint8Array.of(0x2f), 'length'));
    expect(told).toEqual(['length', 'packet']);
  });

  it('takes SLIP without the END before, and with several', () => {
    const { packets, push } = reading();
    push(0x2f, 1, 0xc0, 0xc0, 0xc0, 0x2f, 2, 0xc0);
    expect(packets).toEqual([Uint8Array.of(0x2f, 1), Uint8Array.of(0x2f, 2)]);
  });

  it('passes over a SLIP packet that is too long or badly escaped, and goes on with the next', () => {
    const { packets, faults, push } = reading({ framing: 'slip', maxPacket: 4 });
    push(0xc0, 1, 2, 3, 4, 0xc0, 1, 2, 3, 4, 5, 6, 7, 0xdb, 0xc0, 9, 0xdb, 9, 9, 0xc0, 8, 0xdb, 0xc0, 7, 0xc0);
    expect(packets).toEqual([Uint8Array.of(1, 2, 3, 4), Uint8Array.of(7)]);
    expect(faults).toEqual([
      'a SLIP packet that is too long',
      'a SLIP escape of neither END nor ESC',
      'a SLIP escape of neither END nor ESC',
    ]);
  });

  it('reads nothing more after a length that cannot be', () => {
    const { packets, faults, push } = reading({ maxPacket: 8 });
    push(0, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 9);
    push(...encodeLengthPrefix(Uint8Array.of(1)));
    expect(packets).toEqual([Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)]);
    expect(faults).toEqual(['fatal: a packet of 9 bytes, more than 8']);
    const huge = reading({ framing: 'length' });
    huge.push(0xff, 0xff, 0xff, 0xff, 1);
    expect(huge.faults).toEqual(['fatal: a packet of 4294967295 bytes, more than 65536']);
  });

  it('refuses what is neither', () => {
    const { reader, faults, push } = reading();
    push();
    push(0x47, 0x45, 0x54);
    push(0x2f, 1, 0xc0);
    expect(faults).toEqual(['fatal: neither a length nor SLIP: it begins with byte 71']);
    expect(reader.framing).toBeUndefined();
  });

  it('never throws, and never gives more than came, or a packet that is too long', () => {
    const chunk = fc.uint8Array({ maxLength: 64 });
    const framing = fc.constantFrom<(OscFraming | 'auto')[]>('auto', 'slip', 'length');
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 8 }), framing, (chunks, how) => {
        const { reader, packets } = reading({ framing: how, maxPacket: 32 });
        for (const bytes of chunks) reader.push(bytes);
        const sum = (all: readonly Uint8Array[]) => all.reduce((total, { length }) => total + length, 0);
        expect(sum(packets)).toBeLessThanOrEqual(sum(chunks));
        for (const { length } of packets) expect(length).toBeLessThanOrEqual(32);
      }),
    );
  });
});

describe('encodeSlip', () => {
  it('escapes END and ESC, between two ENDs', () => {
    expect([...encodeSlip(Uint8Array.of(1, 0xc0, 2, 0xdb))]).toEqual([0xc0, 1, 0xdb, 0xdc, 2, 0xdb, 0xdd, 0xc0]);
  });
});
