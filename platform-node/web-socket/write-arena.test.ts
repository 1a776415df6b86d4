import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ArenaHolder, type ArenaSpan, WriteArena } from './write-arena.ts';

const room = (): ArenaSpan => ({ memory: Buffer.alloc(0), start: 0, size: 0 });
const bytesOf = ({ memory, start, size }: ArenaSpan) => memory.subarray(start, start + size);

class Reader implements ArenaHolder {
  written = true;
  readonly unread: { readonly bytes: Buffer; readonly fill: number }[] = [];

  reads(): void {
    this.written = true;
    this.unread.length = 0;
  }
}

const size = fc.constantFrom(1, 50, 1_040, 9_000, 70_000);
/** Which room of the turn is made how much larger: a new one where there is none; and whose it is. */
const step = fc.record({ which: fc.nat(3), more: size, whose: fc.nat(3) });
const turn = fc.record({
  steps: fc.array(step, { maxLength: 8 }),
  /** Given while the others are written. */
  late: fc.array(step, { maxLength: 2 }),
  /** Which readers take what they are given at once, and which read all that waits before the turn. */
  takes: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
  reads: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
});

function taken(memory: WriteArena, bytes: number): Buffer {
  const one = room();
  memory.enlarge(one, bytes, 0);
  return bytesOf(one);
}

/** A turn ends, and everything of it is written. */
function end(memory: WriteArena): void {
  memory.next();
  memory.rewind();
}

/** A turn ends whose rooms this one does not read yet. */
function endUnread(memory: WriteArena, reader: Reader): void {
  memory.next();
  memory.release(reader);
  reader.written = false;
  memory.hold(reader);
  memory.rewind();
}

describe('WriteArena', () => {
  it('never gives memory that is still to be written, and takes along what was in a room', () => {
    fc.assert(
      fc.property(fc.array(turn, { maxLength: 30, size: 'max' }), (turns) => {
        const memory = new WriteArena();
        const readers = Array.from({ length: 4 }, () => new Reader());
        let fill = 0;
        let rooms: ArenaSpan[] = [];
        let fills: number[] = [];
        /** Of this turn: nothing is given twice within it, whoever reads how fast. */
        let given: { readonly bytes: Buffer; readonly fill: number; readonly whose: number }[] = [];
        const give = (steps: readonly { which: number; more: number; whose: number }[]) => {
          for (const { which, more, whose } of steps) {
            const index = Math.min(which, rooms.length);
            const one = rooms[index] ?? room();
            const before = bytesOf(one);
            if (!rooms[index]) fill = (fill + 1) % 251;
            rooms[index] = one;
            fills[index] ??= fill;
            const mark = fills[index] as number;
            memory.enlarge(one, before.length + more, before.length);
            expect([one.size, bytesOf(one).length]).toEqual([before.length + more, before.length + more]);
            // What was there before may be on its way already.
            given.push({ bytes: before, fill: mark, whose });
            bytesOf(one).fill(mark, before.length);
            given.push({ bytes: bytesOf(one), fill: mark, whose });
          }
          for (const each of [...given, ...readers.flatMap(({ unread }) => unread)]) {
            expect(each.bytes.equals(Buffer.alloc(each.bytes.length, each.fill))).toBe(true);
          }
        };
        for (const { steps, late, takes, reads } of turns) {
          for (const [i, reader] of readers.entries()) if (reads[i]) reader.reads();
          give(steps);
          const ended = given;
          [rooms, fills, given] = [[], [], []];
          memory.next();
          for (const [i, reader] of readers.entries()) {
            const own = ended.filter(({ whose }) => whose === i);
            if (own.length === 0) continue;
            memory.release(reader);
            reader.unread.push(...own);
            reader.written = false;
            if (takes[i]) reader.reads();
            else memory.hold(reader);
            if (i === 1) give(late);
          }
          if (given.length === 0) memory.rewind();
        }
      }),
      { numRuns: 500 },
    );
  });

  it('uses what a slow reader held again when it has read it', () => {
    const memory = new WriteArena();
    const [slow, other] = [new Reader(), new Reader()];
    const places = new Set<ArrayBufferLike>();
    const lag = () => {
      for (let i = 0; i < 500; i++) {
        places.add(taken(memory, 1_040).buffer);
        endUnread(memory, slow);
      }
      // It holds what it was given, however much others are given since.
      for (let i = 0; i < 500; i++) {
        places.add(taken(memory, 1_040).buffer);
        if (i % 7 === 0) {
          endUnread(memory, other);
          other.reads();
        } else {
          end(memory);
        }
      }
    };
    lag();
    const first = places.size;
    expect(first).toBeLessThan(50);
    for (let again = 0; again < 20; again++) {
      slow.reads();
      lag();
    }
    expect(places.size).toBeLessThanOrEqual(first + 2);
  });

  it('keeps four megabytes at most for that', () => {
    const memory = new WriteArena();
    const slow = new Reader();
    const given = (bytes: number) => {
      const places = new Set<ArrayBufferLike>();
      for (let sum = 0; sum < bytes; sum += 10_000) {
        places.add(taken(memory, 10_000).buffer);
        endUnread(memory, slow);
      }
      return places;
    };
    const before = given(20_000_000);
    slow.reads();
    const again = [...given(20_000_000)].filter((place) => before.has(place));
    const bytes = again.reduce((sum, { byteLength }) => sum + byteLength, 0);
    expect(bytes).toBeGreaterThan(4_000_000);
    expect(bytes).toBeLessThan(4_300_000);
  });

  it('forgets those who have read or gone, also when nobody is slow any more', () => {
    const memory = new WriteArena();
    const asked = new Set<number>();
    const readers = Array.from({ length: 20 }, (_, i) => ({
      gone: false,
      get written() {
        if (this.gone) asked.add(i);
        return this.gone;
      },
    }));
    for (const reader of readers) {
      taken(memory, 100);
      memory.next();
      memory.hold(reader);
      memory.rewind();
    }
    for (const reader of readers.slice(1)) reader.gone = true;
    for (let i = 0; i < 40; i++) end(memory);
    expect(asked.size).toBe(19);
    asked.clear();
    for (let i = 0; i < 40; i++) end(memory);
    expect(asked.size).toBe(0);
  });

  it('makes the room that was given last larger where it is', () => {
    const memory = new WriteArena();
    const one = room();
    memory.enlarge(one, 10, 0);
    const { memory: place, start } = one;
    memory.enlarge(one, 5_000, 10);
    expect([one.memory === place, one.start, one.size]).toEqual([true, start, 5_000]);
    const other = taken(memory, 10);
    expect(other.byteOffset).toBeGreaterThanOrEqual(bytesOf(one).byteOffset + 5_000);
  });

  it('gives the same memory again and again to turns that are written', () => {
    const memory = new WriteArena();
    const places = new Set<ArrayBufferLike>();
    for (let i = 0; i < 1_000; i++) {
      for (let k = 0; k < 5; k++) places.add(taken(memory, 1_000 + i).buffer);
      end(memory);
    }
    expect(places.size).toBe(1);
  });

  it('grows until a turn fits, and leaves what was not written alone', () => {
    const memory = new WriteArena();
    const places = new Set<ArrayBufferLike>();
    for (let i = 0; i < 100; i++) {
      for (let k = 0; k < 100; k++) places.add(taken(memory, 3_000).buffer);
      end(memory);
    }
    expect(places.size).toBeLessThan(8);
    const kept = taken(memory, 100).fill(7);
    endUnread(memory, new Reader());
    for (let i = 0; i < 1_000; i++) {
      taken(memory, 1_000).fill(1);
      end(memory);
    }
    expect(kept.every((byte) => byte === 7)).toBe(true);
  });

  it('gives what is larger than a turn should have memory of its own', () => {
    const memory = new WriteArena();
    const [one, large] = [taken(memory, 100), taken(memory, 1_100_000)];
    expect(large.length).toBe(1_100_000);
    expect(large.buffer).not.toBe(one.buffer);
    expect(taken(memory, 100).buffer).toBe(one.buffer);
  });
});
