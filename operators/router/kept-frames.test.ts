import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import { KeptFrames } from './kept-frames.ts';

it('gives frames of any size back in order, byte for byte, while more come', () => {
  const size = fc.oneof(
    { weight: 5, arbitrary: fc.nat(300) },
    fc.integer({ min: 3_000, max: 9_000 }),
    fc.integer({ min: 60_000, max: 70_000 }),
  );
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

const prototype = ArrayBuffer.prototype as unknown as { resize(length: number): void };

it('gives the memory back as it is read, and what is left of it when all is forgotten', () => {
  const resized = vi.spyOn(prototype, 'resize');
  const kept = new KeptFrames();
  for (let i = 0; i < 5_000; i++) kept.push(new Uint8Array(1_000));
  const buffers = () => new Set(resized.mock.contexts as ArrayBuffer[]);
  const bytes = () => [...buffers()].reduce((sum, { byteLength }) => sum + byteLength, 0);
  expect(bytes()).toBeGreaterThan(4_500_000);
  for (let i = 0; i < 4_000; i++) kept.shift();
  expect(bytes()).toBeLessThan(1_500_000);
  kept.clear();
  expect([bytes(), kept.shift()]).toEqual([0, undefined]);
  resized.mockRestore();
});

it.each(['are none', 'are none left'])('does without buffers that can be resized where there %s', (where) => {
  const { resize } = prototype;
  const fail = () => {
    throw new RangeError('Array buffer allocation failed');
  };
  if (where === 'are none') Reflect.deleteProperty(prototype, 'resize');
  else prototype.resize = fail;
  try {
    const kept = new KeptFrames();
    for (let i = 0; i < 1_000; i++) kept.push(new Uint8Array(1_000).fill(i));
    for (let i = 0; i < 900; i++) expect(kept.shift()).toEqual(new Uint8Array(1_000).fill(i));
    kept.clear();
    expect(kept.shift()).toBeUndefined();
  } finally {
    Object.defineProperty(prototype, 'resize', { value: resize, writable: true, configurable: true });
  }
});
