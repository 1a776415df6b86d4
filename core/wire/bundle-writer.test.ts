import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { messages, values } from '../../testing/arbitraries.ts';
import { BundleWriter } from './bundle.ts';
import { encodeMessage } from './index.ts';

describe('BundleWriter', () => {
  it('writes the bytes that encodeMessage writes', () => {
    const parts = fc.array(messages('SET', 'PUBLISH'), { maxLength: 8 });
    fc.assert(
      fc.property(parts, fc.option(fc.maxSafeNat(), { nil: undefined }), fc.constantFrom(0, 1, 2), (all, at, qos) => {
        const writer = new BundleWriter(all.length, at);
        for (const part of all) {
          const { type, address, value, ...rest } = part;
          const plain = Object.values(rest).every((field) => field === undefined);
          if (type === 'SET' && plain) writer.set(address, value);
          else writer.add(part);
        }
        expect(writer.finish(qos)).toEqual(encodeMessage({ type: 'BUNDLE', timestamp: at, messages: all }, { qos }));
      }),
    );
  });

  it('writes any value as encodeMessage does', () => {
    fc.assert(
      fc.property(values(), (value) => {
        const writer = new BundleWriter(2);
        writer.set('/a', value);
        writer.set('/b/\u00e9', value);
        const sets = ['/a', '/b/\u00e9'].map((address) => ({ type: 'SET', address, value }) as const);
        expect(writer.finish(1)).toEqual(encodeMessage({ type: 'BUNDLE', messages: sets }, { qos: 1 }));
      }),
    );
  });

  it('refuses with 402 what does not fit a frame, or cannot travel', () => {
    const writer = new BundleWriter(2);
    writer.set('/a', 'x'.repeat(40_000));
    writer.set('/b', 'x'.repeat(40_000));
    expect(() => writer.finish(1)).toThrow(expect.objectContaining({ code: 402 }));
    expect(() => new BundleWriter(1).set('/a', 'x'.repeat(65_530))).toThrow(expect.objectContaining({ code: 402 }));
    expect(() => new BundleWriter(1).set('/a', (() => 0) as never)).toThrow(expect.objectContaining({ code: 402 }));
    expect(() => new BundleWriter(65_536)).toThrow(expect.objectContaining({ code: 402 }));
  });
});
