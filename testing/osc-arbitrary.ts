import type { Arbitrary } from 'fast-check';
import type { OscArgument, OscBundle, OscMessage, OscPacket, OscTimetag } from '../core/protocols/osc/osc.ts';
import { constantArbitrary, fc } from './fast-check.ts';

const u32 = constantArbitrary(() => fc.integer({ min: 0, max: 0xffff_ffff }));
const i32 = constantArbitrary(() => fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }));
/** Any character of Unicode. Not `fc.string`, which makes a table of all of them as soon as this module is loaded. */
const character: Arbitrary<string> = constantArbitrary(() =>
  fc
    .oneof(
      fc.integer({ min: 0x20, max: 0x7e }),
      fc.integer({ min: 0, max: 0xd7ff }),
      fc.integer({ min: 0xe000, max: 0x10ffff }),
    )
    .map((code) => String.fromCodePoint(code)),
);
const text: Arbitrary<string> = constantArbitrary(() =>
  fc.array(character, { maxLength: 20 }).map((some) => some.join('').replaceAll('\0', '')),
);

/** Any timetag. */
export const oscTimetags: Arbitrary<OscTimetag> = constantArbitrary(() =>
  fc.record({ seconds: u32, fraction: u32 }, { noNullPrototype: true }),
);

const scalar: Arbitrary<OscArgument> = constantArbitrary(() =>
  fc.oneof(
    tagged('i', i32),
    tagged('f', fc.float()),
    tagged('s', text),
    tagged('b', fc.uint8Array({ maxLength: 40 })),
    tagged('T', fc.constant(true as const)),
    tagged('F', fc.constant(false as const)),
    tagged('N', fc.constant(null)),
    tagged('I', fc.constant(true as const)),
    tagged('h', fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
    tagged('d', fc.double()),
    tagged('c', character),
    tagged('m', fc.uint8Array({ minLength: 4, maxLength: 4 })),
    tagged('r', u32),
    tagged('t', oscTimetags),
    tagged('S', text),
  ),
);

/** Any argument, arrays in arrays included. */
export const oscArguments: Arbitrary<OscArgument> = constantArbitrary(
  () =>
    fc.letrec<{ argument: OscArgument }>((tie) => ({
      argument: fc.oneof(
        { maxDepth: 4, withCrossShrink: true },
        scalar,
        tagged('[', fc.array(tie('argument'), { maxLength: 4 })),
      ),
    })).argument,
);

/** Any message; its address can be a CLASP address. */
export const oscMessages: Arbitrary<OscMessage> = constantArbitrary(() =>
  fc.record(
    {
      address: fc
        .array(fc.stringMatching(/^[a-zA-Z0-9_.:äλ-]{1,12}$/), { minLength: 1, maxLength: 5 })
        .map((segments) => `/${segments.join('/')}`),
      args: fc.array(oscArguments, { maxLength: 6 }),
    },
    { noNullPrototype: true },
  ),
);

/** Any packet: a message, or a bundle of packets. */
export const oscPackets: Arbitrary<OscPacket> = constantArbitrary(
  () =>
    fc.letrec<{ packet: OscPacket; bundle: OscBundle }>((tie) => ({
      packet: fc.oneof({ maxDepth: 4, withCrossShrink: true }, oscMessages, tie('bundle')),
      bundle: fc.record(
        { timetag: oscTimetags, packets: fc.array(tie('packet'), { maxLength: 4 }) },
        { noNullPrototype: true },
      ),
    })).packet,
);

function tagged<const T extends string, V>(type: T, value: Arbitrary<V>): Arbitrary<{ type: T; value: V }> {
  return value.map((some) => ({ type, value: some }));
}
