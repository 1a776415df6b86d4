import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mutatedPackets } from '../../../peers/mutated-packets.ts';
import { ClaspError } from '../../errors.ts';
import { decodeSacn, encodeSacnData, encodeSacnDiscovery, encodeSacnSync, parseSacn, sacnGroup } from './sacn.ts';

const cid = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
const universe = fc.integer({ min: 1, max: 63_999 });
const data = encodeSacnData({ cid, universe: 258, sourceName: 'desk', sequence: 9, levels: Uint8Array.of(255, 1) });
const sync = encodeSacnSync({ cid, sequence: 5, syncAddress: 300 });

const refusal = (bytes: Uint8Array): string => {
  try {
    decodeSacn(bytes);
  } catch (failure) {
    expect(failure).toBeInstanceOf(ClaspError);
    expect((failure as ClaspError).code).toBe(101);
    return (failure as ClaspError).reason;
  }
  throw new Error('nothing was thrown');
};
const changed = (bytes: Uint8Array, changes: Record<number, number>): Uint8Array => {
  const copy = bytes.slice();
  for (const [offset, value] of Object.entries(changes)) copy[Number(offset)] = value;
  return copy;
};

describe('sACN packets', () => {
  it('carry levels and all that is said about them', () => {
    const packet = fc.record({
      cid: fc.uint8Array({ minLength: 16, maxLength: 16 }),
      universe,
      levels: fc.uint8Array({ maxLength: 512 }),
      sourceName: fc.string({ maxLength: 20 }).filter((name) => !name.includes('\0')),
      priority: fc.nat(200),
      syncAddress: fc.nat(63_999),
      sequence: fc.nat(255),
      preview: fc.boolean(),
      terminated: fc.boolean(),
      forceSync: fc.boolean(),
      startCode: fc.nat(255),
    });
    fc.assert(
      fc.property(packet, (some) => {
        expect(decodeSacn(encodeSacnData(some))).toEqual({ type: 'data', ...some });
      }),
    );
  });

  it('have a full universe in 638 bytes, as the standard draws it', () => {
    const bytes = encodeSacnData({ cid, universe: 258, sourceName: 'ü', levels: new Uint8Array(512).fill(7) });
    expect(bytes.length).toBe(638);
    expect([...bytes.slice(0, 22)]).toEqual([
      ...[0, 0x10, 0, 0],
      ...new TextEncoder().encode('ASC-E1.17\0\0\0'),
      ...[0x72, 0x6e, 0, 0, 0, 4],
    ]);
    expect([...bytes.slice(38, 47)]).toEqual([0x72, 0x58, 0, 0, 0, 2, 0xc3, 0xbc, 0]);
    expect([...bytes.slice(108, 127)]).toEqual([100, 0, 0, 0, 0, 1, 2, 0x72, 0x0b, 2, 0xa1, 0, 0, 0, 1, 2, 1, 0, 7]);
  });

  it('carry synchronisation', () => {
    expect(sync.length).toBe(49);
    expect(decodeSacn(sync)).toEqual({ type: 'sync', cid, sequence: 5, syncAddress: 300 });
  });

  it('carry the universes of a source, rising, in pages of 512', () => {
    fc.assert(
      fc.property(fc.uniqueArray(universe, { maxLength: 1_100 }), (universes) => {
        const pages = encodeSacnDiscovery({ cid, sourceName: 'desk', universes }).map(decodeSacn);
        const lastPage = pages.length - 1;
        const found = pages.flatMap((page, i) => {
          expect(page).toMatchObject({ type: 'discovery', sourceName: 'desk', page: i, lastPage });
          return page.type === 'discovery' ? page.universes : [];
        });
        expect(found).toEqual([...universes].sort((a, b) => a - b));
      }),
      { numRuns: 20 },
    );
  });

  it('have a name that is cut between two characters, and one that is not UTF-8 is read all the same', () => {
    const long = decodeSacn(encodeSacnData({ cid, universe: 1, sourceName: 'ü'.repeat(40), levels: cid }));
    expect(long).toMatchObject({ sourceName: 'ü'.repeat(31) });
    expect(decodeSacn(changed(data, { 44: 0xff }))).toMatchObject({ sourceName: '\ufffdesk' });
  });

  it('go to the multicast group of their universe', () => {
    expect([1, 255, 256, 63_999].map(sacnGroup)).toEqual([
      '239.255.0.1',
      '239.255.0.255',
      '239.255.1.0',
      '239.255.249.255',
    ]);
  });

  it.each([
    ['nothing', new Uint8Array(), 'not an ACN packet at byte 0'],
    ['another protocol', changed(data, { 4: 0 }), 'not an ACN packet at byte 4'],
    ['a header cut off', data.slice(0, 40), 'packet is cut off at byte 40'],
    ['a root layer longer than the packet', data.slice(0, 127), 'wrong length of the root layer at byte 16'],
    ['other flags', changed(data, { 16: 0x00 }), 'wrong length of the root layer at byte 16'],
    ['more levels than there are', changed(data, { 124: 40 }), 'levels are cut off at byte 128'],
    ['no start code', changed(data, { 124: 0 }), 'property count is not from 1 to 513 at byte 123'],
    ['514 slots', changed(data, { 123: 2, 124: 2 }), 'property count is not from 1 to 513 at byte 123'],
    ['priority 201', changed(data, { 108: 201 }), 'priority is above 200 at byte 108'],
    ['universe 0', changed(data, { 113: 0, 114: 0 }), 'universe is not from 1 to 63999 at byte 113'],
    ['universe 64000', changed(data, { 113: 0xfa, 114: 0 }), 'universe is not from 1 to 63999 at byte 113'],
    ['sync cut off', changed(sync.slice(0, 44), { 17: 28, 39: 6 }), 'packet is cut off at byte 44'],
  ])('are refused: %s', (_what, bytes, reason) => {
    expect(refusal(bytes)).toBe(reason);
  });

  it('are read whatever the lengths of their inner layers say, when their levels are whole', () => {
    const full = encodeSacnData({ cid, universe: 258, levels: new Uint8Array(512).fill(7) });
    // As MIDIMonster has them: 0x726e, 0x7258, 0x7205.
    expect(decodeSacn(changed(full, { 115: 0x72, 116: 0x05 }))).toEqual(decodeSacn(full));
    const word = fc.tuple(fc.nat(255), fc.nat(255));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 512 }), word, word, (levels, framing, dmp) => {
        const whole = encodeSacnData({ cid, universe: 1, levels });
        const odd = changed(whole, { 38: framing[0], 39: framing[1], 115: dmp[0], 116: dmp[1] });
        expect(decodeSacn(odd)).toEqual(decodeSacn(whole));
      }),
    );
  });

  it('are passed over when their vector is not known', () => {
    expect(decodeSacn(changed(data, { 43: 9 }))).toEqual({ type: 'other', vector: 9 });
  });

  it.each([
    ['universe 0', { universe: 0 }],
    ['universe 64000', { universe: 64_000 }],
    ['priority 201', { priority: 201 }],
    ['number of levels 513', { levels: new Uint8Array(513) }],
    ['sync address 64000', { syncAddress: 64_000 }],
    ['a CID has 16 bytes, not 3', { cid: new Uint8Array(3) }],
  ])('are not made of what they cannot carry: %s', (reason, some) => {
    expect(() => encodeSacnData({ cid, universe: 1, levels: cid, ...some })).toThrow(`[402] ${reason}`);
  });

  it('never fail otherwise than with a fault, however mutated', () => {
    const pages = encodeSacnDiscovery({ cid, sourceName: 'desk', universes: [1, 2, 3] });
    let refused = 0;
    for (const bytes of mutatedPackets([data, data, sync, ...pages])) {
      const packet = parseSacn(bytes);
      if ('fault' in packet) refused++;
      else if (packet.type === 'data' && packet.syncAddress < 64_000) encodeSacnData(packet);
    }
    expect(refused).toBeGreaterThan(0);
  });
});
