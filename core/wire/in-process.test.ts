import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { values as arbitraryValues } from '../../testing/arbitraries.ts';
import { sameValue, type Value } from '../signal/value.ts';
import { forwardPublish, stampFrame, stampRevision } from './forward.ts';
import { decodeFrame } from './frame.ts';
import {
  decodeInProcessFrame,
  encodeInProcess,
  isInProcess,
  largeSnapshot,
  readInProcess,
  stampInProcess,
} from './in-process.ts';
import type { SetMessage } from './message.ts';
import { decodeAnyFrame } from './message-pack.ts';

const LONG = 'ä'.repeat(50_000);
/** Values of which some fit a frame and some do not. */
const values = fc
  .tuple(arbitraryValues(), fc.constantFrom<Value>(null, LONG, new Uint8Array(70_000).fill(7), [LONG, { [LONG]: 1n }]))
  .map(([some, large]): Value => (large === null ? some : { some, large }));

describe('frames that do not leave the process', () => {
  it('carry a SET with its tag, options and value, however large', () => {
    const options = fc.record(
      { revision: fc.nat(), lock: fc.constant(true), ttl: fc.constant({ seconds: 9, mode: 'sliding' as const }) },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(
        values,
        options,
        fc.integer({ min: 1, max: 0xffff_ffff }),
        fc.boolean(),
        (value, more, tag, stamped) => {
          const message: SetMessage = { type: 'SET', address: '/a/b', value, ...more, tag };
          const bytes = encodeInProcess(message, 1);
          const frame = decodeInProcessFrame(stamped ? stampFrame(bytes, 5) : bytes);
          expect([frame.qos, frame.address, frame.tag, frame.timestamp]).toEqual([
            1,
            '/a/b',
            tag,
            stamped ? 5 : undefined,
          ]);
          const { value: read, ...rest } = frame.message as SetMessage;
          expect(sameValue(read, value)).toBe(true);
          expect(rest).toMatchObject({ ...more, tag });
          const told = readInProcess(stampInProcess(frame, 12)) as SetMessage;
          expect(told).toMatchObject({ type: 'SET', address: '/a/b', revision: 12, tag });
          expect(sameValue(told.value, value)).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('become frames of the wire where the value fits one', () => {
    const set = decodeInProcessFrame(encodeInProcess({ type: 'SET', address: '/a', value: 0.5, tag: 7 }, 1));
    expect(decodeFrame(stampRevision(set, 3)).message).toEqual({ type: 'SET', address: '/a', value: 0.5, revision: 3 });
    const event = { type: 'PUBLISH', signal: 'event', address: '/a', value: 'x', timestamp: 9 } as const;
    const published = decodeInProcessFrame(encodeInProcess({ ...event, tag: 7 }, 1));
    expect(published.message).toMatchObject({ ...event, tag: 7 });
    expect(decodeFrame(forwardPublish(published)).message).toEqual(event);
  });

  it('carry an event whose value no frame holds, and a snapshot of one param', () => {
    const event = { type: 'PUBLISH', signal: 'event', address: '/a', value: [LONG, 1.5], timestamp: 9 } as const;
    expect(readInProcess(encodeInProcess(event, 1))).toMatchObject(event);
    const { bytes, valueStart, valueEnd } = decodeInProcessFrame(
      encodeInProcess({ type: 'SET', address: '/a', value: LONG }),
    );
    const snapshot = largeSnapshot('/a', bytes.slice(valueStart, valueEnd), 4, 'me', 17);
    expect(readInProcess(snapshot)).toEqual({
      type: 'SNAPSHOT',
      params: [{ address: '/a', value: LONG, revision: 4, writer: 'me', timestamp: 17 }],
    });
  });

  it('take no more bytes for whole numbers than their digits do', () => {
    const whole = [0n, 1n, -1n, 127n, -128n, 128n, 32_767n, -32_768n, 32_768n, 2n ** 31n, -(2n ** 31n), 2n ** 63n - 1n];
    const value = Array.from({ length: 9_000 }, () => whole).flat();
    const bytes = encodeInProcess({ type: 'SET', address: '/a', value });
    const read = (readInProcess(stampInProcess(decodeInProcessFrame(bytes), 1)) as SetMessage).value;
    expect((read as Value[]).map((each) => BigInt(each as number))).toEqual(value);
    const digits = Array.from({ length: 100_000 }, () => 1n);
    expect(encodeInProcess({ type: 'SET', address: '/a', value: digits }).length).toBeLessThan(200_100);
  });

  it('are refused from anybody outside', () => {
    const bytes = encodeInProcess({ type: 'SET', address: '/a', value: LONG }, 1);
    expect(isInProcess(bytes)).toBe(true);
    expect(() => decodeAnyFrame(bytes)).toThrow(expect.objectContaining({ code: 100 }));
  });

  it('hold no value of more than 4 MiB, nothing nested deeper than others, and nothing that is no value', () => {
    const set = (value: unknown) => () => encodeInProcess({ type: 'SET', address: '/a', value: value as Value });
    expect(set('x'.repeat(4 * 1024 * 1024))).toThrow(expect.objectContaining({ code: 402 }));
    let deep: Value = LONG;
    for (let level = 0; level < 40; level++) deep = [deep];
    expect(set(deep)).toThrow(expect.objectContaining({ code: 402 }));
    expect(set(() => LONG)).toThrow(expect.objectContaining({ code: 402 }));
  });
});
