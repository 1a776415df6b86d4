import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClaspError } from '../../errors.ts';
import type { Value } from '../../signal/value.ts';
import { DmxMapping } from './dmx-mapping.ts';

const namespaces = fc.constantFrom('', '/artnet', '/stage/left');
const channels = fc.integer({ min: 1, max: 512 });

describe('DmxMapping', () => {
  it('reads every address it writes, with universes and without', () => {
    fc.assert(
      fc.property(namespaces, fc.nat(63_999), channels, (namespace, universe, channel) => {
        const many = new DmxMapping({ namespace, range: [0, 63_999] });
        expect(many.place(many.channel(universe, channel))).toBe(universe * 1024 + channel);
        expect(many.place(many.frame(universe))).toBe(universe * 1024);
        const one = new DmxMapping({ namespace });
        expect([one.channel(0, channel), one.place(one.channel(0, channel))]).toEqual([
          `${namespace}/${channel}`,
          channel,
        ]);
      }),
    );
  });

  it('reads every level as it wrote it, as integers and from 0.0 to 1.0', () => {
    for (const normalize of [false, true]) {
      const mapping = new DmxMapping({ namespace: '/dmx', normalize });
      for (let level = 0; level <= 255; level++) expect(mapping.level(mapping.value(level), '/dmx/1')).toBe(level);
    }
    expect(new DmxMapping({ namespace: '/dmx' }).value(7)).toBe(7n);
  });

  it('says what is wrong with any other address, and never takes one for another', () => {
    const mapping = new DmxMapping({ namespace: '/artnet', range: [0, 32_767] });
    const segment = fc.oneof(
      fc.nat(70_000).map(String),
      fc.string({ minLength: 1, maxLength: 6 }).filter((text) => !text.includes('/')),
      fc.constantFrom('01', '-1', '1e2', ' 1', '1.0', '999999999999999999999'),
    );
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 4 }), (segments) => {
        const address = ['/artnet', ...segments].join('/');
        try {
          const place = mapping.place(address);
          const [universe, channel] = [Math.floor(place / 1024), place % 1024];
          expect(address).toBe(channel === 0 ? mapping.frame(universe) : mapping.channel(universe, channel));
        } catch (failure) {
          if (!(failure instanceof ClaspError)) throw failure;
          expect([200, 402]).toContain(failure.code);
          expect(failure.address).toBe(address);
        }
      }),
    );
  });
});

describe('DmxMapping and channels of 16 bits', () => {
  const wide = fc.nat(65_535);

  it('reads every value as it wrote it, wherever the fine channel is', () => {
    fc.assert(
      fc.property(channels, channels, wide, fc.boolean(), (coarse, fine, value, normalize) => {
        fc.pre(coarse !== fine);
        const mapping = new DmxMapping({ namespace: '/dmx', normalize, pairs: [{ coarse, fine }] });
        const levels = new Uint8Array(512);
        levels[coarse - 1] = value >> 8;
        levels[fine - 1] = value & 255;
        const param = mapping.valueIn(levels, 0, coarse);
        expect(Number(param)).toBe(normalize ? value / 65_535 : value);
        const written = new Uint8Array(512);
        mapping.levelsFor(param, 0, coarse, '/dmx/1', (channel, level) => {
          written[channel - 1] = level;
        });
        expect(written).toEqual(levels);
        expect(mapping.owners(0, [coarse, fine])).toEqual([coarse]);
        expect(mapping.owners(0, [fine])).toEqual([coarse]);
      }),
    );
  });

  it('has a pair in its universe, in every universe, and nowhere else', () => {
    const mapping = new DmxMapping({
      namespace: '/artnet',
      range: [0, 9],
      pairs: [{ coarse: 1 }, { universe: 3, coarse: 5, fine: 9 }],
    });
    const partners = (universe: number) => [1, 2, 5, 9].map((channel) => mapping.partner(universe, channel));
    expect([partners(0), partners(3)]).toEqual([
      [2, -1, 0, 0],
      [2, -1, 9, -5],
    ]);
  });

  it('clamps, knows true and null, and says whose part a fine channel is', () => {
    const mapping = new DmxMapping({ namespace: '/dmx', pairs: [{ coarse: 1 }] });
    const levels = (value: Value) => {
      const set: number[] = [];
      mapping.levelsFor(value, 0, 1, '/dmx/1', (_channel, level) => set.push(level));
      return set;
    };
    expect([levels(70_000), levels(-1), levels(true), levels(null), levels(256.4)]).toEqual([
      [255, 255],
      [0, 0],
      [255, 255],
      [0, 0],
      [1, 0],
    ]);
    expect(() => levels('x')).toThrow('[402]');
    expect(() => mapping.levelsFor(1, 0, 2, '/dmx/2', () => undefined)).toThrow(
      'channel 2 is the fine part of channel 1',
    );
  });

  it.each([
    [[{ coarse: 512 }], 'channel 513 of a pair is not from 1 to 512'],
    [[{ coarse: 0 }], 'channel 0 of a pair'],
    [[{ coarse: 4, fine: 4 }], 'channel 4 of a pair is in two pairs'],
    [[{ coarse: 1 }, { coarse: 2 }], 'channel 2 of a pair is in two pairs'],
    [[{ coarse: 1 }, { universe: 1, coarse: 2 }], 'channel 2 of a pair is in two pairs'],
    [[{ universe: 10, coarse: 1 }], 'universe 10 of a pair is not from 0 to 9'],
  ])('refuses %o', (pairs, reason) => {
    expect(() => new DmxMapping({ namespace: '/artnet', range: [0, 9], pairs })).toThrow(`[402] ${reason}`);
  });
});
