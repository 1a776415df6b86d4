import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { messages } from '../../testing/arbitraries.ts';
import { MessageCode, ValueCode } from './codes.ts';
import { encodeMessage } from './encode.ts';
import { encodePublish, encodeSet } from './encode-signal.ts';
import { bundledFrames, decodeFrame } from './frame.ts';

const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

describe('decodeFrame', () => {
  it('knows a SET at once, and its value when asked', () => {
    // magic, QoS 1 binary, 28 bytes; SET, revision + f64, "/mixer/1", 0.75, revision 7
    const frame = decodeFrame(bytesOf('53 41 001c 21 87 0008 2f6d697865722f31 3fe8000000000000 0000000000000007'));

    expect(frame).toMatchObject({ type: MessageCode.Set, qos: 1, timestamp: undefined, flags: 0x87, revision: 7 });
    expect(frame).toMatchObject({ addressStart: 8, addressEnd: 16, valueStart: 16, valueEnd: 24 });
    expect(frame.valueCode).toBe(ValueCode.F64);
    expect(frame.address).toBe('/mixer/1');
    expect(frame.value).toBe(0.75);
  });

  it('knows the fields of a PUBLISH at once', () => {
    const options = { qos: 2, id: 9, phase: 'move', timestamp: 123, rate: 50 } as const;
    const frame = decodeFrame(encodePublish('gesture', '/pen', [1, 2], options));

    expect(frame).toMatchObject({ type: MessageCode.Publish, qos: 2, signal: 3, phase: 1 });
    expect(frame).toMatchObject({ id: 9, publishedAt: 123, rate: 50, valueCode: ValueCode.Array });
    expect(frame.value).toEqual([1, 2]);
    expect(frame.samples).toBeUndefined();
  });

  it('takes the newest of several samples as the value', () => {
    const frame = decodeFrame(encodePublish('stream', '/s', undefined, { samples: [1, 2, 3] }));
    expect(frame.samples).toEqual([1, 2, 3]);
    expect(frame.value).toBe(3);
    expect(frame.message).toMatchObject({ value: undefined, samples: [1, 2, 3] });
  });

  it('has null for a value that is not there', () => {
    expect(decodeFrame(encodePublish('event', '/e')).value).toBeNull();
    expect(decodeFrame(encodePublish('stream', '/s', undefined, { samples: [] })).value).toBeNull();
  });

  it('remembers what it has decoded', () => {
    const frame = decodeFrame(encodeSet('/a', { b: [1] }));
    expect(frame.value).toBe(frame.value);
    expect(frame.message).toBe(frame.message);
  });

  it('decodes any message that it has accepted, also out of a larger buffer', () => {
    fc.assert(
      fc.property(messages(), fc.nat(8), (message, offset) => {
        const bytes = encodeMessage(message);
        const around = Buffer.alloc(bytes.length + 16, 0xee);
        around.set(bytes, offset);
        expect(decodeFrame(around.subarray(offset, offset + bytes.length)).message).toEqual(message);
      }),
    );
  });

  it('finds no way to cut a SET, PUBLISH, GET, SUBSCRIBE, QUERY or REPLAY so that only the second step fails', () => {
    const any = messages('SET', 'PUBLISH', 'GET', 'SUBSCRIBE', 'QUERY', 'REPLAY');
    fc.assert(
      fc.property(any, fc.nat(), (message, at) => {
        const whole = encodeMessage(message);
        const bytes = whole.slice(0, 5 + (at % (whole.length - 4)));
        new DataView(bytes.buffer).setUint16(2, bytes.length - 4);
        let frame: ReturnType<typeof decodeFrame>;
        try {
          frame = decodeFrame(bytes);
        } catch (error) {
          expect(error).toMatchObject({ code: 101 });
          return;
        }
        expect(frame.message.type).toBe(message.type);
      }),
    );
  });

  it('reads the timestamp of the header', () => {
    expect(decodeFrame(bytesOf('53 21 0001 0005f5e100000001 41')).timestamp).toBe(0x5f5e100000001);
  });

  it('takes the reserved QoS 3 as 0 and does not trust the encoding bits', () => {
    expect(decodeFrame(bytesOf('53 c0 0001 41')).qos).toBe(0);
  });

  it.each([
    ['nothing', '', 100],
    ['three bytes', '530100', 100],
    ['another magic', '5401000141', 100],
    ['an empty payload', '53010000', 100],
    ['fewer bytes than announced', '5301000241', 100],
    ['more bytes than announced', '530100014141', 100],
    ['a timestamp that is cut off', '5321000141', 100],
    ['an encrypted frame', '5311000141', 100],
    ['a compressed frame', '5309000141', 100],
    ['MessagePack', '5300000180', 101],
    ['an unknown message', '53010001ff', 101],
  ])('refuses %s', (_, hex, code) => {
    expect(() => decodeFrame(bytesOf(hex))).toThrow(expect.objectContaining({ name: 'ClaspError', code }));
  });
});

describe('bundledFrames', () => {
  it('gives the messages of a bundle as frames over the same bytes, with its QoS and timestamp', () => {
    const inner = [
      { type: 'SET', address: '/a', value: 1 },
      { type: 'PUBLISH', address: '/e', signal: 'event', value: 'x' },
    ] as const;
    const bundle = decodeFrame(
      encodeMessage({ type: 'BUNDLE', timestamp: 5, messages: inner }, { qos: 2, timestamp: 9 }),
    );
    const frames = bundledFrames(bundle);

    expect(frames.map((frame) => frame.message)).toEqual(inner);
    for (const frame of frames) expect(frame).toMatchObject({ bytes: bundle.bytes, qos: 2, timestamp: 9 });
  });
});
