import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import { BufferPool, FrameQueue } from './outbox.ts';

it('gives frames of any size back in order, byte for byte, while more come', () => {
  const size = fc.oneof(
    { weight: 5, arbitrary: fc.nat(300) },
    fc.integer({ min: 3_000, max: 9_000 }),
    fc.integer({ min: 60_000, max: 70_000 }),
  );
  const step = fc.oneof({ weight: 3, arbitrary: size }, fc.constant('shift' as const));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const kept = new FrameQueue();
      const expected: Uint8Array[] = [];
      let n = 0;
      const shift = () => expectSame(kept.shift(), expected.shift());
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
  const kept = new FrameQueue();
  kept.push(Uint8Array.of(1, 2, 3));
  const first = kept.shift();
  kept.push(Uint8Array.of(4, 5, 6));
  expect(first).toEqual(Uint8Array.of(1, 2, 3));
});

/** As toEqual, which takes milliseconds for a kilobyte. */
function expectSame(frame: Uint8Array | undefined, expected: Uint8Array | undefined): void {
  const same = frame?.length === expected?.length && frame?.every((byte, i) => byte === expected?.[i]);
  if (!same) expect(frame).toEqual(expected);
}

/** Every buffer made while `use` runs, and how many bytes they have. */
function counted(use: (bytes: () => number) => void): ArrayBuffer[] {
  const made: ArrayBuffer[] = [];
  const Counted = class extends ArrayBuffer {
    constructor(...args: [number]) {
      super(...args);
      made.push(this);
    }
  };
  vi.stubGlobal('ArrayBuffer', Counted);
  try {
    use(() => made.reduce((sum, { byteLength }) => sum + byteLength, 0));
    return made;
  } finally {
    vi.unstubAllGlobals();
  }
}

function fill(kept: FrameQueue, frames: number): void {
  for (let i = 0; i < frames; i++) kept.push(new Uint8Array(1_000).fill(i));
}

it('gives the memory back as it is read, and what is left of it when all is forgotten', () => {
  counted((bytes) => {
    const kept = new FrameQueue();
    fill(kept, 5_000);
    expect(bytes()).toBeGreaterThan(4_500_000);
    for (let i = 0; i < 4_000; i++) kept.shift();
    expect(bytes()).toBeLessThan(1_500_000);
    kept.clear();
    expect([bytes(), kept.shift()]).toEqual([0, undefined]);
  });
});

it('uses the memory of one queue for the next, up to as much as may be kept', () => {
  const spare = new BufferPool(2_000_000);
  const once = () => {
    const kept = new FrameQueue(spare);
    fill(kept, 5_000);
    for (let i = 0; i < 2_500; i++) expectSame(kept.shift(), new Uint8Array(1_000).fill(i));
    kept.clear();
  };
  const first = counted((bytes) => {
    once();
    expect(bytes()).toBeGreaterThan(1_500_000);
    expect(bytes()).toBeLessThanOrEqual(2_000_000);
  });
  const again = counted(once);
  expect(again.length).toBe(first.length - Math.floor(2_000_000 / (256 * 1024)));
});

it('lets no two queues have the same memory', () => {
  const spare = new BufferPool(1_000_000);
  fill(new FrameQueue(spare), 2_000);
  const read = new FrameQueue(spare);
  fill(read, 2_000);
  read.clear();
  const [one, other] = [new FrameQueue(spare), new FrameQueue(spare)];
  fill(one, 2_000);
  for (let i = 0; i < 2_000; i++) other.push(new Uint8Array(1_000).fill(200));
  for (let i = 0; i < 2_000; i++) expectSame(one.shift(), new Uint8Array(1_000).fill(i));
});

it.each(['are none', 'are none left'])('does without buffers that can be resized where there %s', (where) => {
  const Plain = class extends ArrayBuffer {
    constructor(length: number, options?: unknown) {
      if (options && where === 'are none left') throw new RangeError('Array buffer allocation failed');
      super(length);
    }
  };
  vi.stubGlobal('ArrayBuffer', Plain);
  try {
    const kept = new FrameQueue();
    fill(kept, 1_000);
    for (let i = 0; i < 900; i++) expectSame(kept.shift(), new Uint8Array(1_000).fill(i));
    kept.clear();
    expect(kept.shift()).toBeUndefined();
  } finally {
    vi.unstubAllGlobals();
  }
});
