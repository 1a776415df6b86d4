import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TurnMemory } from './turn-memory.ts';

const turn = fc.record({
  sizes: fc.array(fc.constantFrom(1, 50, 1_040, 9_000, 70_000, 600_000), { maxLength: 6 }),
  written: fc.boolean(),
});

describe('TurnMemory', () => {
  it('never gives memory that is still to be written', () => {
    fc.assert(
      fc.property(fc.array(turn, { maxLength: 30 }), (turns) => {
        const memory = new TurnMemory();
        const unwritten: { readonly bytes: Buffer; readonly fill: number }[] = [];
        let fill = 0;
        for (const { sizes, written } of turns) {
          const taken = sizes.map((size) => {
            fill = (fill + 1) % 251;
            return { bytes: memory.take(size).fill(fill), fill, size };
          });
          // Within its turn nothing is given twice, whatever the turn before left.
          for (const each of [...unwritten, ...taken])
            expect(each.bytes.every((byte) => byte === each.fill)).toBe(true);
          for (const { bytes, size } of taken) expect(bytes.length).toBe(size);
          if (!written) unwritten.push(...taken);
          memory.turn(written);
        }
      }),
    );
  });

  it('gives the same memory again and again to turns that are written', () => {
    const memory = new TurnMemory();
    const places = new Set<ArrayBufferLike>();
    for (let i = 0; i < 1_000; i++) {
      for (let k = 0; k < 5; k++) places.add(memory.take(1_000 + i).buffer);
      memory.turn(true);
    }
    expect(places.size).toBe(1);
  });

  it('grows until a turn fits, and leaves what was not written alone', () => {
    const memory = new TurnMemory();
    const places = new Set<ArrayBufferLike>();
    for (let i = 0; i < 100; i++) {
      for (let k = 0; k < 100; k++) places.add(memory.take(3_000).buffer);
      memory.turn(true);
    }
    expect(places.size).toBeLessThan(8);
    const kept = memory.take(100).fill(7);
    memory.turn(false);
    for (let i = 0; i < 1_000; i++) {
      memory.take(1_000).fill(1);
      memory.turn(true);
    }
    expect(kept.every((byte) => byte === 7)).toBe(true);
  });
});
