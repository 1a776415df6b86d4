import fc from 'fast-check';
import { expect, it } from 'vitest';
import { KeptFrames } from './kept-frames.ts';

it('gives frames of any size back in order, byte for byte, while more come', () => {
  const size = fc.oneof({ weight: 5, arbitrary: fc.nat(300) }, fc.integer({ min: 3_000, max: 9_000 }));
  const step = fc.oneof({ weight: 3, arbitrary: size }, fc.constant('shift' as const));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const kept = new KeptFrames();
      const expected: Uint8Array[] = [];
      let n = 0;
      const shift = () => expect(kept.shift()).toEqual(expected.shift());
      for (const one of steps) {
        if (one === 'shift') {
          shift();
          continue;
        }
        const frame = new Uint8Array(one).fill(n++);
        expected.push(frame.slice());
        kept.push(frame);
      }
      while (expected.length > 0) shift();
      expect(kept.shift()).toBeUndefined();
    }),
  );
});

it('does not let a frame that was taken out change when more are pushed', () => {
  const kept = new KeptFrames();
  kept.push(Uint8Array.of(1, 2, 3));
  const first = kept.shift();
  kept.push(Uint8Array.of(4, 5, 6));
  expect(first).toEqual(Uint8Array.of(1, 2, 3));
});
