import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ArtPollReply, decodeArtNet, encodeArtPollReply } from './artnet.ts';
import { ArtNetNodes } from './artnet-nodes.ts';

/** A reply as it comes, with the bind index as it stands in the packet. */
function reply(bindIndex: number, ...universes: number[]): ArtPollReply {
  const ports = universes.map((universe) => ({
    input: false,
    output: true,
    inputUniverse: 0,
    outputUniverse: universe,
  }));
  const packet = decodeArtNet(encodeArtPollReply({ shortName: 'node', bindIndex, ports }));
  if (packet.op !== 'poll-reply') throw new Error('no reply');
  return packet;
}
const IP = '10.0.0.7';

describe('ArtNetNodes', () => {
  it('knows every universe of every page, however the node numbers them, poll after poll', () => {
    const pages = fc.uniqueArray(fc.nat(200), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(pages, fc.constantFrom('none', 'same', 'own'), (groups, numbering) => {
        const nodes = new ArtNetNodes();
        const index = (page: number) => (numbering === 'none' ? 0 : numbering === 'same' ? 1 : page + 1);
        for (let round = 0; round < 5; round++) {
          groups.forEach((group, page) => {
            const first = group * 4;
            nodes.heard(IP, reply(index(page), first, first + 1, first + 2, first + 3), round * 2_800 + page);
          });
          nodes.expire(round * 2_800 + 100);
          for (const group of groups) expect(nodes.subscribers(group * 4 + 2)).toEqual([IP]);
          expect(nodes.list()[0]?.ports.length).toBe(groups.length * 4);
        }
      }),
    );
  });

  it('takes what a node says in its next answer in place of what it said before', () => {
    const nodes = new ArtNetNodes();
    for (const bindIndex of [0, 1]) {
      nodes.heard(IP, reply(bindIndex, 1, 2), 0);
      expect(nodes.heard(IP, reply(bindIndex, 1, 3), 2_800)).toBe(true);
      expect([1, 2, 3].map((universe) => nodes.subscribers(universe).length)).toEqual([1, 0, 1]);
      expect(nodes.heard(IP, reply(bindIndex, 1, 3), 2_801)).toBe(false);
      nodes.expire(1e6);
    }
  });

  it('forgets a page that is told of no more, and keeps the others', () => {
    const nodes = new ArtNetNodes();
    nodes.heard(IP, reply(0, 1), 0);
    nodes.heard(IP, reply(0, 2), 1);
    for (const now of [2_800, 5_600, 8_400]) nodes.heard(IP, reply(0, 2), now);
    expect(nodes.expire(8_999)).toBe(false);
    expect(nodes.subscribers(1)).toEqual([IP]);
    expect(nodes.expire(9_000)).toBe(true);
    expect([nodes.subscribers(1), nodes.subscribers(2)]).toEqual([[], [IP]]);
    nodes.expire(20_000);
    expect(nodes.list()).toEqual([]);
  });
});
