import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { messages } from '../../testing/arbitraries.ts';
import { decodeMessage } from './frame.ts';
import type { ResultMessage, SnapshotMessage } from './message.ts';
import { encodeResults, SnapshotWriter } from './snapshot.ts';
import { encodeValue } from './value.ts';

const snapshotOf = (frame: Uint8Array): SnapshotMessage => decodeMessage(frame).message as SnapshotMessage;

describe('SnapshotWriter', () => {
  it('carries every param once, in order, in frames no longer than asked', () => {
    const lists = fc.array(messages('SNAPSHOT'), { maxLength: 8 }).map((list) => list.flatMap(({ params }) => params));
    fc.assert(
      fc.property(lists, fc.integer({ min: 60, max: 600 }), fc.boolean(), (params, maxFrame, asBytes) => {
        const snapshot = new SnapshotWriter(maxFrame);
        for (const { address, value, revision, writer, timestamp } of params) {
          const wire = encodeValue(value);
          const body = asBytes ? wire.subarray(1) : undefined;
          snapshot.add(address, wire[0] as number, body, value, revision, writer, timestamp);
        }
        const frames = snapshot.finish();
        const cut = frames.map((frame) => snapshotOf(frame).params);

        expect(cut.flat()).toEqual(params);
        expect(snapshot.skipped).toBe(0);
        for (const [index, frame] of frames.entries()) {
          if (frame.length > maxFrame) expect(cut[index]).toHaveLength(1);
        }
        // No two neighbours would have fitted one frame.
        for (let i = 1; i < frames.length; i++) {
          const both = (frames[i - 1]?.length ?? 0) + (frames[i]?.length ?? 0) - 7;
          const last = cut[i]?.length ?? 0;
          if (last === 1) expect(both).toBeGreaterThan(maxFrame);
        }
      }),
    );
  });

  it('is one frame even when it is empty', () => {
    expect(new SnapshotWriter().finish().map(snapshotOf)).toEqual([{ type: 'SNAPSHOT', params: [] }]);
  });

  it('fills frames of 65535 bytes unless told otherwise', () => {
    const snapshot = new SnapshotWriter();
    for (let i = 0; i < 10_000; i++) snapshot.add(`/param/${i}`, 7, undefined, i, i);
    const frames = snapshot.finish();
    expect(frames.flatMap((frame) => snapshotOf(frame).params)).toHaveLength(10_000);
    expect(frames.every((frame) => frame.length <= 65539)).toBe(true);
    expect(frames.length).toBe(Math.ceil((10_000 * 31) / 65535));
  });

  it('gives a param that is longer than asked a frame of its own, and counts one that no frame can hold', () => {
    const snapshot = new SnapshotWriter(252);
    snapshot.add('/a', 7, undefined, 1, 1);
    snapshot.add('/long', 9, undefined, new Uint8Array(1000), 2);
    snapshot.add('/longest', 9, undefined, new Uint8Array(65535), 3);
    snapshot.add('/b', 7, undefined, 2, 4);

    expect(snapshot.skipped).toBe(1);
    expect(snapshot.finish().map((frame) => snapshotOf(frame).params.map(({ address }) => address))).toEqual([
      ['/a'],
      ['/long'],
      ['/b'],
    ]);
  });

  it('is empty again after it has been finished, or after a param that it refused', () => {
    const snapshot = new SnapshotWriter();
    snapshot.add('/a', 7, undefined, 1, 1);
    snapshot.finish();
    expect(() => snapshot.add('/b', 7, undefined, 1, -1)).toThrow(expect.objectContaining({ code: 402 }));
    expect(snapshot.finish().map(snapshotOf)).toEqual([{ type: 'SNAPSHOT', params: [] }]);
  });
});

describe('encodeResults', () => {
  it('carries every definition once, in order, in frames no longer than asked', () => {
    const lists = fc.array(messages('RESULT'), { maxLength: 8 }).map((list) => list.flatMap(({ signals }) => signals));
    fc.assert(
      fc.property(lists, fc.integer({ min: 60, max: 600 }), (signals, maxFrame) => {
        const frames = encodeResults(signals, maxFrame);
        const cut = frames.map((frame) => (decodeMessage(frame).message as ResultMessage).signals);
        expect(cut.flat()).toEqual(signals);
        for (const [index, frame] of frames.entries()) {
          if (frame.length > maxFrame) expect(cut[index]).toHaveLength(1);
        }
      }),
    );
    expect(encodeResults([]).map((frame) => decodeMessage(frame).message)).toEqual([{ type: 'RESULT', signals: [] }]);
  });
});
