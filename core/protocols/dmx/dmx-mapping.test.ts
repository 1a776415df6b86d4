import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClaspError } from '../../errors.ts';
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
