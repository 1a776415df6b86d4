import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { oscPackets } from '../../../testing/osc-arbitrary.ts';
import { ClaspError } from '../../errors.ts';
import { OSC_IMMEDIATELY, OSC_MAX_DEPTH, type OscArgument, type OscMessage, type OscPacket } from './osc.ts';
import { decodeOsc } from './osc-decode.ts';
import { encodeOsc } from './osc-encode.ts';

const failureOf = (action: () => unknown): ClaspError => {
  try {
    action();
  } catch (failure) {
    expect(failure).toBeInstanceOf(ClaspError);
    return failure as ClaspError;
  }
  throw new Error('nothing was thrown');
};
describe('encodeOsc and decodeOsc', () => {
  it('give back every packet: all types, arrays in arrays, bundles in bundles', () => {
    fc.assert(
      fc.property(oscPackets, (packet) => {
        const bytes = encodeOsc(packet);
        expect(bytes.length % 4).toBe(0);
        expect(decodeOsc(bytes)).toEqual(packet);
      }),
      { numRuns: 500 },
    );
  });

  it('read a packet that lies in the middle of a larger buffer, and keep no reference to it', () => {
    fc.assert(
      fc.property(oscPackets, fc.nat(7), (packet, shift) => {
        const bytes = encodeOsc(packet);
        const larger = Buffer.alloc(bytes.length + shift + 5, 0xff);
        larger.set(bytes, shift);
        const decoded = decodeOsc(larger.subarray(shift, shift + bytes.length));
        larger.fill(0xaa);
        expect(decoded).toEqual(packet);
      }),
    );
  });

  it('write the bytes of the specification for its two examples', () => {
    const hex = (message: OscMessage) => Buffer.from(encodeOsc(message)).toString('hex');
    expect(hex({ address: '/oscillator/4/frequency', args: [{ type: 'f', value: 440 }] })).toBe(
      '2f6f7363696c6c61746f722f342f6672657175656e6379002c66000043dc0000',
    );
    const args: OscArgument[] = [
      { type: 'i', value: 1000 },
      { type: 'i', value: -1 },
      { type: 's', value: 'hello' },
      { type: 'f', value: Math.fround(1.234) },
      { type: 'f', value: Math.fround(5.678) },
    ];
    expect(hex({ address: '/foo', args })).toBe(
      '2f666f6f000000002c6969736666000000000' + '3e8ffffffff68656c6c6f0000003f9df3b640b5b22d',
    );
  });
});

describe('encodeOsc', () => {
  it.each<[string, OscPacket, string]>([
    ['an address without its slash', message('a'), 'a: address must start with "/"'],
    ['a NUL in the address', message('/a\0b'), '/a\0b: an OSC string cannot hold a NUL'],
    ['a NUL in a string', message('/a', { type: 's', value: 'x\0y' }), '/a: an OSC string cannot hold a NUL'],
    ['half an integer', message('/a', { type: 'i', value: 0.5 }), '/a: 0.5 cannot be sent as OSC type i'],
    [
      'an i beyond 32 bits',
      message('/a', { type: 'i', value: 2 ** 31 }),
      '/a: 2147483648 cannot be sent as OSC type i',
    ],
    [
      'an h beyond 64 bits',
      message('/a', { type: 'h', value: 2n ** 63n }),
      '/a: 9223372036854775808 cannot be sent as OSC type h',
    ],
    ['a negative colour', message('/a', { type: 'r', value: -1 }), '/a: -1 cannot be sent as OSC type r'],
    ['two characters', message('/a', { type: 'c', value: 'ab' }), '/a: ab cannot be sent as OSC type c'],
    ['no character', message('/a', { type: 'c', value: '' }), '/a:  cannot be sent as OSC type c'],
    [
      'three bytes of MIDI',
      message('/a', { type: 'm', value: new Uint8Array(3) }),
      '/a: 0,0,0 cannot be sent as OSC type m',
    ],
    [
      'a timetag beyond 32 bits',
      { timetag: { seconds: 2 ** 32, fraction: 0 }, packets: [] },
      'timetag 4294967296, 0 is not two u32',
    ],
    ['an unknown type', message('/a', { type: 'x', value: 1 } as unknown as OscArgument), '/a: no OSC type "x"'],
  ])('refuses %s with 402', (_what, packet, reason) => {
    expect(failureOf(() => encodeOsc(packet))).toMatchObject({ code: 402, reason });
  });

  it('refuses to nest deeper than decodeOsc reads', () => {
    const arrays = (depth: number): OscArgument => ({ type: '[', value: depth === 1 ? [] : [arrays(depth - 1)] });
    const bundles = (depth: number): OscPacket => ({
      timetag: OSC_IMMEDIATELY,
      packets: depth === 1 ? [] : [bundles(depth - 1)],
    });
    for (const packet of [message('/a', arrays(OSC_MAX_DEPTH)), bundles(OSC_MAX_DEPTH)]) {
      expect(decodeOsc(encodeOsc(packet))).toEqual(packet);
    }
    expect(failureOf(() => encodeOsc(message('/a', arrays(OSC_MAX_DEPTH + 1)))).code).toBe(402);
    expect(failureOf(() => encodeOsc(bundles(OSC_MAX_DEPTH + 1))).code).toBe(402);
  });

  it('sends half of a surrogate pair as U+FFFD', () => {
    for (const half of ['\ud83d', '\ude00', 'x\ud83dy', 'ab\ud83d']) {
      const expected = half.replace(/[\ud800-\udfff]/, '\ufffd');
      expect(decodeOsc(encodeOsc(message('/a', { type: 's', value: half })))).toEqual(
        message('/a', { type: 's', value: expected }),
      );
    }
  });
});

function message(address: string, ...args: OscArgument[]): OscMessage {
  return { address, args };
}
