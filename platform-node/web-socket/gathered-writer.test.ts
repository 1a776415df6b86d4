import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GatheredWriter, Path } from './gathered-writer.ts';

/** The messages in bytes that left, read back as RFC 6455 has it. */
function messages(bytes: Buffer): { readonly masked: boolean; readonly key: string; readonly payload: Buffer }[] {
  const found = [];
  let at = 0;
  while (at < bytes.length) {
    expect(bytes[at]).toBe(0x82);
    const masked = ((bytes[at + 1] as number) & 0x80) !== 0;
    let length = (bytes[at + 1] as number) & 0x7f;
    at += 2;
    if (length === 126) {
      length = bytes.readUInt16BE(at);
      expect(length).toBeGreaterThan(125);
      at += 2;
    } else if (length === 127) {
      length = Number(bytes.readBigUInt64BE(at));
      expect(length).toBeGreaterThan(65_535);
      at += 8;
    }
    const key = masked ? bytes.subarray(at, at + 4) : Buffer.alloc(4);
    if (masked) at += 4;
    expect(at + length).toBeLessThanOrEqual(bytes.length);
    const sent = bytes.subarray(at, at + length);
    const payload = Buffer.from(sent);
    for (let i = 0; masked && i < length; i++) payload[i] = (sent[i] as number) ^ (key[i & 3] as number);
    found.push({ masked, key: key.toString('hex'), payload });
    at += length;
  }
  return found;
}

const frame = fc
  .tuple(fc.constantFrom(0, 1, 125, 126, 3_000, 30_000, 65_535, 65_536, 300_000), fc.nat(255))
  .map(([size, fill]) => new Uint8Array(size).fill(fill));

function path(writer: GatheredWriter, frames: readonly Uint8Array[]): Path {
  const made = new Path();
  for (const each of frames) writer.add(made, each);
  return made;
}

const leaving = (writer: GatheredWriter, made: Path) => writer.chunksOf(made).flatMap((chunk) => messages(chunk));

describe('GatheredWriter', () => {
  it.each([false, true])(
    'writes every frame as one message, in order, in chunks that are bounded (masked: %s)',
    (mask) => {
      fc.assert(
        fc.property(fc.array(frame, { minLength: 1, maxLength: 12, size: 'max' }), (frames) => {
          const writer = new GatheredWriter(mask);
          const made = path(writer, frames);
          const chunks = writer.chunksOf(made);
          const found = chunks.flatMap((chunk) => messages(chunk));
          expect(found.map(({ payload }) => payload.length)).toEqual(frames.map(({ length }) => length));
          expect(found.every(({ payload }, i) => payload.equals(frames[i] as Uint8Array))).toBe(true);
          expect(found.every(({ masked }) => masked === mask)).toBe(true);
          expect(made.bytes).toBe(chunks.reduce((sum, { length }) => sum + length, 0));
          // A chunk is over the bound only when it is a single frame.
          for (const chunk of chunks) if (chunk.length > 262_144) expect(messages(chunk).length).toBe(1);
          // And none could have gone with the one before it.
          for (const [i, chunk] of chunks.entries()) {
            if (i > 0) expect(chunk.length + (chunks[i - 1] as Buffer).length).toBeGreaterThan(100_000);
          }
        }),
      );
    },
  );

  it('copies the frames once for all who were given the same', () => {
    const writer = new GatheredWriter(false);
    const frames = Array.from({ length: 10 }, (_, i) => Uint8Array.of(i));
    const paths = Array.from({ length: 5 }, () => new Path());
    for (const each of frames) for (const made of paths) writer.add(made, each);
    const [chunks] = paths.map((made) => writer.chunksOf(made));
    for (const made of paths) expect(writer.chunksOf(made)).toBe(chunks);
    // Also when somebody gets all of them at once, and in bytes of his own.
    expect(writer.chunksOf(path(writer, frames))).toBe(chunks);
    const copies = frames.map((each) => each.slice());
    expect(writer.chunksOf(path(writer, copies))).toBe(chunks);
  });

  it('copies what is common to some once', () => {
    const writer = new GatheredWriter(false);
    const [common, own, other, tail] = [1, 2, 3, 4].map((fill) => new Uint8Array(200).fill(fill)) as Uint8Array[];
    const first = path(writer, [common, own, tail] as Uint8Array[]);
    const second = path(writer, [common, other, tail] as Uint8Array[]);
    const third = path(writer, [common, other, tail] as Uint8Array[]);
    expect(writer.chunksOf(third)).toBe(writer.chunksOf(second));
    const [[whole], [start, rest]] = [writer.chunksOf(first), writer.chunksOf(second)] as [Buffer[], Buffer[]];
    expect(whole?.buffer).toBe(start?.buffer);
    expect([whole?.byteOffset, whole?.length]).toEqual([start?.byteOffset, 3 * 204]);
    expect([start?.length, rest?.length]).toEqual([204, 2 * 204]);
  });

  it('gives everyone just its own frames, in whatever order they are handed out', () => {
    const hand = fc.tuple(fc.nat(4), fc.nat(5));
    fc.assert(
      fc.property(fc.array(hand, { maxLength: 200, size: 'max' }), (hands) => {
        const writer = new GatheredWriter(false);
        // One is the beginning of another, two are equal, one is long.
        const frames = [[1], [2], [1, 2], [1, 2], [], new Uint8Array(3_000).fill(1)].map((bytes) =>
          Uint8Array.from(bytes),
        );
        const paths = new Map<number, Path>();
        const wanted = new Map<number, Uint8Array[]>();
        for (const [who, what] of hands) {
          const made = paths.get(who) ?? new Path();
          const frame = frames[what] as Uint8Array;
          paths.set(who, made);
          writer.add(made, frame);
          wanted.set(who, [...(wanted.get(who) ?? []), frame]);
        }
        for (const [who, made] of paths) {
          const found = leaving(writer, made);
          const all = wanted.get(who) as Uint8Array[];
          expect(found.map(({ payload }) => payload.length)).toEqual(all.map(({ length }) => length));
          expect(found.every(({ payload }, i) => payload.equals(all[i] as Uint8Array))).toBe(true);
        }
      }),
    );
  });

  it('has what was taken early stay as it was', () => {
    const writer = new GatheredWriter(false);
    const frames = Array.from({ length: 2_000 }, (_, i) => new Uint8Array(40).fill(i));
    const early = path(writer, frames.slice(0, 3));
    const taken = writer.chunksOf(early);
    const late = path(writer, frames);
    expect(taken.flatMap((chunk) => messages(chunk)).map(({ payload }) => payload[0])).toEqual([0, 1, 2]);
    expect(leaving(writer, late).length).toBe(2_000);
  });

  it('keeps nothing when the turn is over', async () => {
    const writer = new GatheredWriter(false);
    const frame = Uint8Array.of(1);
    const chunks = writer.chunksOf(path(writer, [frame]));
    writer.join({ written: true, flush: () => true });
    await new Promise((resolve) => setImmediate(resolve));
    expect(writer.chunksOf(path(writer, [frame]))).not.toBe(chunks);
  });

  it('masks each frame with a key of its own', () => {
    const writer = new GatheredWriter(true);
    const same = new Uint8Array(8);
    const frames = Array.from({ length: 3_000 }, () => same);
    const keys = leaving(writer, path(writer, frames)).map(({ key }) => key);
    expect(keys.length).toBe(3_000);
    expect(new Set(keys).size).toBeGreaterThan(2_990);
    expect(same).toEqual(new Uint8Array(8));
  });

  it('flushes each member once at the end of the turn, and those that join meanwhile in the next', async () => {
    const writer = new GatheredWriter(false);
    const told: string[] = [];
    const late = { written: true, flush: () => told.push('late') > 0 };
    const first = {
      written: true,
      flush: () => {
        told.push('first');
        writer.join(late);
        return true;
      },
    };
    writer.join(first);
    writer.join({ written: true, flush: () => told.push('second') > 0 });
    expect(told).toEqual([]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(told).toEqual(['first', 'second']);
    await new Promise((resolve) => setImmediate(resolve));
    expect(told).toEqual(['first', 'second', 'late']);
  });

  it('keeps what somebody is given while others are flushed', async () => {
    const writer = new GatheredWriter(false);
    const late = new Path();
    const found: Buffer[] = [];
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    const finds = () => found.push(...leaving(writer, late).map(({ payload }) => payload)) > 0;
    writer.join({
      written: true,
      flush: () => {
        writer.add(late, Uint8Array.of(7));
        writer.join({ written: true, flush: finds });
        return true;
      },
    });
    await turn();
    writer.add(new Path(), Uint8Array.of(8));
    await turn();
    expect(found).toEqual([Buffer.of(7)]);
  });
});
