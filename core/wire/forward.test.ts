import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { messages } from '../../testing/arbitraries.ts';
import { encodeMessage } from './encode.ts';
import { encodePublish, encodeSet } from './encode-signal.ts';
import { acknowledgeSet, forwardAnnounce, forwardPublish, publishAsSet, stampRevision } from './forward.ts';
import { bundledFrames, decodeFrame, decodeMessage } from './frame.ts';
import type { PublishMessage, SetMessage } from './message.ts';

const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** A timestamp in the header, which moves everything behind it, or none. */
const stamped = fc.option(fc.maxSafeNat(), { nil: undefined });

const asBroadcast = ({ type, address, value }: SetMessage, revision: number): SetMessage => ({
  type,
  address,
  value,
  revision,
});

describe('stampRevision', () => {
  it('is the SET with the new revision and nothing else besides address and value', () => {
    fc.assert(
      fc.property(messages('SET'), fc.maxSafeNat(), stamped, (message, revision, timestamp) => {
        const frame = decodeFrame(encodeMessage(message, { qos: 2, timestamp }));
        expect(stampRevision(frame, revision)).toEqual(encodeMessage(asBroadcast(message, revision), { qos: 1 }));
      }),
    );
  });

  it('leaves the value bytes untouched, so that an int stays an int', () => {
    const i32 = decodeFrame(bytesOf('53 01 000a 21 04 0002 2f61 00000007'));
    expect(hexOf(stampRevision(i32, 1))).toBe('5341' + '0012' + '2184' + '00022f61' + '00000007' + '0000000000000001');
  });

  it('works on a SET inside a bundle', () => {
    const messages = [{ type: 'PING' }, { type: 'SET', address: '/a', value: 'x' }] as const;
    const [, set] = bundledFrames(decodeFrame(encodeMessage({ type: 'BUNDLE', messages })));
    expect(set && decodeMessage(stampRevision(set, 3)).message).toEqual({ ...messages[1], revision: 3 });
  });

  it('refuses with 402 what no longer fits a frame, and names the address', () => {
    const frame = decodeFrame(encodeSet('/big', new Uint8Array(65535 - 10)));
    expect(() => stampRevision(frame, 1)).toThrow(expect.objectContaining({ code: 402, address: '/big' }));
  });

  it.each([-1, 0.5, Number.NaN, 2 ** 64])('refuses %d as a revision', (revision) => {
    const frame = decodeFrame(encodeSet('/a', 1));
    expect(() => stampRevision(frame, revision)).toThrow(expect.objectContaining({ code: 402 }));
  });
});

describe('forwardAnnounce', () => {
  it('is the ANNOUNCE with some of its signals', () => {
    const some = messages('ANNOUNCE').chain((message) =>
      fc.tuple(fc.constant(message), fc.subarray([...message.signals.keys()]), stamped),
    );
    fc.assert(
      fc.property(some, ([message, places, timestamp]) => {
        const frame = decodeFrame(encodeMessage(message, { qos: 1, timestamp }));
        const signals = message.signals.filter((_, place) => places.includes(place));
        expect(forwardAnnounce(frame, places)).toEqual(encodeMessage({ ...message, signals }));
      }),
    );
  });

  it('leaves the default values as they are, so that an int stays an int', () => {
    const one = '0002 2f61 00 04 04 02 07'; // /a: a param with the default value i8 7
    const two = '0002 2f62 01 00'; // /b: an event
    const frame = decodeFrame(bytesOf(`53 41 0015 03 0001 6e 0002 ${one} ${two}`));
    expect(forwardAnnounce(frame, [0])).toEqual(bytesOf(`53 01 000f 03 0001 6e 0001 ${one}`));
    expect(forwardAnnounce(frame, [1])).toEqual(bytesOf(`53 01 000c 03 0001 6e 0001 ${two}`));
  });
});

describe('acknowledgeSet', () => {
  it('is the ACK with the address of the SET and its revision', () => {
    fc.assert(
      fc.property(messages('SET'), fc.maxSafeNat(), stamped, (message, revision, timestamp) => {
        const frame = decodeFrame(encodeMessage(message, { qos: 1, timestamp }));
        const { address } = message;
        expect(acknowledgeSet(frame, revision)).toEqual(encodeMessage({ type: 'ACK', address, revision }));
      }),
    );
  });
});

describe('forwardPublish', () => {
  it('is the message as it came, under the QoS of its kind', () => {
    const qos = { param: 1, event: 1, stream: 0, gesture: 0, timeline: 2 } as const;
    fc.assert(
      fc.property(messages('PUBLISH'), stamped, (message: PublishMessage, timestamp) => {
        const frame = decodeFrame(encodeMessage(message, { qos: 2, timestamp }));
        expect(forwardPublish(frame)).toEqual(encodeMessage(message, { qos: qos[message.signal ?? 'event'] }));
      }),
    );
  });

  it('is the same in the bytes of a frame that may be changed', () => {
    fc.assert(
      fc.property(messages('PUBLISH'), stamped, (message: PublishMessage, timestamp) => {
        const bytes = encodeMessage(message, { qos: 2, timestamp });
        const forwarded = forwardPublish(decodeFrame(bytes));
        const own = forwardPublish(decodeFrame(bytes), true);
        expect(own).toEqual(forwarded);
        expect(own === bytes).toBe(timestamp === undefined);
      }),
    );
  });

  it.each([undefined, 1])('is a copy (header timestamp %s)', (timestamp) => {
    for (const value of ['x', 'x'.repeat(200)]) {
      const bytes = encodeMessage({ type: 'PUBLISH', address: '/e', value }, { timestamp });
      const forwarded = forwardPublish(decodeFrame(bytes));
      const before = hexOf(forwarded);
      bytes.fill(0);
      expect(hexOf(forwarded)).toBe(before);
    }
  });
});

describe('publishAsSet', () => {
  it('is a SET of the same address, value bytes, QoS and timestamp', () => {
    fc.assert(
      fc.property(messages('SET'), stamped, ({ address, value }, timestamp) => {
        const publish = encodeMessage({ type: 'PUBLISH', signal: 'param', address, value }, { qos: 1, timestamp });
        const set = publishAsSet(decodeFrame(publish));
        expect(set.bytes).toEqual(encodeMessage({ type: 'SET', address, value }, { qos: 1, timestamp }));
        expect(set.value).toEqual(value);
      }),
    );
  });

  it('refuses a PUBLISH without a value, and names its address', () => {
    const empty = decodeFrame(encodePublish('param', '/a'));
    expect(() => publishAsSet(empty)).toThrow(expect.objectContaining({ code: 101, address: '/a' }));
  });
});
