import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Room, TurnMemory } from './turn-memory.ts';

const room = (): Room => ({ memory: Buffer.alloc(0), start: 0, size: 0 });
const bytesOf = ({ memory, start, size }: Room) => memory.subarray(start, start + size);

const size = fc.constantFrom(1, 50, 1_040, 9_000, 70_000);
/** Which room of the turn is made how much larger: a new one where there is none. */
const step = fc.record({ which: fc.nat(3), more: size });
const turn = fc.record({ steps: fc.array(step, { maxLength: 8 }), written: fc.boolean() });

function taken(memory: TurnMemory, bytes: number): Buffer {
  const one = room();
  memory.enlarge(one, bytes, 0);
  return bytesOf(one);
}

describe('TurnMemory', () => {
  it('never gives memory that is still to be written, and takes along what was in a room', () => {
    fc.assert(
      fc.property(fc.array(turn, { maxLength: 20 }), (turns) => {
        const memory = new TurnMemory();
        const unwritten: { readonly bytes: Buffer; readonly fill: number }[] = [];
        let fill = 0;
        for (const { steps, written } of turns) {
          const rooms: Room[] = [];
          const fills: number[] = [];
          const left: { readonly bytes: Buffer; readonly fill: number }[] = [];
          for (const { which, more } of steps) {
            const index = Math.min(which, rooms.length);
            const one = rooms[index] ?? room();
            const before = bytesOf(one);
            if (!rooms[index]) fill = (fill + 1) % 251;
            rooms[index] = one;
            fills[index] ??= fill;
            memory.enlarge(one, before.length + more, before.length);
            expect(one.size).toBe(before.length + more);
            // What was there before may be on its way already.
            left.push({ bytes: before, fill: fills[index] });
            bytesOf(one).fill(fills[index], before.length);
          }
          const now = rooms.map((one, index) => ({ bytes: bytesOf(one), fill: fills[index] as number }));
          // Within its turn nothing is given twice, whatever the turn before left.
          for (const each of [...unwritten, ...left, ...now])
            expect(each.bytes.equals(Buffer.alloc(each.bytes.length, each.fill))).toBe(true);
          if (!written) unwritten.push(...left, ...now);
          memory.turn(written);
        }
      }),
    );
  });

  it('makes the room that was given last larger where it is', () => {
    const memory = new TurnMemory();
    const one = room();
    memory.enlarge(one, 10, 0);
    const { memory: place, start } = one;
    memory.enlarge(one, 5_000, 10);
    expect([one.memory === place, one.start, one.size]).toEqual([true, start, 5_000]);
    const other = taken(memory, 10);
    expect(other.byteOffset).toBeGreaterThanOrEqual(bytesOf(one).byteOffset + 5_000);
  });

  it('gives the same memory again and again to turns that are written', () => {
    const memory = new TurnMemory();
    const places = new Set<ArrayBufferLike>();
    for (let i = 0; i < 1_000; i++) {
      for (let k = 0; k < 5; k++) places.add(taken(memory, 1_000 + i).buffer);
      memory.turn(true);
    }
    expect(places.size).toBe(1);
  });

  it('grows until a turn fits, and leaves what was not written alone', () => {
    const memory = new TurnMemory();
    const places = new Set<ArrayBufferLike>();
    for (let i = 0; i < 100; i++) {
      for (let k = 0; k < 100; k++) places.add(taken(memory, 3_000).buffer);
      memory.turn(true);
    }
    expect(places.size).toBeLessThan(8);
    const kept = taken(memory, 100).fill(7);
    memory.turn(false);
    for (let i = 0; i < 1_000; i++) {
      taken(memory, 1_000).fill(1);
      memory.turn(true);
    }
    expect(kept.every((byte) => byte === 7)).toBe(true);
  });

  it('gives what is larger than a turn should have memory of its own', () => {
    const memory = new TurnMemory();
    const [one, large] = [taken(memory, 100), taken(memory, 1_100_000)];
    expect(large.length).toBe(1_100_000);
    expect(large.buffer).not.toBe(one.buffer);
    expect(taken(memory, 100).buffer).toBe(one.buffer);
  });
});
