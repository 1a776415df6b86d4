import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Gathered, TurnWriter } from './turn-writer.ts';

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

function path(writer: TurnWriter, frames: readonly Uint8Array[]): Gathered {
  let node: Gathered | undefined;
  for (const each of frames) node = writer.step(node, each);
  return node as Gathered;
}

describe('TurnWriter', () => {
  it.each([false, true])(
    'writes every frame as one message, in order, in chunks that are bounded (masked: %s)',
    (mask) => {
      fc.assert(
        fc.property(fc.array(frame, { minLength: 1, maxLength: 12, size: 'max' }), (frames) => {
          const writer = new TurnWriter(mask);
          const node = path(writer, frames);
          const chunks = writer.chunksOf(node);
          const found = chunks.flatMap((chunk) => messages(chunk));
          expect(found.map(({ payload }) => payload.length)).toEqual(frames.map(({ length }) => length));
          expect(found.every(({ payload }, i) => payload.equals(frames[i] as Uint8Array))).toBe(true);
          expect(found.every(({ masked }) => masked === mask)).toBe(true);
          expect(node.bytes).toBe(chunks.reduce((sum, { length }) => sum + length, 0));
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

  it('keeps and copies the frames once for all who were given the same', () => {
    const writer = new TurnWriter(false);
    const frames = Array.from({ length: 10 }, (_, i) => Uint8Array.of(i));
    const paths: (Gathered | undefined)[] = Array.from({ length: 5 }, () => undefined);
    for (const each of frames) for (let p = 0; p < 5; p++) paths[p] = writer.step(paths[p], each);
    expect(new Set(paths).size).toBe(1);
    const [chunks] = paths.map((node) => writer.chunksOf(node as Gathered));
    for (const node of paths) expect(writer.chunksOf(node as Gathered)).toBe(chunks);
    expect(path(writer, frames)).toBe(paths[0]);
  });

  it('gives everyone just its own frames, in whatever order they are handed out', () => {
    const hand = fc.tuple(fc.nat(4), fc.nat(3));
    fc.assert(
      fc.property(fc.array(hand, { maxLength: 60, size: 'max' }), (hands) => {
        const writer = new TurnWriter(false);
        const frames = [0, 1, 2, 3].map((i) => Uint8Array.of(i));
        const paths = new Map<number, Gathered>();
        const wanted = new Map<number, number[]>();
        for (const [who, what] of hands) {
          paths.set(who, writer.step(paths.get(who), frames[what] as Uint8Array));
          wanted.set(who, [...(wanted.get(who) ?? []), what]);
        }
        for (const [who, node] of paths) {
          const found = writer.chunksOf(node).flatMap((chunk) => messages(chunk));
          expect(found.map(({ payload }) => payload[0])).toEqual(wanted.get(who));
        }
      }),
    );
  });

  it('keeps nothing when the turn is over', async () => {
    const writer = new TurnWriter(false);
    const frame = Uint8Array.of(1);
    const node = path(writer, [frame]);
    writer.join({ flush: () => true });
    await new Promise((resolve) => setImmediate(resolve));
    expect(path(writer, [frame])).not.toBe(node);
  });

  it('masks each frame with a key of its own', () => {
    const writer = new TurnWriter(true);
    const same = new Uint8Array(8);
    const frames = Array.from({ length: 3_000 }, () => same);
    const keys = writer.chunksOf(path(writer, frames)).flatMap((chunk) => messages(chunk).map(({ key }) => key));
    expect(keys.length).toBe(3_000);
    expect(new Set(keys).size).toBeGreaterThan(2_990);
    expect(same).toEqual(new Uint8Array(8));
  });

  it('flushes each member once at the end of the turn, and those that join meanwhile in the next', async () => {
    const writer = new TurnWriter(false);
    const told: string[] = [];
    const late = { flush: () => told.push('late') > 0 };
    const first = {
      flush: () => {
        told.push('first');
        writer.join(late);
        return true;
      },
    };
    writer.join(first);
    writer.join({ flush: () => told.push('second') > 0 });
    expect(told).toEqual([]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(told).toEqual(['first', 'second']);
    await new Promise((resolve) => setImmediate(resolve));
    expect(told).toEqual(['first', 'second', 'late']);
  });
});
