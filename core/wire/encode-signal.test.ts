import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addresses, messages, values } from '../../testing/arbitraries.ts';
import { encodeMessage } from './encode.ts';
import { encodePublish, encodeSet } from './encode-signal.ts';

const any = fc.oneof(values(), fc.double());
const places = fc.oneof(addresses(), fc.string({ unit: 'binary', minLength: 250, maxLength: 300 }));

describe('encodeSet', () => {
  it('gives the bytes of encodeMessage', () => {
    const options = fc.oneof(messages('SET'), fc.record({ revision: fc.maxSafeNat() }), fc.constant({}));
    fc.assert(
      fc.property(places, any, options, fc.constantFrom(0, 1, 2), (address, value, rest, qos) => {
        const options = { ...rest, address: undefined, value: undefined, type: undefined };
        const message = { ...rest, type: 'SET', address, value } as const;
        expect(encodeSet(address, value, { ...options, qos })).toEqual(encodeMessage(message, { qos }));
      }),
    );
    expect(encodeSet('/a', 1)).toEqual(encodeMessage({ type: 'SET', address: '/a', value: 1 }));
  });

  it('refuses what encodeMessage refuses', () => {
    expect(() => encodeSet('/a', 1, { revision: -1 })).toThrow(expect.objectContaining({ code: 402 }));
    expect(() => encodeSet('/a', 1, { revision: 1.5 })).toThrow(expect.objectContaining({ code: 402 }));
    expect(() => encodeSet('/a', Symbol('x') as never)).toThrow(expect.objectContaining({ code: 402 }));
  });
});

describe('encodePublish', () => {
  it('gives the bytes of encodeMessage', () => {
    fc.assert(
      fc.property(messages('PUBLISH'), places, any, fc.constantFrom(0, 1, 2), (message, address, number, qos) => {
        const { type, signal = 'event', address: _, value, ...rest } = message;
        const whole = encodeMessage({ ...message, address }, { qos });
        expect(encodePublish(signal, address, value, { ...rest, qos })).toEqual(whole);

        const bare = encodeMessage({ type, signal, address, value: number });
        expect(encodePublish(signal, address, number)).toEqual(bare);
      }),
    );
  });

  it('gives them for a number with any one option', () => {
    const options = [
      { qos: 1 },
      { id: 1 },
      { phase: 'move' },
      { rate: 2 },
      { timestamp: 3 },
      { samples: [4] },
    ] as const;
    for (const option of options) {
      const { qos, ...fields } = { qos: undefined, ...option };
      const message = { type: 'PUBLISH', signal: 'gesture', address: '/a', value: 0.5, ...fields } as const;
      expect(encodePublish('gesture', '/a', 0.5, option)).toEqual(encodeMessage(message, { qos }));
    }
  });

  it('refuses a kind that is none', () => {
    expect(() => encodePublish('smoke' as never, '/a', 1)).toThrow(expect.objectContaining({ code: 402 }));
  });
});
