import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameSlab } from './frame-slab.ts';
import { ownCopy } from './outbox.ts';

describe('FrameSlab', () => {
  it('gives zeroed bytes of the asked length that no other frame has', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 4000 }), { maxLength: 60 }), (sizes) => {
        const slab = new FrameSlab();
        const frames = sizes.map((size, i) => {
          const frame = slab.take(size);
          expect(frame.length).toBe(size);
          expect(frame.every((byte) => byte === 0)).toBe(true);
          return frame.fill((i % 255) + 1);
        });
        for (const [i, frame] of frames.entries()) expect(frame.every((byte) => byte === (i % 255) + 1)).toBe(true);
      }),
    );
  });

  it('gives frames whose copy keeps no memory but its own', () => {
    const slab = new FrameSlab();
    for (const size of [1, 46, 70, 1024, 1025, 1024]) expect(ownCopy(slab.take(size)).buffer.byteLength).toBe(size);
  });
});
