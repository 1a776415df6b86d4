import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mutatedPackets } from '../../../peers/mutated-packets.ts';
import { ClaspError } from '../../errors.ts';
import {
  type ArtNetPacket,
  decodeArtNet,
  encodeArtDmx,
  encodeArtPoll,
  encodeArtPollReply,
  encodeArtSync,
  encodeArtTimeCode,
  parseArtNet,
} from './artnet.ts';

const levels = fc.uint8Array({ minLength: 1, maxLength: 512 });
const byte = fc.nat(255);
const name = fc.string({
  unit: fc.integer({ min: 32, max: 126 }).map((code) => String.fromCharCode(code)),
  maxLength: 17,
});

const refusal = (bytes: Uint8Array): string => {
  try {
    decodeArtNet(bytes);
  } catch (failure) {
    expect(failure).toBeInstanceOf(ClaspError);
    expect((failure as ClaspError).code).toBe(101);
    return (failure as ClaspError).reason;
  }
  throw new Error('nothing was thrown');
};

/** A packet with some bytes replaced. */
const with_ = (bytes: Uint8Array, changes: Record<number, number>): Uint8Array => {
  const changed = bytes.slice();
  for (const [offset, value] of Object.entries(changes)) changed[Number(offset)] = value;
  return changed;
};
const dmx = encodeArtDmx({ universe: 0x1234, sequence: 7, levels: Uint8Array.of(1, 2, 3, 4) });

describe('Art-Net packets', () => {
  it('come back as they were, any universe, sequence and number of levels', () => {
    fc.assert(
      fc.property(fc.nat(32_767), byte, byte, levels, (universe, sequence, physical, some) => {
        const even = new Uint8Array(some.length + (some.length & 1));
        even.set(some);
        const packet = decodeArtNet(encodeArtDmx({ universe, sequence, physical, levels: some }));
        expect(packet).toEqual({ op: 'dmx', universe, sequence, physical, levels: even });
      }),
    );
  });

  it('have ArtDmx as the specification draws it', () => {
    expect([...dmx]).toEqual([
      ...new TextEncoder().encode('Art-Net\0'),
      ...[0x00, 0x50, 0, 14, 7, 0, 0x34, 0x12, 0, 4],
      ...[1, 2, 3, 4],
    ]);
    expect([...encodeArtPoll()].slice(8)).toEqual([0, 0x20, 0, 14, 2, 0]);
    expect([...encodeArtSync()].slice(8)).toEqual([0, 0x52, 0, 14, 0, 0]);
  });

  it('have the ports of a node with the net and sub-net they share', () => {
    const base = fc.nat(0x7ff).map((switches) => switches << 4);
    const port = fc.record({ input: fc.boolean(), output: fc.boolean(), low: fc.nat(15), high: fc.nat(15) });
    const ports = fc.tuple(base, fc.array(port, { maxLength: 4 })).map(([universe, list]) =>
      list.map(({ input, output, low, high }) => ({
        input,
        output,
        inputUniverse: universe | low,
        outputUniverse: universe | high,
      })),
    );
    fc.assert(
      fc.property(ports, name, fc.ipV4(), fc.integer({ min: 1, max: 255 }), (some, shortName, ip, bindIndex) => {
        const sent = { ip, shortName, longName: `long ${shortName}`, report: 'ok', ports: some, bindIndex, style: 1 };
        const reply = decodeArtNet(encodeArtPollReply(sent));
        expect(reply).toMatchObject({ op: 'poll-reply', port: 6454, ...sent });
      }),
    );
  });

  it('carry a time, as the specification draws it', () => {
    const time = { hours: 1, minutes: 2, seconds: 3, frames: 4, rate: 25 } as const;
    const bytes = encodeArtTimeCode(time);
    expect([...bytes].slice(8)).toEqual([0, 0x97, 0, 14, 0, 0, 4, 3, 2, 1, 1]);
    expect(decodeArtNet(bytes)).toEqual({ op: 'time-code', time });
    for (const rate of [24, 29.97, 30] as const)
      expect(decodeArtNet(encodeArtTimeCode({ ...time, rate }))).toMatchObject({ time: { rate } });
    expect(refusal(with_(bytes, { 18: 4 }))).toBe('type of time code is above 3 at byte 18');
    expect(refusal(with_(bytes, { 17: 24 }))).toBe('no such time at byte 14');
    expect(refusal(bytes.slice(0, 18))).toBe('packet is cut off at byte 18');
    expect(() => encodeArtTimeCode({ ...time, frames: 25 })).toThrow('[402]');
  });

  it('take old, short forms and new, longer ones', () => {
    expect(decodeArtNet(encodeArtPoll().slice(0, 12))).toMatchObject({ op: 'poll', flags: 0 });
    expect(decodeArtNet(encodeArtPollReply({ shortName: 'old' }).slice(0, 207))).toMatchObject({ shortName: 'old' });
    expect(decodeArtNet(Uint8Array.of(...dmx, 9, 9))).toMatchObject({ levels: Uint8Array.of(1, 2, 3, 4) });
    expect(decodeArtNet(with_(dmx, { 8: 0, 9: 0x60 }))).toEqual({ op: 'other', opcode: 0x6000 });
  });

  it.each([
    ['nothing', new Uint8Array(), 'not an Art-Net packet at byte 0'],
    ['another protocol', new TextEncoder().encode('Art-Nut\0\0\0'), 'not an Art-Net packet at byte 0'],
    ['a header cut off', dmx.slice(0, 9), 'packet is cut off at byte 9'],
    ['ArtDmx cut off in its header', dmx.slice(0, 17), 'packet is cut off at byte 17'],
    ['ArtDmx cut off in its levels', dmx.slice(0, 21), 'levels are cut off at byte 21'],
    ['more levels than a universe has', with_(dmx, { 16: 2, 17: 1 }), 'length is not from 1 to 512 at byte 16'],
    ['no levels', with_(dmx, { 17: 0 }), 'length is not from 1 to 512 at byte 16'],
    ['a net above 127', with_(dmx, { 15: 0x80 }), 'net is above 127 at byte 15'],
    ['an old protocol', with_(dmx, { 11: 13 }), 'protocol version is below 14 at byte 10'],
    ['a node with five ports', with_(encodeArtPollReply({}), { 173: 5 }), 'more than 4 ports at byte 172'],
    ['a node cut off', encodeArtPollReply({}).slice(0, 190), 'packet is cut off at byte 190'],
  ])('are refused: %s', (_what, bytes, reason) => {
    expect(refusal(bytes)).toBe(reason);
  });

  it('are not made of what they cannot carry', () => {
    expect(() => encodeArtDmx({ universe: 32_768, levels: new Uint8Array(2) })).toThrow('universe 32768');
    expect(() => encodeArtDmx({ universe: -1, levels: new Uint8Array(2) })).toThrow('[402]');
    expect(() => encodeArtDmx({ universe: 0, levels: new Uint8Array(513) })).toThrow('513');
  });

  it('never fail otherwise than with a fault, however mutated', () => {
    const port = { input: true, output: true, inputUniverse: 1, outputUniverse: 2 };
    const time = encodeArtTimeCode({ hours: 1, minutes: 2, seconds: 3, frames: 4, rate: 30 });
    const seeds = [dmx, encodeArtPoll(), encodeArtSync(), time, encodeArtPollReply({ shortName: 'a', ports: [port] })];
    let refused = 0;
    for (const bytes of mutatedPackets(seeds)) {
      const packet = parseArtNet(bytes);
      if ('fault' in packet) refused++;
      else check(packet);
    }
    expect(refused).toBeGreaterThan(0);
  });
});

/** What was understood can be written again. */
function check(packet: ArtNetPacket): void {
  if (packet.op === 'dmx') encodeArtDmx(packet);
  if (packet.op === 'poll-reply') encodeArtPollReply(packet);
  if (packet.op === 'time-code') encodeArtTimeCode(packet.time);
}
